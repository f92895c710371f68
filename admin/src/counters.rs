//! What the portal has counted since the start.

use crate::refusal::Refusal;
use protocol::code::base32::TextError;
use std::sync::atomic::{AtomicU64, Ordering};

/// A closed list of words, each with a number of its own.
macro_rules! words {
    ($(#[$about:meta])* $list:ident: $($name:ident $word:literal $sentence:literal;)*) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $list {
            $(#[doc = $sentence] $name,)*
        }

        impl $list {
            /// All of them.
            pub const ALL: [Self; [$(Self::$name),*].len()] = [$(Self::$name),*];

            /// One word for metrics.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

words! {
    /// How a code or grid code stood that a stranger looked up.
    Lookup:
    Genuine "genuine" "Registered, and everything about it is in order.";
    NotNow "not_now" "Registered, but out of date, over, or not yet in force.";
    Suspended "suspended" "Stopped until a person decides.";
    Revoked "revoked" "Withdrawn for good.";
    Unknown "unknown" "Well formed, but not registered here.";
    Mistyped "mistyped" "No code at all.";
    Damaged "damaged" "Registered, but its pass does not verify.";
    Forged "forged" "Registered, but the label's signature or secret is not the right one.";
}

words! {
    /// Why what was typed or scanned is no code, on public pages and in searches.
    Mistyped:
    Length "length" "A symbol is missing or too many.";
    Symbol "symbol" "A character that never stands in a code.";
    Check "check" "One symbol was misread.";
    NotACode "not_a_code" "Well-formed text of something else.";
}

words! {
    /// Why a request was not answered as asked.
    Refused:
    Password "password" "Name and password do not belong together.";
    Code "code" "The password was right, and the code after it was not.";
    NotAdmitted "not_admitted" "A provider vouches for somebody who may not come in.";
    Provider "provider" "The provider of sign-ins did not do its part.";
    SignIn "sign_in" "Nobody is signed in, or the token is no good.";
    Wait "wait" "Too many tries to sign in.";
    Role "role" "Signed in, but without the role or scope it takes.";
    Forged "forged" "A form that this portal did not give to this browser.";
    TooLarge "too_large" "The body is too large.";
    NotFound "not_found" "No such thing here.";
    Unfit "unfit" "Input that cannot be used.";
    Books "books" "The books or the desk refused.";
    Busy "busy" "Too much at once.";
    Broken "broken" "Something failed inside.";
}

impl From<TextError> for Mistyped {
    fn from(error: TextError) -> Self {
        match error {
            TextError::Length => Self::Length,
            TextError::Symbol => Self::Symbol,
            TextError::Check => Self::Check,
            TextError::NotACode => Self::NotACode,
        }
    }
}

impl From<&Refusal> for Refused {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::SignIn => Self::SignIn,
            Refusal::SecondStep | Refusal::NotYours(_) | Refusal::OutOfScope(_) => Self::Role,
            Refusal::NotAdmitted(_) => Self::NotAdmitted,
            Refusal::Elsewhere(_) => Self::Provider,
            Refusal::Forged => Self::Forged,
            Refusal::TooLarge => Self::TooLarge,
            Refusal::NotFound(_) => Self::NotFound,
            Refusal::Unfit(_) | Refusal::Form(_) | Refusal::Method | Refusal::Key(_) => Self::Unfit,
            Refusal::Refused(_) => Self::Books,
            Refusal::Wait(_) => Self::Wait,
            Refusal::Busy(_) => Self::Busy,
            Refusal::Broken => Self::Broken,
        }
    }
}

/// The numbers of one portal.
#[derive(Debug, Default)]
pub struct Counters {
    lookups: [AtomicU64; Lookup::ALL.len()],
    mistyped: [AtomicU64; Mistyped::ALL.len()],
    refused: [AtomicU64; Refused::ALL.len()],
}

impl Counters {
    pub(crate) fn looked_up(&self, lookup: Lookup) {
        add(&self.lookups, lookup as usize);
    }

    pub(crate) fn mistyped(&self, error: TextError) {
        add(&self.mistyped, Mistyped::from(error) as usize);
    }

    pub(crate) fn refused(&self, reason: Refused) {
        add(&self.refused, reason as usize);
    }

    /// Codes and grid codes that strangers looked up, by how they stood.
    pub fn lookups(&self) -> impl Iterator<Item = (Lookup, u64)> {
        read(Lookup::ALL, &self.lookups)
    }

    /// What was no code on public pages and in searches, by what was wrong.
    pub fn mistypings(&self) -> impl Iterator<Item = (Mistyped, u64)> {
        read(Mistyped::ALL, &self.mistyped)
    }

    /// What was refused, by reason.
    pub fn refusals(&self) -> impl Iterator<Item = (Refused, u64)> {
        read(Refused::ALL, &self.refused)
    }
}

fn add(counts: &[AtomicU64], at: usize) {
    if let Some(count) = counts.get(at) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

fn read<T, const N: usize>(all: [T; N], counts: &[AtomicU64; N]) -> impl Iterator<Item = (T, u64)> {
    let counts = counts.iter().map(|count| count.load(Ordering::Relaxed));
    all.into_iter().zip(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_its_own_number() {
        let counters = Counters::default();
        for (at, reason) in Refused::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at);
            (0..at).for_each(|_| counters.refused(reason));
        }
        for (at, (reason, count)) in counters.refusals().enumerate() {
            assert_eq!(
                (reason as usize, count),
                (at, at as u64),
                "{}",
                reason.word()
            );
        }
        counters.mistyped(TextError::Check);
        let counted: Vec<_> = counters
            .mistypings()
            .filter(|(_, count)| *count > 0)
            .collect();
        assert_eq!(counted, [(Mistyped::Check, 1)]);
    }
}
