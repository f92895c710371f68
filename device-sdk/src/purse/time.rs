//! What time it is, for a thing without a clock: the highest of the gateways' beacons, of the times
//! in allowances it is shown, and of its own ticks since.

use super::{Book, Own, Purse};
use crate::journal::{Journal, RecordId};
use crate::purse::record::Record;
use protocol::cose::{Verified, open};
use protocol::objects::{Allowance, Beacon};
use protocol::{Code, Signer, Status, Timestamp};

/// Further ahead than this no single gateway moves a purse's time: a second one must say so too,
/// unless the purse trusts only one.
pub const TIME_JUMP_S: u32 = 86_400;
/// How far time runs before it is journalled again.
const TIME_STEP_S: u32 = 6 * 3_600;

/// Where the times come from that a purse is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The caller has a clock, set and running, and answers for it.
    Kept,
    /// The caller has none, or cannot trust it. It counts seconds since it was switched on, and
    /// tells every call what [`Purse::time`] makes of them.
    Ticks {
        /// With no beacon younger than this, nothing above the limit of the least assurance class
        /// is taken.
        stale_after_s: u32,
    },
}

/// What a purse was told of the time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// It was at least this late,
    time: Timestamp,
    /// this many seconds after it was switched on.
    at_s: u32,
    /// The newest count of seconds.
    ticks_s: u32,
    /// What the journal knew when it was opened: a beacon that is no later may be an old one.
    opened: Timestamp,
    /// The newest beacon since it was switched on.
    beacon: Option<Timestamp>,
    /// A jump that waits for a second gateway: who said what, and when.
    jump: Option<(Code, Timestamp, u32)>,
    /// What is journalled.
    written: Option<(Timestamp, RecordId)>,
}

impl Told {
    fn now(&self) -> Timestamp {
        self.time.plus_s(self.ticks_s.saturating_sub(self.at_s))
    }

    fn believe(&mut self, time: Timestamp) {
        if time > self.now() {
            self.time = time;
            self.at_s = self.ticks_s;
        }
    }

    /// What is believed once `by` has said this, which nobody else needs to say if it is `alone`.
    fn hear(&mut self, by: Code, time: Timestamp, alone: bool) {
        let near = |now: Timestamp, time: Timestamp| time <= now.plus_s(TIME_JUMP_S);
        if alone || near(self.now(), time) {
            return self.believe(time);
        }
        let second = self.jump.filter(|(first, ..)| *first != by);
        let Some((_, said, at_s)) = second else {
            self.jump = Some((by, time, self.ticks_s));
            return;
        };
        let said = said.plus_s(self.ticks_s.saturating_sub(at_s));
        self.believe(said.min(time));
        self.jump = Some((by, time, self.ticks_s));
        if near(self.now(), time) {
            self.believe(time);
            self.jump = None;
        }
    }

    /// As the journal has it; returns the record it replaces.
    pub(super) fn reopen(&mut self, time: Timestamp, record: RecordId) -> Option<RecordId> {
        let before = self.written.replace((time, record));
        self.time = self.time.max(time);
        self.opened = self.time;
        before.map(|(_, record)| record)
    }

    /// A thing was certified by somebody who knew the time.
    pub(super) fn certified(&mut self, issued: Timestamp) {
        self.time = self.time.max(issued);
        self.opened = self.time;
    }
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// What time it is, at least, for a thing without a clock: to be called before every other call,
    /// with the seconds since it was switched on, which never run back.
    pub fn time(&mut self, ticks_s: u32) -> Timestamp {
        let told = &mut self.book.told;
        told.ticks_s = told.ticks_s.max(ticks_s);
        // A failure here shows in the next call.
        let _ = self.write_time();
        self.book.told.now()
    }

    /// Whether this purse knows the time well enough to take more than the least.
    pub fn has_time(&self, now: Timestamp) -> bool {
        match self.own.clock {
            Clock::Kept => true,
            Clock::Ticks { stale_after_s } => {
                let beacon = self.book.told.beacon;
                beacon.is_some_and(|beacon| now <= beacon.plus_s(stale_after_s))
            }
        }
    }

    /// Takes note of a beacon: what time it is now, and whether its filter is a newer one than this
    /// purse holds.
    pub(super) fn beacon(
        &mut self,
        beacon: &[u8],
        now: Timestamp,
    ) -> Result<(Timestamp, bool), Status> {
        let beacon = open::<Beacon>(beacon, &self.own.trust.network)?;
        let gateway = self.book.gateway(&beacon.peek().gateway);
        let gateway = *gateway.ok_or(Status::UnknownGateway)?;
        let said = *gateway.keys(now).verify(beacon)?.get();
        if gateway.expires <= said.time {
            return Err(Status::Expired);
        }
        let filter = self.book.known.filter_version(&gateway.code);
        let newer = said.filter_version.is_some() && said.filter_version > filter;
        let now = self.heard(gateway.code, said.time, now)?;
        if let Clock::Ticks { .. } = self.own.clock {
            let told = &mut self.book.told;
            // Believed, and not one from before this thing was switched off.
            if said.time <= told.now() && said.time > told.opened {
                told.beacon = told.beacon.max(Some(said.time));
            }
        }
        Ok((now, newer))
    }

    /// Takes note of a verified allowance: it is as good as a late beacon, for it was issued before
    /// now.
    pub(super) fn note_allowance(
        &mut self,
        allowance: &Verified<'_, Allowance>,
        now: Timestamp,
    ) -> Result<Timestamp, Status> {
        let a = allowance.get();
        self.forgive(a)?;
        self.heard(a.gateway, a.issued, now)
    }

    /// The time after a gateway's word on it.
    fn heard(&mut self, by: Code, time: Timestamp, now: Timestamp) -> Result<Timestamp, Status> {
        if self.own.clock == Clock::Kept {
            return Ok(now);
        }
        let alone = self.book.gateways.iter().count() == 1;
        self.book.told.hear(by, time, alone);
        self.write_time()?;
        Ok(now.max(self.book.told.now()))
    }

    fn write_time(&mut self) -> Result<(), Status> {
        let (told, time) = (self.book.told, self.book.told.now());
        let before = told.written;
        let due = before.is_none_or(|(written, _)| time >= written.plus_s(TIME_STEP_S));
        if self.own.clock == Clock::Kept || self.broken || !due {
            return Ok(());
        }
        match self.append(&Record::Time { time }) {
            Ok(record) => {
                self.book.told.written = Some((time, record));
                self.forget_if(before.map(|(_, record)| record))
            }
            // What is written is still true, only older.
            Err(Status::Full) => Ok(()),
            Err(status) => Err(status),
        }
    }
}

impl<const OUTBOX: usize, const PAYERS: usize> Book<OUTBOX, PAYERS> {
    /// What is known of the time before anybody says anything.
    pub(super) fn certified(&mut self, own: &Own) {
        self.told.certified(own.issued);
    }
}
