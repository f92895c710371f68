//! Names in the tree: parsed once, bounded, with one spelling each.

use device_sdk::lists::Part;
use protocol::Code;
use std::fmt;

/// Bytes of the longest topic that is read at all.
pub const TOPIC_MAX: usize = 160;
/// Bytes of the longest `<name>` or `<id>`.
pub const NAME_MAX: usize = 64;
/// Levels a `<name>` may have, such as `room/temperature`.
pub const NAME_LEVELS_MAX: usize = 4;
/// The word that stands for the caller's own code, on CoAP only.
const ME: &[u8] = b"me";
/// The word for the gateway itself as a wallet peer.
const GATEWAY: &str = "gateway";

/// A place in the tree: `oc/1/<code>/<leaf>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topic {
    /// Whose branch it is.
    pub code: Code,
    /// Where in the branch.
    pub leaf: Leaf,
}

/// What a branch consists of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Leaf {
    /// `t/<name>`: telemetry out.
    Telemetry(Name),
    /// `e/<name>`: events out.
    Event(Name),
    /// `s`: status and last will, retained.
    Status,
    /// `twin/reported`: what the thing says it is, retained.
    Reported,
    /// `twin/desired`: what it shall become, retained.
    Desired,
    /// `c/<id>`: commands in.
    Command(Name),
    /// `r/<id>`: results out.
    Result(Name),
    /// `list/whole` and `list/changes`: revoked codes, the same for everybody.
    List(Part),
    /// `link/up`: frames of a gateway below to this one.
    LinkUp,
    /// `link/down`: frames for a gateway below.
    LinkDown,
    /// `g`: what this code may read of others.
    Grants,
    /// `w/in`: wallet messages for this code.
    Inbox,
    /// `w/out/<peer>`: wallet messages to somebody else.
    Outbox(Peer),
}

/// Whom a wallet message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// This gateway.
    Gateway,
    /// Another code.
    Code(Code),
}

/// A `<name>` or `<id>`: visible ASCII without wildcards, in levels none of which is empty or dots.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

/// Why a text is no topic or filter of this tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicError {
    /// Longer than [`TOPIC_MAX`], or a name longer than [`NAME_MAX`] or [`NAME_LEVELS_MAX`].
    TooLong,
    /// A character or level that never stands in a topic.
    Characters,
    /// Not below `oc/1/`, or no such leaf.
    NoSuchPlace,
    /// The third level is no code in its one spelling.
    NotACode,
}

impl Topic {
    /// Reads a topic as MQTT writes it.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        if text.len() > TOPIC_MAX {
            return Err(TopicError::TooLong);
        }
        Self::from_levels(text.split('/').map(str::as_bytes), None)
    }

    /// Reads a topic from its levels, such as CoAP's path options; compared byte by byte, never
    /// joined. With `me`, the word `me` stands for that code.
    pub fn from_levels<'l>(
        levels: impl Iterator<Item = &'l [u8]>,
        me: Option<Code>,
    ) -> Result<Self, TopicError> {
        let mut levels = levels;
        let mut next = || levels.next().ok_or(TopicError::NoSuchPlace);
        if next()? != b"oc" || next()? != b"1" {
            return Err(TopicError::NoSuchPlace);
        }
        let code = match (next()?, me) {
            (ME, Some(me)) => me,
            (level, _) => code_level(level)?,
        };
        let leaf = Leaf::read(&mut levels)?;
        match levels.next() {
            None => Ok(Self { code, leaf }),
            Some(_) => Err(TopicError::NoSuchPlace),
        }
    }

    /// Whether the newest payload here is kept even without the retain flag.
    pub fn always_retained(&self) -> bool {
        matches!(self.leaf, Leaf::Status | Leaf::Reported | Leaf::Desired)
    }
}

impl Leaf {
    fn read<'l>(levels: &mut impl Iterator<Item = &'l [u8]>) -> Result<Self, TopicError> {
        let first = levels.next().ok_or(TopicError::NoSuchPlace)?;
        match first {
            b"t" => Ok(Self::Telemetry(Name::from_levels(levels)?)),
            b"e" => Ok(Self::Event(Name::from_levels(levels)?)),
            b"c" => Ok(Self::Command(Name::from_levels(levels)?)),
            b"r" => Ok(Self::Result(Name::from_levels(levels)?)),
            b"s" => Ok(Self::Status),
            b"g" => Ok(Self::Grants),
            b"list" => {
                let part = levels.next().ok_or(TopicError::NoSuchPlace)?;
                let named = |known: &&Part| known.name().as_bytes() == part;
                let part = Part::BOTH.iter().find(named);
                part.copied().map(Self::List).ok_or(TopicError::NoSuchPlace)
            }
            b"twin" => match levels.next() {
                Some(b"reported") => Ok(Self::Reported),
                Some(b"desired") => Ok(Self::Desired),
                _ => Err(TopicError::NoSuchPlace),
            },
            b"link" => match levels.next() {
                Some(b"up") => Ok(Self::LinkUp),
                Some(b"down") => Ok(Self::LinkDown),
                _ => Err(TopicError::NoSuchPlace),
            },
            b"w" => match levels.next() {
                Some(b"in") => Ok(Self::Inbox),
                Some(b"out") => levels
                    .next()
                    .ok_or(TopicError::NoSuchPlace)
                    .and_then(Peer::read)
                    .map(Self::Outbox),
                _ => Err(TopicError::NoSuchPlace),
            },
            _ => Err(TopicError::NoSuchPlace),
        }
    }
}

impl Peer {
    fn read(level: &[u8]) -> Result<Self, TopicError> {
        if level == GATEWAY.as_bytes() {
            return Ok(Self::Gateway);
        }
        code_level(level).map(Self::Code)
    }
}

impl Name {
    /// Reads a name, levels separated by `/`.
    pub fn new(text: &str) -> Result<Self, TopicError> {
        Self::from_levels(&mut text.split('/').map(str::as_bytes))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn from_levels<'l>(levels: &mut impl Iterator<Item = &'l [u8]>) -> Result<Self, TopicError> {
        let mut text = String::new();
        for (at, level) in levels.enumerate() {
            if at >= NAME_LEVELS_MAX || text.len() + 1 + level.len() > NAME_MAX + 1 {
                return Err(TopicError::TooLong);
            }
            if at > 0 {
                text.push('/');
            }
            text.push_str(level_text(level)?);
        }
        if text.is_empty() {
            return Err(TopicError::NoSuchPlace);
        }
        Ok(Self(text.into_boxed_str()))
    }
}

/// One level of a name: visible ASCII, no wildcard, nothing that means "here" or "up" in a path.
pub(super) fn level_text(level: &[u8]) -> Result<&str, TopicError> {
    let fits = !level.is_empty()
        && level != b"."
        && level != b".."
        && level.iter().all(|byte| {
            byte.is_ascii_graphic() && !matches!(byte, b'+' | b'#' | b'$' | b'/' | b'?')
        });
    match (fits, std::str::from_utf8(level)) {
        (true, Ok(text)) => Ok(text),
        _ => Err(TopicError::Characters),
    }
}

/// A code as a level: exactly its text, so that a topic has one spelling.
pub(super) fn code_level(level: &[u8]) -> Result<Code, TopicError> {
    let text = std::str::from_utf8(level).map_err(|_| TopicError::NotACode)?;
    let code: Code = text.parse().map_err(|_| TopicError::NotACode)?;
    if code.text().as_str() == text {
        Ok(code)
    } else {
        Err(TopicError::NotACode)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oc/1/{}/{}", self.code, self.leaf)
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Telemetry(name) => write!(f, "t/{name}"),
            Self::Event(name) => write!(f, "e/{name}"),
            Self::Status => f.write_str("s"),
            Self::Grants => f.write_str("g"),
            Self::Reported => f.write_str("twin/reported"),
            Self::Desired => f.write_str("twin/desired"),
            Self::Command(id) => write!(f, "c/{id}"),
            Self::Result(id) => write!(f, "r/{id}"),
            Self::List(part) => write!(f, "list/{}", part.name()),
            Self::LinkUp => f.write_str("link/up"),
            Self::LinkDown => f.write_str("link/down"),
            Self::Inbox => f.write_str("w/in"),
            Self::Outbox(peer) => write!(f, "w/out/{peer}"),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway => f.write_str(GATEWAY),
            Self::Code(code) => code.fmt(f),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the topic or a name in it is too long",
            Self::Characters => "a character that never stands in a topic",
            Self::NoSuchPlace => "no such place in the tree",
            Self::NotACode => "the third level is no code in its one spelling",
        })
    }
}

impl std::error::Error for TopicError {}
