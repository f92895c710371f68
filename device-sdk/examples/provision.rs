//! A thing on a station's bench, speaking on standard input and output:
//!
//! ```text
//! stty -F /dev/ttyS0 raw 115200
//! provision FOLDER </dev/ttyS0 >/dev/ttyS0
//! ```
#![forbid(unsafe_code)]

use device_sdk::provision::Bench;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

fn main() -> io::Result<()> {
    let folder = std::env::args().nth(1);
    let folder =
        folder.ok_or_else(|| io::Error::other("name a folder for keys and credentials"))?;
    let mut random = |bytes: &mut [u8]| File::open("/dev/urandom")?.read_exact(bytes);
    let mut bench = Bench::new(Path::new(&folder), "example", None, &mut random);
    bench.serve(&mut io::stdin().lock(), &mut io::stdout().lock())
}
