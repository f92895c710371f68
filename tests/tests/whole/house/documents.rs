//! What documents point at exists.

use std::path::{Path, PathBuf};

use super::tree::{assert_none, files, root, text};

/// Text outside of fenced blocks, where links and paths are meant as such.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect::<Vec<_>>().join("\n")
}

/// The targets of `[text](target)`.
fn links(text: &str) -> Vec<&str> {
    text.match_indices("](")
        .filter_map(|(at, _)| text[at + 2..].split(')').next())
        .collect()
}

/// The anchor that a heading gets when the document is shown.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect()
}

#[test]
fn every_link_between_documents_resolves() {
    let mut broken = Vec::new();
    for document in files("", &[".md"]) {
        let text_here = text(&document);
        for link in links(&prose(&text_here)) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                document.clone()
            } else {
                document.parent().unwrap_or(Path::new("")).join(path)
            };
            if !root().join(&target).exists() {
                broken.push(format!("{}: {link}", document.display()));
            } else if !fragment.is_empty()
                && !text(&target)
                    .lines()
                    .any(|l| l.starts_with('#') && anchor(l) == fragment)
            {
                broken.push(format!(
                    "{}: {link} has no such heading",
                    document.display()
                ));
            }
        }
    }
    assert_none("links that lead nowhere:", &broken);
}

/// Words in backquotes that are meant as paths from the root of the tree.
fn paths_in(text: &str) -> Vec<PathBuf> {
    const ROOMS: &[&str] = &[
        "protocol/",
        "issuer/",
        "ledger/",
        "device-sdk/",
        "gateway/",
        "admin/",
        "tests/",
        "deploy/",
        "docs/",
    ];
    prose(text)
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| ROOMS.iter().any(|room| word.starts_with(room)))
        .filter(|word| !word.contains([' ', '<', '*', '{']))
        .map(PathBuf::from)
        .collect()
}

#[test]
fn every_path_that_a_document_names_exists() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for document in files("", &[".md"]) {
        for path in paths_in(&text(&document)) {
            seen += 1;
            if !root().join(&path).exists() {
                broken.push(format!("{}: {}", document.display(), path.display()));
            }
        }
    }
    assert!(
        seen > 10,
        "only {seen} paths found: the search has gone wrong"
    );
    assert_none("paths that are not there:", &broken);
}

#[test]
fn every_test_stage_that_a_document_names_exists() {
    let script = text(Path::new("test"));
    let stages: Vec<&str> = script
        .lines()
        .find_map(|line| line.strip_prefix("stages=(")?.strip_suffix(')'))
        .expect("test lists its stages in one line")
        .split(' ')
        .collect();
    assert!(stages.len() >= 10, "stages found: {stages:?}");
    for stage in &stages {
        assert!(
            script.contains(&format!("stage_{stage}() {{")),
            "stage {stage} has no function"
        );
    }
    let mut broken = Vec::new();
    for document in files("", &[".md", ".toml"]) {
        let text = text(&document);
        for (at, call) in text.match_indices("./test ") {
            let rest = text[at + call.len()..].lines().next().unwrap_or_default();
            let named: String = rest
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect();
            let quoted = text[..at].ends_with('`');
            if quoted && !named.is_empty() && !stages.contains(&named.as_str()) {
                broken.push(format!("{}: ./test {named}", document.display()));
            }
        }
    }
    assert_none("stages that ./test does not have:", &broken);
}

#[test]
fn every_room_has_its_paragraph_in_the_readme() {
    let readme = text(Path::new("README.md"));
    for room in super::tree::rooms()
        .into_keys()
        .chain(["deploy".to_owned()])
    {
        assert!(
            readme.contains(&format!("[{room}](")),
            "README.md does not speak of {room}"
        );
    }
}

#[test]
fn every_test_that_the_security_page_names_exists() {
    let sources: String = files("", &[".rs"]).iter().map(|file| text(file)).collect();
    let page = text(Path::new("docs/security.md"));
    let named: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| "))
        .filter_map(|line| line.split('|').nth(3))
        .flat_map(|tests| tests.split('`').skip(1).step_by(2))
        .collect();
    assert!(named.len() > 30, "only {} tests are named", named.len());
    let missing: Vec<String> = named
        .iter()
        .filter(|name| !sources.contains(&format!("fn {name}(")))
        .map(|name| (*name).to_owned())
        .collect();
    assert_none("tests that do not exist", &missing);
}
