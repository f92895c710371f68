//! Methods and outcomes (RFC 7252, 5.8 and 5.9).

use core::fmt;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// Publish.
    Post,
    /// Publish and retain.
    Put,
    /// Remove.
    Delete,
}

impl Method {
    /// As it stands in a message.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Get => 1,
            Self::Post => 2,
            Self::Put => 3,
            Self::Delete => 4,
        }
    }
}

/// The code of an answer, such as 2.04.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AnswerCode(pub u8);

impl AnswerCode {
    /// 2.04 Changed.
    pub const CHANGED: Self = Self(0x44);
    /// 2.05 Content.
    pub const CONTENT: Self = Self(0x45);
    /// 2.31 Continue.
    pub const CONTINUE: Self = Self(0x5f);
    /// 4.01 Unauthorized.
    pub const UNAUTHORIZED: Self = Self(0x81);
    /// 4.03 Forbidden.
    pub const FORBIDDEN: Self = Self(0x83);
    /// 4.04 Not Found.
    pub const NOT_FOUND: Self = Self(0x84);
    /// 4.08 Request Entity Incomplete.
    pub const INCOMPLETE: Self = Self(0x88);
    /// 4.13 Request Entity Too Large.
    pub const TOO_LARGE: Self = Self(0x8d);
    /// 4.29 Too Many Requests.
    pub const TOO_MANY: Self = Self(0x9d);

    /// Whether it went well: 2.xx.
    pub const fn is_success(self) -> bool {
        self.0 >> 5 == 2
    }
}

impl fmt::Display for AnswerCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 >> 5, self.0 & 0x1f)
    }
}

impl fmt::Debug for AnswerCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
