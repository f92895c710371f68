//! Things, printers and scanners behind a command of the operator's own.
//!
//! ```text
//! COMMAND request NUMBER          prints the thing's PKCS#10 request, PEM or DER
//! COMMAND write NUMBER FOLDER     puts the files of FOLDER into the thing
//! COMMAND read NUMBER FOLDER      writes what the thing holds into FOLDER, under the same names
//! COMMAND print NUMBER FILE       prints the label in FILE, ZPL; beside it lies the same as .png
//! COMMAND scan NUMBER             prints the text in the symbol of the label
//! ```
//! A command that ends with another status than 0, or not in time, did not do its step; its last
//! line on standard error is the reason.

use crate::world::{Device, Part, Printer, Scanner, Trouble};
use issuer::journal::Number;
use issuer::label::{Label, Roll, picture};
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Longest output of a command.
pub const OUTPUT_BYTES_MAX: u64 = 64 * 1024;
/// How long a command may take, if nothing else is said.
pub const TIMEOUT_S: u64 = 60;
/// Dots per inch of a label as a picture.
const PICTURE_DPI: u32 = 300;
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A command and a folder for the files it exchanges with the station.
#[derive(Clone, Debug)]
pub struct Hook {
    /// What to run, by `sh -c`, with the words above behind it.
    pub command: String,
    /// How long it may take.
    pub timeout: Duration,
    /// For files; nobody else writes there.
    pub folder: PathBuf,
}

impl Hook {
    fn run(&self, step: &str, number: Number, file: Option<&Path>) -> Result<Vec<u8>, Trouble> {
        let script = format!("{} \"$@\"", self.command);
        let mut command = Command::new("sh");
        command
            .args(["-c", script.as_str(), "sh", step])
            .arg(number.to_string())
            .args(file.map(Path::as_os_str).into_iter().map(OsStr::to_owned))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let trouble = |what: String| Trouble(format!("{} {step}: {what}", self.command));
        let mut child = command
            .spawn()
            .map_err(|error| trouble(error.to_string()))?;
        let out = collect(child.stdout.take());
        let err = collect(child.stderr.take());
        let status = wait(&mut child, self.timeout).map_err(trouble)?;
        let [out, err] = [out, err].map(|reader| reader.join().unwrap_or_default());
        if !status {
            let said = String::from_utf8_lossy(&err);
            let last = said.lines().rev().find(|line| !line.trim().is_empty());
            return Err(trouble(
                last.unwrap_or("it failed and said nothing").to_owned(),
            ));
        }
        match out.len() as u64 > OUTPUT_BYTES_MAX {
            true => Err(trouble("its answer is too long".to_owned())),
            false => Ok(out),
        }
    }

    fn exchange(&self, name: &str) -> Result<PathBuf, Trouble> {
        let folder = self.folder.join(name);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Trouble::new(error));
            }
            _ => {}
        }
        fs::create_dir_all(&folder).map_err(Trouble::new)?;
        Ok(folder)
    }
}

/// Reads to the end, and throws away what is too much.
fn collect(from: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut from) = from {
            let kept = from.by_ref().take(OUTPUT_BYTES_MAX + 1);
            let _ = { kept }.read_to_end(&mut bytes);
            let _ = std::io::copy(&mut from, &mut std::io::sink());
        }
        bytes
    })
}

/// Whether it ended well; it is ended when its time is over.
fn wait(child: &mut Child, timeout: Duration) -> Result<bool, String> {
    let end = Instant::now() + timeout;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.success()),
            Ok(None) if Instant::now() < end => thread::sleep(LOOK_EVERY),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("no end after {} s", timeout.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

impl Device for Hook {
    fn request(&mut self, number: Number) -> Result<Vec<u8>, Trouble> {
        let answer = self.run("request", number, None)?;
        match issuer::request_of_pem(&answer) {
            Some(request) => Ok(request),
            None => Ok(answer),
        }
    }

    fn write(&mut self, number: Number, parts: &[Part]) -> Result<(), Trouble> {
        let folder = self.exchange("given")?;
        for (name, bytes) in parts {
            fs::write(folder.join(name), bytes).map_err(Trouble::new)?;
        }
        self.run("write", number, Some(&folder)).map(|_| ())
    }

    fn read(&mut self, number: Number, names: &[&'static str]) -> Result<Vec<Vec<u8>>, Trouble> {
        let folder = self.exchange("held")?;
        self.run("read", number, Some(&folder))?;
        let read = |name: &&str| {
            let mut bytes = Vec::new();
            let file = fs::File::open(folder.join(name));
            let file = file.map_err(|error| Trouble(format!("{name}: {error}")))?;
            let mut file = file.take(OUTPUT_BYTES_MAX);
            file.read_to_end(&mut bytes).map_err(Trouble::new)?;
            Ok(bytes)
        };
        names.iter().map(read).collect()
    }
}

impl Printer for Hook {
    fn print(&mut self, number: Number, label: &Label) -> Result<(), Trouble> {
        let zpl = Roll::ONE_ACROSS.zpl(std::slice::from_ref(label));
        let file = self.folder.join(format!("{number}.zpl"));
        fs::write(&file, zpl.map_err(Trouble::new)?).map_err(Trouble::new)?;
        let png = picture::png(label, Roll::ONE_ACROSS.label, PICTURE_DPI);
        let png = png.map_err(Trouble::new)?;
        fs::write(file.with_extension("png"), png).map_err(Trouble::new)?;
        self.run("print", number, Some(&file)).map(|_| ())
    }
}

impl Scanner for Hook {
    fn scan(&mut self, number: Number) -> Result<String, Trouble> {
        let text = self.run("scan", number, None)?;
        String::from_utf8(text).map_err(|_| Trouble::new("the scanner's answer is no text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(command: &str, timeout: Duration) -> Hook {
        Hook {
            command: command.to_owned(),
            timeout,
            folder: std::env::temp_dir(),
        }
    }

    #[test]
    fn a_command_says_why_it_failed_and_does_not_hang_the_station() {
        let long = Duration::from_secs(20);
        let mut fails = hook("echo first >&2; echo no paper >&2; exit 3; :", long);
        let said = fails.scan(5).unwrap_err().0;
        assert!(said.ends_with("no paper"), "{said}");
        let began = Instant::now();
        let mut hangs = hook("exec sleep 30; :", Duration::from_millis(100));
        assert!(hangs.scan(5).unwrap_err().0.contains("no end"));
        assert!(began.elapsed() < long);
        let mut floods = hook("head -c 300000 /dev/zero; :", long);
        assert!(floods.scan(5).unwrap_err().0.contains("too long"));
        let mut echoes = hook("echo", long);
        assert_eq!(echoes.scan(5).unwrap(), "scan 5\n");
    }
}
