use std::fmt;

/// What a person or a token may do in the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Role {
    /// Everything, and who else may do what.
    Owner = 0,
    /// Issues codes and grid codes.
    Issuer = 1,
    /// Makes one-time secrets for a production line and issues from requests.
    Factory = 2,
    /// Loads and redeems money, declares currencies.
    Treasurer = 3,
    /// Freezes, releases and revokes.
    Operator = 4,
    /// Reads everything, the audit trail included.
    Auditor = 5,
}

impl Role {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Owner,
        Self::Issuer,
        Self::Factory,
        Self::Treasurer,
        Self::Operator,
        Self::Auditor,
    ];

    /// The word in forms, lists and the audit trail.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Issuer => "issuer",
            Self::Factory => "factory",
            Self::Treasurer => "treasurer",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
        }
    }

    /// What it permits, in one sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Owner => "Everything, and who else may do what.",
            Self::Issuer => "Issues codes and grid codes.",
            Self::Factory => "Makes enrolment secrets and issues codes from requests.",
            Self::Treasurer => "Loads and redeems money, declares currencies.",
            Self::Operator => "Freezes, releases and revokes codes.",
            Self::Auditor => "Reads everything, the audit trail included.",
        }
    }

    /// The role of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Roles(u8);

impl Roles {
    /// No role at all.
    pub const NONE: Self = Self(0);
    /// Every role.
    pub const EVERY: Self = Self((1 << Role::ALL.len()) - 1);

    /// Exactly these.
    pub const fn of(roles: &[Role]) -> Self {
        let (mut bits, mut rest) = (0, roles);
        while let [first, others @ ..] = rest {
            bits |= 1 << *first as u8;
            rest = others;
        }
        Self(bits)
    }

    /// Whether the role is among them.
    pub const fn has(self, role: Role) -> bool {
        self.0 & 1 << role as u8 != 0
    }

    /// Whether the two sets share a role.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets together.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The roles in it.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }

    pub(super) fn from_column(bits: i64) -> Self {
        Self(u8::try_from(bits).unwrap_or(0) & Self::EVERY.0)
    }

    pub(super) const fn column(self) -> i64 {
        self.0 as i64
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, role) in self.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            f.write_str(role.word())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        for role in Role::ALL {
            let set = Roles::of(&[role]);
            assert_eq!(set.iter().collect::<Vec<_>>(), [role]);
            assert_eq!(Role::from_word(role.word()), Some(role));
            assert!(Roles::EVERY.has(role) && !Roles::NONE.has(role));
        }
        let two = Roles::of(&[Role::Issuer, Role::Factory]);
        assert_eq!(two.to_string(), "issuer, factory");
        assert!(two.meets(Roles::of(&[Role::Factory])) && !two.meets(Roles::of(&[Role::Owner])));
        assert_eq!(Roles::from_column(two.column()), two);
        assert_eq!(Roles::from_column(1 << 40), Roles::NONE);
    }
}
