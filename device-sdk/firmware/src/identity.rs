//! Who a board is: what was put into it when it was made, as one file.
//!
//! ```text
//! part       length u16 (big-endian) | bytes
//! file       wallet seed | code | pass | network | root's key | issuer's pass | gateway's pass | grant | payee's code
//! ```
//! In a product the seed is made by the thing and never leaves it, best in a secure element behind
//! [`protocol::Signer`].

use crate::BoardPurse;
use crate::semihosting::HostFile;
use crate::ticks;
use core::ffi::CStr;
use device_sdk::journal_flash::FlashJournal;
use device_sdk::purse::{Clock, Purse, Settings};
use embedded_storage::nor_flash::NorFlash;
use protocol::keys::SoftwareKey;
use protocol::rules::Trust;
use protocol::{Algorithm, AmountMinor, Code, Network, PublicKey};

const FILE_MAX_BYTES: usize = 2_048;
const PARTS: usize = 9;
const SYNC_MARGIN_S: u32 = 86_400;
/// The most a charger takes at once from a car it knows nothing of.
const MOST: u64 = 10_000;
const STALE_AFTER_S: u32 = 86_400;

/// The file as it was read.
#[derive(Debug)]
pub struct Identity {
    bytes: [u8; FILE_MAX_BYTES],
    len: usize,
}

/// What is wrong with it, in a word for the console.
pub type Wrong = &'static str;

impl Identity {
    /// Reads it.
    pub fn read(name: &CStr) -> Result<Self, Wrong> {
        let file = HostFile::open(name).map_err(|_| "no identity")?;
        let len = file.len().map_err(|_| "no identity")? as usize;
        let mut bytes = [0; FILE_MAX_BYTES];
        let place = bytes.get_mut(..len).ok_or("the identity is too long")?;
        file.read(place).map_err(|_| "no identity")?;
        Ok(Self { bytes, len })
    }

    fn parts(&self) -> Option<[&[u8]; PARTS]> {
        let mut rest = self.bytes.get(..self.len)?;
        let mut parts = [&[][..]; PARTS];
        for part in &mut parts {
            let (len, after) = rest.split_first_chunk()?;
            (*part, rest) = after.split_at_checked(u16::from_be_bytes(*len).into())?;
        }
        rest.is_empty().then_some(parts)
    }

    /// Opens the purse of this identity and tells it all there is to know.
    pub fn purse<F: NorFlash>(&self, flash: F) -> Result<BoardPurse<F>, Wrong> {
        let parts = self.parts().ok_or("the identity has other parts")?;
        let [seed, me, pass, network, root, issuer, gateway, grant, _] = parts;
        let network = core::str::from_utf8(network).ok().and_then(Network::new);
        let root = PublicKey::from_slice(Algorithm::Ed25519, root);
        let most = AmountMinor::new(MOST).ok_or("no amount")?;
        let settings = Settings {
            me: code(me)?,
            pass,
            trust: Trust::new(network.ok_or("no network")?, root.ok_or("no root's key")?),
            sync_margin_s: SYNC_MARGIN_S,
            most_by_class: [most; 3],
            place: None,
            clock: Clock::Ticks {
                stale_after_s: STALE_AFTER_S,
            },
        };
        let key = SoftwareKey::ed25519(seed.first_chunk().ok_or("no seed")?);
        let journal = FlashJournal::open(flash).map_err(|_| "the flash holds no journal")?;
        let mut purse = Purse::open(settings, key, journal).map_err(|_| "no purse")?;
        let now = purse.time(ticks::seconds());
        let known = purse.trust_gateway(issuer, gateway, now);
        known.map_err(|_| "the gateway is not to be trusted")?;
        if !grant.is_empty() {
            // The same allowance as at the last start changes nothing.
            let received = purse.receive(grant, now);
            received.map_err(|_| "the allowance does not count")?;
        }
        Ok(purse)
    }

    /// Whom a car pays.
    pub fn payee(&self) -> Result<Code, Wrong> {
        let [.., payee] = self.parts().ok_or("the identity has other parts")?;
        code(payee)
    }
}

fn code(bytes: &[u8]) -> Result<Code, Wrong> {
    let bytes = bytes.try_into().map_err(|_| "no code")?;
    Code::from_bytes(bytes).map_err(|_| "no code")
}
