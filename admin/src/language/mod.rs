//! The languages of the portal, and how a page says something.
//!
//! - **English stands where it is said**, and is the key: `{{ "Sign in"|t }}` in a template,
//!   `say("The two passwords differ.")` in Rust. The Chinese of it stands in
//!   `admin/languages/zh_CN.po`, a gettext catalogue that every translation tool opens.
//! - **A value has a name**: `{{ "by {person}, {time}".put("person", by).put("time", at)|t }}`, in Rust
//!   `say("by {person}").put("person", by)`. A value may itself be a [`Say`].
//! - **A count** chooses between two forms: `{{ "One code".or_many("{count} codes", made)|t }}`, in
//!   Rust `say("One code").or_many("{count} codes", made)`.
//! - **Markup inside a sentence** is written with single quotes and stays in it:
//!   `{{ "Bring <a href='/manifests'>manifests</a>."|t }}`. Values are escaped, words are not.
//! - **Rust never picks a language**: it hands a [`Say`] to the template, which ends in `|t`; only
//!   [`page`](crate::pages::frame::page) knows who reads. Printed, a `Say` is English (logs, API).
//! - **Closed lists of other crates** (states, roles, refusals) are said by a match in [`below`], and
//!   sentences in which they say what is wrong with something go through [`heard`].
//! - **What is nobody's to translate** (product names, commands, codes) stands in `<code>` or under
//!   `translate="no"`.
//!
//! The tests in `tests/portal/language.rs` fail for words without Chinese, Chinese without words,
//! placeholders that differ, and English in a template that passes by all this.

pub mod below;
mod catalogue;
pub mod filters;
mod heard;
mod negotiate;

use crate::show;
use askama::filters::{Escaper, Html};
use protocol::{Code, Digest, Reference};
use std::fmt::{self, Display, Write};

pub use heard::heard;
pub use negotiate::accepted;

/// A language the portal speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English, in which everything is written first.
    #[default]
    English,
    /// Chinese in simplified characters.
    Chinese,
}

impl Language {
    /// Every language, as the switch offers them.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// Its tag (BCP 47), as in `<html lang>`, addresses and the cookie.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// What those who speak it call it.
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Chinese => "简体中文",
        }
    }

    /// The language of a tag that is one of ours.
    pub fn of_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.tag() == tag)
    }
}

/// Who reads a page, signed in or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reader {
    /// In which language.
    pub language: Language,
    /// Path and query of the page, where it can be asked for again.
    pub path: Option<String>,
    /// The host they asked, as their browser names it.
    pub host: Option<String>,
}

/// Something to say, in whichever language is read: its English words and the values in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Say {
    one: &'static str,
    many: Option<(&'static str, u64)>,
    values: Vec<(&'static str, Value)>,
}

/// What stands in a sentence in place of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// The same in every language: names, codes, numbers, times.
    Plain(String),
    /// Words of their own.
    Words(Say),
}

/// Words in English, which are their own key in the catalogue. Give a literal: the tests collect
/// them from the sources.
pub const fn say(english: &'static str) -> Say {
    Say::of(english)
}

impl Say {
    const fn of(english: &'static str) -> Self {
        Self {
            one: english,
            many: None,
            values: Vec::new(),
        }
    }

    /// Text that is the same in every language: names, numbers, codes; and what only programs read.
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            one: "{text}",
            many: None,
            values: vec![("text", Value::Plain(text.into()))],
        }
    }

    /// These words for one, `many` for any other number, which stands in them as `{count}`.
    #[must_use]
    pub fn or_many(self, many: &'static str, count: impl Count) -> Self {
        Self {
            many: Some((many, count.count())),
            ..self
        }
    }

    /// With a value in place of `{name}`.
    #[must_use]
    pub fn put(mut self, name: &'static str, value: impl Part) -> Self {
        self.values.push((name, value.part()));
        self
    }

    /// Several of them, one after the other.
    pub fn list(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter()
            .reduce(|list, next| say("{list}, {next}").put("list", list).put("next", next))
    }

    /// In `language`, as plain text.
    pub fn text(&self, language: Language) -> String {
        let mut text = String::new();
        // Nothing fails when writing to a string.
        let _ = self.write(language, &mut text, |to, value| to.write_str(value));
        text
    }

    /// In `language`, as HTML.
    pub fn html(&self, language: Language) -> String {
        let mut text = String::new();
        let _ = self.write(language, &mut text, |to, value| {
            Html.write_escaped_str(to, value)
        });
        text
    }

    fn write(
        &self,
        language: Language,
        to: &mut String,
        plain: impl Fn(&mut String, &str) -> fmt::Result + Copy,
    ) -> fmt::Result {
        let mut rest = self.pattern(language);
        while let Some((before, after)) = rest.split_once('{') {
            to.write_str(before)?;
            let Some((name, after)) = after.split_once('}') else {
                to.write_char('{')?;
                rest = after;
                continue;
            };
            match (
                self.values.iter().find(|(known, _)| *known == name),
                self.many,
            ) {
                (Some((_, Value::Plain(value))), _) => plain(to, value)?,
                (Some((_, Value::Words(words))), _) => words.write(language, to, plain)?,
                (None, Some((_, count))) if name == "count" => to.write_str(&show::count(count))?,
                (None, _) => write!(to, "{{{name}}}")?,
            }
            rest = after;
        }
        to.write_str(rest)
    }

    fn pattern(&self, language: Language) -> &'static str {
        let english = match self.many {
            Some((many, count)) if count != 1 => many,
            _ => self.one,
        };
        match language {
            Language::English => english,
            Language::Chinese => catalogue::chinese(self.one).unwrap_or(english),
        }
    }
}

/// In English, as logs and programs read it.
impl Display for Say {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

/// What a template says with `|t`: literals of its own, and what Rust said. Never somebody's text.
pub trait Words {
    /// As something to say.
    fn words(&self) -> Say;

    /// As [`Say::put`].
    fn put(&self, name: &'static str, value: impl Part) -> Say {
        self.words().put(name, value)
    }

    /// As [`Say::or_many`].
    fn or_many(&self, many: &'static str, count: impl Count) -> Say {
        self.words().or_many(many, count)
    }
}

impl Words for &'static str {
    fn words(&self) -> Say {
        Say::of(self)
    }
}

impl Words for Say {
    fn words(&self) -> Say {
        self.clone()
    }
}

impl<T: Words + ?Sized> Words for &T {
    fn words(&self) -> Say {
        (*self).words()
    }
}

/// A number of things.
pub trait Count {
    /// How many.
    fn count(&self) -> u64;
}

impl<T: Count + ?Sized> Count for &T {
    fn count(&self) -> u64 {
        (*self).count()
    }
}

impl Count for u64 {
    fn count(&self) -> u64 {
        *self
    }
}

impl Count for u32 {
    fn count(&self) -> u64 {
        u64::from(*self)
    }
}

impl Count for usize {
    fn count(&self) -> u64 {
        u64::try_from(*self).unwrap_or(u64::MAX)
    }
}

/// What can stand in a sentence.
pub trait Part {
    /// As it stands there.
    fn part(&self) -> Value;
}

impl<T: Part + ?Sized> Part for &T {
    fn part(&self) -> Value {
        (*self).part()
    }
}

impl Part for Say {
    fn part(&self) -> Value {
        Value::Words(self.clone())
    }
}

macro_rules! same_in_every_language {
    ($($kind:ty),*) => {$(
        impl Part for $kind {
            fn part(&self) -> Value {
                Value::Plain(self.to_string())
            }
        }
    )*};
}

same_in_every_language!(
    str, String, Code, Digest, Reference, u8, u16, u32, u64, usize, i64
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_words_are_not() {
        let said = say("<b>{who}</b>: {what}")
            .put("who", "<i>{what}")
            .put("what", say("Sign in"));
        assert_eq!(
            said.html(Language::English),
            "<b>&#60;i&#62;{what}</b>: Sign in"
        );
        assert_eq!(said.text(Language::English), "<b><i>{what}</b>: Sign in");
        assert_eq!(
            said.html(Language::Chinese),
            "<b>&#60;i&#62;{what}</b>: 登录"
        );
    }

    #[test]
    fn english_counts_one_and_many() {
        let codes = |count: u64| say("one code").or_many("{count} codes", count).to_string();
        assert_eq!(codes(0), "0 codes");
        assert_eq!(codes(1), "one code");
        assert_eq!(codes(12_345), "12,345 codes");
    }

    #[test]
    fn what_has_no_value_stands_as_it_is_written() {
        assert_eq!(say("a {b} c } { d").to_string(), "a {b} c } { d");
    }

    #[test]
    fn a_list_has_the_comma_of_its_language() {
        let list = Say::list([say("owner"), say("auditor")]).unwrap();
        assert_eq!(list.to_string(), "owner, auditor");
        assert_eq!(list.text(Language::Chinese), "所有者、审计员");
        assert_eq!(Say::list([]), None);
    }
}
