//! The second implementation, in Python, at a gateway of ours.

use std::path::Path;
use std::process::Command;

use tests::house::{House, TOKEN};

#[test]
fn a_second_implementation_lives_a_whole_life_at_a_gateway() {
    let python = std::env::var_os("ONECODE_PYTHON")
        .expect("`./test interop` makes a Python with the packages wanted and names it here");
    let house = House::start();
    println!();
    // It writes to our own output, past the test's capture, so that its checks are counted.
    let status = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/check_gateway.py"))
        .arg(house.url(""))
        .arg(house.doors().coap.to_string())
        .arg(house.data().join("trust.toml"))
        .env("ONECODE_TOKEN", TOKEN)
        .status()
        .expect("Python starts");
    assert!(status.success(), "the checks above say what failed");
}
