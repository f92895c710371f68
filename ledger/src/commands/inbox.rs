//! A code has taken what waited for it.

use crate::crash::{CrashPoint, here};
use crate::store::inbox;
use crate::writer::{Command, Desk, Failure};
use protocol::Code;

pub(crate) struct Acknowledge {
    pub code: Code,
    pub up_to: u64,
}

impl Command for Acknowledge {
    type Answer = ();

    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        inbox::remove(&mut desk.connection, &self.code, self.up_to).await?;
        // A crash here: the messages are still there and come again.
        here(CrashPoint::Acknowledged);
        Ok(())
    }
}
