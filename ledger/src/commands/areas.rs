//! Where allowances are good, so that a double spend cannot travel.

use super::printable;
use crate::bounds::{AREAS_MOST, SCAN_STEP};
use crate::crash::{CrashPoint, here};
use crate::store::areas::{self, AreaRow};
use crate::store::things::thing;
use crate::writer::{Command, Desk, Failure};
use protocol::code::grid::Cell;
use protocol::cose::open;
use protocol::objects::{Area, Set};
use protocol::{AssuranceClass, Code, GridCode, Reference, Status, Timestamp};

pub(crate) struct DefineArea {
    pub cells: Vec<Cell>,
    pub name: String,
    pub by: String,
    pub now: Timestamp,
}

impl Command for DefineArea {
    type Answer = AreaRow;

    /// The gateway signs it; an area with the same cells is the same area.
    async fn execute(&self, desk: &mut Desk) -> Result<AreaRow, Failure> {
        printable(&self.name)?;
        printable(&self.by)?;
        let cells = Set::new(&self.cells).ok_or(Status::Malformed)?;
        let known = areas::areas(&mut desk.connection, AREAS_MOST).await?;
        for row in &known {
            if open::<Area>(&row.bytes, &desk.bearings.network)?
                .peek()
                .cells
                == cells
            {
                return Ok(row.clone());
            }
        }
        if known.len() >= AREAS_MOST as usize {
            return Err(Status::Full.into());
        }
        let area = Area {
            by: desk.bearings.gateway,
            cells,
            issued: self.now,
        };
        let (bytes, id) = desk.seal(&area)?;
        let row = AreaRow {
            reference: id.reference(),
            bytes,
            name: self.name.clone(),
            places: places(desk, &area).await?,
            by: self.by.clone(),
            at: self.now,
        };
        areas::insert(&mut desk.connection, &row).await?;
        here(CrashPoint::AreaKept);
        Ok(row)
    }
}

async fn places(desk: &mut Desk, area: &Area) -> Result<u64, Failure> {
    let (mut after, mut count) = (0, 0u64);
    loop {
        let step = areas::grids_after(&mut desk.connection, after, SCAN_STEP).await?;
        let Some((last, _)) = step.last() else {
            return Ok(count);
        };
        after = *last;
        let inside = step.iter().filter(|(_, grid)| area.contains(&grid.cell()));
        count = count.saturating_add(inside.count() as u64);
    }
}

/// A place has come: it counts in every area that it lies in.
pub(super) async fn counted(desk: &mut Desk, grid: &GridCode) -> Result<(), Failure> {
    for row in areas::areas(&mut desk.connection, AREAS_MOST).await? {
        let area = open::<Area>(&row.bytes, &desk.bearings.network)?;
        if area.peek().contains(&grid.cell()) {
            areas::count_place(&mut desk.connection, &row.reference).await?;
        }
    }
    Ok(())
}

/// Whose allowances are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AreaOf {
    /// One thing's.
    Thing(Code),
    /// Those of all things of a class that have no area of their own.
    Class(AssuranceClass),
}

pub(crate) struct AssignArea {
    pub of: AreaOf,
    pub area: Option<Reference>,
}

impl Command for AssignArea {
    type Answer = ();

    /// From their next allowance on.
    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        let connection = &mut desk.connection;
        if let AreaOf::Thing(code) = &self.of {
            thing(connection, code).await?.ok_or(Status::UnknownCode)?;
        }
        let known = areas::areas(connection, AREAS_MOST).await?;
        let there = |area: &Reference| known.iter().any(|row| row.reference == *area);
        if self.area.is_some_and(|area| !there(&area)) {
            return Err(Status::OutsideArea.into());
        }
        match &self.of {
            AreaOf::Thing(code) => areas::set_area(connection, code, self.area.as_ref()).await?,
            AreaOf::Class(class) => {
                areas::set_class_area(connection, *class, self.area.as_ref()).await?;
            }
        }
        here(CrashPoint::AreaAssigned);
        Ok(())
    }
}
