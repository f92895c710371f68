//! What to listen to: a branch and a pattern below it.

use super::topic::{TOPIC_MAX, Topic, TopicError, code_level, level_text};
use protocol::Code;
use std::fmt;

/// Levels a pattern may have.
const PATTERN_LEVELS_MAX: usize = 6;

/// `oc/1/<code>/<pattern>`. The code is always spelled out: nobody listens across branches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Whose branch it is.
    pub code: Code,
    pattern: Vec<Level>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Level {
    Exactly(Box<str>),
    /// `+`
    Any,
    /// `#`, only at the end.
    Rest,
}

impl Filter {
    /// Reads a filter as MQTT writes it.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        if text.len() > TOPIC_MAX {
            return Err(TopicError::TooLong);
        }
        let mut levels = text.split('/');
        let mut next = || levels.next().ok_or(TopicError::NoSuchPlace);
        if next()? != "oc" || next()? != "1" {
            return Err(TopicError::NoSuchPlace);
        }
        let code = code_level(next()?.as_bytes())?;
        let mut pattern = Vec::new();
        for level in levels {
            if pattern.len() >= PATTERN_LEVELS_MAX {
                return Err(TopicError::TooLong);
            }
            if pattern.last() == Some(&Level::Rest) {
                return Err(TopicError::Characters);
            }
            pattern.push(match level {
                "+" => Level::Any,
                "#" => Level::Rest,
                text => Level::Exactly(level_text(text.as_bytes())?.into()),
            });
        }
        if pattern.is_empty() {
            return Err(TopicError::NoSuchPlace);
        }
        Ok(Self { code, pattern })
    }

    /// The filter that takes one topic.
    pub fn exactly(topic: &Topic) -> Self {
        let leaf = topic.leaf.to_string();
        Self {
            code: topic.code,
            pattern: leaf.split('/').map(|l| Level::Exactly(l.into())).collect(),
        }
    }

    /// Whether it takes this topic.
    pub fn takes(&self, topic: &Topic) -> bool {
        self.code == topic.code && self.takes_levels(&topic.leaf.to_string())
    }

    /// Whether it takes every topic that the other one takes.
    pub fn covers(&self, other: &Self) -> bool {
        let mut theirs = other.pattern.iter();
        for ours in &self.pattern {
            match (ours, theirs.next()) {
                (Level::Rest, _) => return self.code == other.code,
                (Level::Any, Some(Level::Any | Level::Exactly(_))) => {}
                (Level::Exactly(our), Some(Level::Exactly(their))) if our == their => {}
                _ => return false,
            }
        }
        self.code == other.code && theirs.next().is_none()
    }

    /// Whether it takes the wallet inbox, which comes from the books and not from the fan-out.
    pub fn takes_inbox(&self) -> bool {
        self.takes_levels("w/in")
    }

    /// Whether it takes anything besides the wallet inbox.
    pub fn takes_more_than_inbox(&self) -> bool {
        let fixed = |level: &Level, text: &str| match level {
            Level::Exactly(exact) => **exact == *text,
            Level::Any | Level::Rest => false,
        };
        !matches!(self.pattern.as_slice(), [w, rest] if fixed(w, "w")
            && (fixed(rest, "in") || matches!(rest, Level::Any | Level::Rest)))
    }

    fn takes_levels(&self, leaf: &str) -> bool {
        let mut levels = leaf.split('/');
        for wanted in &self.pattern {
            match (wanted, levels.next()) {
                (Level::Rest, _) => return true,
                (Level::Any, Some(_)) => {}
                (Level::Exactly(exact), Some(level)) if **exact == *level => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oc/1/{}", self.code)?;
        for level in &self.pattern {
            match level {
                Level::Exactly(text) => write!(f, "/{text}")?,
                Level::Any => f.write_str("/+")?,
                Level::Rest => f.write_str("/#")?,
            }
        }
        Ok(())
    }
}
