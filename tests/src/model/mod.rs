//! A small world in which everything that can happen does: pay, hand in, return, renew, move home.
//!
//! [`stateright`] walks through every order of steps of a [`Model`] of a given [`Size`] and looks at
//! every state for what must always hold. What decides is the code that ships:
//!
//! | asked in the model | by |
//! |---|---|
//! | may this payee take this payment offline? | `protocol::rules::acceptable`, over objects that are really signed |
//! | do two payments contradict each other? | `protocol::rules::contradiction` |
//! | what does a hand-in change? | `ledger::rules::settle::decide` |
//! | what does a receipt say? | `ledger::rules::said`, below it |
//! | how far may a purse spend, and what is reserved for it? | `ledger::rules::grant::decide`, `links`, `coverage` |
//! | may a gateway give allowances, the centre release a purse, a credit be news? | `ledger::federation::rules` |
//!
//! Of the model alone are: the clock (a few moments instead of seconds), the wires between gateways
//! with what repeats and comes late on them, claim notes and what goes back when, which books a
//! purse's money stands in while it moves, and which rows the books show to the rules. Streams,
//! covers, floats and several currencies are left to the simulation.
//!
//! What is assumed of the world is what the protocol assumes: no gateway is out of touch for longer
//! than grace, or it writes no claim notes and its purses stand still until the centre releases
//! them; what it wrote before still arrives. Everything else may come in any order, twice, or never.
//!
//! A [`Flaw`] takes one rule away; a run over it has to find the state that goes wrong.

mod books;
mod cast;
mod doing;
mod homes;
mod must;
mod state;
mod steps;
mod walk;

pub use cast::{Forge, Given, Order, Who};
pub use state::{Moment, World};
pub use steps::Step;
pub use walk::{Counterexample, Walk};

/// How much there is of everything.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Things that pay, one or two; all of them begin at home on the first gateway.
    pub payers: u8,
    /// Payments of each payer, forks included.
    pub payments: usize,
    /// Whether the first payer's key forks.
    pub forks: bool,
    /// Further allowances of each payer.
    pub renewals: usize,
    /// How often the first payer moves home.
    pub moves: u8,
    /// Whether anything is handed in after its deadline.
    pub late: bool,
    /// Whether payees may decline.
    pub declines: bool,
    /// Whether payers take their free money out.
    pub withdrawals: bool,
    /// Whether the first gateway may fall silent for ever.
    pub silence: bool,
}

impl Size {
    /// One payer that pays once.
    pub const LEAST: Self = Self {
        payers: 1,
        payments: 1,
        forks: false,
        renewals: 0,
        moves: 0,
        late: false,
        declines: false,
        withdrawals: false,
        silence: false,
    };
}

/// Sizes that together show every rule at work, small enough for every run of the tests.
pub const SMALL: [(&str, Size); 7] = [
    (
        "two payments",
        Size {
            payments: 2,
            ..Size::LEAST
        },
    ),
    (
        "two payers",
        Size {
            payers: 2,
            ..Size::LEAST
        },
    ),
    (
        "a fork",
        Size {
            payments: 2,
            forks: true,
            ..Size::LEAST
        },
    ),
    (
        "a renewal",
        Size {
            payments: 2,
            renewals: 1,
            ..Size::LEAST
        },
    ),
    (
        "there and back",
        Size {
            renewals: 1,
            moves: 2,
            declines: true,
            ..Size::LEAST
        },
    ),
    (
        "a home that falls silent",
        Size {
            withdrawals: true,
            silence: true,
            ..Size::LEAST
        },
    ),
    (
        "late and declined",
        Size {
            late: true,
            declines: true,
            withdrawals: true,
            ..Size::LEAST
        },
    ),
];

/// Larger ones: seconds to many minutes each.
pub const LARGE: [(&str, Size); 6] = [
    (
        "two payers, late",
        Size {
            payers: 2,
            late: true,
            declines: true,
            ..Size::LEAST
        },
    ),
    (
        "everything that can happen to one payment",
        Size {
            renewals: 1,
            moves: 2,
            late: true,
            declines: true,
            withdrawals: true,
            silence: true,
            ..Size::LEAST
        },
    ),
    (
        "a fork, late and withdrawn",
        Size {
            payments: 2,
            forks: true,
            late: true,
            withdrawals: true,
            ..Size::LEAST
        },
    ),
    (
        "a fork across a renewal",
        Size {
            payments: 2,
            forks: true,
            renewals: 1,
            ..Size::LEAST
        },
    ),
    (
        "two payments and a move",
        Size {
            payments: 2,
            renewals: 1,
            moves: 1,
            ..Size::LEAST
        },
    ),
    (
        "three payments",
        Size {
            payments: 3,
            ..Size::LEAST
        },
    ),
];

/// A rule that is taken away, to see that it is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// What is in transit goes back at its deadline, without waiting for the grace period.
    ReturnsAtDeadline,
    /// The new home begins before the old one has signed its closing balance.
    MovesWithoutClosing,
    /// A closing balance counts whatever its lease number.
    TakesAnyClosing,
    /// The centre releases a purse at the end of its lease, without waiting for the grace period.
    ReleasesAtLeaseEnd,
    /// A credit is entered as often as it arrives.
    CreditsEveryTime,
    /// The reserve is set free while its allowance can still be claimed under.
    FreesReserveEarly,
    /// Payees do not keep the newest payment they took.
    ForgetsNewest,
    /// The centre sends what an old home sends on to wherever the purse is at home just now.
    RoutesCreditsAnew,
    /// Whoever sees a claim first pays it, at home or not.
    EveryGatewaySettles,
}

/// What is walked through.
#[derive(Debug)]
pub struct Model {
    size: Size,
    flaw: Option<Flaw>,
    forge: Forge,
}

impl Model {
    /// A world by the rules.
    pub fn new(size: Size) -> Self {
        Self {
            size,
            flaw: None,
            forge: Forge::new(),
        }
    }

    /// A world with one rule less.
    pub fn with(size: Size, flaw: Flaw) -> Self {
        Self {
            flaw: Some(flaw),
            ..Self::new(size)
        }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }
}
