//! A scenario in a process of its own that dies at a durable step, is started again, and has to end
//! as one that nobody interrupted.
//!
//! The child is the test binary again, running one test of it in a folder named by the environment.

use ledger::{CRASH_VARIABLE, CrashPoint};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

const FOLDER_VARIABLE: &str = "ONECODE_CRASH_FOLDER";
const OUTCOME_FILE: &str = "outcome.txt";
const SIGABRT: i32 = 6;

/// The folder of the scenario, in a child; nothing when the test is run by itself.
pub fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER_VARIABLE).map(PathBuf::from)
}

/// What the scenario came to.
pub fn write_outcome(folder: &Path, said: &str) {
    std::fs::write(folder.join(OUTCOME_FILE), said).unwrap();
}

/// Lets the child die at every step, at its first passing and at later ones up to `passes_most`.
pub fn at_every_step(child: &str, points: &[CrashPoint], passes_most: u32) {
    let expected = {
        let folder = tempfile::tempdir().unwrap();
        assert!(run(child, folder.path(), None).success());
        // Sent again to books that are complete: still the same.
        let first = outcome(folder.path());
        assert!(run(child, folder.path(), None).success());
        assert_eq!(outcome(folder.path()), first);
        first
    };
    for point in points {
        let mut died = 0;
        while died < passes_most {
            let folder = tempfile::tempdir().unwrap();
            let status = run(child, folder.path(), Some((*point, died)));
            if status.success() {
                break;
            }
            assert_eq!(status.signal(), Some(SIGABRT), "{point:?}: {status}");
            died += 1;
            assert!(!folder.path().join(OUTCOME_FILE).exists());
            assert!(run(child, folder.path(), None).success(), "{point:?} again");
            assert_eq!(outcome(folder.path()), expected, "{point:?} pass {died}");
        }
        assert!(died > 0, "the scenario never comes by {point:?}");
    }
}

fn run(child: &str, folder: &Path, crash: Option<(CrashPoint, u32)>) -> ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", child, "--nocapture"]);
    command.env(FOLDER_VARIABLE, folder);
    command.env_remove(CRASH_VARIABLE);
    if let Some((point, passes)) = crash {
        command.env(CRASH_VARIABLE, format!("{}:{passes}", point.word()));
    }
    command.output().unwrap().status
}

fn outcome(folder: &Path) -> String {
    std::fs::read_to_string(folder.join(OUTCOME_FILE)).unwrap()
}
