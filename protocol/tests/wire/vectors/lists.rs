//! Lists of revoked codes: whole ones whose filters are made here by plain elimination, and changes.

use super::{fields, hex};
use crate::cast::{Cast, NOW, code, network, signed};
use protocol::objects::Revocations;
use protocol::revocations::{CHANGES, Changes, List, Run, Signed, WHOLE, WIDTH, Whole, question};
use protocol::{Algorithm, Code, Digest, Kind, Signer, Status};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// Numbers that a code has in these lists.
const KNOWN: u64 = 60;
/// Columns of the first filter.
const RANK: u8 = 2;

fn thing(sequence: u64) -> Code {
    code(Kind::Device, 7, sequence)
}

fn is_revoked(sequence: u64) -> bool {
    sequence.is_multiple_of(5)
}

/// What a filter is to answer about codes.
type Wanted = Vec<(Code, bool)>;

/// The bits of a column that answer as they shall: Gaussian elimination over the equations.
fn column(wanted: &[(Code, bool)], rows: u32, mut free: u64) -> Vec<u64> {
    let words = rows.div_ceil(64) as usize + WIDTH;
    let mut pivots: BTreeMap<usize, (Vec<u64>, bool)> = BTreeMap::new();
    let lowest = |row: &[u64]| {
        let at = row.iter().position(|word| *word != 0)?;
        Some(at * 64 + row[at].trailing_zeros() as usize)
    };
    for (code, mut odd) in wanted.iter().copied() {
        let (start, coefficients) = question(&code, rows);
        let mut row = vec![0; words];
        for bit in 0..WIDTH * 64 {
            let at = start + bit;
            row[at / 64] |= (coefficients[bit / 64] >> (bit % 64) & 1) << (at % 64);
        }
        while let Some(bit) = lowest(&row) {
            let Some((known, known_odd)) = pivots.get(&bit) else {
                pivots.insert(bit, (row, odd));
                break;
            };
            row.iter_mut().zip(known).for_each(|(a, b)| *a ^= b);
            odd ^= known_odd;
        }
    }
    let mut column = vec![0; words];
    for word in &mut column {
        free = free.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *word = free ^ free >> 32;
    }
    for (bit, (row, odd)) in pivots.iter().rev() {
        column[bit / 64] &= !(1 << (bit % 64));
        let sum = row.iter().zip(&column).fold(0, |sum, (a, b)| sum ^ (a & b));
        let set = *odd != (sum.count_ones() % 2 == 1);
        column[bit / 64] |= u64::from(set) << (bit % 64);
    }
    column
}

fn codes(list: &[Code]) -> Vec<u8> {
    let mut sorted = list.to_vec();
    sorted.sort_unstable();
    let count = u16::try_from(sorted.len()).unwrap().to_be_bytes();
    let bytes = sorted.iter().flat_map(|code| code.as_bytes().to_vec());
    count.into_iter().chain(bytes).collect()
}

fn runs(list: &[Run]) -> Vec<u8> {
    let mut bytes = u16::try_from(list.len()).unwrap().to_be_bytes().to_vec();
    for run in list {
        bytes.extend(&run.by.issuer.to_be_bytes()[1..]);
        bytes.extend(run.by.station.to_be_bytes());
        bytes.extend(&run.first.to_be_bytes()[3..]);
        bytes.extend(&run.last.to_be_bytes()[3..]);
    }
    bytes
}

/// Two runs: the numbers to 40 without 21 to 24. What is revoked beyond them is named.
fn known_runs() -> [Run; 2] {
    let by = thing(1).issued_by();
    [(0, 20), (25, 40)].map(|(first, last)| Run { by, first, last })
}

fn filtered(inverted: bool, exceptions: &[Code]) -> Vec<u8> {
    let runs_here = known_runs();
    let covered = |code: &Code| runs_here.iter().any(|run| run.has(code));
    let (inside, outside): (Vec<u64>, Vec<u64>) =
        (0..KNOWN).partition(|sequence| covered(&thing(*sequence)));
    let in_filter = |sequence: &u64| is_revoked(*sequence) != inverted;
    // What is an exception answers as if it were in the filter.
    let excepted = |sequence: &u64| exceptions.contains(&thing(*sequence));
    let member = |sequence: &u64| in_filter(sequence) || excepted(sequence);
    let first: Wanted = inside
        .iter()
        .filter(|s| member(s))
        .map(|s| (thing(*s), false))
        .collect();
    let second: Wanted = inside.iter().map(|s| (thing(*s), !member(s))).collect();
    let named: Vec<Code> = outside
        .iter()
        .filter(|s| is_revoked(**s))
        .map(|s| thing(*s))
        .collect();
    let rows = (2 * first.len() as u32 + 64, 2 * second.len() as u32 + 64);
    let mut body = vec![WHOLE, u8::from(inverted)];
    body.extend(runs(&runs_here));
    body.extend(codes(&named));
    body.extend(codes(exceptions));
    body.extend(rows.0.to_be_bytes());
    body.extend(rows.1.to_be_bytes());
    body.push(RANK);
    let mut columns: Vec<Vec<u64>> = (0..RANK)
        .map(|n| column(&first, rows.0, u64::from(n) + 1))
        .collect();
    columns.push(column(&second, rows.1, 99));
    for column in columns {
        body.extend(u16::try_from(column.len()).unwrap().to_be_bytes());
        body.extend(column.iter().flat_map(|word| word.to_be_bytes()));
    }
    body
}

fn list(cast: &Cast, version: u32, base: Option<u32>, body: &[u8]) -> Vec<u8> {
    let head = Revocations {
        gateway: Cast::gateway_code(),
        version,
        base,
        time: NOW,
        body: Digest(Sha256::digest(body).into()),
    };
    let head = signed(&head, &cast.gateway);
    let len = u16::try_from(head.len()).unwrap().to_be_bytes();
    [&len[..], &head, body].concat()
}

fn changes(added: &[Code], removed: &[Code]) -> Vec<u8> {
    [&[CHANGES][..], &codes(added), &codes(removed)].concat()
}

fn asked(cast: &Cast, what: &str, whole: &[u8], changed: Option<&[u8]>) -> Value {
    let key = cast.gateway.public_key();
    let open = |bytes| Signed::verify(bytes, &network(), &key);
    let read = Whole::read(open(whole).unwrap()).unwrap();
    let changed_read = changed.map(|bytes| Changes::read(open(bytes).unwrap()).unwrap());
    let both = List::new(read, changed_read).unwrap();
    let question = |sequence: u64| {
        let code = thing(sequence);
        let (covered, revoked) = (read.covers(&code), both.is_revoked(&code));
        json!({ "code": code.to_string(), "covered": covered, "revoked": revoked })
    };
    json!({
        "what": what,
        "whole": hex(whole),
        "changes": changed.map(hex),
        "version": both.version(),
        "codes": (0..KNOWN + 20).map(question).collect::<Vec<_>>(),
    })
}

fn refused(cast: &Cast) -> Vec<Value> {
    let good = filtered(false, &[]);
    let with = |version, base, body: &[u8]| list(cast, version, base, body);
    let twice = [known_runs()[0]; 2];
    let meeting = [&[WHOLE, 0][..], &runs(&twice), &[0; 4 + 8 + 1 + 2]].concat();
    let mut backwards = known_runs();
    (backwards[0].first, backwards[0].last) = (20, 0);
    let backwards = [&[WHOLE, 0][..], &runs(&backwards), &[0; 4 + 8 + 1 + 2]].concat();
    let mut unsorted = changes(&[thing(1), thing(2)], &[]);
    unsorted[3..43].rotate_left(20);
    let mut forged = with(1, None, &good);
    *forged.last_mut().unwrap() ^= 1;
    let cases = [
        ("a byte of the body changed", forged, Status::BadSignature),
        (
            "cut off",
            with(1, None, &good[..good.len() - 1]),
            Status::Malformed,
        ),
        (
            "a byte too many",
            with(1, None, &[&good[..], &[0]].concat()),
            Status::Malformed,
        ),
        (
            "a whole list that says it changes one",
            with(2, Some(1), &good),
            Status::Malformed,
        ),
        (
            "changes that change nothing",
            with(2, None, &changes(&[], &[])),
            Status::Malformed,
        ),
        (
            "a flag of two",
            with(1, None, &[&[WHOLE, 2], &good[2..]].concat()),
            Status::Malformed,
        ),
        ("a run twice", with(1, None, &meeting), Status::Malformed),
        (
            "a run backwards",
            with(1, None, &backwards),
            Status::Malformed,
        ),
        (
            "codes out of order",
            with(2, Some(1), &unsorted),
            Status::Malformed,
        ),
    ];
    let key = cast.gateway.public_key();
    let case = |(why, bytes, wanted): (&str, Vec<u8>, Status)| {
        let read =
            Signed::verify(&bytes, &network(), &key).and_then(|signed| match signed.head().base {
                None => Whole::read(signed).map(drop),
                Some(_) => Changes::read(signed).map(drop),
            });
        assert_eq!(read, Err(wanted), "{why}");
        json!({ "why": why, "list": hex(&bytes), "error": wanted.word() })
    };
    cases.into_iter().map(case).collect()
}

pub fn revocations() -> Value {
    let cast = Cast::new(Algorithm::Ed25519);
    let plain = list(&cast, 10, None, &filtered(false, &[]));
    let turned = list(&cast, 20, None, &filtered(true, &[]));
    let exceptions = list(&cast, 30, None, &filtered(false, &[thing(3), thing(26)]));
    let added = [thing(2), thing(22), thing(70)];
    let changed = list(
        &cast,
        11,
        Some(10),
        &changes(&added, &[thing(5), thing(50)]),
    );
    let nothing = list(&cast, 21, Some(20), &changes(&[], &[]));
    json!({
        "about": "Lists of revoked codes: docs/protocol.md, 6.24.",
        "network": network().as_str(),
        "gateway_key": fields::public_key(&cast.gateway.public_key()),
        "lists": [
            asked(&cast, "two runs, and names beyond them", &plain, None),
            asked(&cast, "the answer turned round", &turned, None),
            asked(&cast, "exceptions", &exceptions, None),
            asked(&cast, "changes", &plain, Some(&changed)),
            asked(&cast, "no changes yet", &turned, Some(&nothing)),
        ],
        "refused": refused(&cast),
    })
}

#[test]
fn lists_made_by_plain_elimination_say_what_they_were_made_from() {
    for list in revocations()["lists"].as_array().unwrap() {
        if !list["changes"].is_null() {
            continue;
        }
        for (sequence, asked) in (0..).zip(list["codes"].as_array().unwrap()) {
            let revoked = sequence < KNOWN && is_revoked(sequence);
            assert_eq!(asked["revoked"], revoked, "{sequence}: {}", list["what"]);
        }
    }
}
