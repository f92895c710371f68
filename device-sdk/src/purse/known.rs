//! What a payee holds beside the evidence: warrants, areas, filters. Each is checked when it comes,
//! kept in the journal, and passed on by anybody.

use super::replay::Replay;
use super::succession::Certified;
use super::{Book, CURRENCIES, GATEWAYS, Purse, Table};
use crate::journal::{Journal, RecordId, SMALL_RECORD_MAX};
use crate::purse::record::Record;
use protocol::code::grid::Cell;
use protocol::cose::open;
use protocol::objects::{Area, Filter, FloatWarrant, Lease, Pass, Rights};
use protocol::rules::trust::current;
use protocol::rules::{Float, Holdings};
use protocol::{
    Code, Currency, KeyEpoch, Odometer, PublicKey, Reference, Signer, Status, Timestamp,
};

/// How many warrants a purse holds: one for each gateway and currency.
pub const WARRANTS: usize = GATEWAYS * CURRENCIES;
/// How many areas it knows to stand in.
pub const AREAS: usize = 8;

/// Warrants, areas and filters.
#[derive(Clone, Debug)]
pub(super) struct Known {
    warrants: Table<Warrant, WARRANTS>,
    areas: Table<Place, AREAS>,
    filters: Table<Warning, GATEWAYS>,
}

#[derive(Clone, Copy, Debug)]
struct Warrant {
    gateway: Code,
    gateway_epoch: KeyEpoch,
    currency: Currency,
    limit: Odometer,
    issued: Timestamp,
    expires: Timestamp,
    record: RecordId,
}

/// An area in which this purse stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    area: Reference,
    record: RecordId,
}

#[derive(Clone, Copy, Debug)]
struct Warning {
    filter: Filter,
    record: RecordId,
}

impl Known {
    pub(super) const fn new() -> Self {
        Self {
            warrants: Table::new(),
            areas: Table::new(),
            filters: Table::new(),
        }
    }

    /// The newest filter held of a gateway.
    pub(super) fn filter_version(&self, gateway: &Code) -> Option<u32> {
        let held = self.filters.find(|held| held.filter.gateway == *gateway);
        held.map(|held| held.filter.version)
    }

    fn warrant(&self, gateway: &Code, epoch: KeyEpoch, currency: &Currency) -> Option<&Warrant> {
        self.warrants.find(|held| {
            (held.gateway, held.gateway_epoch, held.currency) == (*gateway, epoch, *currency)
        })
    }

    /// Whose place a new warrant takes: that of the one before it; or, when there is no room, of
    /// one of an earlier life of its gateway, or of one that has run out.
    fn replaced(&self, by: &FloatWarrant, now: Timestamp) -> Option<RecordId> {
        if let Some(before) = self.warrant(&by.gateway, by.gateway_epoch, &by.currency) {
            return Some(before.record);
        }
        let spare = |held: &&Warrant| {
            let earlier = held.gateway == by.gateway
                && held.currency == by.currency
                && held.gateway_epoch < by.gateway_epoch;
            earlier || held.expires <= now
        };
        let spare = self.warrants.iter().filter(spare);
        let spare = spare.min_by_key(|held| held.record)?.record;
        self.warrants.is_full().then_some(spare)
    }

    fn hold_warrant(&mut self, w: &FloatWarrant, record: RecordId) -> bool {
        self.warrants.insert(Warrant {
            gateway: w.gateway,
            gateway_epoch: w.gateway_epoch,
            currency: w.currency,
            limit: w.limit,
            issued: w.issued,
            expires: w.expires,
            record,
        })
    }
}

impl<const OUTBOX: usize, const PAYERS: usize> Holdings for Book<OUTBOX, PAYERS> {
    fn float(&self, gateway: &Code, epoch: KeyEpoch, currency: &Currency) -> Float {
        let Some(known) = self.gateway(gateway) else {
            return Float::Unknown;
        };
        if self.is_forked(gateway) {
            return Float::Unknown;
        }
        if known.rights.permits(Rights::ISSUE_MONEY) {
            return Float::Own;
        }
        let warrant = self.known.warrant(gateway, epoch, currency);
        warrant.map_or(Float::Unknown, |held| {
            Float::Warranted(held.limit, held.expires)
        })
    }

    fn stands_in(&self, area: &Reference) -> bool {
        self.known.areas.iter().any(|place| place.area == *area)
    }

    fn is_revoked(&self, code: &Code) -> bool {
        let mut filters = self.known.filters.iter();
        filters.any(|held| held.filter.contains(code)) || self.is_forked(code)
    }
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// The areas in which this purse knows to stand.
    pub fn areas(&self) -> impl Iterator<Item = Reference> {
        self.book.known.areas.iter().map(|place| place.area)
    }

    /// How far a gateway's allowances count, by the word of a centre of the same issuer. True when
    /// it was not known before.
    pub(super) fn warrant(
        &mut self,
        centre: &[u8],
        warrant: &[u8],
        now: Timestamp,
    ) -> Result<bool, Status> {
        let network = self.own.trust.network;
        let sealed = open::<FloatWarrant>(warrant, &network)?;
        let gateway = self.book.gateway(&sealed.peek().gateway);
        let gateway = *gateway.ok_or(Status::UnknownGateway)?;
        let mut bytes = [0; SMALL_RECORD_MAX];
        let len = self.recall(gateway.record, &mut bytes)?;
        let Certified { issuer, .. } = Certified::read(bytes.get(..len).unwrap_or_default())?;
        let pass = *self.own.trust.centre(issuer, centre)?.get();
        current(&pass, now)?;
        if sealed.peek().centre != pass.subject.0 {
            return Err(Status::NotForYou);
        }
        let verified = sealed.verify(&pass.key.0)?;
        let w = verified.get();
        let known = self
            .book
            .known
            .warrant(&w.gateway, w.gateway_epoch, &w.currency);
        if known.is_some_and(|known| known.issued >= w.issued) {
            return Ok(false);
        }
        let replaced = self.book.known.replaced(w, now);
        if replaced.is_none() && self.book.known.warrants.is_full() {
            return Err(Status::Full);
        }
        let record = self.append(&Record::Warrant { centre, warrant })?;
        let known = &mut self.book.known;
        known.warrants.remove(|held| Some(held.record) == replaced);
        if !known.hold_warrant(w, record) {
            return Err(Status::Full);
        }
        self.forget_if(replaced)?;
        Ok(true)
    }

    /// The key of a centre that warranted a gateway's float.
    pub(super) fn centre(
        &mut self,
        centre: &Code,
        gateway: &Code,
    ) -> Result<Option<PublicKey>, Status> {
        let warrants = self.book.known.warrants.iter();
        let of = warrants.filter(|held| held.gateway == *gateway);
        let Some(record) = of.map(|held| held.record).max() else {
            return Ok(None);
        };
        let mut bytes = [0; SMALL_RECORD_MAX];
        let len = self.recall(record, &mut bytes)?;
        match Record::read(bytes.get(..len).unwrap_or_default()) {
            Some(Record::Warrant { centre: pass, .. }) => {
                let pass = open::<Pass>(pass, &self.own.trust.network)?;
                let pass = pass.peek();
                Ok((pass.subject.0 == *centre).then_some(pass.key.0))
            }
            _ => Err(Status::Storage),
        }
    }

    /// Where this purse is at home, by the word of its centre: a trusted gateway that may issue
    /// money, or a centre that warrants a trusted gateway's float. Nothing is kept.
    pub fn lease(&mut self, lease: &[u8], now: Timestamp) -> Result<Lease, Status> {
        let sealed = open::<Lease>(lease, &self.own.trust.network)?;
        let said = *sealed.peek();
        if said.code != self.own.me {
            return Err(Status::NotForYou);
        }
        let keys = match self.book.gateway(&said.centre) {
            Some(centre) if centre.rights.permits(Rights::ISSUE_MONEY) => centre.keys(now),
            Some(_) => return Err(Status::NotPermitted),
            None => self.warranting(&said.centre)?.into(),
        };
        Ok(*keys.verify(sealed)?.get())
    }

    /// The key of a centre that warrants the float of any trusted gateway.
    fn warranting(&mut self, centre: &Code) -> Result<PublicKey, Status> {
        let mut gateways = [None; GATEWAYS];
        for (place, gateway) in gateways.iter_mut().zip(self.book.gateways.iter()) {
            *place = Some(gateway.code);
        }
        for gateway in gateways.into_iter().flatten() {
            if let Some(key) = self.centre(centre, &gateway)? {
                return Ok(key);
            }
        }
        Err(Status::UnknownGateway)
    }

    /// Which places an area is. Only areas in which this purse stands are kept, the newest ones.
    pub(super) fn area(&mut self, area: &[u8], now: Timestamp) -> Result<bool, Status> {
        let sealed = open::<Area>(area, &self.own.trust.network)?;
        let by = sealed.peek().by;
        let gateways = &self.book.gateways;
        let keys = gateways.iter().find_map(|gateway| match by {
            by if by == gateway.code => Some(gateway.keys(now)),
            by if by == gateway.issuer => Some(gateway.issuer_key.into()),
            _ => None,
        });
        let verified = keys.ok_or(Status::UnknownGateway)?.verify(sealed)?;
        let reference = verified.reference();
        let stands = self
            .own
            .place
            .is_some_and(|place| verified.get().contains(&place));
        if !stands || self.book.stands_in(&reference) {
            return Ok(false);
        }
        let areas = &self.book.known.areas;
        let replaced = match areas.is_full() {
            true => areas.iter().map(|place| place.record).min(),
            false => None,
        };
        let record = self.append(&Record::Area { area })?;
        let place = Place {
            area: reference,
            record,
        };
        let areas = &mut self.book.known.areas;
        areas.remove(|place| Some(place.record) == replaced);
        if !areas.insert(place) {
            return Err(Status::Full);
        }
        self.forget_if(replaced)?;
        Ok(true)
    }

    /// Whom a gateway warns of. Its newest filter replaces the one before.
    pub(super) fn filter(&mut self, filter: &[u8], now: Timestamp) -> Result<bool, Status> {
        let sealed = open::<Filter>(filter, &self.own.trust.network)?;
        let gateway = self.book.gateway(&sealed.peek().gateway);
        let gateway = *gateway.ok_or(Status::UnknownGateway)?;
        let verified = gateway.keys(now).verify(sealed)?;
        let known = &self.book.known;
        if known.filter_version(&gateway.code) >= Some(verified.get().version) {
            return Ok(false);
        }
        let of = |held: &&Warning| held.filter.gateway == gateway.code;
        let mut replaced = known.filters.find(of).map(|held| held.record);
        if replaced.is_none() && known.filters.is_full() {
            // One of them is of a gateway that is trusted no more.
            replaced = known.filters.iter().map(|held| held.record).min();
        }
        let record = self.append(&Record::Filter { filter })?;
        let filters = &mut self.book.known.filters;
        filters.remove(|held| Some(held.record) == replaced);
        let held = Warning {
            filter: *verified.get(),
            record,
        };
        if !filters.insert(held) {
            return Err(Status::Full);
        }
        self.forget_if(replaced)?;
        Ok(true)
    }
}

impl<const OUTBOX: usize, const PAYERS: usize> Replay<'_, OUTBOX, PAYERS> {
    pub(super) fn warrant(&mut self, id: RecordId, warrant: &[u8]) -> Option<()> {
        let Some((w, _)) = self.open::<FloatWarrant>(id, warrant) else {
            return Some(());
        };
        let known = &self.book.known;
        // What is older by time was written earlier; with one too many, a cut came between.
        let mut before = known.warrant(&w.gateway, w.gateway_epoch, &w.currency);
        if before.is_none() && known.warrants.is_full() {
            before = known.warrants.iter().min_by_key(|held| held.record);
        }
        let before = before.map(|held| held.record);
        let known = &mut self.book.known;
        known.warrants.remove(|held| Some(held.record) == before);
        let held = known.hold_warrant(&w, id);
        self.drop(before);
        held.then_some(())
    }

    pub(super) fn area(&mut self, id: RecordId, area: &[u8], place: Option<Cell>) -> Option<()> {
        let Some((area, digest)) = self.open::<Area>(id, area) else {
            return Some(());
        };
        // It has been moved since, or there is one too many: a cut came between.
        if !place.is_some_and(|place| area.contains(&place)) {
            self.drop(Some(id));
            return Some(());
        }
        let areas = &mut self.book.known.areas;
        let before = match areas.is_full() {
            true => areas.iter().map(|place| place.record).min(),
            false => None,
        };
        areas.remove(|place| Some(place.record) == before);
        let held = areas.insert(Place {
            area: digest.reference(),
            record: id,
        });
        self.drop(before);
        held.then_some(())
    }

    pub(super) fn filter(&mut self, id: RecordId, filter: &[u8]) -> Option<()> {
        let Some((filter, _)) = self.open::<Filter>(id, filter) else {
            return Some(());
        };
        let filters = &mut self.book.known.filters;
        let of = |held: &&Warning| held.filter.gateway == filter.gateway;
        let mut before = filters.find(of).map(|held| held.record);
        if before.is_none() && filters.is_full() {
            before = filters.iter().map(|held| held.record).min();
        }
        filters.remove(|held| Some(held.record) == before);
        let held = filters.insert(Warning { filter, record: id });
        self.drop(before);
        held.then_some(())
    }
}
