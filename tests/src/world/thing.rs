//! A thing: a real purse on simulated flash, with a clock of its own that may be wrong.

use super::authority::{Birth, House};
use super::flash::{Flash, Image};
use device_sdk::purse::{Clock, OUT_MAX, OpenError, Purse, Settings};
use protocol::code::grid;
use protocol::keys::{SignerFailed, SoftwareKey};
use protocol::{AmountMinor, Code, PublicKey, Signature, Signer, Status, Timestamp};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Places for payments, and payers remembered: few, so that the bounds are near.
pub(crate) type SimPurse = Purse<Pen, Flash, 12, 6>;

/// What was ever signed by the things of a world, in order.
pub(crate) type Ink = Rc<RefCell<Vec<Stroke>>>;

/// One signature.
#[derive(Clone, Debug)]
pub(crate) struct Stroke {
    /// The thing.
    pub(crate) by: usize,
    /// What the signature is over.
    pub(crate) said: Vec<u8>,
    pub(crate) signature: Signature,
}

/// A wallet key that shows the model everything it signs, and is sometimes out of reach.
pub(crate) struct Pen {
    key: SoftwareKey,
    by: usize,
    ink: Ink,
    /// So many signatures from now on fail.
    away: Rc<Cell<u32>>,
}

impl Signer for Pen {
    fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerFailed> {
        if let Some(left) = self.away.get().checked_sub(1) {
            self.away.set(left);
            return Err(SignerFailed);
        }
        let signature = self.key.sign(message)?;
        self.ink.borrow_mut().push(Stroke {
            by: self.by,
            said: message.to_vec(),
            signature,
        });
        Ok(signature)
    }
}

/// Who moves a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mover {
    /// Its own honest plan.
    Itself,
    /// The adversary with this number.
    Adversary(usize),
}

/// One thing of the world.
pub(crate) struct Thing {
    pub(crate) number: usize,
    pub(crate) code: Code,
    seed: [u8; 32],
    pass: Vec<u8>,
    pub(crate) flash: Flash,
    pub(crate) purse: Option<SimPurse>,
    pub(crate) mover: Mover,
    /// It has no clock: it counts seconds since it was switched on.
    pub(crate) clockless: bool,
    /// When that was, in milliseconds.
    pub(crate) on_since_ms: u64,
    /// What its clock shows too much.
    pub(crate) skew_s: i32,
    /// Where it is told that it stands.
    pub(crate) place: Option<grid::Cell>,
    pub(crate) most_by_class: AmountMinor,
    /// Its journal was lost or set back, and it knows: it opens in doubt.
    pub(crate) doubts: bool,
    /// That has happened to it: it cannot know any more what it said before. So nobody asks of it
    /// that it knows every payment it has signed (that a gateway knows more is how it finds out), that
    /// its totals reach back before that, or that it sees a fork whose first branch it took then.
    pub(crate) forgetful: bool,
    /// It never works again.
    pub(crate) dead: bool,
    /// It came in the place of a dead one.
    pub(crate) heir: bool,
    /// What somebody copied of its flash.
    pub(crate) backup: Option<Image>,
    ink: Ink,
    away: Rc<Cell<u32>>,
}

impl Thing {
    pub(crate) fn new(number: usize, birth: &Birth, flash: Flash, ink: &Ink) -> Self {
        Self {
            number,
            code: birth.code,
            seed: birth.seed,
            pass: birth.pass.clone(),
            flash,
            purse: None,
            mover: Mover::Itself,
            clockless: false,
            on_since_ms: 0,
            skew_s: 0,
            place: None,
            most_by_class: AmountMinor::new(1_000_000).unwrap(),
            doubts: false,
            forgetful: false,
            dead: false,
            heir: false,
            backup: None,
            ink: ink.clone(),
            away: Rc::default(),
        }
    }

    pub(crate) fn is_honest(&self) -> bool {
        self.mover == Mover::Itself
    }

    pub(crate) fn name(&self) -> String {
        match self.mover {
            Mover::Itself => format!("t{}", self.number),
            Mover::Adversary(_) => format!("x{}", self.number),
        }
    }

    /// What its clock shows.
    pub(crate) fn clock(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_add_signed(self.skew_s))
    }

    /// Whoever holds the thing holds its key.
    pub(crate) fn key(&self) -> SoftwareKey {
        SoftwareKey::ed25519(&self.seed)
    }

    /// It enrols another wallet key.
    pub(crate) fn rekey(&mut self, seed: [u8; 32], pass: Vec<u8>) {
        (self.seed, self.pass) = (seed, pass);
    }

    pub(crate) fn pass(&self) -> &[u8] {
        &self.pass
    }

    /// The key store is out of reach for so many signatures.
    pub(crate) fn lose_key(&self, times: u32) {
        self.away.set(times);
    }

    /// A purse on some flash: its own, or a copy.
    pub(crate) fn open_on(&self, house: &House, flash: Flash) -> Result<SimPurse, OpenError> {
        let settings = Settings {
            me: self.code,
            pass: &self.pass,
            trust: house.trust,
            sync_margin_s: MARGIN_S,
            most_by_class: [self.most_by_class; 3],
            place: self.place,
            clock: match self.clockless {
                true => Clock::Ticks {
                    stale_after_s: STALE_AFTER_S,
                },
                false => Clock::Kept,
            },
        };
        let pen = Pen {
            key: self.key(),
            by: self.number,
            ink: self.ink.clone(),
            away: self.away.clone(),
        };
        match self.doubts {
            true => Purse::open_in_doubt(settings, pen, flash),
            false => Purse::open(settings, pen, flash),
        }
    }

    /// Opens the purse where the power left it. False when the power went again, or the journal
    /// had no room.
    pub(crate) fn power_on(&mut self, house: &House) -> bool {
        self.purse = None;
        self.flash.power_on();
        match self.open_on(house, self.flash.clone()) {
            Ok(purse) => {
                self.purse = Some(purse);
                self.doubts = false;
            }
            Err(OpenError::Journal(_)) => return false,
            Err(error) => panic!("{} does not open: {error}", self.name()),
        }
        true
    }
}

/// How long a thing needs at worst until it reaches a gateway, as its purse is told.
pub(crate) const MARGIN_S: u32 = 600;

/// How old the newest beacon may be for a thing without a clock.
const STALE_AFTER_S: u32 = 6 * 3_600;

/// Runs something that writes into a buffer.
pub(crate) fn written(
    write: impl FnOnce(&mut [u8]) -> Result<usize, Status>,
) -> Result<Vec<u8>, Status> {
    let mut out = vec![0; OUT_MAX];
    let len = write(&mut out)?;
    out.truncate(len);
    Ok(out)
}
