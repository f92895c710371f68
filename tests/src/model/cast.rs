//! Who plays, and every signed object of a run: really signed, really opened, made once.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Mutex;

use protocol::code::IssuedBy;
use protocol::cose::{SIGNED_MAX, open, seal};
use protocol::keys::SoftwareKey;
use protocol::objects::{Allowance, Object, Payment};
use protocol::rules::Spent;
use protocol::{Code, Digest, Kind, Network, PublicKey, Signer, Verified};

/// Somebody with a purse: the payers first, then the payees.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Who(pub u8);

impl Who {
    /// The first payer, whose key may fork and who may move.
    pub const FIRST: Self = Self(0);
    /// The payees. The first is at home on the first gateway, the second on the second.
    pub const PAYEES: [Self; 2] = [Self(8), Self(9)];

    /// Its code.
    pub fn code(self) -> Code {
        thing(Kind::Device, self.0)
    }

    fn key(self) -> SoftwareKey {
        SoftwareKey::ed25519(&[100 + self.0; 32])
    }

    /// The key its payments are signed with.
    pub fn wallet_key(self) -> PublicKey {
        self.key().public_key()
    }
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0..8 => write!(f, "payer {}", self.0),
            _ => write!(f, "payee {}", self.0 - 8),
        }
    }
}

/// One of the two gateways.
pub fn gateway(number: usize) -> Code {
    thing(Kind::Gateway, 200 + number as u8)
}

fn gateway_key(number: usize) -> SoftwareKey {
    SoftwareKey::ed25519(&[200 + number as u8; 32])
}

fn thing(kind: Kind, number: u8) -> Code {
    let by = IssuedBy {
        issuer: 1,
        station: 1,
    };
    Code::derive(kind, by, u64::from(number), &[number; 91]).expect("a small sequence")
}

/// A signed payment. Two of one identifier are one.
#[derive(Clone, Copy)]
pub struct Order(&'static Signed);

/// What an [`Order`] points at.
#[derive(Debug)]
pub struct Signed {
    /// Who pays.
    pub payer: Who,
    /// Who is paid.
    pub payee: Who,
    /// The payment itself.
    pub payment: Verified<'static, Payment>,
    /// What it takes.
    pub spent: Spent,
    /// The allowance it is made under.
    pub given: Given,
}

impl Order {
    fn rank(self) -> (Who, u32, Digest) {
        let spent = &self.0.spent;
        (self.0.payer, spent.sequence.0, spent.id)
    }
}

impl std::ops::Deref for Order {
    type Target = Signed;

    fn deref(&self) -> &Signed {
        self.0
    }
}

impl PartialEq for Order {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Order {}

impl PartialOrd for Order {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Order {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl Hash for Order {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.spent.id.hash(state);
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Signed {
            payer,
            payee,
            spent,
            ..
        } = self.0;
        let (sequence, from, to) = (spent.sequence.0, spent.from, spent.to);
        write!(f, "no. {sequence} ({from}, {to}] of {payer:?} to {payee:?}")
    }
}

/// A signed allowance.
#[derive(Clone, Copy)]
pub struct Given(&'static Verified<'static, Allowance>);

impl Given {
    /// What it says.
    pub fn terms(&self) -> &'static Allowance {
        self.0.get()
    }

    /// Which gateway gave it.
    pub fn by(&self) -> usize {
        usize::from(self.terms().gateway == gateway(1))
    }

    /// As the rules take it.
    pub fn verified(&self) -> &'static Verified<'static, Allowance> {
        self.0
    }
}

impl PartialEq for Given {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

impl Eq for Given {}

impl Hash for Given {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id().hash(state);
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms = self.terms();
        write!(f, "({}, {}]", terms.base_odometer, terms.limit)
    }
}

/// Signs, and remembers what was signed: a state holds an object many times, and there are few.
pub struct Forge {
    network: Network,
    orders: Mutex<HashMap<Digest, Order>>,
    given: Mutex<HashMap<Digest, Given>>,
}

impl fmt::Debug for Forge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forge").finish_non_exhaustive()
    }
}

impl Forge {
    pub(super) fn new() -> Self {
        Self {
            network: Network::new("model").expect("a short name"),
            orders: Mutex::default(),
            given: Mutex::default(),
        }
    }

    /// Opened bytes stay for the rest of the run.
    fn signed<T: Object>(&self, object: &T, key: &SoftwareKey) -> Verified<'static, T> {
        let mut bytes = vec![0; SIGNED_MAX];
        let (len, _) = seal(object, &self.network, key, &mut bytes).expect("software keys sign");
        bytes.truncate(len);
        open::<T>(Vec::leak(bytes), &self.network)
            .and_then(|open| open.verify(&key.public_key()))
            .expect("just signed")
    }

    fn id<T: Object>(&self, object: &T, key: &SoftwareKey) -> Digest {
        let algorithm = key.public_key().algorithm();
        protocol::cose::identify(object, &self.network, algorithm).expect("a small object")
    }

    /// An allowance by the gateway with this number.
    pub fn allowance(&self, by: usize, allowance: &Allowance) -> Given {
        let key = gateway_key(by);
        let id = self.id(allowance, &key);
        let mut given = self.given.lock().expect("nobody panics with it");
        *given
            .entry(id)
            .or_insert_with(|| Given(Box::leak(Box::new(self.signed(allowance, &key)))))
    }

    /// A payment; `None` when it takes more than was ever on the odometer.
    pub fn order(&self, payer: Who, payee: Who, given: Given, payment: &Payment) -> Option<Order> {
        let key = payer.key();
        let id = self.id(payment, &key);
        let spent = Spent::new(id, payment)?;
        let mut orders = self.orders.lock().expect("nobody panics with it");
        let order = orders.entry(id).or_insert_with(|| {
            Order(Box::leak(Box::new(Signed {
                payer,
                payee,
                payment: self.signed(payment, &key),
                spent,
                given,
            })))
        });
        Some(*order)
    }
}
