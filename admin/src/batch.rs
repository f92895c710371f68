//! Files of whole batches, put together while they are read: a batch is larger than memory should
//! be.

use crate::language::say;
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::{pages, show, tar};
use axum::body::Body;
use axum::response::Response;
use futures_util::stream::try_unfold;
use issuer::label::SHEET_LABELS_MAX;
use issuer::order::{has_keys, short};
use ledger::OrderRow;
use ledger::bounds::PAGE_MOST;
use ledger::chain::Proved;
use ledger::views::BatchPart;
use protocol::Code;
use protocol::objects::WorkOrder;
use std::fmt::Write as _;
use std::io;

/// What a file holds of each code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchFile {
    /// A line of CSV.
    Codes,
    /// A tlog-proof in an archive.
    Proofs,
}

/// Into how many files the labels of so many codes go.
pub fn parts(made: u32) -> u32 {
    made.div_ceil(u32::try_from(SHEET_LABELS_MAX).unwrap_or(u32::MAX))
        .max(1)
}

async fn next(
    portal: &Portal,
    row: &OrderRow,
    order: &WorkOrder,
    after: Option<&Code>,
) -> Result<BatchPart, ledger::Error> {
    let keys = has_keys(order.kind);
    portal.ledger.batch(&row.id, keys, after, PAGE_MOST).await
}

/// The codes whose labels go into one file, from the first part on.
pub async fn part(
    portal: &Portal,
    row: &OrderRow,
    order: &WorkOrder,
    part: u32,
) -> Result<Vec<Code>, Refusal> {
    if !(1..=parts(row.made)).contains(&part) {
        return Err(Refusal::NotFound(say("There are fewer labels than that.")));
    }
    let skipped = (part as usize - 1) * SHEET_LABELS_MAX;
    let (mut codes, mut seen, mut after) = (Vec::new(), 0, None);
    loop {
        let found = next(portal, row, order, after.as_ref()).await?;
        for made in &found.codes {
            if seen >= skipped && codes.len() < SHEET_LABELS_MAX {
                codes.push(made.code);
            }
            seen += 1;
        }
        after = found.next;
        if after.is_none() || codes.len() == SHEET_LABELS_MAX {
            return Ok(codes);
        }
    }
}

/// Whether the newest checkpoint covers the whole batch: half of an archive would not be noticed.
pub async fn is_proved(portal: &Portal, row: &OrderRow, order: &WorkOrder) -> Result<(), Refusal> {
    const SOON: Refusal = Refusal::Busy(say(
        "The next checkpoint of the code chain comes within seconds; try again.",
    ));
    // A manifest is taken whole, so its last code stands last in the log.
    let mut after = None;
    loop {
        let found = next(portal, row, order, after.as_ref()).await?;
        if found.next.is_none() {
            let Some(last) = found.codes.last() else {
                return Err(Refusal::NotFound(say(
                    "No code of this order has come back yet.",
                )));
            };
            let proved = portal.ledger.act_proof(&last.code.into(), None).await;
            return match proved.map_err(|_| Refusal::Broken)? {
                Proved::Text(_) => Ok(()),
                _ => Err(SOON),
            };
        }
        after = found.next;
    }
}

/// Where a file goes on.
enum At {
    Begin,
    After(Option<Code>),
    End,
}

/// All codes of an order as one file.
pub fn file(portal: Shared, row: OrderRow, order: WorkOrder, what: BatchFile) -> Response {
    let (kind, name) = match what {
        BatchFile::Codes => (
            "text/csv; charset=utf-8",
            format!("codes-{}.csv", short(&row.id)),
        ),
        BatchFile::Proofs => (
            "application/x-tar",
            format!("proofs-{}.tar", short(&row.id)),
        ),
    };
    let batch = Batch {
        portal,
        row,
        order,
        what,
    };
    let pieces = try_unfold((batch, At::Begin), |(batch, at)| async move {
        let (piece, at) = match at {
            At::End => return Ok::<_, io::Error>(None),
            At::Begin => (batch.head(), At::After(None)),
            At::After(after) => batch.piece(after).await?,
        };
        Ok(Some((piece, (batch, at))))
    });
    pages::parts::attachment(kind, &name, Body::from_stream(pieces))
}

struct Batch {
    portal: Shared,
    row: OrderRow,
    order: WorkOrder,
    what: BatchFile,
}

impl Batch {
    fn head(&self) -> Vec<u8> {
        match self.what {
            BatchFile::Codes => {
                b"number,code,kind,state,issued,product,batch,symbol,proof\r\n".to_vec()
            }
            BatchFile::Proofs => Vec::new(),
        }
    }

    async fn piece(&self, after: Option<Code>) -> io::Result<(Vec<u8>, At)> {
        let found = next(&self.portal, &self.row, &self.order, after.as_ref()).await;
        let found = found.map_err(io::Error::other)?;
        let mut piece = Vec::new();
        for made in &found.codes {
            match self.what {
                BatchFile::Codes => {
                    let state = made.state.word();
                    let line = self.line(&made.code, state, show::time(made.issued));
                    piece.extend_from_slice(line.as_bytes());
                }
                BatchFile::Proofs => piece.extend(self.proof(&made.code, made.issued.0).await?),
            }
        }
        match found.next {
            Some(last) => Ok((piece, At::After(Some(last)))),
            None => {
                if self.what == BatchFile::Proofs {
                    piece.extend_from_slice(&tar::END);
                }
                Ok((piece, At::End))
            }
        }
    }

    fn line(&self, code: &Code, state: &str, issued: String) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let mut line = String::new();
        // Writing to a string does not fail.
        let _ = write!(
            line,
            "{},{code},{},{state},{issued},{},{},{},/1/{code}/proof\r\n",
            code.sequence(),
            code.kind().word(),
            quoted(&self.row.product),
            quoted(&self.row.batch),
            crate::draw::code_uri(&self.portal.resolver, code),
        );
        line
    }

    async fn proof(&self, code: &Code, at: u32) -> io::Result<Vec<u8>> {
        let proved = self.portal.ledger.act_proof(&(*code).into(), None).await;
        match proved.map_err(io::Error::other)? {
            Proved::Text(text) => Ok(tar::file(
                &format!("{code}.tlog-proof"),
                text.as_bytes(),
                at,
            )),
            _ => Err(io::Error::other("a code of the batch has no proof yet")),
        }
    }
}
