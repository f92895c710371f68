//! Which room may know which.

use super::tree::{assert_none, files, rooms, text};

/// A room and all the rooms it may depend on. `tests` sees everything.
const ARROWS: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("issuer", &["protocol"]),
    ("ledger", &["protocol"]),
    ("device-sdk", &["protocol"]),
    ("station", &["protocol", "issuer"]),
    ("admin", &["protocol", "issuer", "ledger"]),
    (
        "gateway",
        &["protocol", "issuer", "ledger", "admin", "device-sdk"],
    ),
];

#[test]
fn rooms_depend_only_along_the_arrows() {
    let mut broken = Vec::new();
    for (name, room) in rooms() {
        if name == "tests" {
            continue;
        }
        match ARROWS.iter().find(|(from, _)| *from == name) {
            None => broken.push(format!("{name} has no arrows: give it a line here")),
            Some((_, may)) => broken.extend(
                room.rooms
                    .iter()
                    .filter(|to| **to != name && !may.contains(&to.as_str()))
                    .map(|to| format!("{name} depends on {to}")),
            ),
        }
    }
    assert_none(
        "arrows between rooms that ARCHITECTURE.md does not have:",
        &broken,
    );
}

#[test]
fn every_room_of_the_arrows_exists() {
    let rooms = rooms();
    for (name, _) in ARROWS {
        assert!(
            rooms.contains_key(*name),
            "{name} is gone: take its line out"
        );
    }
}

#[test]
fn arrows_stand_in_the_architecture_as_they_are_held_here() {
    let architecture = text("ARCHITECTURE.md".as_ref());
    for line in [
        "protocol <- issuer, ledger, device-sdk",
        "issuer <- station",
        "issuer, ledger <- admin",
        "issuer, ledger, admin, device-sdk <- gateway",
    ] {
        assert!(
            architecture.contains(line),
            "ARCHITECTURE.md lost the line '{line}'"
        );
    }
}

/// Folders whose code gets time and randomness as arguments and never opens a socket.
const PURE: &[&str] = &[
    "protocol/src",
    "ledger/src/rules",
    "ledger/src/trace/fifo",
    "device-sdk/src/purse",
];
const IMPURE: &[&str] = &[
    "SystemTime",
    "Instant::now",
    "getrandom",
    "OsRng",
    "thread_rng",
    "std::net",
    "std::fs",
    "tokio",
];

#[test]
fn pure_parts_read_no_clock_no_randomness_and_no_socket() {
    let mut broken = Vec::new();
    for folder in PURE {
        for file in files(folder, &[".rs"]) {
            let text = text(&file);
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            for word in IMPURE {
                if code
                    .lines()
                    .any(|line| !line.trim_start().starts_with("//") && line.contains(word))
                {
                    broken.push(format!("{} names {word}", file.display()));
                }
            }
        }
    }
    assert_none("pure parts must be given these as arguments:", &broken);
}

#[test]
fn only_the_gateway_and_device_links_open_sockets() {
    let mut broken = Vec::new();
    for folder in [
        "protocol/src",
        "issuer/src",
        "ledger/src",
        "admin/src",
        "station/src",
    ] {
        for file in files(folder, &[".rs"]) {
            for word in ["tokio::net", "TcpListener", "TcpStream", "UdpSocket"] {
                if text(&file).contains(word) {
                    broken.push(format!("{} names {word}", file.display()));
                }
            }
        }
    }
    assert_none(
        "sockets belong into gateway and the links of device-sdk:",
        &broken,
    );
}
