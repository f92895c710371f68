//! The compact list of revoked codes: whole (about a byte for each of them, whatever the number of
//! good ones) or as changes to a whole one. Read in place, without allocation.
//!
//! The whole list is a clubcard, two ribbon filters one after the other: it is exact for every code
//! it was made from, and says anything of any other. So it also says which runs of sequence numbers
//! it was made from, every number of them either a code that was known then or one that no code can
//! have any more. Any other code is not covered: it is on the list only if it is named.

use crate::code::{CODE_BYTES, Code, IssuedBy};
use crate::cose::{Network, open};
use crate::keys::PublicKey;
use crate::objects::Revocations;
use crate::status::Status;
use crate::units::{Digest, Timestamp};
use sha2::{Digest as _, Sha256};

/// The longest list that is read: about 60,000 revoked codes.
pub const LIST_BYTES_MAX: usize = 64 * 1024;
/// Most runs of sequence numbers of one list.
pub const RUNS_MAX: usize = 512;
/// Most codes that are named in one list, or added or taken away by one list of changes.
pub const NAMED_MAX: usize = 256;
/// Bytes of a run in a list.
pub const RUN_BYTES: usize = 15;
/// First byte of a whole list.
pub const WHOLE: u8 = 1;
/// First byte of a list of changes.
pub const CHANGES: u8 = 2;
/// Words of coefficients in a question.
pub const WIDTH: usize = 2;

/// Neighbouring sequence numbers of one station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// Whose numbers.
    pub by: IssuedBy,
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

impl Run {
    /// Whether the number of this code is one of them.
    pub fn has(&self, code: &Code) -> bool {
        self.by == code.issued_by() && (self.first..=self.last).contains(&code.sequence())
    }
}

/// What the filter is asked about a code: where its coefficients begin, for `rows` rows, and they.
pub fn question(code: &Code, rows: u32) -> (usize, [u64; WIDTH]) {
    let mut hash = Sha256::new();
    hash.update(b"onecode/1/revocations");
    hash.update(code.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let mut words = digest.chunks(8).map(|word| {
        word.iter()
            .fold(0u64, |word, byte| word << 8 | u64::from(*byte))
    });
    let mut next = || words.next().unwrap_or_default();
    let (first, second, _, place) = (next() | 1, next(), next(), next());
    let start = place % u64::from(rows.max(1));
    (start as usize, [first, second])
}

/// A signed list and the head it came with.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'b> {
    head: Revocations,
    body: &'b [u8],
}

impl<'b> Signed<'b> {
    /// Splits a list from its head: two bytes of length, the signed head, the list.
    /// Nothing is believed before [`Signed::verify`]; who signed is in the answer.
    pub fn gateway(bytes: &[u8], network: &Network) -> Result<Code, Status> {
        let (head, _) = parts(bytes)?;
        Ok(open::<Revocations>(head, network)?.peek().gateway)
    }

    /// The list, if the key's holder signed it.
    pub fn verify(bytes: &'b [u8], network: &Network, key: &PublicKey) -> Result<Self, Status> {
        let (head, body) = parts(bytes)?;
        let head = *open::<Revocations>(head, network)?.verify(key)?.get();
        if head.body != Digest(Sha256::digest(body).into()) {
            return Err(Status::BadSignature);
        }
        Ok(Self { head, body })
    }

    /// What the head says.
    pub fn head(&self) -> &Revocations {
        &self.head
    }
}

fn parts(bytes: &[u8]) -> Result<(&[u8], &[u8]), Status> {
    if bytes.len() > LIST_BYTES_MAX {
        return Err(Status::Malformed);
    }
    let mut from = Reader(bytes);
    let len = usize::from(from.u16()?);
    let head = from.take(len)?;
    Ok((head, from.0))
}

/// Everything revoked at one time.
#[derive(Clone, Copy, Debug)]
pub struct Whole<'b> {
    head: Revocations,
    runs: &'b [u8],
    named: &'b [u8],
    exceptions: &'b [u8],
    inverted: bool,
    rows: (u32, u32),
    rank: u8,
    /// The columns of both filters, each behind its number of words.
    columns: &'b [u8],
}

/// What has changed since a whole list.
#[derive(Clone, Copy, Debug)]
pub struct Changes<'b> {
    head: Revocations,
    added: &'b [u8],
    removed: &'b [u8],
}

/// A whole list, and what has changed since.
#[derive(Clone, Copy, Debug)]
pub struct List<'b> {
    whole: Whole<'b>,
    changes: Option<Changes<'b>>,
}

impl<'b> Whole<'b> {
    /// Reads a whole list. Every byte has its place, and nothing stands behind the last column.
    pub fn read(signed: Signed<'b>) -> Result<Self, Status> {
        let mut from = Reader(signed.body);
        if signed.head.base.is_some() || from.u8()? != WHOLE {
            return Err(Status::Malformed);
        }
        let inverted = match from.u8()? {
            flag @ (0 | 1) => flag == 1,
            _ => return Err(Status::Malformed),
        };
        let runs = from.runs()?;
        let named = from.codes()?;
        let exceptions = from.codes()?;
        let rows = (from.u32()?, from.u32()?);
        let rank = from.u8()?;
        let columns = from.0;
        for _ in 0..=rank {
            let words = usize::from(from.u16()?);
            from.take(words * 8)?;
        }
        if !from.0.is_empty() {
            return Err(Status::Malformed);
        }
        Ok(Self {
            head: signed.head,
            runs,
            named,
            exceptions,
            inverted,
            rows,
            rank,
            columns,
        })
    }

    fn contains(&self, code: &Code) -> bool {
        is_among(self.named, code) || (self.covers(code) && self.filter(code))
    }

    /// Whether the list was made knowing this code: if it is not, the code is judged by its pass
    /// alone, unless it is named.
    pub fn covers(&self, code: &Code) -> bool {
        self.runs
            .chunks(RUN_BYTES)
            .any(|run| Reader(run).run().is_ok_and(|run| run.has(code)))
    }

    fn filter(&self, code: &Code) -> bool {
        let (approximate, exact) = self.rows;
        let inside = approximate > 0 && {
            let mut from = Reader(self.columns);
            let first = question(code, approximate);
            let second = question(code, exact);
            (0..self.rank).all(|_| from.column().is_some_and(|column| !is_odd(first, column)))
                && from.column().is_some_and(|column| !is_odd(second, column))
                && !is_among(self.exceptions, code)
        };
        inside != self.inverted
    }
}

impl<'b> Changes<'b> {
    /// Reads changes.
    pub fn read(signed: Signed<'b>) -> Result<Self, Status> {
        let mut from = Reader(signed.body);
        if signed.head.base.is_none() || from.u8()? != CHANGES {
            return Err(Status::Malformed);
        }
        let (added, removed) = (from.codes()?, from.codes()?);
        if !from.0.is_empty() {
            return Err(Status::Malformed);
        }
        Ok(Self {
            head: signed.head,
            added,
            removed,
        })
    }
}

impl<'b> List<'b> {
    /// A whole list with its changes, which must be of the same gateway and to this very list.
    pub fn new(whole: Whole<'b>, changes: Option<Changes<'b>>) -> Result<Self, Status> {
        if let Some(changes) = &changes {
            let (whole, changes) = (&whole.head, &changes.head);
            if changes.gateway != whole.gateway {
                return Err(Status::NotForYou);
            }
            if changes.base != Some(whole.version) || changes.version <= whole.version {
                return Err(Status::Malformed);
            }
        }
        Ok(Self { whole, changes })
    }

    /// Whether nobody should take anything from this code.
    pub fn is_revoked(&self, code: &Code) -> bool {
        match &self.changes {
            Some(changes) if is_among(changes.added, code) => true,
            Some(changes) if is_among(changes.removed, code) => false,
            _ => self.whole.contains(code),
        }
    }

    /// Whose word it is.
    pub fn gateway(&self) -> Code {
        self.whole.head.gateway
    }

    /// Version of the newest part.
    pub fn version(&self) -> u32 {
        self.newest().version
    }

    /// When the newest part was made.
    pub fn time(&self) -> Timestamp {
        self.newest().time
    }

    fn newest(&self) -> &Revocations {
        let changes = self.changes.as_ref();
        changes.map_or(&self.whole.head, |changes| &changes.head)
    }
}

/// Sorted codes, one behind the other.
fn is_among(codes: &[u8], code: &Code) -> bool {
    codes
        .chunks(CODE_BYTES)
        .any(|listed| listed == code.as_bytes())
}

/// The sum of a column's bits at the places of a question. What lies beyond the column is zero.
fn is_odd((start, coefficients): (usize, [u64; WIDTH]), column: &[u8]) -> bool {
    let word = |at: usize| {
        let from = at.checked_mul(8).and_then(|at| column.get(at..));
        Reader(from.unwrap_or_default()).u64().unwrap_or_default()
    };
    let (first, shift) = (start / 64, start % 64);
    let mut sum = 0;
    for (at, coefficients) in (first..).zip(coefficients) {
        let high = match shift {
            0 => 0,
            shift => word(at + 1) << (64 - shift),
        };
        sum ^= (word(at) >> shift | high) & coefficients;
    }
    sum.count_ones() % 2 == 1
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, len: usize) -> Result<&'b [u8], Status> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Status::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, bytes: usize) -> Result<u64, Status> {
        let bytes = self.take(bytes)?.iter();
        Ok(bytes.fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn u8(&mut self) -> Result<u8, Status> {
        Ok(self.number(1)? as u8)
    }

    fn u16(&mut self) -> Result<u16, Status> {
        Ok(self.number(2)? as u16)
    }

    fn u32(&mut self) -> Result<u32, Status> {
        Ok(self.number(4)? as u32)
    }

    fn u40(&mut self) -> Result<u64, Status> {
        self.number(5)
    }

    fn u64(&mut self) -> Result<u64, Status> {
        self.number(8)
    }

    /// Runs behind their number, ascending, none empty, none meeting the one before.
    fn runs(&mut self) -> Result<&'b [u8], Status> {
        let count = usize::from(self.u16()?);
        let runs = self.take(count * RUN_BYTES)?;
        let mut before: Option<Run> = None;
        for run in runs.chunks(RUN_BYTES) {
            let run = Reader(run).run()?;
            let follows = |before: Run| (before.by, before.last) < (run.by, run.first);
            if run.first > run.last || !before.is_none_or(follows) {
                return Err(Status::Malformed);
            }
            before = Some(run);
        }
        match count <= RUNS_MAX {
            true => Ok(runs),
            false => Err(Status::Malformed),
        }
    }

    fn run(&mut self) -> Result<Run, Status> {
        Ok(Run {
            by: self.issued_by()?,
            first: self.u40()?,
            last: self.u40()?,
        })
    }

    fn issued_by(&mut self) -> Result<IssuedBy, Status> {
        Ok(IssuedBy {
            issuer: self.number(3)? as u32,
            station: self.u16()?,
        })
    }

    /// Codes behind their number, ascending.
    fn codes(&mut self) -> Result<&'b [u8], Status> {
        let count = usize::from(self.u16()?);
        let codes = self.take(count * CODE_BYTES)?;
        let mut pairs = codes
            .chunks(CODE_BYTES)
            .zip(codes.chunks(CODE_BYTES).skip(1));
        match count <= NAMED_MAX && pairs.all(|(a, b)| a < b) {
            true => Ok(codes),
            false => Err(Status::Malformed),
        }
    }

    /// The words of the next column.
    fn column(&mut self) -> Option<&'b [u8]> {
        let words = self.u16().ok()?;
        self.take(usize::from(words) * 8).ok()
    }
}
