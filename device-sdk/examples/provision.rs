//! A thing on a station's bench. On standard input and output it speaks as over a serial line:
//!
//! ```text
//! stty -F /dev/ttyS0 raw 115200
//! provision FOLDER </dev/ttyS0 >/dev/ttyS0
//! ```
//! Behind a command hook it is many things, each in the folder of its number below `FOLDER`:
//!
//! ```text
//! onecode-station run order.txt --device-hook "provision --hook NETWORK FOLDER"
//! ```
#![forbid(unsafe_code)]

use device_sdk::provision::Bench;
use protocol::Network;
use protocol::provision::PART_NAMES;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

const USAGE: &str = "provision FOLDER, or provision --hook NETWORK FOLDER STEP NUMBER [EXCHANGE]";
const MODEL: &str = "example";

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut random = |bytes: &mut [u8]| File::open("/dev/urandom")?.read_exact(bytes);
    match words[..] {
        [folder] if !folder.starts_with('-') => {
            let mut bench = Bench::new(Path::new(folder), MODEL, None, &mut random);
            bench.serve(&mut io::stdin().lock(), &mut io::stdout().lock())
        }
        ["--hook", network, folder, ref step @ ..] => {
            let number = step.get(1).and_then(|number| number.parse::<u64>().ok());
            let number = number.ok_or_else(|| io::Error::other(USAGE))?;
            let folder = Path::new(folder).join(number.to_string());
            fs::create_dir_all(&folder)?;
            // The hook of a station that was killed may still be at work on the same thing.
            let lock = File::create(folder.join("lock"))?;
            lock.lock()?;
            let mut bench = Bench::new(&folder, MODEL, None, &mut random);
            let network = Network::new(network);
            bench.meet(network.ok_or_else(|| io::Error::other("no such network"))?);
            hook(&mut bench, step)
        }
        _ => Err(io::Error::other(USAGE)),
    }
}

/// One step of a station's hook.
fn hook(bench: &mut Bench<'_>, step: &[&str]) -> io::Result<()> {
    match *step {
        ["request", _] => {
            let request = bench.request().map_err(io::Error::other)?;
            io::stdout().write_all(&request)
        }
        ["write", _, exchange] => {
            let part = |name: &str| -> io::Result<(String, Vec<u8>)> {
                Ok((name.to_owned(), fs::read(Path::new(exchange).join(name))?))
            };
            let parts: io::Result<Vec<_>> = PART_NAMES.into_iter().map(part).collect();
            bench.give(parts?).map_err(io::Error::other)
        }
        ["read", _, exchange] => {
            for name in PART_NAMES {
                let kept = bench.kept(name).map_err(io::Error::other)?;
                fs::write(Path::new(exchange).join(name), kept)?;
            }
            Ok(())
        }
        _ => Err(io::Error::other(USAGE)),
    }
}
