//! The libraries this product is built on are really what it runs on.

use super::tree::{files, rooms, text};

/// A library and the room whose work it does.
const DOES_THE_WORK: &[(&str, &str)] = &[
    ("rumqttd", "gateway"),
    ("coap-lite", "gateway"),
    ("tokio", "gateway"),
    ("rumqttc", "device-sdk"),
    ("x509-cert", "issuer"),
    ("sqlx", "ledger"),
    ("askama", "admin"),
];

#[test]
fn required_libraries_are_direct_dependencies_and_used() {
    let rooms = rooms();
    for (library, room) in DOES_THE_WORK {
        let place = &rooms[*room];
        assert!(
            place.libraries.contains(*library),
            "{room} does not depend on {library}"
        );
        let path = format!("{}::", library.replace('-', "_"));
        let used = files(&place.folder.join("src").to_string_lossy(), &[".rs"])
            .iter()
            .any(|file| {
                text(file)
                    .lines()
                    .any(|line| !line.trim_start().starts_with("//") && line.contains(&path))
            });
        assert!(used, "{room} depends on {library} and never names {path}");
    }
}
