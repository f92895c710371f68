//! A code gets another name, or loses it.

use super::printable;
use crate::bounds::ALIASES_MOST;
use crate::crash::{CrashPoint, here};
use crate::store::stations::item;
use crate::store::{aliases, things::thing};
use crate::writer::{Command, Desk, Failure};
use protocol::{Code, Status, Timestamp};

pub(crate) struct SetAlias {
    pub name: String,
    pub code: Code,
    /// Whether it has the name from now on, or not any more.
    pub has: bool,
    pub by: String,
    pub now: Timestamp,
}

impl Command for SetAlias {
    type Answer = ();

    /// A name stands for one code at a time; it is taken from one before another gets it.
    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        printable(&self.name)?;
        printable(&self.by)?;
        let connection = &mut desk.connection;
        let held = aliases::by_name(connection, &self.name).await?;
        match (held, self.has) {
            (Some(held), _) if held != self.code => return Err(Status::NotPermitted.into()),
            (Some(_), true) | (None, false) => return Ok(()),
            (Some(_), false) => aliases::remove(connection, &self.name).await?,
            (None, true) => {
                let known = thing(connection, &self.code).await?.is_some()
                    || item(connection, &self.code).await?.is_some();
                if !known {
                    return Err(Status::UnknownCode.into());
                }
                let others = aliases::of_code(connection, &self.code, ALIASES_MOST).await?;
                if u32::try_from(others.len()).is_ok_and(|count| count >= ALIASES_MOST) {
                    return Err(Status::Full.into());
                }
                let (name, by) = (self.name.as_str(), self.by.as_str());
                aliases::insert(connection, name, &self.code, by, self.now).await?;
            }
        }
        // A crash here: nothing was changed, and the same is asked again.
        here(CrashPoint::AliasSet);
        Ok(())
    }
}
