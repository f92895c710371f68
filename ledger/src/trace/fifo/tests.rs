//! A small world in which every coin is moved by hand, one by one.

use super::*;
use crate::books::{self, Entry, EntryKind};
use proptest::prelude::*;
use protocol::code::IssuedBy;
use protocol::{AmountMinor, Code, Currency, Digest, KeyEpoch, Kind, Timestamp};
use std::collections::{BTreeMap, VecDeque};

type Key = Vec<u8>;
/// Whose source it came from, its serial, and the entries that moved it.
type Coin = (Key, u128, Vec<u64>);

/// Blocks are small here, so that a short history has some.
const SMALL: u64 = 4;

fn usd() -> Currency {
    Currency::new(1, *b"USD").unwrap()
}

fn code(sequence: u64) -> Code {
    let by = IssuedBy {
        issuer: 1,
        station: 1,
    };
    Code::derive(Kind::Device, by, sequence, b"").unwrap()
}

/// The issuer, purses, a transit, and an account of a kind that nobody here knows.
fn keys() -> Vec<Key> {
    vec![
        books::Account::Issuer.key(),
        books::Account::PurseFree(code(1)).key(),
        books::Account::PurseReserved(code(1), KeyEpoch(3)).key(),
        books::Account::PurseFree(code(2)).key(),
        books::Account::InTransit(Digest([5; 32])).key(),
        vec![200, 1, 2],
    ]
}

fn posted(height: u64, transfers: &[(usize, usize, u64)]) -> Posted {
    let transfer = |(from, to, amount): &(usize, usize, u64)| Transferred {
        from: keys()[*from].clone(),
        to: keys()[*to].clone(),
        amount: *amount,
    };
    Posted {
        height,
        at: Timestamp(9),
        kind: 1,
        subject: Digest([7; 32]),
        currency: usd(),
        transfers: transfers.iter().map(transfer).collect(),
    }
}

#[derive(Default)]
struct ByHand {
    queues: BTreeMap<Key, VecDeque<Coin>>,
    minted: BTreeMap<Key, u128>,
}

impl ByHand {
    fn post(&mut self, entry: &Posted) {
        for Transferred { from, to, amount } in &entry.transfers {
            let mut taken = Vec::new();
            for _ in 0..*amount {
                let queue = self.queues.entry(from.clone()).or_default();
                let coin = match from == &keys()[0] {
                    true => None,
                    false => queue.pop_front(),
                };
                let (source, serial, mut path) = coin.unwrap_or_else(|| {
                    let serial = self.minted.entry(from.clone()).or_default();
                    *serial += 1;
                    (from.clone(), *serial, Vec::new())
                });
                path.push(entry.height);
                taken.push((source, serial, path));
            }
            self.queues.entry(to.clone()).or_default().extend(taken);
        }
    }
}

/// Lines as an index holds them, looked up by looking at all.
#[derive(Default)]
struct Lines {
    queues: Option<Queues>,
    moves: Vec<Move>,
    jumps: Vec<Jump>,
    paid: Vec<Paid>,
}

impl Lines {
    fn follow(entries: &[Posted]) -> Self {
        let mut lines = Self::default();
        let mut queues = Queues::new(0, 0);
        for entry in entries {
            let before = lines.moves.len();
            queues
                .post(entry, &mut lines.moves, &mut lines.paid)
                .unwrap();
            for full in before + 1..=lines.moves.len() {
                for level in 1..=LEVELS {
                    let block = SMALL.pow(level) as usize;
                    if full % block == 0 {
                        let jumps: Vec<Jump> = lines.moves[full - block..full]
                            .iter()
                            .map(Move::jump)
                            .collect();
                        lines.jumps.extend(net_of_level(level, SMALL, &jumps));
                    }
                }
            }
        }
        lines.queues = Some(queues);
        lines
    }

    fn accounts(&self) -> impl Iterator<Item = (&Name, &Account)> {
        self.queues.as_ref().unwrap().accounts()
    }

    fn id(&self, key: &Key) -> Option<Account> {
        let found = self.accounts().find(|(name, _)| name.key == *key);
        found.map(|(_, account)| *account)
    }

    fn key(&self, id: AccountId) -> Key {
        let mut accounts = self.accounts();
        let found = accounts.find(|(_, account)| account.id == id.account());
        found.unwrap().0.key.clone()
    }

    fn walk(&self, first: u128, coins: u128, at: Spot, back: bool, short: bool) -> Vec<Arrived> {
        let mut walk = Walk::new(first, coins, at);
        let mut arrived: Vec<Arrived> = Vec::new();
        while let Some(spot) = walk.wants() {
            let jumps = self.jumps.iter().rev().copied().filter(|_| short);
            let mut all = jumps
                .chain(self.moves.iter().map(Move::jump))
                .map(|line| if back { line.turned() } else { line });
            if let Some(row) = walk.found(all.find(|line| line.before(spot).is_some()))
                && !arrived.last_mut().is_some_and(|last| last.join(&row))
            {
                arrived.push(row);
            }
        }
        arrived
    }
}

fn runs(queue: &VecDeque<Coin>) -> Vec<(Key, u128, u128)> {
    let mut runs: Vec<(Key, u128, u128)> = Vec::new();
    for (source, serial, _) in queue {
        match runs.last_mut() {
            Some((of, first, coins)) if of == source && *first + *coins == *serial => *coins += 1,
            _ => runs.push((source.clone(), *serial, 1)),
        }
    }
    runs
}

fn world() -> impl Strategy<Value = Vec<Posted>> {
    world_of(&[0, 1, 2, 3, 4, 5])
}

fn world_of(accounts: &'static [usize]) -> impl Strategy<Value = Vec<Posted>> {
    let account = || prop::sample::select(accounts);
    let transfer = (account(), account(), 1..12u64);
    let entry = prop::collection::vec(transfer, 0..4);
    prop::collection::vec(entry, 1..40).prop_map(|entries| {
        let number = |(height, transfers): (u64, Vec<_>)| posted(height, &transfers);
        (1..).zip(entries).map(number).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn ranges_are_where_every_coin_was_moved_to(entries in world()) {
        let lines = Lines::follow(&entries);
        let mut by_hand = ByHand::default();
        entries.iter().for_each(|entry| by_hand.post(entry));
        let mut standing = 0;
        for (key, queue) in &by_hand.queues {
            let account = lines.id(key).map(|account| (account.holds(), account));
            let (holds, account) = account.unwrap();
            prop_assert_eq!(holds, queue.len() as u128);
            if queue.is_empty() {
                continue;
            }
            standing += holds;
            let front = Spot { account: account.id, position: account.left + 1 };
            for short in [true, false] {
                // Backwards: what stands in the queue, from the front, with its serials.
                let back = lines.walk(0, holds, front, true, short);
                let back: Vec<_> = back
                    .iter()
                    .map(|run| {
                        assert!(run.at.account.is_source());
                        (lines.key(run.at.account), run.at.position, run.coins)
                    })
                    .collect();
                prop_assert_eq!(back, runs(queue));
            }
        }
        // Forwards: every serial that a source ever gave stands in exactly one place.
        let mut found = 0;
        for (key, minted) in &by_hand.minted {
            let account = lines.id(key).unwrap();
            prop_assert_eq!(account.minted, *minted);
            let from = Spot { account: account.id.source(), position: 1 };
            let long = lines.walk(1, *minted, from, false, false);
            prop_assert_eq!(&lines.walk(1, *minted, from, false, true), &long);
            for row in long {
                for nth in 0..row.coins {
                    let holder = lines.id(&lines.key(row.at.account)).unwrap();
                    let index = row.at.position + nth - holder.left - 1;
                    let coin = &by_hand.queues[&lines.key(row.at.account)][index as usize];
                    prop_assert_eq!((&coin.0, coin.1), (key, row.first + nth));
                    found += 1;
                }
            }
        }
        prop_assert_eq!(found, standing);
    }

    #[test]
    fn the_path_of_a_coin_is_every_entry_that_moved_it(entries in world()) {
        let lines = Lines::follow(&entries);
        let mut by_hand = ByHand::default();
        entries.iter().for_each(|entry| by_hand.post(entry));
        for (source, serial, path) in by_hand.queues.values().flatten() {
            let mut at = Spot { account: lines.id(source).unwrap().id.source(), position: *serial };
            let mut walked = Vec::new();
            while let Some(next) = lines.moves.iter().find(|line| line.jump().before(at).is_some()) {
                walked.push(next.height);
                at = next.to.plus(next.jump().before(at).unwrap());
            }
            prop_assert_eq!(&walked, path);
        }
    }

    #[test]
    fn accounts_and_moves_do_not_depend_on_where_one_stops(entries in world(), stop in 0..40usize) {
        let whole = Lines::follow(&entries);
        let (before, after) = entries.split_at(stop.min(entries.len()));
        let mut first = Queues::new(0, 0);
        let (mut moves, mut paid) = (Vec::new(), Vec::new());
        before.iter().for_each(|entry| first.post(entry, &mut moves, &mut paid).unwrap());
        // Only what the rest names is carried over.
        let mut rest = Queues::new(first.newest_account(), first.newest_move());
        let known: BTreeMap<Name, Account> = first.accounts().map(|(name, account)| (name.clone(), *account)).collect();
        for name in after.iter().flat_map(Queues::wanted) {
            if let Some(account) = known.get(&name) {
                rest.put(name, *account);
            }
        }
        after.iter().for_each(|entry| rest.post(entry, &mut moves, &mut paid).unwrap());
        prop_assert_eq!(moves, whole.moves);
        prop_assert_eq!(paid, whole.paid);
    }

    #[test]
    fn what_a_party_was_paid_minus_what_it_paid_is_what_it_holds(entries in world_of(&[0, 1, 2, 3, 5])) {
        // Without money in transit: nobody is paid with it yet.
        let lines = Lines::follow(&entries);
        let mut change: BTreeMap<AccountId, i128> = BTreeMap::new();
        for paid in &lines.paid {
            *change.entry(paid.payer).or_default() -= i128::from(paid.amount);
            *change.entry(paid.payee).or_default() += i128::from(paid.amount);
        }
        let mut held: BTreeMap<AccountId, i128> = BTreeMap::new();
        for (_, account) in lines.accounts() {
            *held.entry(account.party).or_default() += account.holds() as i128 - account.minted as i128;
        }
        for (party, held) in held {
            prop_assert_eq!(change.get(&party).copied().unwrap_or(0), held);
        }
    }
}

#[test]
fn an_entry_reads_as_it_was_written_and_no_byte_may_lack() {
    let entry = Entry {
        kind: EntryKind::Settle,
        subject: Digest([7; 32]),
        currency: usd(),
        at: Timestamp(9),
        transfers: [(1, 3, 5), (2, 3, 0), (4, 1, 6)]
            .map(|(from, to, amount)| {
                let account = |index| match index {
                    1 => books::Account::PurseFree(code(1)),
                    2 => books::Account::PurseReserved(code(1), KeyEpoch(3)),
                    3 => books::Account::PurseFree(code(2)),
                    _ => books::Account::InTransit(Digest([5; 32])),
                };
                books::Transfer {
                    from: account(from),
                    to: account(to),
                    amount: AmountMinor::new(amount).unwrap(),
                }
            })
            .to_vec(),
    };
    let bytes = entry.canonical(17);
    let read = Posted::read(&bytes).unwrap();
    // A line of nothing is not written.
    let mut expected = posted(17, &[(1, 3, 5), (4, 1, 6)]);
    expected.kind = EntryKind::Settle as u8;
    assert_eq!(read, expected);
    for len in 0..bytes.len() {
        assert_eq!(Posted::read(&bytes[..len]), None, "{len}");
    }
    let longer: Vec<u8> = bytes.iter().copied().chain([0]).collect();
    assert_eq!(Posted::read(&longer), None);
}

#[test]
fn a_payment_in_transit_is_paid_by_who_sent_it_and_only_once_it_arrives() {
    let entries = [
        posted(1, &[(0, 1, 100)]),
        posted(2, &[(1, 2, 60)]),
        posted(3, &[(2, 4, 50)]),
        posted(4, &[(4, 3, 30), (4, 1, 20)]),
    ];
    let lines = Lines::follow(&entries);
    let id = |index: usize| lines.id(&keys()[index]).unwrap().id;
    let said: Vec<_> = lines
        .paid
        .iter()
        .map(|paid| (paid.height, paid.payer, paid.payee, paid.amount))
        .collect();
    assert_eq!(said, [(1, id(0), id(1), 100), (4, id(1), id(3), 30)]);
}

#[test]
fn blocks_that_go_round_and_round_come_to_few_jumps() {
    // Two purses pay each other everything, again and again, in odd amounts.
    let mut entries = vec![posted(1, &[(0, 1, 1_000)])];
    for height in 2..=260 {
        let (from, to) = if height % 2 == 0 { (1, 3) } else { (3, 1) };
        entries.push(posted(height, &[(from, to, 300 + height % 7)]));
    }
    let lines = Lines::follow(&entries);
    for block in lines.moves.chunks_exact(64) {
        let jumps: Vec<Jump> = block.iter().map(Move::jump).collect();
        let come_to = net_of_level(3, SMALL, &jumps);
        assert!(come_to.len() <= 2 * block.len());
        assert_eq!(come_to, net(jumps), "by way of smaller blocks or not");
    }
}
