//! Running other programs under a deadline.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The longest any program of a test may run.
pub const PROGRAM_TIMEOUT: Duration = Duration::from_secs(30);

/// What a program left behind.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed, both streams, output first.
    pub text: String,
}

impl Ended {
    /// The text of a program that has to succeed.
    pub fn succeeded(self) -> String {
        assert!(
            self.status.success(),
            "ended with {}:\n{}",
            self.status,
            self.text
        );
        self.text
    }

    /// The text of a program that has to fail.
    pub fn failed(self) -> String {
        assert!(
            !self.status.success(),
            "succeeded and should not have:\n{}",
            self.text
        );
        self.text
    }
}

/// A program that runs beside the test; ended with it.
pub struct Running {
    child: Child,
    readers: Vec<thread::JoinHandle<String>>,
    name: String,
}

impl Running {
    /// Starts a program with no standard input.
    pub fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}; ./test installs it"));
        let readers = vec![
            reader(child.stdout.take().expect("output is a pipe")),
            reader(child.stderr.take().expect("errors are a pipe")),
        ];
        Self {
            child,
            readers,
            name,
        }
    }

    /// Waits for its own end; past the deadline it is ended and the test fails.
    pub fn wait(mut self) -> Ended {
        let deadline = Instant::now() + PROGRAM_TIMEOUT;
        let mut late = false;
        let status = loop {
            match self.child.try_wait().expect("a child can be asked") {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    late = true;
                    let _ = self.child.kill();
                    break self.child.wait().expect("a killed child ends");
                }
                None => thread::sleep(Duration::from_millis(10)),
            }
        };
        let text: String = self
            .readers
            .drain(..)
            .map(|reader| reader.join().expect("reading does not panic"))
            .collect();
        assert!(
            !late,
            "{} did not end in {PROGRAM_TIMEOUT:?}:\n{text}",
            self.name
        );
        Ended { status, text }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn reader(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Runs a program to its end.
pub fn run(command: &mut Command) -> Ended {
    Running::start(command).wait()
}

/// The `onecode` of this build.
pub fn onecode() -> PathBuf {
    built("onecode")
}

/// A program of this build: cargo puts it beside the folder of the test binaries.
pub fn built(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a test knows where it lies");
    let folder = this
        .parent()
        .and_then(|deps| deps.parent())
        .expect("below target/<profile>/deps");
    let program = folder.join(name);
    assert!(
        program.exists(),
        "{} is not built; `./test` or `cargo build` builds it",
        program.display()
    );
    program
}
