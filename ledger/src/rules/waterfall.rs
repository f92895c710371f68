//! Who bears what a fork left short: the forker's purse, its deposit, the operator's bond, the
//! guarantees of the issuer, and then the payee.

use protocol::{AmountMinor, Code};

/// What a decision reaches: one payment that is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How much its payee lacks of what the fork would have brought.
    pub lacks: AmountMinor,
    /// Who owns the payee, as far as anybody has said.
    pub owner: Option<Code>,
    /// The issuer knows that owner.
    pub enrolled: bool,
    /// It was claimed before its deadline.
    pub in_time: bool,
    /// What the guarantees still owe this owner: each counts as one payee, who could have been
    /// paid no more than the allowance had left.
    pub owner_room: AmountMinor,
}

/// What stands behind the forker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Its free purse.
    pub purse: AmountMinor,
    /// Its deposit.
    pub deposit: AmountMinor,
    /// The operator's bond.
    pub bond: AmountMinor,
    /// The guarantees: what the fund holds of what the allowance still promises.
    pub guarantee: AmountMinor,
}

/// What one payee gets, from each source in their order.
pub type Given = Sources;

impl Given {
    /// All of it.
    pub fn sum(&self) -> Option<AmountMinor> {
        let own = self.purse.checked_add(self.deposit)?;
        own.checked_add(self.bond)?.checked_add(self.guarantee)
    }
}

/// Shares out what there is, piece by piece. Nothing but the forker's own is ever paid to its own
/// codes, and guarantees only to owners the issuer knows, for what was claimed in time.
pub fn share_out(pieces: &[Piece], forker: Option<Code>, mut there: Sources) -> Vec<Given> {
    let mut paid: Vec<(Option<Code>, AmountMinor)> = Vec::with_capacity(pieces.len());
    let mut all = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let mut left = piece.lacks;
        let mut take = |from: &mut AmountMinor, most: AmountMinor| {
            let amount = left.min(*from).min(most);
            left = left.checked_sub(amount).unwrap_or_default();
            *from = from.checked_sub(amount).unwrap_or_default();
            amount
        };
        let everything = piece.lacks;
        let strange = forker.is_none() || piece.owner != forker;
        let outside = if strange {
            everything
        } else {
            AmountMinor::ZERO
        };
        let known = strange && piece.enrolled && piece.in_time;
        // What this decision has already given to the same owner counts as well.
        let before = paid.iter().filter(|(owner, _)| *owner == piece.owner);
        let before = before.fold(AmountMinor::ZERO, |sum, (_, amount)| {
            sum.checked_add(*amount).unwrap_or(sum)
        });
        let room = piece.owner_room.checked_sub(before).unwrap_or_default();
        let guaranteed = if known { room } else { AmountMinor::ZERO };
        let given = Given {
            purse: take(&mut there.purse, everything),
            deposit: take(&mut there.deposit, everything),
            bond: take(&mut there.bond, outside),
            guarantee: take(&mut there.guarantee, guaranteed),
        };
        paid.push((piece.owner, given.sum().unwrap_or_default()));
        all.push(given);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Kind;
    use protocol::code::IssuedBy;

    fn minor(minor: u64) -> AmountMinor {
        AmountMinor::new(minor).unwrap()
    }

    fn owner(number: u64) -> Option<Code> {
        let by = IssuedBy {
            issuer: 1,
            station: 1,
        };
        Code::derive(Kind::Person, by, number, b"").ok()
    }

    fn piece(lacks: u64, of: u64) -> Piece {
        Piece {
            lacks: minor(lacks),
            owner: owner(of),
            enrolled: true,
            in_time: true,
            owner_room: minor(1_000),
        }
    }

    fn sources(purse: u64, deposit: u64, bond: u64, guarantee: u64) -> Sources {
        Sources {
            purse: minor(purse),
            deposit: minor(deposit),
            bond: minor(bond),
            guarantee: minor(guarantee),
        }
    }

    #[test]
    fn sources_are_used_in_their_order() {
        let given = share_out(
            &[piece(25, 2), piece(25, 3), piece(9, 4)],
            owner(1),
            sources(10, 10, 10, 25),
        );
        let expected = [
            sources(10, 10, 5, 0),
            sources(0, 0, 5, 20),
            sources(0, 0, 0, 5),
        ];
        assert_eq!(given, expected);
    }

    #[test]
    fn nothing_but_its_own_goes_to_a_forkers_own_codes() {
        let given = share_out(&[piece(50, 1)], owner(1), sources(10, 10, 100, 100));
        assert_eq!(given, [sources(10, 10, 0, 0)]);
    }

    #[test]
    fn guarantees_want_an_enrolled_owner_and_a_claim_in_time() {
        let there = sources(0, 0, 0, 100);
        for (enrolled, in_time, owner, expected) in [
            (true, true, owner(2), 50),
            (false, true, owner(2), 0),
            (true, false, owner(2), 0),
        ] {
            let piece = Piece {
                enrolled,
                in_time,
                owner,
                ..piece(50, 2)
            };
            assert_eq!(
                share_out(&[piece], None, there)[0].guarantee,
                minor(expected)
            );
        }
    }

    #[test]
    fn many_codes_of_one_owner_count_as_one_payee() {
        let piece = Piece {
            owner_room: minor(60),
            ..piece(50, 2)
        };
        let given = share_out(&[piece, piece, piece], owner(1), sources(0, 0, 0, 1_000));
        let guaranteed: Vec<u64> = given.iter().map(|given| given.guarantee.get()).collect();
        assert_eq!(guaranteed, [50, 10, 0]);
    }
}
