//! The fuzz targets of `gateway/fuzz` on a stable compiler: every seed, then damaged ones for a
//! second each. `ONECODE_SEED` plays a run again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is test code"
)]

#[cfg(test)]
#[path = "../../fuzz/src/lib.rs"]
mod targets;
#[cfg(test)]
#[path = "../../../protocol/fuzz/src/twin.rs"]
mod twin;

#[cfg(test)]
use std::path::{Path, PathBuf};

#[cfg(test)]
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz")
        .join(name)
}

#[cfg(test)]
macro_rules! twins {
    ($($target:ident)*) => {
        const TARGETS: &[&str] = &[$(stringify!($target)),*];
        $(
            #[test]
            fn $target() {
                twin::run(&folder("seeds").join(stringify!($target)), targets::$target);
            }
        )*
    };
}

#[cfg(test)]
twins!(mqtt coap topic inbox_page certificate_request tile_path order journal manifest);

#[test]
fn every_target_has_its_twin() {
    let programs = std::fs::read_dir(folder("targets")).unwrap();
    let mut programs: Vec<String> = programs
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    programs.sort();
    let mut twins = TARGETS.to_vec();
    twins.sort_unstable();
    assert_eq!(programs, twins);
}

/// A seed that is refused at its first byte would try nothing.
#[test]
fn seeds_reach_what_they_are_for() {
    let seed = |path: &str| std::fs::read(folder("seeds").join(path)).unwrap();
    let packets = |name: &str| gateway::mqtt::packets_in(&seed(&format!("mqtt/{name}")), 4_096);
    for version in ["311", "5"] {
        assert_eq!(packets(&format!("{version}-will-publish")), 4);
        assert_eq!(packets(&format!("{version}-subscribe")), 4);
        assert_eq!(packets(&format!("{version}-wallet")), 3);
        assert_eq!(packets(&format!("{version}-qos2")), 1);
    }
    assert_eq!(packets("5-aliases"), 4);
    let network = protocol::Network::new("test").unwrap();
    for (name, good) in [
        ("ed25519", true),
        ("p256", true),
        ("another-network", false),
    ] {
        let request = seed(&format!("certificate_request/{name}"));
        let read = issuer::CheckedRequest::read(&request, &network);
        assert_eq!(read.is_ok(), good, "{name}");
    }
    for name in ["passive-items", "devices"] {
        let text = seed(&format!("order/{name}"));
        let order = issuer::order::SignedOrder::read(std::str::from_utf8(&text).unwrap());
        let grant = issuer::Grant::read(include_str!("../../fuzz/src/grant.txt")).unwrap();
        assert!(
            order
                .unwrap()
                .check(&grant.trust(), &grant.passes[0])
                .is_ok()
        );
    }
    let page = device_sdk::coap::inbox::read_page(&seed("inbox_page/three")).unwrap();
    assert_eq!(page.len(), 3);
}
