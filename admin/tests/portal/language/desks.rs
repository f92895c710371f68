//! What the desks of the house say in their own crates: every sentence of theirs that can come to a
//! page has its Chinese, under the same words.

use super::{catalogue, root};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeSet;

/// Where sentences come from: a file, and the types whose `Display` says them.
const FAULTS: [(&str, &[&str]); 7] = [
    ("issuer/src/manifest.rs", &["ManifestFault"]),
    ("issuer/src/replay.rs", &["StepFault"]),
    ("issuer/src/journal.rs", &["LineFault"]),
    ("issuer/src/order.rs", &["OrderRefused"]),
    ("issuer/src/request.rs", &["RequestError", "KeyFault"]),
    ("issuer/src/error.rs", &["OrderFault"]),
    ("issuer/src/label/error.rs", &["LabelError"]),
];
/// Says what is wrong wherever it finds it.
const DESK: &str = "gateway/src/stations.rs";

fn tokens(path: &str) -> Vec<TokenTree> {
    let text = std::fs::read_to_string(root().join("..").join(path)).unwrap();
    let stream: TokenStream = text.parse().unwrap();
    stream.into_iter().collect()
}

fn is(tokens: &[TokenTree], at: usize, word: &str) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Ident(ident)) if ident == word)
}

/// All texts below, but attributes, tests, and what is said of the inside of the house.
fn texts(tokens: &[TokenTree], found: &mut BTreeSet<String>) {
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Literal(literal) => {
                if let syn::Lit::Str(text) = syn::Lit::new(literal.clone()) {
                    found.insert(text.value());
                }
            }
            TokenTree::Group(group) => {
                let before = at.checked_sub(1);
                let is_mark = |at: usize, mark: char| {
                    let token = at.checked_sub(1).and_then(|at| tokens.get(at));
                    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
                };
                let is_attribute = is_mark(at, '#') || is_mark(at, '!') && is_mark(at - 1, '#');
                let is_inside = before.is_some_and(|at| {
                    is(tokens, at, "inside") || is(tokens, at, "tests") || is(tokens, at, "expect")
                });
                if !is_attribute && !is_inside {
                    let below: Vec<TokenTree> = group.stream().into_iter().collect();
                    texts(&below, found);
                }
            }
            _ => {}
        }
    }
}

/// The words of a sentence, whatever its values are called.
fn shape(sentence: &str) -> String {
    let mut shape = String::new();
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        shape.push_str(before);
        shape.push_str("{}");
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    shape + rest
}

fn is_sentence(text: &str) -> bool {
    let is_word = |word: &str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    text.split_whitespace().filter(|word| is_word(word)).count() >= 2
}

#[test]
fn what_the_desks_say_has_its_chinese() {
    let mut said = BTreeSet::new();
    for (path, names) in FAULTS {
        let tokens = tokens(path);
        for name in names {
            let display = (0..tokens.len()).find(|at| {
                is(&tokens, *at, "Display")
                    && is(&tokens, at + 1, "for")
                    && is(&tokens, at + 2, name)
            });
            let body = display.and_then(|at| tokens.get(at + 3));
            let body = body.unwrap_or_else(|| panic!("{path}: {name} says nothing"));
            texts(std::slice::from_ref(body), &mut said);
        }
    }
    let faults = said.len();
    assert!(faults > 50, "{faults}");
    texts(&tokens(DESK), &mut said);
    assert!(said.len() > faults + 9, "{}", said.len());
    let known: BTreeSet<String> = catalogue().keys().map(|words| shape(words)).collect();
    let unknown: Vec<_> = said
        .iter()
        .filter(|text| is_sentence(text) && !known.contains(&shape(text)))
        .collect();
    assert!(
        unknown.is_empty(),
        "say them in src/language/heard.rs: {unknown:#?}"
    );
}
