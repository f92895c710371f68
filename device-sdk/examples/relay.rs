//! Carries a board's CoAP to a gateway: COBS frames on a serial line, datagrams at the gateway's plain
//! door.
//!
//! ```text
//! relay /dev/ttyUSB0 192.0.2.1:5683      a line that `stty raw` has set up
//! relay FOLDER/socket 127.0.0.1:5683     makes a socket, to which QEMU connects
//! ```
//! It keeps nothing and understands nothing: what is lost here, the board says again.
#![forbid(unsafe_code)]

use device_sdk::coap_small::DATAGRAM_MAX_BYTES;
use device_sdk::links::serial::{FRAME_MAX_BYTES, Line, frame};
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::net::UdpSocket;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [line, gateway] = &words[..] else {
        return Err(io::Error::other("relay LINE GATEWAY"));
    };
    if Path::new(line).exists() {
        let device = OpenOptions::new().read(true).write(true).open(line)?;
        return carry(device.try_clone()?, device, gateway);
    }
    for board in UnixListener::bind(line)?.incoming() {
        let board = board?;
        // A board that is switched off ends its own line and no other.
        if let Err(error) = carry(board.try_clone()?, board, gateway) {
            eprintln!("relay: {error}");
        }
    }
    Ok(())
}

/// Both ways, until the line ends.
fn carry(
    mut from: impl Read,
    mut to: impl Write + Send + 'static,
    gateway: &str,
) -> io::Result<()> {
    let up = UdpSocket::bind("0.0.0.0:0")?;
    up.connect(gateway)?;
    let down = up.try_clone()?;
    thread::spawn(move || -> io::Result<()> {
        let (mut datagram, mut framed) = ([0; DATAGRAM_MAX_BYTES], [0; FRAME_MAX_BYTES]);
        loop {
            // A closed port is said as an error: the gateway is away and may come back.
            let len = down.recv(&mut datagram).unwrap_or_default();
            let len = frame(datagram.get(..len).unwrap_or_default(), &mut framed);
            to.write_all(framed.get(..len.unwrap_or_default()).unwrap_or_default())?;
        }
    });
    let (mut line, mut bytes) = (Line::new(), [0; 256]);
    loop {
        let len = from.read(&mut bytes)?;
        if len == 0 {
            return Ok(());
        }
        for byte in bytes.get(..len).unwrap_or_default() {
            if let Some(datagram) = line.push(*byte) {
                let _ = up.send(datagram);
            }
        }
    }
}
