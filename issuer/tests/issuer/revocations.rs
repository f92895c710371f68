//! The compact list of revoked codes: exact, small, quickly made, and nobody else's.

use crate::workshop::*;
use issuer::{Authority, GivenUp, ListFault, RevocationsOrder, Standing};
use protocol::code::IssuedBy;
use protocol::revocations::{Changes, LIST_BYTES_MAX, List, NAMED_MAX, RUNS_MAX, Signed, Whole};
use protocol::{Code, Kind, Status, Timestamp};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const HERE: IssuedBy = IssuedBy {
    issuer: 1,
    station: 1,
};

fn code(sequence: u64) -> Code {
    Code::derive(Kind::Device, HERE, sequence, b"key").unwrap()
}

/// Codes 1 to `count`; every `nth` is revoked.
fn standings(count: u64, nth: u64) -> Vec<Standing> {
    let standing = |sequence: u64| Standing {
        code: code(sequence),
        revoked: sequence.is_multiple_of(nth),
    };
    (1..=count).map(standing).collect()
}

fn order(version: u32) -> RevocationsOrder {
    RevocationsOrder { version, time: NOW }
}

fn gateway() -> Authority {
    authorities().gateway.clone()
}

fn whole<'b>(bytes: &'b [u8], by: &Authority) -> Result<Whole<'b>, Status> {
    Signed::verify(bytes, &network(), &by.pass_key()).and_then(Whole::read)
}

#[test]
fn a_million_codes_with_ten_thousand_revoked_stay_below_16_kb() {
    let standings = standings(1_000_000, 100);
    let started = Instant::now();
    // Making it also asks it about each of the million.
    let list = gateway().revocations(&order(1), &standings, &[]);
    let (list, took) = (list.unwrap(), started.elapsed());
    println!("{} bytes in {took:?}", list.len());
    assert!(list.len() < 12_000, "{}", list.len());
    // Seconds when optimised; how long it takes otherwise says nothing.
    assert!(
        cfg!(debug_assertions) || took < Duration::from_secs(20),
        "{took:?}"
    );
}

#[test]
fn lists_of_every_make_are_exact() {
    let by = gateway();
    for (count, nth) in [
        (1, 1),
        (1, 2),
        (2, 1),
        (50, 49),
        (100, 1),
        (1000, 3),
        (5000, 5000),
    ] {
        let standings = standings(count, nth);
        let bytes = by.revocations(&order(1), &standings, &[]).unwrap();
        let list = List::new(whole(&bytes, &by).unwrap(), None).unwrap();
        for it in &standings {
            assert_eq!(list.is_revoked(&it.code), it.revoked, "{count} {nth}");
        }
        for later in count + 1..count + 500 {
            assert!(!list.is_revoked(&code(later)), "{count} {nth} {later}");
        }
    }
    let empty = by.revocations(&order(1), &[], &[]).unwrap();
    let list = List::new(whole(&empty, &by).unwrap(), None).unwrap();
    assert!(!list.is_revoked(&code(1)));
}

#[test]
fn a_code_that_came_late_is_not_on_a_list_that_did_not_know_it() {
    let by = gateway();
    let known = |sequence: u64| !sequence.is_multiple_of(7);
    let mut made_from = standings(3_000, 3);
    made_from.retain(|it| known(it.code.sequence()));
    let bytes = by.revocations(&order(1), &made_from, &[]).unwrap();
    let list = whole(&bytes, &by).unwrap();
    for sequence in 0..6_000 {
        let code = code(sequence);
        let revoked = sequence <= 3_000 && sequence % 3 == 0 && known(sequence);
        assert!(known(sequence) || !list.covers(&code), "{sequence}");
        let list = List::new(list, None).unwrap();
        assert_eq!(list.is_revoked(&code), revoked, "{sequence}");
    }
}

#[test]
fn numbers_that_were_given_up_do_not_part_runs() {
    let by = gateway();
    let gap = |sequence: u64| sequence % 5 == 4;
    let mut made_from = standings(10_000, 3);
    made_from.retain(|it| !gap(it.code.sequence()));
    // 2,000 runs with some 2,700 revoked codes: more than can be named beside the runs.
    let apart = by.revocations(&order(1), &made_from, &[]);
    assert_eq!(apart, Err(ListFault::TooMany));
    let given_up = (0..10_000).filter(|sequence| gap(*sequence));
    let given_up: Vec<GivenUp> = given_up
        .map(|sequence| GivenUp { by: HERE, sequence })
        .collect();
    let bytes = by.revocations(&order(1), &made_from, &given_up).unwrap();
    let list = List::new(whole(&bytes, &by).unwrap(), None).unwrap();
    let wrong = made_from
        .iter()
        .find(|it| list.is_revoked(&it.code) != it.revoked);
    assert_eq!(wrong, None);
}

#[test]
fn revoked_codes_beyond_the_runs_of_a_list_are_named() {
    let by = gateway();
    // Each a run of its own.
    let alone = |count: u64| -> Vec<Standing> {
        let mut standings = standings(3 * count, 1);
        standings.retain(|it| it.code.sequence() % 3 == 0);
        standings
    };
    let most = alone((RUNS_MAX + NAMED_MAX) as u64);
    let bytes = by.revocations(&order(1), &most, &[]).unwrap();
    let list = List::new(whole(&bytes, &by).unwrap(), None).unwrap();
    assert!(most.iter().all(|it| list.is_revoked(&it.code)));
    let more = by.revocations(&order(1), &alone((RUNS_MAX + NAMED_MAX) as u64 + 1), &[]);
    assert_eq!(more, Err(ListFault::TooMany));
}

#[test]
fn changes_add_and_take_away() {
    let by = gateway();
    let first = by
        .revocations(&order(1), &standings(1000, 10), &[])
        .unwrap();
    let (added, removed) = ([code(11), code(2000)], [code(20)]);
    let (added, removed) = (BTreeSet::from(added), BTreeSet::from(removed));
    let then = by
        .revocation_changes(&order(2), 1, &added, &removed)
        .unwrap();
    let changes = |bytes| Signed::verify(bytes, &network(), &by.pass_key()).and_then(Changes::read);
    let list = List::new(whole(&first, &by).unwrap(), Some(changes(&then).unwrap())).unwrap();
    assert_eq!(
        (list.version(), list.time(), list.gateway()),
        (2, NOW, by.code())
    );
    for (sequence, revoked) in [
        (10, true),
        (11, true),
        (12, false),
        (20, false),
        (2000, true),
    ] {
        assert_eq!(list.is_revoked(&code(sequence)), revoked, "{sequence}");
    }
    // To another list, or backwards.
    let other = by
        .revocations(&order(3), &standings(1000, 10), &[])
        .unwrap();
    let other = List::new(whole(&other, &by).unwrap(), Some(changes(&then).unwrap()));
    assert_eq!(other.err(), Some(Status::Malformed));
    let backwards = by
        .revocation_changes(&order(1), 1, &added, &removed)
        .unwrap();
    let backwards = List::new(
        whole(&first, &by).unwrap(),
        Some(changes(&backwards).unwrap()),
    );
    assert_eq!(backwards.err(), Some(Status::Malformed));
    // One is not taken for the other.
    assert_eq!(changes(&first).err(), Some(Status::Malformed));
    assert_eq!(whole(&then, &by).err(), Some(Status::Malformed));
}

#[test]
fn nobody_else_makes_a_list_and_no_byte_of_it_changes() {
    let by = gateway();
    let good = by.revocations(&order(1), &standings(200, 7), &[]).unwrap();
    assert_eq!(Signed::gateway(&good, &network()), Ok(by.code()));
    let refused = Some(Status::BadSignature);
    assert_eq!(whole(&good, &authorities().issuer).err(), refused);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(whole(&bad, &by).is_err(), "{at}");
        assert!(whole(&good[..at], &by).is_err(), "{at}");
    }
    let mut long = good.clone();
    long.push(0);
    assert!(whole(&long, &by).is_err());
    long.resize(LIST_BYTES_MAX + 1, 0);
    assert_eq!(whole(&long, &by).err(), Some(Status::Malformed));
}

#[test]
fn a_list_has_bounds() {
    let by = gateway();
    let codes = |count: usize| (0..count as u64).map(code).collect::<BTreeSet<Code>>();
    let none = BTreeSet::new();
    let most = codes(NAMED_MAX);
    assert!(by.revocation_changes(&order(2), 1, &most, &none).is_ok());
    let changes = by.revocation_changes(&order(2), 1, &none, &codes(NAMED_MAX + 1));
    assert_eq!(changes, Err(ListFault::TooMany));
}

#[test]
fn a_list_that_pretends_is_refused_without_harm() {
    let by = gateway();
    let good = by.revocations(&order(1), &standings(64, 3), &[]).unwrap();
    let key = by.signer();
    let head = usize::from(u16::from_be_bytes([good[0], good[1]])) + 2;
    let body = &good[head..];
    // Every prefix and every changed byte of the list itself, properly signed.
    for at in 0..body.len() {
        for change in 0..3u8 {
            let mut bad = body.to_vec();
            match change {
                0 => bad.truncate(at),
                1 => bad[at] = 0xff,
                _ => bad[at] ^= 0x80,
            }
            let signed = resigned(&by, key.as_ref(), &bad);
            if let Ok(list) = whole(&signed, &by).and_then(|whole| List::new(whole, None)) {
                for sequence in 0..80 {
                    let _ = list.is_revoked(&code(sequence));
                }
            }
        }
    }
}

fn resigned(by: &Authority, key: &dyn protocol::Signer, body: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    let head = protocol::objects::Revocations {
        gateway: by.code(),
        version: 1,
        base: None,
        time: Timestamp(NOW.0),
        body: protocol::Digest(sha2::Sha256::digest(body).into()),
    };
    let mut out = [0; protocol::cose::SIGNED_MAX];
    let (len, _) = protocol::cose::seal(&head, &network(), key, &mut out).unwrap();
    let mut bytes = (len as u16).to_be_bytes().to_vec();
    bytes.extend(&out[..len]);
    bytes.extend(body);
    bytes
}
