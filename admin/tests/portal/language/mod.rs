//! Every page in both languages: that the catalogue is whole, that nothing is said past it, and
//! that pages come in the language that was asked for.

mod desks;
mod pages;
mod sources;
mod templates;

use polib::message::MessageView;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Words as they stand in a source: for one, and for many where a number decides.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Words {
    one: String,
    many: Option<String>,
    file: String,
}

/// What is said anywhere.
fn said() -> Vec<Words> {
    let mut said = sources::words();
    said.extend(templates::words());
    assert!(said.len() > 900, "words are found: {}", said.len());
    said
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder that end in this, with their text, folders inside included.
fn files(folder: &str, end: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(end) {
                let name = path.strip_prefix(root()).unwrap();
                let name = name.to_str().unwrap().to_owned();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// English with its plural, and the Chinese.
fn catalogue() -> BTreeMap<String, (Option<String>, String)> {
    let path = root().join("languages/zh_CN.po");
    let text = std::fs::read_to_string(&path).unwrap();
    let catalogue = polib::po_file::parse(&path).unwrap();
    let entry = |message: &dyn MessageView| {
        let chinese = match message.msgstr_plural() {
            Ok(forms) => {
                assert_eq!(forms.len(), 1, "Chinese has one form: {}", message.msgid());
                forms[0].clone()
            }
            Err(_) => message.msgstr().unwrap().to_owned(),
        };
        let many = message.msgid_plural().ok().map(str::to_owned);
        (message.msgid().to_owned(), (many, chinese))
    };
    let entries: BTreeMap<_, _> = catalogue.messages().map(entry).collect();
    let written = text.lines().filter(|line| line.starts_with("msgid "));
    // The first one is the head of the file.
    assert_eq!(
        written.count() - 1,
        entries.len(),
        "no entry stands there twice"
    );
    entries
}

/// Names in braces, and tags, in words.
fn marks(words: &str, open: char, close: char) -> Vec<String> {
    let parts = words.split(open).skip(1);
    let mut marks: Vec<String> = parts
        .filter_map(|part| part.split_once(close))
        .map(|(mark, _)| mark.to_owned())
        .collect();
    marks.sort();
    marks
}

#[test]
fn everything_that_is_said_has_its_chinese_and_nothing_else_has() {
    let catalogue = catalogue();
    let said = said();
    let mut missing = Vec::new();
    for words in &said {
        match catalogue.get(&words.one) {
            Some((many, chinese)) if !chinese.is_empty() => {
                assert_eq!(*many, words.many, "{} in {}", words.one, words.file);
            }
            _ => missing.push(format!("{}: {:?} {:?}", words.file, words.one, words.many)),
        }
    }
    assert!(
        missing.is_empty(),
        "no Chinese in languages/zh_CN.po for:\n{}",
        missing.join("\n")
    );
    let used: BTreeSet<&str> = said.iter().map(|words| words.one.as_str()).collect();
    let unused = catalogue.keys().filter(|key| !used.contains(key.as_str()));
    let unused: Vec<&String> = unused.collect();
    assert!(unused.is_empty(), "nobody says any more: {unused:#?}");
}

#[test]
fn both_languages_have_the_same_values_and_the_same_tags() {
    for (english, (many, chinese)) in catalogue() {
        let mut names: BTreeSet<String> = marks(&english, '{', '}').into_iter().collect();
        names.extend(marks(many.as_deref().unwrap_or_default(), '{', '}'));
        let in_chinese: BTreeSet<String> = marks(&chinese, '{', '}').into_iter().collect();
        assert_eq!(names, in_chinese, "{english}");
        let tags = marks(&english, '<', '>');
        assert_eq!(tags, marks(&chinese, '<', '>'), "{english}");
        for words in [&english, &chinese] {
            // They stand inside attributes, too, and are written as they are.
            assert!(!words.contains(['"', '&']), "{words}");
        }
    }
}

#[test]
fn only_templates_write_tags() {
    for words in sources::words() {
        assert!(!words.one.contains(['<', '>']), "{words:?}");
    }
}
