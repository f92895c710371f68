//! What a token is for: parts of the house, each to be looked at or to be changed. It narrows what
//! the token's roles permit and never widens it.

use std::fmt;

/// A part of the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Part {
    /// Codes of things, their states, owners and keys.
    Codes = 0,
    /// One-time enrolment secrets.
    Secrets = 1,
    /// Grid codes, areas, and what stands where.
    Places = 2,
    /// Stations, orders and manifests.
    Stations = 3,
    /// Currencies, purses, loads, redemptions and funds.
    Money = 4,
    /// Payments, fraud cases, claims and traces.
    Payments = 5,
    /// Accounts of people, and tokens.
    People = 6,
    /// The audit trail.
    Audit = 7,
    /// What things say, and what they are told.
    Messages = 8,
    /// Who is told when something needs attention.
    Alerts = 9,
}

impl Part {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Codes,
        Self::Secrets,
        Self::Places,
        Self::Stations,
        Self::Money,
        Self::Payments,
        Self::People,
        Self::Audit,
        Self::Messages,
        Self::Alerts,
    ];

    /// The word in forms, in the document of the API and in the audit trail.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Codes => "codes",
            Self::Secrets => "secrets",
            Self::Places => "places",
            Self::Stations => "stations",
            Self::Money => "money",
            Self::Payments => "payments",
            Self::People => "people",
            Self::Audit => "audit",
            Self::Messages => "messages",
            Self::Alerts => "alerts",
        }
    }

    /// What is in it, in one sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Codes => "Codes of things, their states, owners and keys.",
            Self::Secrets => "One-time enrolment secrets.",
            Self::Places => "Grid codes, areas, and what stands where.",
            Self::Stations => "Stations, orders and manifests.",
            Self::Money => "Currencies, purses, loads, redemptions and funds.",
            Self::Payments => "Payments, fraud cases, claims and traces.",
            Self::People => "Accounts of people, and tokens.",
            Self::Audit => "The audit trail.",
            Self::Messages => "What things say, and what they are told.",
            Self::Alerts => "Who is told when something needs attention.",
        }
    }
}

/// One part, to be looked at or to be changed. To change does not mean to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Which part.
    pub part: Part,
    /// Whether it may be changed; otherwise it may be looked at.
    pub writes: bool,
}

impl Scope {
    /// To look at a part.
    pub const fn read(part: Part) -> Self {
        Self {
            part,
            writes: false,
        }
    }

    /// To change it.
    pub const fn write(part: Part) -> Self {
        Self { part, writes: true }
    }

    /// All of them, part by part.
    pub fn all() -> impl Iterator<Item = Self> {
        let both = |part| [Self::read(part), Self::write(part)];
        Part::ALL.into_iter().flat_map(both)
    }

    /// The scope of that word, such as `codes:read`.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::all().find(|scope| scope.to_string() == word)
    }

    const fn bit(self) -> u32 {
        1 << (2 * self.part as u32 + self.writes as u32)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.writes { "write" } else { "read" };
        write!(f, "{}:{way}", self.part.word())
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u32);

impl Scopes {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// Whatever the roles permit, later parts of the house among it.
    pub const EVERY: Self = Self(u32::MAX);

    /// Exactly these.
    pub fn of(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }

    /// Whether the scope is among them.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// A token that was made before there were scopes has no number here, and all of them.
    pub(super) fn from_column(bits: Option<i64>) -> Self {
        bits.map_or(Self::EVERY, |bits| Self(u32::try_from(bits).unwrap_or(0)))
    }

    pub(super) fn column(self) -> Option<i64> {
        (self != Self::EVERY).then_some(i64::from(self.0))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::EVERY {
            return f.write_str("everything its roles permit");
        }
        let words = Scope::all().filter(|scope| self.has(*scope));
        for (at, scope) in words.enumerate() {
            write!(f, "{}{scope}", if at > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_scopes_holds_what_was_put_in() {
        for scope in Scope::all() {
            let set = Scopes::of([scope]);
            let held: Vec<_> = Scope::all().filter(|other| set.has(*other)).collect();
            assert_eq!(held, [scope]);
            assert_eq!(Scope::from_word(&scope.to_string()), Some(scope));
            assert_eq!(set.to_string(), scope.to_string());
            assert_eq!(Scopes::from_column(set.column()), set);
        }
        assert_eq!(Scopes::from_column(None), Scopes::EVERY);
        assert_eq!(Scopes::EVERY.column(), None);
        assert_eq!(Scopes::from_column(Some(-1)), Scopes::NONE);
        assert_eq!(Scope::from_word("codes"), None);
    }
}
