//! Words in templates: literals that end in `|t`; and text that does not.

use super::{Words, files};

/// What the templates say.
pub fn words() -> Vec<Words> {
    let mut found = Vec::new();
    for (file, text) in files("templates", "") {
        for tag in tags(&text) {
            found.extend(in_tag(tag, &file));
        }
    }
    found
}

/// What stands between `{{` and `}}`, and between `{%` and `%}`.
fn tags(text: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    let mut rest = text;
    while let Some((open, close)) = next_tag(rest) {
        tags.push(&rest[open + 2..close]);
        rest = &rest[close + 2..];
    }
    tags
}

/// Where the next tag begins and where its end begins; ends inside strings do not count.
fn next_tag(text: &str) -> Option<(usize, usize)> {
    let open = [text.find("{{"), text.find("{%")]
        .into_iter()
        .flatten()
        .min()?;
    let end = if text[open..].starts_with("{{") {
        "}}"
    } else {
        "%}"
    };
    let (mut quoted, mut escaped) = (false, false);
    for (at, symbol) in text[open + 2..].char_indices() {
        let at = open + 2 + at;
        match symbol {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if !quoted && text[at..].starts_with(end) => return Some((open, at)),
            _ => {}
        }
    }
    panic!("a tag does not end: {}", &text[open..]);
}

/// The strings of a tag, each with what stands behind it.
fn strings(tag: &str) -> Vec<(&str, &str)> {
    let mut strings = Vec::new();
    let mut rest = tag;
    while let Some((_, after)) = rest.split_once('"') {
        let (text, behind) = after.split_once('"').unwrap();
        assert!(!text.ends_with('\\'), "no quotes inside quotes: {tag}");
        strings.push((text, behind));
        rest = behind;
    }
    strings
}

fn in_tag(tag: &str, file: &str) -> Vec<Words> {
    let strings = strings(tag);
    let mut found = Vec::new();
    for (at, (one, behind)) in strings.iter().enumerate() {
        if at > 0 && strings[at - 1].1.starts_with(".or_many(") {
            continue;
        }
        let many = behind.starts_with(".or_many(");
        if !many && !behind.starts_with(".put(") && !is_said(behind) {
            assert!(!is_sentence(one), "{file}: {one:?} is not said by |t");
            continue;
        }
        assert!(tag.contains("|t"), "{file}: {tag} does not end in |t");
        found.push(Words {
            one: (*one).to_owned(),
            many: many.then(|| strings[at + 1].0.to_owned()),
            file: file.to_owned(),
        });
    }
    found
}

fn is_said(behind: &str) -> bool {
    let behind = behind.strip_prefix("|t");
    behind.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// A capital and a small letter begin it, or it has a blank: names of files and classes do not.
fn is_sentence(text: &str) -> bool {
    let mut letters = text.chars();
    let begins = letters.next().is_some_and(|c| c.is_ascii_uppercase())
        && letters.next().is_some_and(|c| c.is_ascii_lowercase());
    begins || (text.contains(' ') && !text.contains('{'))
}

/// Text and attributes that a reader sees and that did not come out of a tag of the template.
fn bare(template: &str) -> Vec<String> {
    const READ: [&str; 4] = ["title=\"", "alt=\"", "placeholder=\"", "aria-label=\""];
    let mut text = template.to_owned();
    while let Some((open, close)) = next_tag(&text) {
        text.replace_range(open..close + 2, "\u{1}");
    }
    let mut bare = Vec::new();
    // The element whose inside is nobody's to translate, and how deep in elements of its name.
    let mut left_out: Option<(String, u32)> = None;
    let mut rest = text.as_str();
    while let Some((before, tag)) = rest.split_once('<') {
        let (tag, after) = tag.split_once('>').expect("a tag ends");
        if left_out.is_none() {
            bare.push(before.to_owned());
        }
        let name: String = tag
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric())
            .collect();
        let closed = tag.strip_prefix('/');
        match (&mut left_out, closed) {
            (Some((of, depth)), Some(closed)) if closed == of => {
                *depth -= 1;
                if *depth == 0 {
                    left_out = None;
                }
            }
            (Some((of, depth)), None) if name == *of => *depth += 1,
            (None, None) => {
                let kept = tag.contains("translate=\"no\"");
                if !kept {
                    let values = READ.iter().filter_map(|name| tag.split_once(name));
                    let values = values.filter_map(|(_, value)| value.split_once('"'));
                    bare.extend(values.map(|(value, _)| value.to_owned()));
                }
                let is_empty = matches!(name.as_str(), "input" | "img" | "br" | "meta" | "link");
                if !is_empty && (kept || matches!(name.as_str(), "code" | "pre" | "script")) {
                    left_out = Some((name, 1));
                }
            }
            _ => {}
        }
        rest = after;
    }
    bare.push(rest.to_owned());
    bare.retain(|text| has_word(text));
    bare
}

fn has_word(text: &str) -> bool {
    let letters = text.as_bytes().windows(2);
    letters
        .into_iter()
        .any(|two| two.iter().all(u8::is_ascii_alphabetic))
}

#[test]
fn no_template_says_anything_past_the_catalogue() {
    for (file, text) in files("templates", "") {
        // The API speaks English, and so does its document; and XML is for banks.
        if file.ends_with("/api.html") || file.ends_with(".xml") {
            continue;
        }
        // An entity is no word.
        let text = text.replace("&amp;", "&").replace("&nbsp;", " ");
        let bare = bare(&text);
        assert!(bare.is_empty(), "{file} says without |t: {bare:#?}");
    }
}

#[test]
fn bare_words_are_found_out() {
    let found = |text: &str| bare(text).len();
    assert_eq!(
        found("<p>{{ \"A b\"|t }} <code>a bc</code> {% if x %}1{% endif %}</p>"),
        0
    );
    assert_eq!(found("<p>Hello</p>"), 1);
    assert_eq!(found("<p>{{ name }} of them</p>"), 1);
    assert_eq!(found("<a title=\"Network\" href=\"/x\">{{ y }}</a>"), 1);
    assert_eq!(
        found("<a translate=\"no\" title=\"Network\">Name <b>x</b></a>after"),
        1
    );
    assert_eq!(found("{% block title %}Codes{% endblock %}"), 1);
}

#[test]
fn strings_in_tags_are_read_as_what_they_are() {
    let words = in_tag(
        r#" "One {a}".or_many("{count} {a}s", n).put("a", b.word("x"))|t "#,
        "x",
    );
    let found: Vec<_> = words
        .iter()
        .map(|w| (w.one.as_str(), w.many.as_deref()))
        .collect();
    assert_eq!(found, [("One {a}", Some("{count} {a}s"))]);
    assert_eq!(in_tag(r#" include "label_form.html" "#, "x"), []);
    let refused = std::panic::catch_unwind(|| in_tag(r#" let table = "Newest payments" "#, "x"));
    assert!(refused.is_err(), "a sentence that is not said is found out");
}
