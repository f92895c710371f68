//! How templates hand over what they say: `use crate::language::{Words as _, filters};` beside the
//! template.

use super::{Language, Part, Say, Value, Words};
use askama::filters::HtmlSafe;
use askama::{FastWritable, Result, Values};
use std::any::Any;
use std::fmt;

const LANGUAGE: &str = "language";

/// A template is rendered with the language as its one value from outside.
impl Values for Language {
    fn get_value<'a>(&'a self, key: &str) -> Option<&'a dyn Any> {
        (key == LANGUAGE).then_some(self)
    }
}

/// Something to say, and the language it is said in.
#[derive(Clone, Debug)]
pub struct Said {
    say: Say,
    language: Language,
}

/// In the reader's language. A rendering that names none fails: better no page than half of one.
#[askama::filter_fn]
pub fn t<W: Words>(words: W, values: &dyn Values) -> Result<Said> {
    Ok(Said {
        say: words.words(),
        language: *askama::get_value(values, LANGUAGE)?,
    })
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.say.html(self.language))
    }
}

impl FastWritable for Said {
    fn write_into(&self, dest: &mut dyn fmt::Write, _: &dyn Values) -> Result<()> {
        Ok(dest.write_str(&self.say.html(self.language))?)
    }
}

/// Its values are escaped already.
impl HtmlSafe for Said {}

/// Words inside other words.
impl Part for Said {
    fn part(&self) -> Value {
        self.say.part()
    }
}
