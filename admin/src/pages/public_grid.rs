//! What anybody sees who scans the label of a place: what the code itself says, and whether it is
//! registered. The owner stays a hint.

use super::frame::{Frame, page_with};
use super::grid::Facts;
use super::proof::{self, Proof};
use super::surveyed::Surveyed;
use crate::coordinates::{Axis, degrees};
use crate::counters::Lookup;
use crate::door::Visitor;
use crate::draw::Cell;
use crate::language::{Say, Words as _, below, filters, say};
use crate::mark::{self, Word};
use crate::place::Names;
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use protocol::code::base32::TextError;
use protocol::objects::{Labelled, MARK_CHARS};
use protocol::{GridCode, Timestamp};

/// How a place stands, for strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Registered, and its time is now.
    Genuine,
    /// Registered, but its time has not come.
    Early,
    /// Registered, but its time is over.
    Over,
    /// Well formed, but not registered here.
    Unknown,
    /// No grid code at all.
    Mistyped(TextError),
    /// Registered, but the signature on the label is wrong.
    Forged,
}

impl Verdict {
    const fn class(self) -> &'static str {
        match self {
            Self::Genuine => "good",
            Self::Early | Self::Over => "warn",
            Self::Unknown | Self::Forged => "bad",
            Self::Mistyped(_) => "none",
        }
    }

    const fn title(self) -> Say {
        match self {
            Self::Genuine => say("Genuine"),
            Self::Early => say("Genuine, not yet in force"),
            Self::Over => say("Genuine, but over"),
            Self::Unknown => say("Not known here"),
            Self::Mistyped(_) => say("Not a grid code"),
            Self::Forged => say("Do not trust this label"),
        }
    }

    fn sentence(self) -> Say {
        match self {
            Self::Genuine => say(
                "This place was registered here, and the code holds now. Check that you stand where it says.",
            ),
            Self::Early => say("This place was registered here, but the code holds only later."),
            Self::Over => say("This place was registered here, but the time of this code is over."),
            Self::Unknown => say(
                "It reads as a place, but this house never registered it. Be careful: anybody can print such a label.",
            ),
            Self::Mistyped(error) => say("What was scanned or typed cannot be read: {reason}.")
                .put("reason", below::text_error(error)),
            Self::Forged => say(
                "This place was registered here, but whoever made the label in front of you was not entitled to.",
            ),
        }
    }

    const fn lookup(self) -> Lookup {
        match self {
            Self::Genuine => Lookup::Genuine,
            Self::Early | Self::Over => Lookup::NotNow,
            Self::Unknown => Lookup::Unknown,
            Self::Mistyped(_) => Lookup::Mistyped,
            Self::Forged => Lookup::Forged,
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Mistyped(_) => StatusCode::BAD_REQUEST,
            Self::Unknown => StatusCode::NOT_FOUND,
            _ => StatusCode::OK,
        }
    }
}

#[derive(Template)]
#[template(path = "public_grid.html")]
struct PublicGrid {
    frame: Frame,
    verdict: Verdict,
    place: Option<Drawn>,
    proof: Option<Proof>,
    surveyed: Option<Surveyed>,
    asked: String,
    label: Option<Word>,
}

struct Drawn {
    grid: GridCode,
    facts: Facts,
    names: Names,
    cell: Cell,
}

impl Drawn {
    fn latitude(&self) -> String {
        degrees(self.grid.corner().latitude(), Axis::Latitude)
    }

    fn longitude(&self) -> String {
        degrees(self.grid.corner().longitude(), Axis::Longitude)
    }
}

/// Longest mistyped text that is shown back.
const ECHO_CHARS_MAX: usize = 80;

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
) -> Result<Response, Refusal> {
    shown(&portal, &text, None, &visitor).await
}

/// The page, with the signature of the label in hand.
pub async fn face(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path((text, face)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    if face.len() != MARK_CHARS {
        return Err(Refusal::NotFound(say(
            "Of a place there is the page, and the page with the signature of its label: 106 symbols. Scan the label again.",
        )));
    }
    shown(&portal, &text, Some(&face), &visitor).await
}

async fn shown(
    portal: &Portal,
    text: &str,
    mark: Option<&str>,
    visitor: &Visitor,
) -> Result<Response, Refusal> {
    let (mut verdict, grid) = match text.parse::<GridCode>() {
        Err(error) => (Verdict::Mistyped(error), None),
        Ok(grid) => match portal.ledger.grid(&grid).await? {
            None => (Verdict::Unknown, Some(grid)),
            Some(_) => (when(&grid, visitor.now), Some(grid)),
        },
    };
    let label = match (mark, grid) {
        (Some(mark), Some(grid)) if verdict != Verdict::Unknown => {
            Some(mark::judge(portal, Labelled::Place(grid), mark).await?)
        }
        _ => None,
    };
    if label.is_some_and(Word::is_forged) {
        verdict = Verdict::Forged;
    }
    if let Verdict::Mistyped(error) = verdict {
        portal.counters.mistyped(error);
    }
    portal.counters.looked_up(verdict.lookup());
    let proof = match grid {
        Some(grid) => proof::of_issue(portal, &grid.into()).await?.proof(),
        None => None,
    };
    let surveyed = match grid {
        Some(grid) => Surveyed::of(portal, &grid).await?,
        None => None,
    };
    let page = PublicGrid {
        frame: Frame::public(portal, &visitor.reader),
        verdict,
        proof,
        place: grid.map(|grid| Drawn {
            facts: Facts::of(&grid),
            names: Names::of(grid.cell()),
            cell: Cell::draw(&grid),
            grid,
        }),
        surveyed,
        asked: show::typed(text, ECHO_CHARS_MAX),
        label,
    };
    page_with(&visitor.reader, verdict.status(), &page)
}

fn when(grid: &GridCode, now: Timestamp) -> Verdict {
    let (span, now) = (grid.span(), u64::from(now.0) / 60);
    let start = span.start_unix_minutes();
    let end = span.minutes().map(|minutes| start.saturating_add(minutes));
    match end {
        _ if now < start => Verdict::Early,
        Some(end) if end <= now => Verdict::Over,
        _ => Verdict::Genuine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::code::grid::{Level, Place, Point, Span};
    use protocol::code::{Code, IssuedBy, Kind};

    #[test]
    fn a_place_holds_from_its_start_to_its_end() {
        let by = IssuedBy {
            issuer: 1,
            station: 1,
        };
        let grid = |minutes| {
            GridCode::derive(&Place {
                by,
                level: Level::DEFAULT,
                point: Point::from_units(0, 0).unwrap(),
                height_dm: None,
                span: Span::new(30_000_000, minutes).unwrap(),
                owner: Code::derive(Kind::Person, by, 1, b"key").unwrap(),
            })
            .unwrap()
        };
        let at = |minute: u32| Timestamp(minute * 60);
        let hour = grid(Some(64));
        assert_eq!(when(&hour, at(29_999_999)), Verdict::Early);
        assert_eq!(when(&hour, at(30_000_000)), Verdict::Genuine);
        assert_eq!(when(&hour, at(30_000_063)), Verdict::Genuine);
        assert_eq!(when(&hour, at(30_000_064)), Verdict::Over);
        assert_eq!(when(&grid(None), Timestamp(u32::MAX)), Verdict::Genuine);
    }
}
