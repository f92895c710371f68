//! What may happen to a code, and how it stands afterwards.

use crate::ThingState;
use protocol::chain::ActKind;

/// Why something cannot happen to a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It waits to be activated.
    NotActivated,
    /// It is suspended, and a person decides first.
    Suspended,
    /// It was withdrawn, retired or replaced, for good.
    Over(ThingState),
    /// Nobody does this to a code that is there.
    Never,
}

impl Unfit {
    /// Why, and what to do.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NotActivated => "The code is not in use yet; activate it first.",
            Self::Suspended => "The code is suspended; release or revoke it first.",
            Self::Over(ThingState::Retired) => "The code is retired, and that is for good.",
            Self::Over(ThingState::Superseded) => {
                "Another code has taken over from this one, and that is for good."
            }
            Self::Over(_) => "The code is revoked, and that is for good.",
            Self::Never => "This does not happen to a code that is registered already.",
        }
    }
}

/// How a code stands after an act; the same as before when the act says nothing new.
///
/// What is over stays over. It can still be taken from its place, and its money can still go to
/// another code.
pub const fn after(state: ThingState, act: ActKind) -> Result<ThingState, Unfit> {
    use ThingState::{Active, Frozen, Issued, Retired, Revoked, Superseded};
    match (act, state) {
        (ActKind::Unbound, same)
        | (ActKind::Superseded, same @ (Revoked | Retired | Superseded))
        | (ActKind::Revoked, same @ Revoked)
        | (ActKind::Retired, same @ Retired)
        | (ActKind::Transferred, same @ (Issued | Active))
        | (ActKind::Rekeyed | ActKind::Renewed, same @ (Issued | Active | Frozen)) => Ok(same),
        (ActKind::Issued | ActKind::Warranted | ActKind::Surveyed, _) => Err(Unfit::Never),
        (_, Revoked | Retired | Superseded) => Err(Unfit::Over(state)),
        (ActKind::Activated, Issued | Active) | (ActKind::Resumed | ActKind::Bound, Active) => {
            Ok(Active)
        }
        (ActKind::Resumed, Frozen) => Ok(Active),
        (ActKind::Suspended, Active | Frozen) => Ok(Frozen),
        (ActKind::Revoked, _) => Ok(Revoked),
        (ActKind::Superseded, _) => Ok(Superseded),
        (ActKind::Retired, Issued | Active) => Ok(Retired),
        (ActKind::Suspended | ActKind::Resumed | ActKind::Bound, Issued) => {
            Err(Unfit::NotActivated)
        }
        (ActKind::Activated | ActKind::Bound | ActKind::Transferred | ActKind::Retired, Frozen) => {
            Err(Unfit::Suspended)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ThingState::{Active, Frozen, Issued, Retired, Revoked, Superseded};

    const STATES: [ThingState; 6] = ThingState::ALL;

    fn row(act: ActKind) -> [Option<ThingState>; 6] {
        STATES.map(|state| after(state, act).ok())
    }

    #[test]
    fn every_act_in_every_state_has_one_answer() {
        assert_eq!(
            STATES,
            [Issued, Active, Frozen, Revoked, Retired, Superseded]
        );
        let no = None;
        let (i, a, f) = (Some(Issued), Some(Active), Some(Frozen));
        let (v, t, s) = (Some(Revoked), Some(Retired), Some(Superseded));
        let table = [
            (ActKind::Issued, [no; 6]),
            (ActKind::Activated, [a, a, no, no, no, no]),
            (ActKind::Bound, [no, a, no, no, no, no]),
            (ActKind::Unbound, [i, a, f, v, t, s]),
            (ActKind::Suspended, [no, f, f, no, no, no]),
            (ActKind::Resumed, [no, a, a, no, no, no]),
            (ActKind::Transferred, [i, a, no, no, no, no]),
            (ActKind::Revoked, [v, v, v, v, no, no]),
            (ActKind::Retired, [t, t, no, no, t, no]),
            (ActKind::Superseded, [s, s, s, v, t, s]),
            (ActKind::Rekeyed, [i, a, f, no, no, no]),
            (ActKind::Warranted, [no; 6]),
            (ActKind::Surveyed, [no; 6]),
            (ActKind::Renewed, [i, a, f, no, no, no]),
        ];
        assert_eq!(table.map(|(act, _)| act), ActKind::ALL);
        for (act, expected) in table {
            assert_eq!(row(act), expected, "{}", act.word());
        }
    }

    #[test]
    fn what_is_over_never_comes_back() {
        for state in STATES.into_iter().filter(|state| state.is_over()) {
            for act in ActKind::ALL {
                assert!(
                    after(state, *act).is_ok_and(|next| next == state)
                        || after(state, *act).is_err()
                );
            }
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let why = |state, act| after(state, act).unwrap_err();
        assert_eq!(why(Issued, ActKind::Bound), Unfit::NotActivated);
        assert_eq!(why(Frozen, ActKind::Retired), Unfit::Suspended);
        assert_eq!(why(Retired, ActKind::Resumed), Unfit::Over(Retired));
        assert_eq!(why(Active, ActKind::Issued), Unfit::Never);
    }
}
