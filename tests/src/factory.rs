//! A factory beside the gateway: a station's program with no network, and things on its bench.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;

use device_sdk::provision::Bench;
use protocol::Code;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::house::House;
use crate::program::{Ended, built, onecode, run};

/// A thing on the bench, at the other end of a pseudo-terminal.
pub struct OnTheBench {
    line: PathBuf,
    /// Held open, so that the thing's end does not break off between two of the station's calls.
    ours: Option<File>,
    thing: Option<JoinHandle<()>>,
}

impl OnTheBench {
    /// A thing that keeps its keys in `folder`.
    pub fn new(folder: &Path) -> Self {
        let end = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&end).expect("ours");
        unlockpt(&end).expect("ours");
        let line = ptsname(&end, Vec::new()).expect("a path").into_string();
        let (line, folder) = (PathBuf::from(line.expect("text")), folder.to_owned());
        let ours = File::options().read(true).write(true).open(&line);
        let thing = std::thread::spawn(move || {
            let mut random = |bytes: &mut [u8]| File::open("/dev/urandom")?.read_exact(bytes);
            let mut bench = Bench::new(&folder, "meter", None, &mut random);
            let end = File::from(end);
            // It ends with an error when the line is taken away.
            let _ = bench.serve(&mut BufReader::new(&end), &mut &end);
        });
        Self {
            line,
            ours: Some(ours.expect("the station's end opens")),
            thing: Some(thing),
        }
    }

    /// The path of the station's end.
    pub fn line(&self) -> String {
        self.line.to_string_lossy().into_owned()
    }
}

impl Drop for OnTheBench {
    fn drop(&mut self) {
        self.ours = None;
        if let Some(thing) = self.thing.take() {
            thing.join().expect("a thing does not panic");
        }
    }
}

/// A station in a folder of its own.
pub struct Factory {
    folder: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Factory {
    /// An empty one.
    pub fn beside(house: &House) -> Self {
        let folder = house.folder().join("factory");
        std::fs::create_dir(&folder).expect("a folder for the factory");
        Self {
            folder,
            environment: Vec::new(),
        }
    }

    /// The station's program runs with this variable from now on.
    pub fn set(&mut self, name: &'static str, value: String) {
        self.environment.push((name, value));
    }

    /// A file of the factory.
    pub fn path(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    /// `onecode-station`, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(built("onecode-station"));
        command.arg("--folder").arg(self.folder.join("station"));
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        command.args(arguments).envs(environment);
        command
    }

    /// What `onecode-station` says, which has to succeed.
    pub fn station(&self, arguments: &[&str]) -> String {
        run(&mut self.command(arguments)).succeeded()
    }

    /// `onecode` on the folder of the gateway, which does not run.
    pub fn home(&self, house: &House, arguments: &[&str]) -> Ended {
        let mut command = Command::new(onecode());
        command.args(arguments).arg("--data").arg(house.data());
        command.env("ONECODE_GATEWAY_RESOLVER", house.doors().http.to_string());
        run(&mut command)
    }

    /// Makes the station's keys as `init` says, and has it admitted for the numbers 1 to `last`;
    /// its code.
    pub fn admitted(&self, house: &House, init: &[&str], kinds: &str, last: u64) -> Code {
        self.station(&[&["init", "--network", "test"], init].concat());
        let (request, grant) = (self.path("station/request.pem"), self.path("grant.txt"));
        let (kinds, last) = (["--kinds", kinds], last.to_string());
        let admit = [
            "station", "admit", &request, "--last", &last, "--to", &grant,
        ];
        let said = self.home(house, &[&admit[..], &kinds].concat()).succeeded();
        self.station(&["install", &grant]);
        let code = said.lines().next().unwrap_or_default();
        code.parse().expect("the first line is the station's code")
    }

    /// Orders from the station; the file.
    pub fn order(&self, house: &House, station: Code, wish: &[&str]) -> String {
        let (station, order) = (station.to_string(), self.path("order.txt"));
        let words = ["station", "order", &station, "--to", &order];
        self.home(house, &[&words[..], wish].concat()).succeeded();
        order
    }

    /// Takes the station's manifest with this number home.
    pub fn taken(&self, house: &House, number: u32) -> Ended {
        let manifest = self.path(&format!("station/manifests/{number:06}.manifest"));
        self.home(house, &["station", "import", &manifest])
    }

    /// The same for one that has to be taken; what was said.
    pub fn import(&self, house: &House, number: u32) -> String {
        self.taken(house, number).succeeded()
    }

    /// The same station once more, as a copy of its disk.
    pub fn copied(from: &Self, house: &House) -> Self {
        let folder = house.folder().join("copy");
        let station = folder.join("station");
        std::fs::create_dir_all(station.join("manifests")).expect("a folder for the copy");
        let files = std::fs::read_dir(from.folder.join("station")).expect("a station");
        for file in files.map(|file| file.expect("a file").path()) {
            if let Some(name) = file.file_name().filter(|_| file.is_file()) {
                std::fs::copy(&file, station.join(name)).expect("a copy");
            }
        }
        Self {
            folder,
            environment: from.environment.clone(),
        }
    }
}
