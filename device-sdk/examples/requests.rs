//! A table of requests, as the portal takes it under Batches, for trying how it goes with many:
//!
//! ```text
//! requests NETWORK COUNT >meters.csv
//! ```
//! Nobody keeps the keys, so the codes that come of it are nobody's.
#![forbid(unsafe_code)]

use base64ct::{Base64, Encoding};
use device_sdk::enrol::Keys;
use protocol::Network;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};

const USAGE: &str = "requests NETWORK COUNT";

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let wrong = || io::Error::other(USAGE);
    let [network, count] = words.as_slice() else {
        return Err(wrong());
    };
    let network = Network::new(network).ok_or_else(wrong)?;
    let count: u32 = count.parse().map_err(|_| wrong())?;
    let mut random = File::open("/dev/urandom")?;
    let mut table = BufWriter::new(io::stdout().lock());
    writeln!(table, "name,product,kind,request")?;
    for number in 1..=count {
        let [mut transport, mut wallet] = [[0; 32]; 2];
        random.read_exact(&mut transport)?;
        random.read_exact(&mut wallet)?;
        let keys = Keys::from_random(&transport, &wallet).map_err(io::Error::other)?;
        let request = keys.request(&network).map_err(io::Error::other)?;
        let request = Base64::encode_string(&request);
        writeln!(table, "Meter {number},M7,device,{request}")?;
    }
    table.flush()
}
