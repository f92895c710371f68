//! One authority took over from another: that stands in the code chain as well.

use crate::chain;
use crate::store::chain::acts_of;
use crate::writer::{Command, Desk, Failure};
use protocol::Status;
use protocol::chain::Act;

/// Acts that one change of authorities has at most.
const ACTS_MOST: usize = 64;
/// Acts of one authority that are looked at.
const KNOWN_MOST: u32 = 1024;

pub(crate) struct LogAuthorities {
    pub acts: Vec<Act>,
}

impl Command for LogAuthorities {
    type Answer = u32;

    /// What stands there already, at whatever time, is not written again.
    async fn execute(&self, desk: &mut Desk) -> Result<u32, Failure> {
        if self.acts.len() > ACTS_MOST {
            return Err(Status::Full.into());
        }
        let mut written = 0;
        for act in &self.acts {
            let known = acts_of(&mut desk.connection, &act.of, KNOWN_MOST).await?;
            let same = |logged: &Act| {
                Act {
                    at: act.at,
                    ..*logged
                } == *act
            };
            if known.iter().any(|logged| same(&logged.act)) {
                continue;
            }
            chain::append(&mut desk.connection, act).await?;
            written += 1;
        }
        Ok(written)
    }
}
