//! The fuzz targets of `protocol/fuzz` on a stable compiler: every seed, then damaged ones for a
//! second each. `ONECODE_SEED` plays a run again; `ONECODE_WRITE_SEEDS=1` writes the seeds anew
//! from docs/vectors.

#[cfg(test)]
mod seeds;
#[cfg(test)]
#[path = "../../fuzz/src/lib.rs"]
mod targets;
#[cfg(test)]
#[path = "../../fuzz/src/twin.rs"]
mod twin;

#[cfg(test)]
macro_rules! twins {
    ($($target:ident)*) => {
        /// Every target; each is a folder of seeds and a test.
        const TARGETS: &[&str] = &[$(stringify!($target)),*];
        $(
            #[test]
            fn $target() {
                twin::run(&seeds::folder(stringify!($target)), targets::$target);
            }
        )*
    };
}

#[cfg(test)]
twins!(code grid_code key object message wallet_proof fraud_proof revocations chain_leaf chain_text provision_line);

#[test]
fn every_target_has_its_twin() {
    let programs = std::fs::read_dir(seeds::root().join("targets")).unwrap();
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
