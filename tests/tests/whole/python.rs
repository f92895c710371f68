//! The package for Python, from its wheel, at a gateway of ours.

use std::path::Path;
use std::process::Command;

use tests::house::{House, TOKEN};

#[test]
fn a_machine_in_python_enrols_speaks_and_pays() {
    let python = std::env::var_os("ONECODE_PYTHON")
        .expect("`./test python` builds the wheel, installs it, and names its Python here");
    let house = House::start();
    let doors = house.doors();
    println!();
    // It writes to our own output, past the test's capture, so that its checks are counted.
    let status = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/check.py"))
        .arg(house.url(""))
        .args([doors.mqtt.port(), doors.coaps.port()].map(|port| port.to_string()))
        .arg(house.data().join("trust.toml"))
        .env("ONECODE_TOKEN", TOKEN)
        .status()
        .expect("Python starts");
    assert!(status.success(), "the checks above say what failed");
}
