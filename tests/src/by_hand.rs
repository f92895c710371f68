//! Wallet objects made by hand with nothing but `protocol`: a purse would refuse to make most of
//! what these tests need.

use protocol::cose::{SIGNED_MAX, open, seal};
use protocol::keys::SoftwareKey;
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Allowance, Object, Payment, Receipt, Renewal};
use protocol::{
    AmountMinor, Code, Currency, Digest, KeyEpoch, Network, Odometer, Reference, Sequence,
    Timestamp,
};

/// US dollars as the gateway's issuer declares them.
pub const USD: Currency = match Currency::new(1, *b"USD") {
    Some(currency) => currency,
    None => panic!("USD is three capital letters"),
};

/// An amount of the tests.
pub fn amount(minor: u64) -> AmountMinor {
    AmountMinor::new(minor).expect("amounts of tests are small")
}

/// Whoever holds a wallet key can sign anything.
pub struct Signatory {
    /// Whose key.
    pub code: Code,
    /// The wallet key.
    pub key: SoftwareKey,
    /// For which network.
    pub network: Network,
}

impl Signatory {
    /// Signs an object.
    pub fn sign<T: Object>(&self, object: &T) -> Vec<u8> {
        let mut out = [0; SIGNED_MAX];
        let (len, _) =
            seal(object, &self.network, &self.key, &mut out).expect("software keys sign");
        out[..len].to_vec()
    }

    /// A first request for an allowance, as a message.
    pub fn renewal(&self, wanted: u64, time: Timestamp) -> Vec<u8> {
        let renewal = self.sign(&Renewal {
            code: self.code,
            key_epoch: KeyEpoch(1),
            currency: USD,
            sequence: Sequence(0),
            head: Reference::default(),
            odometer: Odometer::ZERO,
            wanted: amount(wanted),
            time,
            lost: None,
        });
        message(&Message::Renewal { renewal: &renewal })
    }

    /// The first payment of a fresh allowance; a test changes what it wants wrong.
    pub fn first_payment(&self, allowance: &[u8], payee: Code, minor: u64) -> Payment {
        let given = open::<Allowance>(allowance, &self.network).expect("a gateway's allowance");
        Payment {
            payer: self.code,
            key_epoch: given.peek().key_epoch,
            sequence: Sequence(given.peek().base_sequence.0 + 1),
            previous: given.peek().base_head,
            payee,
            currency: given.peek().currency,
            amount: amount(minor),
            odometer: given
                .peek()
                .base_odometer
                .advance(amount(minor))
                .expect("a small sum"),
            allowance: given.id().reference(),
            settle_by: given.peek().expires,
            reference: Reference(*b"a test's payment"),
            covers_for: None,
            covers: None,
            stream: None,
        }
    }

    /// Allowance and signed payment as a message.
    pub fn evidence(&self, allowance: &[u8], payment: &Payment) -> Vec<u8> {
        message(&Message::Evidence {
            allowance,
            payment: &self.sign(payment),
        })
    }

    /// Evidence with this payee's receipt as a message.
    pub fn claim(&self, allowance: &[u8], payment: &[u8], time: Timestamp) -> Vec<u8> {
        let id: Digest = open::<Payment>(payment, &self.network)
            .expect("a payment")
            .id();
        let receipt = self.sign(&Receipt {
            payee: self.code,
            payment: id,
            time,
            declined: None,
            units: None,
        });
        message(&Message::Claim {
            allowance,
            payment,
            receipt: &receipt,
        })
    }
}

/// A message in its bytes.
pub fn message(message: &Message<'_>) -> Vec<u8> {
    let mut out = vec![0; MESSAGE_MAX];
    let len = message.write(&mut out).expect("the largest message fits");
    out.truncate(len);
    out
}
