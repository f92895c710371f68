//! Sizes, names and habits of files.

use std::path::Path;

use super::tree::{assert_none, files, rooms, text};

const MOST_LINES: usize = 800;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "utils", "util", "common", "helpers", "helper", "manager", "misc",
];

#[test]
fn no_source_file_is_longer_than_800_lines() {
    let long: Vec<String> = files("", &[".rs"])
        .iter()
        .map(|file| (text(file).lines().count(), file))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, file)| format!("{} has {lines} lines", file.display()))
        .collect();
    assert_none("files to be split by subject:", &long);
}

#[test]
fn no_file_or_folder_has_an_empty_name() {
    let empty: Vec<String> = files("", &[".rs", ".html", ".sh", ".mjs", ".js"])
        .iter()
        .filter(|file| {
            file.with_extension("")
                .components()
                .any(|part| EMPTY_NAMES.contains(&part.as_os_str().to_string_lossy().as_ref()))
        })
        .map(|file| file.display().to_string())
        .collect();
    assert_none("names that say nothing of what is inside:", &empty);
}

#[test]
fn every_room_takes_the_lints_and_versions_of_the_workspace() {
    let mut broken = Vec::new();
    for (name, room) in rooms() {
        let manifest = text(&room.folder.join("Cargo.toml"));
        if !manifest.contains("[lints]\nworkspace = true") {
            broken.push(format!("{name} does not take the workspace's lints"));
        }
        let mut in_dependencies = false;
        for line in manifest.lines() {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
            } else if in_dependencies
                && line.contains('=')
                && !line.starts_with('#')
                && !line.replace(' ', "").contains("workspace=true")
            {
                broken.push(format!("{name}: {line}"));
            }
        }
    }
    assert_none(
        "lints and versions stand in the root manifest alone:",
        &broken,
    );
}

#[test]
fn every_allowed_lint_gives_its_reason() {
    let mut broken = Vec::new();
    for file in files("", &[".rs"]) {
        let text = text(&file);
        for (at, _) in text
            .match_indices("[allow(")
            .chain(text.match_indices("[expect("))
        {
            let attribute = text[at..].split(")]").next().unwrap_or_default();
            let is_attribute = text[..at].ends_with(['#', '!']);
            if is_attribute && !attribute.contains("reason") {
                let line = text[..at].lines().count();
                broken.push(format!("{}:{line}: {attribute})]", file.display()));
            }
        }
    }
    assert_none("lints switched off without a reason:", &broken);
}

/// Every text that belongs to the project.
const TEXTS: &[&str] = &[
    ".rs",
    ".html",
    ".css",
    ".sql",
    ".md",
    ".toml",
    ".sh",
    ".js",
    ".json",
    ".yaml",
    ".service",
    "Containerfile",
];

#[test]
fn nothing_is_left_unfinished() {
    let marks = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["todo", "!("].concat(),
        ["unimplemented", "!("].concat(),
        ["#[", "ignore"].concat(),
    ];
    assert_none(
        "unfinished:",
        &lines(|line| marks.iter().any(|mark| line.contains(mark))),
    );
}

#[test]
fn no_file_names_a_place_on_one_machine() {
    let places = ["ro", "wo", "ho"].into_iter().zip(["ot/", "rk/", "me/"]);
    let places: Vec<String> = places.map(|(a, b)| format!("/{a}{b}")).collect();
    let begins = |line: &str, at: usize| {
        // In the middle of a longer path the same letters name a folder of ours.
        !line[..at].ends_with(|c: char| c.is_alphanumeric() || "}>)._-*".contains(c))
    };
    let named = |line: &str| {
        places
            .iter()
            .any(|place| line.match_indices(place).any(|(at, _)| begins(line, at)))
    };
    assert_none("places of one machine:", &lines(named));
}

fn lines(found: impl Fn(&str) -> bool) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files("", TEXTS) {
        for (number, line) in text(&file).lines().enumerate() {
            if found(line) {
                broken.push(format!(
                    "{}:{}: {}",
                    file.display(),
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    broken
}

#[test]
fn templates_escape_everything_and_run_no_script_of_their_own() {
    let mut broken = Vec::new();
    for file in files("admin", &[".html"]) {
        for (number, line) in text(&file).lines().enumerate() {
            let close = line.replace(' ', "");
            let inline_script = close.contains("<script>") || close.contains("onclick=");
            if close.contains("|safe") || close.contains("javascript:") || inline_script {
                broken.push(format!(
                    "{}:{}: {}",
                    file.display(),
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    assert_none("values are escaped and scripts come from files:", &broken);
}

#[test]
fn scripts_can_be_run() {
    #[cfg(unix)]
    for script in ["test", ".ci/run"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = super::tree::root()
            .join(script)
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_ne!(mode & 0o111, 0, "{script} has lost its run bit");
    }
    assert!(text(Path::new("test")).starts_with("#!/usr/bin/env bash\n"));
}
