//! Words in Rust: `say("...")`, and `.or_many("...", ...)` behind it.

use super::{Words, files};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What the sources say, tests left out.
pub fn words() -> Vec<Words> {
    let mut found = Vec::new();
    for (file, text) in files("src", ".rs") {
        walk(text.parse().unwrap(), &file, &mut found);
    }
    found
}

fn walk(tokens: TokenStream, file: &str, found: &mut Vec<Words>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is = |at: usize, word: &str| match tokens.get(at) {
        Some(TokenTree::Ident(ident)) => ident == word,
        Some(TokenTree::Punct(punct)) => word.len() == 1 && word.starts_with(punct.as_char()),
        _ => false,
    };
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else {
            continue;
        };
        if at >= 2 && is(at - 1, "tests") && is(at - 2, "mod") {
            continue;
        }
        let says = group.delimiter() == Delimiter::Parenthesis && at >= 1 && is(at - 1, "say");
        if says && !(at >= 2 && is(at - 2, "fn")) {
            let one = literal(group.stream());
            let one = one.unwrap_or_else(|| panic!("{file}: say takes a literal: {group}"));
            let many = match tokens.get(at + 3) {
                Some(TokenTree::Group(group)) if is(at + 1, ".") && is(at + 2, "or_many") => {
                    literal(group.stream())
                }
                _ => None,
            };
            let file = file.to_owned();
            found.push(Words { one, many, file });
        }
        walk(group.stream(), file, found);
    }
}

/// The text of a string that stands first among these tokens.
fn literal(tokens: TokenStream) -> Option<String> {
    match tokens.into_iter().next()? {
        TokenTree::Literal(literal) => match syn::Lit::new(literal) {
            syn::Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

#[test]
fn words_are_found_wherever_they_stand() {
    let text = r#"
        const A: Say = say("one");
        fn b() { c(vec![say("a \"b\" \
            c").or_many("{count} d", 1).put("e", "f")]) }
        fn say(english: &str) {}
        mod tests { fn g() { say("not this") } }
    "#;
    let mut found = Vec::new();
    walk(text.parse().unwrap(), "x", &mut found);
    let found: Vec<_> = found
        .iter()
        .map(|w| (w.one.as_str(), w.many.as_deref()))
        .collect();
    assert_eq!(found, [("one", None), ("a \"b\" c", Some("{count} d"))]);
}

#[test]
#[should_panic(expected = "say takes a literal")]
fn words_that_are_no_literal_are_found_out() {
    walk(
        "fn a() { say(word) }".parse().unwrap(),
        "x",
        &mut Vec::new(),
    );
}
