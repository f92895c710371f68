//! The tree as it lies on the disk, and what cargo says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that are made by tools or by running the program.
const NOT_OURS: &[&str] = &[
    "target",
    "node_modules",
    ".git",
    "onecode-data",
    "onecode-demo",
];

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies below the root")
        .to_owned()
}

/// Every file of ours below `folder` with one of these endings, as path from the root.
pub fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !NOT_OURS.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    assert!(
        !found.is_empty(),
        "no {endings:?} below {folder:?}: is the test looking at the right place?"
    );
    found
}

/// The text of a file named from the root.
pub fn text(file: &Path) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// One member of the workspace.
pub struct Room {
    /// Its folder, from the root.
    pub folder: PathBuf,
    /// Names of the rooms it depends on, for building or for its tests.
    pub rooms: BTreeSet<String>,
    /// Packages from outside that its own code may name.
    pub libraries: BTreeSet<String>,
}

/// All rooms by name, as cargo sees them.
pub fn rooms() -> BTreeMap<String, Room> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeSet<&str> = packages
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    packages
        .iter()
        .map(|package| {
            let manifest = Path::new(package["manifest_path"].as_str().unwrap());
            let folder = manifest
                .parent()
                .unwrap()
                .strip_prefix(root())
                .unwrap()
                .to_owned();
            let mut room = Room {
                folder,
                rooms: BTreeSet::new(),
                libraries: BTreeSet::new(),
            };
            for dependency in package["dependencies"].as_array().unwrap() {
                let name = dependency["name"].as_str().unwrap();
                if names.contains(name) {
                    room.rooms.insert(name.to_owned());
                } else if dependency["kind"].is_null() {
                    room.libraries.insert(name.to_owned());
                }
            }
            (package["name"].as_str().unwrap().to_owned(), room)
        })
        .collect()
}

/// Fails with one line for each broken place.
pub fn assert_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}\n  {}", broken.join("\n  "));
}
