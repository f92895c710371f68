//! An accusation that somebody brought and that holds.

use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::{Allowance, Move, Object, Payment, Receipt};
use protocol::rules::Trust;
use protocol::rules::proof::{Charge, Verdict, judge};
use protocol::{Digest, Network, Status};

/// A proof against a key, judged from the root's key down: nothing else can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accusation {
    verdict: Verdict,
    subject: Digest,
    bytes: Vec<u8>,
}

impl Accusation {
    /// Checks every signature in it, from the issuer's pass down. A message that proves nothing is
    /// refused.
    pub fn check(trust: &Trust, message: &[u8]) -> Result<Self, Status> {
        let verdict = judge(trust, message)?;
        let subject = subject(&trust.network, message, verdict.charge)?;
        Ok(Self {
            verdict,
            subject,
            bytes: message.to_vec(),
        })
    }

    /// Whose key contradicts itself, and how.
    pub const fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// In which object: the same charge about the same one is one case.
    pub const fn subject(&self) -> Digest {
        self.subject
    }

    /// The whole message.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What the books file it under. Of two equals it is the greater one, in whichever order they came.
fn subject(network: &Network, message: &[u8], charge: Charge) -> Result<Digest, Status> {
    let objects = match Message::read(message)? {
        Message::Accusation { objects, .. } => objects,
        Message::Proof {
            allowances: [a, b],
            payments: [x, y],
            ..
        } => [Some(a), Some(x), Some(b), Some(y), None, None],
        _ => return Err(Status::Malformed),
    };
    let object = |place: usize| {
        objects
            .get(place)
            .copied()
            .flatten()
            .ok_or(Status::Malformed)
    };
    let payment = |place| id::<Payment>(network, object(place)?);
    let about = |place| {
        let receipt = open::<Receipt>(object(place)?, network)?;
        Ok(receipt.peek().payment)
    };
    match charge {
        Charge::Payments | Charge::OneReference => Ok(payment(1)?.max(payment(3)?)),
        Charge::Void | Charge::Closing => payment(1),
        Charge::Receipts => about(0),
        Charge::DeclinedCover | Charge::FewerUnits => about(3),
        Charge::Moves => Ok(id::<Move>(network, object(0)?)?.max(id::<Move>(network, object(1)?)?)),
        Charge::AllowanceNumber | Charge::FloatOverlap => {
            let [a, b] = [object(0)?, object(1)?];
            Ok(id::<Allowance>(network, a)?.max(id::<Allowance>(network, b)?))
        }
        Charge::BetweenLinks => payment(3),
    }
}

fn id<T: Object>(network: &Network, object: &[u8]) -> Result<Digest, Status> {
    Ok(open::<T>(object, network)?.id())
}
