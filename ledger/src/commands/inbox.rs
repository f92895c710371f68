//! A code has taken what waited for it, or is told what is new.

use crate::crash::{CrashPoint, here};
use crate::store::inbox;
use crate::writer::{Command, Desk, Failure};
use protocol::message::Message;
use protocol::{Code, Status};

/// Bytes in which messages of different kinds differ: the array, its kind, and how its first part
/// begins.
const KIND_BYTES: usize = 3;

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

/// What is signed for everybody and new to this code.
pub(crate) struct TellNews {
    pub code: Code,
    pub news: Vec<Vec<u8>>,
}

impl Command for TellNews {
    type Answer = bool;

    /// Money comes first: news never takes the second half of an inbox. False when it had no room.
    async fn execute(&self, desk: &mut Desk) -> Result<bool, Failure> {
        let connection = &mut desk.connection;
        for message in &self.news {
            if only_newest_counts(&Message::read(message)?) {
                let beginning = message.get(..KIND_BYTES).ok_or(Status::Malformed)?;
                inbox::remove_like(connection, &self.code, beginning).await?;
            }
        }
        let octets = self.news.iter().map(|message| message.len() as u64).sum();
        let room = (self.news.len() as u64, octets);
        if !inbox::is_half_empty(connection, &self.code, room).await? {
            return Ok(false);
        }
        for message in &self.news {
            desk.tell_here(&self.code, message).await?;
        }
        Ok(true)
    }
}

/// An older one of these that still waits says nothing any more.
const fn only_newest_counts(message: &Message<'_>) -> bool {
    matches!(
        message,
        Message::Beacon { .. }
            | Message::Filter { .. }
            | Message::Watermark { .. }
            | Message::Lease { .. }
    )
}
