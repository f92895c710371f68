//! Batches of requests: read from a table, kept by the books, and worked off beside everything else.
//! A restart goes on where it was: what was issued and not marked gets the same code again.

use crate::desk::{DeskOrder, DeskRefusal};
use crate::language::{Say, say};
use crate::pages::issue::{read_pem, wanted};
use crate::portal::{Portal, Shared};
use futures_util::future::join_all;
use ledger::bounds::JOB_LINES_MOST;
use ledger::people::Act;
use ledger::{JobLine, JobRow, JobState, NewJob};
use protocol::{Digest, Fault, Kind};
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Largest table.
pub const TABLE_BYTES_MAX: usize = 24 << 20;
/// Requests that are being issued at once.
const AT_ONCE: u32 = 16;
/// How long the worker waits where nothing is to be done, and after a line that cannot be issued now.
const IDLE: Duration = Duration::from_millis(500);
/// The columns of a table.
const COLUMNS: &str = "name,product,kind,request";
/// Columns of a base64 line within a PEM text.
const PEM_COLUMNS: usize = 64;

/// The rows of a table of comma-separated values (RFC 4180), each with the number of its line.
fn rows(text: &str) -> Result<Vec<Vec<String>>, Say> {
    let mut rows = Vec::new();
    let (mut row, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match (quoted, char) {
            (true, '"') if chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            (true, '"') => quoted = false,
            (true, char) => cell.push(char),
            (false, '"') if cell.is_empty() => quoted = true,
            (false, '"') => {
                let row = rows.len() + 1;
                return Err(say("Row {row}: a quotation mark within a cell.").put("row", row));
            }
            (false, ',') => row.push(std::mem::take(&mut cell)),
            (false, '\r') if chars.peek() == Some(&'\n') => {}
            (false, '\n') => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            (false, char) => cell.push(char),
        }
        if rows.len() > JOB_LINES_MOST + 1 {
            return Err(say("More than {most} rows: split the table.").put("most", JOB_LINES_MOST));
        }
    }
    if quoted {
        return Err(say("The last quotation mark is missing."));
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows.retain(|row| row.iter().any(|cell| !cell.trim().is_empty()));
    Ok(rows)
}

/// A request as PEM, or as base64 alone.
fn request(text: &str) -> String {
    let text = text.trim();
    if text.contains("-----BEGIN ") {
        return text.to_owned();
    }
    let bare: Vec<char> = text.chars().filter(|char| !char.is_whitespace()).collect();
    let lines = bare.chunks(PEM_COLUMNS).map(|line| line.iter().collect());
    let lines: Vec<String> = lines.collect();
    let (begin, end) = (
        "-----BEGIN CERTIFICATE REQUEST-----",
        "-----END CERTIFICATE REQUEST-----",
    );
    format!("{begin}\n{}\n{end}\n", lines.join("\n"))
}

/// A batch from a table with the columns `name,product,kind,request`. All of it has to read.
pub fn read(table: &[u8], title: &str, by: &str) -> Result<NewJob, Say> {
    let text = std::str::from_utf8(table).map_err(|_| say("The table is not UTF-8 text."))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = rows(text)?;
    let Some((head, rows)) = rows.split_first() else {
        return Err(say("The table is empty; its first row is {columns}.").put("columns", COLUMNS));
    };
    let head: Vec<String> = head.iter().map(|cell| cell.trim().to_lowercase()).collect();
    if head.join(",") != COLUMNS {
        return Err(say("The first row has to be {columns}.").put("columns", COLUMNS));
    }
    if rows.is_empty() {
        return Err(say("The table has no requests."));
    }
    let mut lines = Vec::with_capacity(rows.len());
    for (number, row) in (1..).zip(rows) {
        let line = line(number, row, by);
        let numbered = |problem: Say| {
            say("Request {number}: {problem}")
                .put("number", number)
                .put("problem", problem)
        };
        lines.push(line.map_err(numbered)?);
    }
    Ok(NewJob {
        key: Digest(Sha256::digest(table).into()),
        title: title.to_owned(),
        by: by.to_owned(),
        lines,
    })
}

fn line(number: u32, row: &[String], by: &str) -> Result<JobLine, Say> {
    let [name, product, kind, text] = row else {
        return Err(say("{cells} cells instead of four.").put("cells", row.len()));
    };
    let words = Kind::ALL.iter().find(|of| of.word() == kind.trim());
    let unknown = || say("there is no such kind: {kind}").put("kind", kind.trim());
    let kind = *words.ok_or_else(unknown)?;
    let text = request(text);
    read_pem(&text)?;
    let order = wanted(kind, name, product, &text, by)?;
    Ok(JobLine {
        line: number,
        kind,
        name: order.name,
        product: order.product,
        request: order.request,
        outcome: None,
    })
}

/// Works batches off until the portal goes away.
pub async fn work(portal: Weak<Portal>) {
    loop {
        let Some(shared) = portal.upgrade() else {
            return;
        };
        let went_on = match shared.ledger.running_job().await {
            Ok(Some(job)) => step(&shared, &job).await,
            Ok(None) => false,
            Err(error) => {
                // Books that are closed stay so.
                if !shared.ledger.is_writing() {
                    return;
                }
                tracing::error!(%error, "batches");
                false
            }
        };
        let wake = shared.batches();
        drop(shared);
        if !went_on {
            let _ = tokio::time::timeout(IDLE, wake.notified()).await;
        }
    }
}

/// The next few lines of a batch; whether any of them ended.
async fn step(portal: &Shared, job: &JobRow) -> bool {
    let now = (portal.clock)();
    let open = portal.ledger.open_job_lines(job.number, AT_ONCE).await;
    let open = match open {
        Ok(open) => open,
        Err(error) => {
            tracing::error!(%error, batch = job.number, "batches");
            return false;
        }
    };
    let issued = open.into_iter().map(|line| {
        let order = DeskOrder {
            request: line.request,
            kind: line.kind,
            name: line.name,
            product: line.product,
            by: job.by.clone(),
        };
        let pending = portal.desk.issue(order, now);
        async move { (line.line, pending.await) }
    });
    let mut outcomes = Vec::new();
    for (line, issued) in join_all(issued).await {
        match issued {
            Ok(code) => outcomes.push((line, Ok(code))),
            // Not now; the line stays open.
            Err(DeskRefusal::Status(status)) if status.fault() == Fault::Receiver => {}
            Err(DeskRefusal::Status(status)) => {
                outcomes.push((line, Err(status.sentence().to_owned())));
            }
            Err(DeskRefusal::Request(sentence)) => outcomes.push((line, Err(sentence))),
        }
    }
    if outcomes.is_empty() {
        return false;
    }
    // A crash here: the lines are open, and are issued again to the same codes.
    match portal.ledger.end_job_lines(job.number, outcomes).await {
        Ok(row) if row.state == JobState::Done => done(portal, &row).await,
        Ok(_) => {}
        Err(status) => tracing::error!(%status, batch = job.number, "batches"),
    }
    true
}

async fn done(portal: &Shared, row: &JobRow) {
    let about = format!(
        "batch {}: {} codes, {} refused",
        row.number, row.issued, row.failed
    );
    let act = Act {
        who: &row.by,
        what: "batch done",
        about: &about,
        origin: "batch",
    };
    let recorded = portal.people.record(&act, (portal.clock)()).await;
    if let Err(error) = recorded {
        tracing::error!(%error, "batches");
    }
}

/// Begins to work batches off, where there is a runtime to do it on.
pub fn begin(portal: &Shared) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(work(Arc::downgrade(portal)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = "MAYCAQECAQI=";

    fn read_text(text: &str) -> Result<NewJob, String> {
        read(text.as_bytes(), "Batch", "ada").map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_table_is_read_as_spreadsheets_write_it() {
        let pem = format!(
            "-----BEGIN CERTIFICATE REQUEST-----\r\n{REQUEST}\r\n-----END CERTIFICATE REQUEST-----\r\n"
        );
        let text = format!(
            "\u{feff}Name,Product,Kind,Request\r\n\"Meter \"\"7\"\", red\",M7,device,{REQUEST}\r\n\r\nKiosk,,person,\"{pem}\"\r\n"
        );
        let job = read_text(&text).unwrap();
        let names: Vec<&str> = job.lines.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["Meter \"7\", red", "Kiosk"]);
        assert_eq!(job.lines[0].request, job.lines[1].request);
        assert_eq!((job.lines[1].line, job.lines[1].kind), (2, Kind::Person));
        assert_eq!(read_text(&text).unwrap().key, job.key);
    }

    #[test]
    fn what_does_not_read_is_named_with_its_row() {
        let head = "name,product,kind,request\n";
        for (rows, expected) in [
            (String::new(), "no requests"),
            (
                format!("A,B,device,{REQUEST}\nA,B,device,!!\n"),
                "Request 2: ",
            ),
            (format!("A,B,gadget,{REQUEST}"), "no such kind"),
            (format!("A,B,place,{REQUEST}"), "brings a key"),
            (format!("A,B,{REQUEST}"), "3 cells"),
            (format!(",B,device,{REQUEST}"), "name"),
            (format!("\"A,B,device,{REQUEST}"), "quotation mark"),
            (format!("A\"x,B,device,{REQUEST}"), "within a cell"),
        ] {
            let refused = read_text(&format!("{head}{rows}")).unwrap_err();
            assert!(refused.contains(expected), "{rows:?}: {refused}");
        }
        assert!(read_text("").unwrap_err().contains("empty"));
        assert!(read_text("a,b\n1,2\n").unwrap_err().contains("first row"));
        let binary = read(&[0xff, 0xfe], "", "").unwrap_err();
        assert!(binary.to_string().contains("UTF-8"));
        let many = format!("{head}{}", "\n,".repeat(JOB_LINES_MOST + 2));
        assert!(read_text(&many).unwrap_err().contains("split"));
    }
}
