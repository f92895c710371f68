//! The areas that allowances may name, and the form that defines one.

use super::frame::{Frame, page, page_with};
use crate::coordinates::{Axis, parse_degrees};
use crate::deeds::places as deeds;
use crate::door::{Sent, Visitor};
use crate::evidence::class;
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::routes::DECIDES;
use crate::show;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use ledger::AreaRow;
use protocol::code::grid::{Cell, Level, Point};
use protocol::cose::open;
use protocol::objects::{AREA_CELLS, Area};
use protocol::{GridCode, Network};
use serde::Deserialize;

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    name: String,
    cells: String,
    done: String,
}

struct Line {
    row: AreaRow,
    cells: usize,
}

#[derive(Template)]
#[template(path = "areas.html")]
struct Areas {
    frame: Frame,
    decides: bool,
    done: Option<Say>,
    classes: Vec<(u8, Say, Option<String>)>,
    problem: Option<Say>,
    form: Wish,
    lines: Vec<Line>,
}

/// The cells of an area, ascending; none when its bytes do not read.
pub fn cells(row: &AreaRow, network: &Network) -> Vec<Cell> {
    let area = open::<Area>(&row.bytes, network);
    area.map_or_else(
        |_| Vec::new(),
        |area| area.peek().cells.iter().copied().collect(),
    )
}

/// The list; cells may come with the link.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(form): Query<Wish>,
) -> Result<Response, Refusal> {
    page(
        &visitor.reader,
        &areas(&portal, &visitor, form, None).await?,
    )
}

async fn areas(
    portal: &Portal,
    visitor: &Visitor,
    form: Wish,
    problem: Option<Say>,
) -> Result<Areas, Refusal> {
    let line = |row: AreaRow| Line {
        cells: cells(&row, &portal.network).len(),
        row,
    };
    let frame = Frame::new(portal, Some(visitor), "/areas");
    let mut rows = portal.ledger.areas().await?;
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    let of_class = portal.ledger.class_areas().await?;
    let classes = (0u8..).zip(of_class).map(|(number, area)| {
        let row = rows.iter().find(|row| Some(row.reference) == area);
        (number, class(number), row.map(|row| row.name.clone()))
    });
    Ok(Areas {
        decides: frame.may(DECIDES),
        done: (form.done == "class").then_some(say(
            "From their next allowance on, that is where they may pay.",
        )),
        classes: classes.collect(),
        frame,
        problem,
        form,
        lines: rows.into_iter().map(line).collect(),
    })
}

/// Signs and keeps an area, and goes to it. The same cells go to the same area.
pub async fn define(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(form): Sent<Wish>,
) -> Result<Response, Refusal> {
    let (name, cells) = match read(&form) {
        Ok(read) => read,
        Err(problem) => return again(&portal, &visitor, form, problem).await,
    };
    let defined = deeds::define_area(&portal, &visitor.actor(), name, &cells).await;
    match defined {
        Ok(row) => {
            let word = if row.name == name { "new" } else { "known" };
            Ok(Redirect::to(&format!("/areas/{}?done={word}", row.reference)).into_response())
        }
        Err(Refusal::Unfit(problem)) => again(&portal, &visitor, form, problem).await,
        Err(refusal) => Err(refusal),
    }
}

async fn again(
    portal: &Portal,
    visitor: &Visitor,
    form: Wish,
    problem: Say,
) -> Result<Response, Refusal> {
    let page = areas(portal, visitor, form, Some(problem)).await?;
    page_with(&visitor.reader, StatusCode::UNPROCESSABLE_ENTITY, &page)
}

fn read(form: &Wish) -> Result<(&str, Vec<Cell>), Say> {
    let name = form.name.trim();
    if name.is_empty()
        || name.len() > ledger::bounds::NAME_BYTES_MOST
        || name.chars().any(char::is_control)
    {
        return Err(say("Give the area a name of up to 128 bytes."));
    }
    let mut cells = Vec::new();
    let lines = (1u32..)
        .zip(form.cells.lines())
        .map(|(at, line)| (at, line.trim()));
    for (at, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let cell = cell(line).map_err(|why| {
            say("Line {number}: {reason}")
                .put("number", at)
                .put("reason", why)
        })?;
        if cells.contains(&cell) {
            return Err(say("Line {number}: this cell stands above already.").put("number", at));
        }
        cells.push(cell);
        if cells.len() > AREA_CELLS {
            return Err(
                say("An area has up to {most} cells; take larger ones.").put("most", AREA_CELLS)
            );
        }
    }
    match cells.is_empty() {
        true => Err(say("Write at least one cell.")),
        false => Ok((name, cells)),
    }
}

/// A grid code, or latitude, longitude and level with commas between them.
fn cell(line: &str) -> Result<Cell, Say> {
    let parts: Vec<&str> = line.split(',').collect();
    let (latitude, longitude, level) = match *parts.as_slice() {
        [latitude, longitude] => (latitude, longitude, Some(Level::DEFAULT)),
        [latitude, longitude, level] => {
            let level = level.trim().parse().ok().and_then(Level::new);
            (latitude, longitude, level)
        }
        _ => {
            return match line.parse::<GridCode>() {
                Ok(grid) => Ok(grid.cell()),
                Err(error) => Err(say(
                    "write latitude, longitude and level, or a grid code ({reason}).",
                )
                .put("reason", below::text_error(error))),
            };
        }
    };
    let degrees = |text: &str, axis, what: Say| {
        parse_degrees(text, axis).map_err(|error| what.put("reason", error.sentence()))
    };
    let latitude = degrees(latitude, Axis::Latitude, say("latitude: {reason}"))?;
    let longitude = degrees(longitude, Axis::Longitude, say("longitude: {reason}"))?;
    let point = Point::from_nanodegrees(latitude, longitude).ok_or(say("not a point on earth."))?;
    Ok(Cell::around(
        point,
        level.ok_or(say("a level is a whole number from 1 to 10."))?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(cells: &str) -> Wish {
        Wish {
            name: " Yard ".to_owned(),
            cells: cells.to_owned(),
            done: String::new(),
        }
    }

    #[test]
    fn cells_are_read_line_by_line() {
        let form = wish("\n48.858370, 2.294481, 4\r\n 33.8568 S,151.2153 E ,6\n\n1,1\n");
        let (name, cells) = read(&form).unwrap();
        assert_eq!(name, "Yard");
        let levels: Vec<u8> = cells.iter().map(|cell| cell.level().number()).collect();
        assert_eq!(levels, [4, 6, 8]);
        let point = Point::from_nanodegrees(48_858_370_000, 2_294_481_000).unwrap();
        assert!(cells[0].contains(&Cell::around(point, Level::DEFAULT)));
    }

    #[test]
    fn what_is_no_cell_is_refused_with_its_line() {
        for (text, why) in [
            ("", "at least one"),
            ("1,1\nhere", "Line 2: write latitude"),
            ("1,1,11", "Line 1: a level"),
            ("\n91,1", "Line 2: latitude"),
            ("1,1,8\n1,1", "Line 2: this cell stands above"),
        ] {
            let refused = read(&wish(text)).unwrap_err().to_string();
            assert!(refused.contains(why), "{text:?}: {refused}");
        }
        let many: String = (0..=AREA_CELLS).map(|at| format!("{at},0\n")).collect();
        assert!(
            read(&wish(&many))
                .unwrap_err()
                .to_string()
                .contains("up to 30 cells")
        );
        let most: String = (0..AREA_CELLS).map(|at| format!("{at},0\n")).collect();
        assert_eq!(read(&wish(&most)).unwrap().1.len(), AREA_CELLS);
    }
}
