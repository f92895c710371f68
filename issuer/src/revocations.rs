//! Makes the compact list of revoked codes that [`protocol::revocations`] reads.

use crate::authority::Authority;
use crate::error::IssueError;
use clubcard::builder::{ApproximateRibbon, ClubcardBuilder, ExactRibbon};
use clubcard::{AsQuery, Clubcard, Equation, Filterable, Queryable};
use protocol::code::IssuedBy;
use protocol::cose::{self, SIGNED_MAX};
use protocol::objects::Revocations;
use protocol::revocations::{
    CHANGES, LIST_BYTES_MAX, List, NAMED_MAX, RUNS_MAX, Run, Signed, WHOLE, WIDTH, Whole, question,
};
use protocol::{Code, Digest, Timestamp};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fmt;

/// One known code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub code: Code,
    /// Whether nobody should take anything from it.
    pub revoked: bool,
}

/// A sequence number that no code came of and none ever will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GivenUp {
    /// Whose.
    pub by: IssuedBy,
    /// Which.
    pub sequence: u64,
}

/// Number and time of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationsOrder {
    /// Grows with every list of this gateway, whole or not.
    pub version: u32,
    /// Now.
    pub time: Timestamp,
}

/// Why there is no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFault {
    /// More named codes, changes or bytes than a list holds.
    TooMany,
    /// The filter could not be made, or says something else than it was made from.
    Filter,
    /// It could not be signed.
    Signing,
}

impl fmt::Display for ListFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "a list of revoked codes does not hold that many",
            Self::Filter => "the list of revoked codes could not be made",
            Self::Signing => "the list of revoked codes could not be signed",
        })
    }
}

impl std::error::Error for ListFault {}

impl From<IssueError> for ListFault {
    fn from(_: IssueError) -> Self {
        Self::Signing
    }
}

impl Authority {
    /// A whole list, signed. A number that has neither a standing nor was given up may still become
    /// a code, and no run of the list has it. Revoked codes outside the runs are named.
    pub fn revocations(
        &self,
        order: &RevocationsOrder,
        standings: &[Standing],
        given_up: &[GivenUp],
    ) -> Result<Vec<u8>, ListFault> {
        let runs = runs(standings, given_up);
        let is_covered = |code: &Code| {
            let next = runs.partition_point(|run| (run.by, run.first) <= place(code));
            let run = next.checked_sub(1).and_then(|at| runs.get(at));
            run.is_some_and(|run| run.has(code))
        };
        let named = standings.iter().filter(|it| it.revoked);
        let named = named.map(|it| it.code).filter(|code| !is_covered(code));
        let covered: Vec<Item> = standings
            .iter()
            .filter(|it| is_covered(&it.code))
            .map(|it| Item(*it))
            .collect();
        let mut body = vec![WHOLE];
        put_filter(&mut body, &covered, &runs, named.collect())?;
        let bytes = self.signed(order, None, &body)?;
        let read = Signed::verify(&bytes, &self.network, &self.pass_key())
            .and_then(Whole::read)
            .and_then(|whole| List::new(whole, None))
            .map_err(|_| ListFault::Filter)?;
        let is_exact = |it: &Standing| read.is_revoked(&it.code) == it.revoked;
        match standings.iter().all(is_exact) {
            true => Ok(bytes),
            false => Err(ListFault::Filter),
        }
    }

    /// Changes to the whole list of version `base`, signed.
    pub fn revocation_changes(
        &self,
        order: &RevocationsOrder,
        base: u32,
        added: &BTreeSet<Code>,
        removed: &BTreeSet<Code>,
    ) -> Result<Vec<u8>, ListFault> {
        let mut body = vec![CHANGES];
        put_codes(&mut body, added)?;
        put_codes(&mut body, removed)?;
        self.signed(order, Some(base), &body)
    }

    fn signed(
        &self,
        order: &RevocationsOrder,
        base: Option<u32>,
        body: &[u8],
    ) -> Result<Vec<u8>, ListFault> {
        let head = Revocations {
            gateway: self.code,
            version: order.version,
            base,
            time: order.time,
            body: Digest(Sha256::digest(body).into()),
        };
        let mut sealed = [0; SIGNED_MAX];
        let key = self.pass_key.as_ref();
        let (len, _) =
            cose::seal(&head, &self.network, key, &mut sealed).map_err(|_| ListFault::Signing)?;
        let mut bytes = u16::try_from(len)
            .map_err(|_| ListFault::TooMany)?
            .to_be_bytes()
            .to_vec();
        bytes.extend(sealed.get(..len).unwrap_or_default());
        bytes.extend(body);
        match bytes.len() <= LIST_BYTES_MAX {
            true => Ok(bytes),
            false => Err(ListFault::TooMany),
        }
    }
}

fn place(code: &Code) -> (IssuedBy, u64) {
    (code.issued_by(), code.sequence())
}

/// Neighbouring numbers, as far as there are revoked codes among them. Of more than a list holds
/// those with the most.
fn runs(standings: &[Standing], given_up: &[GivenUp]) -> Vec<Run> {
    let known = standings.iter().map(|it| (place(&it.code), it.revoked));
    let given_up = given_up.iter().map(|it| ((it.by, it.sequence), false));
    let mut numbers: Vec<_> = known.chain(given_up).collect();
    numbers.sort_unstable();
    let mut counted: Vec<(u32, Run)> = Vec::new();
    for ((by, number), revoked) in numbers {
        match counted.last_mut() {
            Some((count, run)) if run.by == by && number <= run.last + 1 => {
                *count += u32::from(revoked);
                run.last = number;
            }
            _ => {
                let (first, last) = (number, number);
                counted.push((u32::from(revoked), Run { by, first, last }));
            }
        }
    }
    counted.retain(|(count, _)| *count > 0);
    counted.sort_unstable_by(|a, b| b.cmp(a));
    let mut runs: Vec<Run> = counted.into_iter().map(|(_, run)| run).collect();
    runs.truncate(RUNS_MAX);
    runs.sort_unstable();
    runs
}

fn put_filter(
    body: &mut Vec<u8>,
    items: &[Item],
    runs: &[Run],
    named: BTreeSet<Code>,
) -> Result<(), ListFault> {
    let card = filter(items);
    let index = card.index.values().next().ok_or(ListFault::Filter)?;
    let rows = |rows: usize| u32::try_from(rows).map_err(|_| ListFault::TooMany);
    let rank = u8::try_from(index.approx_filter_rank).map_err(|_| ListFault::TooMany)?;
    let mut exceptions = BTreeSet::new();
    for exception in &index.exceptions {
        let code = exception.as_slice().try_into().ok();
        let code = code.and_then(|bytes| Code::from_bytes(bytes).ok());
        exceptions.insert(code.ok_or(ListFault::Filter)?);
    }
    body.push(u8::from(index.inverted));
    let count = u16::try_from(runs.len()).map_err(|_| ListFault::TooMany)?;
    body.extend(count.to_be_bytes());
    for run in runs {
        body.extend(run.by.issuer.to_be_bytes().iter().skip(1));
        body.extend(run.by.station.to_be_bytes());
        for number in [run.first, run.last] {
            body.extend(number.to_be_bytes().iter().skip(3));
        }
    }
    put_codes(body, &named)?;
    put_codes(body, &exceptions)?;
    body.extend(rows(index.approx_filter_m)?.to_be_bytes());
    body.extend(rows(index.exact_filter_m)?.to_be_bytes());
    body.push(rank);
    // There may be none at all, and then none is read.
    let columns = card.approx_filter.iter().take(usize::from(rank));
    for column in columns.chain([&card.exact_filter]) {
        let words = u16::try_from(column.len()).map_err(|_| ListFault::TooMany)?;
        body.extend(words.to_be_bytes());
        for word in column {
            body.extend(word.to_be_bytes());
        }
    }
    Ok(())
}

fn put_codes(body: &mut Vec<u8>, codes: &BTreeSet<Code>) -> Result<(), ListFault> {
    let count = u16::try_from(codes.len()).map_err(|_| ListFault::TooMany)?;
    if codes.len() > NAMED_MAX {
        return Err(ListFault::TooMany);
    }
    body.extend(count.to_be_bytes());
    for code in codes {
        body.extend(code.as_bytes());
    }
    Ok(())
}

fn filter(items: &[Item]) -> Clubcard<WIDTH, (), ()> {
    let mut card = ClubcardBuilder::new();
    let mut approximate = card.new_approx_builder(&[]);
    for item in items.iter().filter(|item| item.0.revoked) {
        approximate.insert(*item);
    }
    approximate.set_universe_size(items.len());
    card.collect_approx_ribbons(vec![ApproximateRibbon::from(approximate)]);
    let mut exact = card.new_exact_builder(&[]);
    for item in items {
        exact.insert(*item);
    }
    card.collect_exact_ribbons(vec![ExactRibbon::from(exact)]);
    card.build::<Item>((), ())
}

#[derive(Clone, Copy)]
struct Item(Standing);

impl AsQuery<WIDTH> for Item {
    fn as_query(&self, rows: usize) -> Equation<WIDTH> {
        let (start, coefficients) = question(&self.0.code, u32::try_from(rows).unwrap_or(u32::MAX));
        Equation::inhomogeneous(start, coefficients, u8::from(!self.0.revoked))
    }

    fn block(&self) -> &[u8] {
        &[]
    }

    fn discriminant(&self) -> &[u8] {
        self.0.code.as_bytes()
    }
}

impl Filterable<WIDTH> for Item {
    fn included(&self) -> bool {
        self.0.revoked
    }
}

impl Queryable<WIDTH> for Item {
    type UniverseMetadata = ();
    type PartitionMetadata = ();

    fn in_universe(&self, (): &()) -> bool {
        true
    }
}
