//! The desk behind real doors, and beside the books of another gateway.

mod accused;
mod elsewhere;
mod news;
pub(crate) mod town;

use super::{Desk, News};
use crate::tree::{Caller, Door, Peer, WalletDesk};
use bytes::Bytes;
use device_sdk::identity_file::Identity;
use protocol::cose::{SIGNED_MAX, open, seal};
use protocol::keys::SoftwareKey;
use protocol::message::Message;
use protocol::objects::{Allowance, Object, Payment, Receipt, Renewal};
use protocol::{
    AmountMinor, Code, Currency, Digest, KeyEpoch, Network, Odometer, Reference, Sequence, Signer,
    Status, Timestamp,
};

const USD: Currency = Currency::new(1, *b"USD").unwrap();

fn network() -> Network {
    Network::new("test").unwrap()
}

fn amount(minor: u64) -> AmountMinor {
    AmountMinor::new(minor).unwrap()
}

fn signed<T: Object, S: Signer + ?Sized>(object: &T, key: &S) -> Vec<u8> {
    let mut out = [0; SIGNED_MAX];
    let (len, _) = seal(object, &network(), key, &mut out).unwrap();
    out[..len].to_vec()
}

fn message(message: &Message<'_>) -> Vec<u8> {
    super::written(message).unwrap()
}

/// Whoever holds a wallet key can sign anything.
struct Signatory {
    code: Code,
    key: SoftwareKey,
}

impl Signatory {
    fn of(identity: &Identity) -> Self {
        Self {
            code: identity.credentials.code,
            key: identity.keys.wallet(),
        }
    }

    fn renewal(&self, wanted: u64, time: Timestamp) -> Vec<u8> {
        let renewal = Renewal {
            code: self.code,
            key_epoch: KeyEpoch(1),
            currency: USD,
            sequence: Sequence(0),
            head: Reference::default(),
            odometer: Odometer::ZERO,
            wanted: amount(wanted),
            time,
            lost: None,
        };
        message(&Message::Renewal {
            renewal: &signed(&renewal, &self.key),
        })
    }

    /// The first payment under a fresh allowance.
    fn payment(&self, allowance: &[u8], payee: Code, minor: u64) -> Vec<u8> {
        let given = open::<Allowance>(allowance, &network()).unwrap();
        let (id, given) = (given.id(), *given.peek());
        let payment = Payment {
            payer: self.code,
            key_epoch: given.key_epoch,
            sequence: given.base_sequence.next().unwrap(),
            previous: given.base_head,
            payee,
            currency: USD,
            amount: amount(minor),
            odometer: given.base_odometer.advance(amount(minor)).unwrap(),
            allowance: id.reference(),
            settle_by: given.expires,
            reference: Reference([7; 16]),
            covers_for: None,
            covers: None,
            stream: None,
        };
        signed(&payment, &self.key)
    }

    fn receipt(&self, payment: &[u8], time: Timestamp) -> Vec<u8> {
        let receipt = Receipt {
            payee: self.code,
            payment: id(payment),
            time,
            declined: None,
            units: None,
        };
        signed(&receipt, &self.key)
    }

    fn claim(&self, allowance: &[u8], payment: &[u8], time: Timestamp) -> Vec<u8> {
        message(&Message::Claim {
            allowance,
            payment,
            receipt: &self.receipt(payment, time),
        })
    }
}

fn id(payment: &[u8]) -> Digest {
    open::<Payment>(payment, &network()).unwrap().id()
}

fn granted(answer: &[u8]) -> Vec<u8> {
    match Message::read(answer).unwrap() {
        Message::Grant { allowance } => allowance.to_vec(),
        other => panic!("no grant: {other:?}"),
    }
}

/// One message in the name of a code that was authenticated, or of nobody.
async fn ask(desk: &Desk, by: Option<Code>, message: &[u8]) -> Result<Vec<u8>, Status> {
    let caller = by.map(|code| Caller {
        code,
        door: Door::Mqtt,
    });
    let handled = desk.handle(caller, Peer::Gateway, Bytes::copy_from_slice(message));
    match handled.await {
        Ok(answer) => Ok(answer.unwrap_or_default()),
        Err(declined) => Err(declined.status),
    }
}
