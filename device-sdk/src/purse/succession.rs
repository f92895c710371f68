//! A gateway goes on under another key: the issuer's word on it is kept, and for a while what either
//! key signed counts.

use super::{Clock, Gateway, Purse};
use crate::journal::Journal;
use crate::purse::record::Record;
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::Pass;
use protocol::rules::trust::{current, passes};
use protocol::rules::{Handover, Trust};
use protocol::{Signer, Status, Timestamp};

/// When what is kept is read again: it was in time when it was kept.
pub(super) const KEPT: Timestamp = Timestamp(u32::MAX);

/// The passes behind a gateway's word, as a record holds them.
pub(super) struct Certified<'b> {
    pub(super) issuer: &'b [u8],
    pub(super) gateway: &'b [u8],
    /// The gateway's pass before its key changed.
    pub(super) former: Option<&'b [u8]>,
}

impl<'b> Certified<'b> {
    pub(super) fn read(record: &'b [u8]) -> Result<Self, Status> {
        match Record::read(record) {
            Some(Record::Gateway { issuer, gateway }) => Ok(Self {
                issuer,
                gateway,
                former: None,
            }),
            Some(Record::Successor {
                issuer,
                gateway,
                former,
                ..
            }) => Ok(Self {
                issuer,
                gateway,
                former: Some(former),
            }),
            _ => Err(Status::Storage),
        }
    }
}

impl Gateway {
    /// Checks everything behind a new key; the record is filled in by whoever knows it.
    pub(super) fn succeeded(
        trust: &Trust,
        shown: &Handover<'_>,
        now: Timestamp,
    ) -> Result<Self, Status> {
        let succession = trust.succession(shown, now)?;
        Ok(Self {
            former: Some(succession.former()),
            ..Self::check(trust, shown.issuer, shown.gateway)?
        })
    }
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// The next key of a gateway that is trusted, by the word of its issuer. True when it was not
    /// known before. An earlier one than the one held changes nothing: a key that was given up does
    /// not come back. `own` is this purse's pass, signed anew: its receipts go with it from now on.
    pub(super) fn succeeded(
        &mut self,
        shown: &Handover<'_>,
        own: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<bool, Status> {
        // Whoever has no clock may be behind: the issuer knew the time when it signed.
        let now = match self.own.clock {
            Clock::Kept => now,
            Clock::Ticks { .. } => {
                let pass = open::<Pass>(shown.gateway, &self.own.trust.network)?;
                now.max(pass.peek().issued)
            }
        };
        let gateway = Gateway::succeeded(&self.own.trust, shown, now)?;
        for pass in [shown.issuer, shown.gateway] {
            current(open::<Pass>(pass, &self.own.trust.network)?.peek(), now)?;
        }
        let before = self.book.gateway(&gateway.code);
        let before = *before.ok_or(Status::UnknownGateway)?;
        // Neither does a pass under such a key, which it may bring.
        if gateway.issued < before.issued {
            return Ok(false);
        }
        let is_known = gateway.issued == before.issued && gateway.former == before.former;
        if !is_known {
            let record = Record::Successor {
                issuer: shown.issuer,
                gateway: shown.gateway,
                former: shown.former,
                successor: shown.successor,
            };
            self.keep_gateway(gateway, &record)?;
        }
        if let Some(own) = own {
            self.carry(own, shown.gateway)?;
        }
        Ok(!is_known)
    }

    /// Another signature under this purse's own pass. Whoever opens the purse keeps it.
    fn carry(&mut self, own: &[u8], gateway: &[u8]) -> Result<(), Status> {
        let trust = self.own.trust;
        let (_, station) = passes(self.own.pass())?;
        let above = open::<Pass>(gateway, &trust.network)?;
        let Some(known) = self.book.gateway(&above.peek().subject.0) else {
            return Err(Status::UnknownGateway);
        };
        let above = above.verify(&known.issuer_key)?;
        let said = *trust.issued(&above, own)?.get();
        if station.is_some() || said.subject.0 != self.own.me {
            return Err(Status::NotForYou);
        }
        if said.key.0 != self.key.public_key() {
            return Err(Status::NotPermitted);
        }
        let room = self.own.pass.get_mut(..own.len()).ok_or(Status::Full)?;
        room.copy_from_slice(own);
        self.own.pass_len = own.len();
        Ok(())
    }

    /// Whether every gateway that an accusation stands on signs with a key that still counts: one
    /// that was given up accuses nobody. What is newer than what is known here stands under the root.
    pub(super) fn by_counting_keys(&self, message: &[u8], now: Timestamp) -> Result<(), Status> {
        let shown = match Message::read(message)? {
            Message::Proof { gateway, .. } => [Some(gateway), None, None],
            Message::Accusation { credentials, .. } => credentials,
            _ => return Err(Status::Malformed),
        };
        for pass in shown.into_iter().flatten() {
            let pass = open::<Pass>(pass, &self.own.trust.network)?;
            let said = pass.peek();
            let Some(known) = self.book.gateway(&said.subject.0) else {
                continue;
            };
            if said.issued < known.issued && !known.keys(now).has(&said.key.0) {
                return Err(Status::Expired);
            }
        }
        Ok(())
    }
}
