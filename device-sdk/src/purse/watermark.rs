//! Final is what the centre says is final. Until its watermark covers what a gateway with no money
//! of its own has said, the evidence stays, and the gateway's word with it: a gateway that loses its
//! books is shown both again.

use super::replay::Replay;
use super::{Book, Entry, Purse};
use crate::journal::{Journal, RECORD_MAX, RecordId};
use crate::purse::record::Record;
use protocol::cose::{Verified, open};
use protocol::objects::{Rights, Statement, Watermark};
use protocol::rules::Counting;
use protocol::{Code, Digest, KeyEpoch, Signer, Status, Timestamp};

/// What a gateway said of one payment and the centre has not covered yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stated {
    payment: Digest,
    gateway: Code,
    gateway_epoch: KeyEpoch,
    height: u64,
    /// Nothing more is to come; it is applied when it is covered.
    closes: bool,
    record: RecordId,
}

impl Stated {
    fn new(statement: &Statement, record: RecordId) -> Self {
        Self {
            payment: statement.payment,
            gateway: statement.gateway,
            gateway_epoch: statement.gateway_epoch,
            height: statement.height,
            closes: statement.outcome != u32::from(Status::InTransit as u8)
                && statement.outcome != u32::from(Status::WaitingForCover as u8),
            record,
        }
    }

    fn place(&self) -> (KeyEpoch, u64) {
        (self.gateway_epoch, self.height)
    }
}

/// How far a gateway's journal is final, and its newest life that was heard of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Final {
    gateway: Code,
    newest_epoch: KeyEpoch,
    covered: (KeyEpoch, u64),
}

/// What is to be done with a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It is applied now.
    Final,
    /// It is applied, and kept.
    Open,
    /// It is kept, and applied when the centre covers it.
    Waits,
    /// It says nothing new.
    Known,
}

impl<const OUTBOX: usize, const PAYERS: usize> Book<OUTBOX, PAYERS> {
    /// Whether a gateway has spoken its last word on a payment, final or not.
    pub(super) fn is_answered(&self, payment: &Digest) -> bool {
        let mut stated = self.stated.iter();
        stated.any(|stated| stated.payment == *payment && stated.closes)
    }

    /// Whether evidence has to stay for the centre's sake.
    pub(super) fn is_held(&self, payment: &Digest) -> bool {
        self.stated.iter().any(|stated| stated.payment == *payment)
    }

    fn final_of(&self, gateway: &Code) -> Option<&Final> {
        self.finals.find(|known| known.gateway == *gateway)
    }

    fn final_mut(&mut self, gateway: Code) -> Option<&mut Final> {
        if self.final_of(&gateway).is_none() {
            if self.finals.is_full() {
                // One of them is of a gateway that is trusted no more.
                let gateways = &self.gateways;
                let known = |f: &Final| gateways.iter().any(|g| g.code == f.gateway);
                self.finals.remove(|f| !known(f));
            }
            let fresh = Final {
                gateway,
                newest_epoch: KeyEpoch(0),
                covered: (KeyEpoch(0), 0),
            };
            let _ = self.finals.insert(fresh);
        }
        self.finals.find_mut(|known| known.gateway == gateway)
    }
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// What a statement on this entry weighs. One that the centre has to cover first is durable when
    /// this returns.
    pub(super) fn weigh_statement(
        &mut self,
        statement: &Verified<'_, Statement>,
        entry: &Entry,
    ) -> Result<Weight, Status> {
        let said = statement.get();
        let gateway = self.book.gateway(&said.gateway);
        let rights = gateway.ok_or(Status::UnknownGateway)?.rights;
        if rights.permits(Rights::ISSUE_MONEY) {
            return Ok(Weight::Final);
        }
        self.reached_gateway_epoch(said.gateway, said.gateway_epoch)?;
        let mut stated = Stated::new(said, RecordId(0));
        if let Some(known) = self.book.final_of(&said.gateway) {
            let (epoch, height) = known.covered;
            if epoch == said.gateway_epoch && said.height <= height {
                self.drop_stated(&said.payment)?;
                return Ok(Weight::Final);
            }
            // Written before the gateway lost its books: it may have lost this too.
            if said.gateway_epoch < known.newest_epoch {
                return Ok(Weight::Known);
            }
        }
        let weight = match stated.closes {
            true => Weight::Waits,
            false => Weight::Open,
        };
        let before = self
            .book
            .stated
            .find(|s| s.payment == said.payment)
            .copied();
        let newer = |before: &Stated| {
            let same = before.gateway == stated.gateway;
            same && before.place() >= stated.place() || before.closes && !stated.closes
        };
        if before.as_ref().is_some_and(newer) {
            return Ok(Weight::Known);
        }
        if entry.mark.is_some_and(|mark| mark.is_final()) {
            return Ok(Weight::Known);
        }
        stated.record = self.append(&Record::Stated {
            statement: statement.bytes(),
        })?;
        self.book.stated.remove(|s| s.payment == said.payment);
        if !self.book.stated.insert(stated) {
            return Err(Status::Full);
        }
        self.forget_if(before.map(|before| before.record))?;
        Ok(weight)
    }

    fn drop_stated(&mut self, payment: &Digest) -> Result<(), Status> {
        let stated = self.book.stated.find(|s| s.payment == *payment).copied();
        self.book.stated.remove(|s| s.payment == *payment);
        self.forget_if(stated.map(|stated| stated.record))
    }

    /// A gateway that was restored may have forgotten what it said in an earlier life and nobody
    /// covered: what it was about is handed in again.
    pub(super) fn reached_gateway_epoch(
        &mut self,
        gateway: Code,
        epoch: KeyEpoch,
    ) -> Result<(), Status> {
        let Some(known) = self.book.final_mut(gateway) else {
            return Ok(());
        };
        if epoch <= known.newest_epoch {
            return Ok(());
        }
        known.newest_epoch = epoch;
        for _ in 0..OUTBOX {
            let lost = |s: &&Stated| s.gateway == gateway && s.gateway_epoch < epoch;
            let Some(lost) = self.book.stated.find(lost).copied() else {
                break;
            };
            let mark = match self.book.entry_mut(&lost.payment) {
                Some(entry) => entry.mark.take(),
                None => None,
            };
            self.forget_if(mark.map(|mark| mark.record))?;
            self.drop_stated(&lost.payment)?;
        }
        Ok(())
    }

    /// The centre says how far a gateway's journal is final: what waited for that is applied.
    /// Returns how many payments that closed.
    pub(super) fn watermark(&mut self, watermark: &[u8], now: Timestamp) -> Result<usize, Status> {
        let sealed = open::<Watermark>(watermark, &self.own.trust.network)?;
        let said = *sealed.peek();
        let keys = self.centre_of(&said.centre, &said.gateway, now)?;
        keys.ok_or(Status::UnknownGateway)?.verify(sealed)?;
        self.reached_gateway_epoch(said.gateway, said.gateway_epoch)?;
        if let Some(known) = self.book.final_mut(said.gateway) {
            known.covered = known.covered.max((said.gateway_epoch, said.height));
        }
        let mut closed = 0;
        for _ in 0..OUTBOX {
            let covered = |s: &&Stated| {
                let of = (s.gateway, s.gateway_epoch) == (said.gateway, said.gateway_epoch);
                of && s.height <= said.height
            };
            let Some(stated) = self.book.stated.find(covered).copied() else {
                break;
            };
            if stated.closes {
                let mut bytes = [0; RECORD_MAX];
                let len = self.recall(stated.record, &mut bytes)?;
                let Some(Record::Stated { statement }) =
                    Record::read(bytes.get(..len).unwrap_or_default())
                else {
                    return Err(Status::Storage);
                };
                let statement = *open::<Statement>(statement, &self.own.trust.network)?.peek();
                // A cut before the record is forgotten: `open` finds the payment closed.
                match self.apply(&statement) {
                    Ok(_) => closed += 1,
                    // It fitted when it was kept; what it says no longer does is handed in again.
                    Err(Status::Malformed) => {}
                    Err(status) => return Err(status),
                }
            }
            self.drop_stated(&stated.payment)?;
        }
        Ok(closed)
    }

    /// The keys of a centre that answers for this gateway.
    fn centre_of(
        &mut self,
        centre: &Code,
        gateway: &Code,
        now: Timestamp,
    ) -> Result<Option<Counting>, Status> {
        let known = self.book.gateway(gateway);
        let issuer = known.ok_or(Status::UnknownGateway)?.issuer;
        let trusted = self
            .book
            .gateway(centre)
            .filter(|known| known.issuer == issuer && known.rights.permits(Rights::ISSUE_MONEY));
        match trusted {
            Some(known) => Ok(Some(known.keys(now))),
            None => Ok(self.centre(centre, gateway)?.map(Counting::from)),
        }
    }
}

impl<const OUTBOX: usize, const PAYERS: usize> Replay<'_, OUTBOX, PAYERS> {
    /// In the last reading, when it is known what still waits.
    pub(super) fn stated(&mut self, id: RecordId, statement: &[u8]) -> Option<()> {
        let Some((statement, _)) = self.open::<Statement>(id, statement) else {
            return Some(());
        };
        let entry = self.entry(statement.payment);
        if entry.is_none_or(|entry| entry.mark.is_some_and(|mark| mark.is_final())) {
            self.drop(Some(id));
            return Some(());
        }
        let table = &mut self.book.stated;
        let before = table.find(|s| s.payment == statement.payment);
        let before = before.map(|before| before.record);
        table.remove(|s| Some(s.record) == before);
        let held = table.insert(Stated::new(&statement, id));
        self.drop(before);
        held.then_some(())
    }
}
