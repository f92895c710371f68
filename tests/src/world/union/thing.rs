//! A thing among several gateways: a real purse on simulated flash, what it knows of its home, and
//! the warrants it carries along for its payees.

use super::super::authority::{Birth, currencies};
use super::super::flash::{Flash, Image};
use super::super::thing::MARGIN_S;
use super::cast::Cast;
use device_sdk::purse::{Clock, OpenError, Purse, Settings};
use protocol::cose::open;
use protocol::keys::SoftwareKey;
use protocol::message::Message;
use protocol::objects::FloatWarrant;
use protocol::{AmountMinor, Code, Currency, KeyEpoch, Timestamp};
use std::collections::BTreeMap;

/// The purse of these worlds.
pub(crate) type SimPurse = Purse<SoftwareKey, Flash, 12, 6>;

/// A move that was signed and has not happened.
#[derive(Clone, Debug)]
pub(crate) struct Journey {
    pub(crate) order: Vec<u8>,
    pub(crate) to: usize,
}

/// One thing.
pub(crate) struct Thing {
    pub(crate) number: usize,
    pub(crate) birth: &'static Birth,
    pub(crate) code: Code,
    pub(crate) flash: Flash,
    pub(crate) purse: Option<SimPurse>,
    /// False when somebody moves it who does not follow the rules.
    pub(crate) honest: bool,
    /// It begins with nothing.
    pub(crate) poor: bool,
    /// The office that is its home, as far as it knows.
    pub(crate) home: usize,
    pub(crate) lease: u64,
    pub(crate) journey: Option<Journey>,
    /// How often it has moved.
    pub(crate) moves: u32,
    /// Every office that was its home.
    pub(crate) homes: Vec<usize>,
    /// The newest warrants it has seen, each a whole message.
    pub(crate) warrants: BTreeMap<(Code, KeyEpoch, Currency), (Timestamp, Vec<u8>)>,
}

impl Thing {
    pub(crate) fn new(
        number: usize,
        (birth, home): (&'static Birth, usize),
        flash: Flash,
        honest: bool,
    ) -> Self {
        Self {
            number,
            birth,
            code: birth.code,
            flash,
            purse: None,
            honest,
            poor: false,
            home,
            lease: 1,
            journey: None,
            moves: 0,
            homes: vec![home],
            warrants: BTreeMap::new(),
        }
    }

    pub(crate) fn name(&self) -> String {
        let kind = if self.honest { "t" } else { "x" };
        format!("{kind}{}", self.number)
    }

    pub(crate) fn key(&self) -> SoftwareKey {
        SoftwareKey::ed25519(&self.birth.seed)
    }

    /// Opens the purse where the power left it. False when the power went again.
    pub(crate) fn power_on(&mut self, cast: &Cast) -> bool {
        self.purse = None;
        self.flash.power_on();
        let most = AmountMinor::new(1_000_000).unwrap();
        let settings = Settings {
            me: self.code,
            pass: &self.birth.pass,
            trust: cast.trust,
            sync_margin_s: MARGIN_S,
            most_by_class: [most; 3],
            place: None,
            clock: Clock::Kept,
        };
        match Purse::open(settings, self.key(), self.flash.clone()) {
            Ok(purse) => self.purse = Some(purse),
            Err(OpenError::Journal(_)) => return false,
            Err(error) => panic!("{} does not open: {error}", self.name()),
        }
        true
    }

    /// Somebody writes an older image over its flash.
    pub(crate) fn restore(&mut self, image: &Image, cast: &Cast) {
        self.flash.restore(image);
        assert!(self.power_on(cast), "a copy opens");
    }

    /// Takes note of a warrant. True when it is newer than the one before.
    pub(crate) fn learn(&mut self, message: &[u8]) -> bool {
        let Ok(Message::Warrant { warrant, .. }) = Message::read(message) else {
            return false;
        };
        let Ok(warrant) = open::<FloatWarrant>(warrant, &super::super::authority::network()) else {
            return false;
        };
        let w = *warrant.peek();
        let key = (w.gateway, w.gateway_epoch, w.currency);
        let newer = self
            .warrants
            .get(&key)
            .is_none_or(|(issued, _)| *issued < w.issued);
        if newer {
            self.warrants.insert(key, (w.issued, message.to_vec()));
        }
        newer
    }

    /// What its purse says that gateways have settled for it, by currency.
    pub(crate) fn received(&self) -> Option<Vec<(Currency, u64)>> {
        let purse = self.purse.as_ref()?;
        let settled = currencies().into_iter();
        Some(
            settled
                .map(|currency| (currency, purse.totals(currency).received_settled.get()))
                .collect(),
        )
    }
}
