//! Who plays in these tests: a root, an issuer, a gateway, a payer and a payee, each with a key
//! from a fixed seed, and one honest object of every type.

use protocol::code::IssuedBy;
use protocol::cose::{SIGNED_MAX, open, seal};
use protocol::keys::SoftwareKey;
use protocol::objects::{
    Acceptance, Acknowledgement, Allowance, Area, Beacon, ClaimNote, Closing, ClosingBalance,
    Confirmation, Credit, Filter, FloatWarrant, Invoice, Lease, Move, Object, Party, Pass, Payment,
    PlaceRecord, Receipt, RefundAnswer, RefundRequest, Release, Renewal, Rights, Statement,
    Successor, Survey, Tariff, Transfer, TrustUpdate, Void, WalletCall, Watermark,
};
use protocol::rules::{Float, Holdings, Trust};
use protocol::stream::{Chain, Stream};
use protocol::{
    Algorithm, AmountMinor, AssuranceClass, Code, Currency, Digest, KeyEpoch, Kind, Network,
    Odometer, PublicKey, Reference, Sequence, Signer, Timestamp, Verified,
};

pub const BOTH: [Algorithm; 2] = [Algorithm::Ed25519, Algorithm::P256];

/// 2026-11-22T00:00:00Z.
pub const NOW: Timestamp = Timestamp(1_795_305_600);
pub const DAY_S: u32 = 86_400;
/// What the stream's payer keeps to itself.
pub const SEED: Digest = Digest([0x77; 32]);

pub fn network() -> Network {
    Network::new("test").unwrap()
}

pub fn key(algorithm: Algorithm, seed: u8) -> SoftwareKey {
    match algorithm {
        Algorithm::Ed25519 => SoftwareKey::ed25519(&[seed; 32]),
        Algorithm::P256 => SoftwareKey::p256(&[seed; 32]).unwrap(),
    }
}

pub fn amount(minor: u64) -> AmountMinor {
    AmountMinor::new(minor).unwrap()
}

pub fn reading(minor: u64) -> Odometer {
    Odometer::new(minor).unwrap()
}

pub fn usd() -> Currency {
    Currency::new(1, *b"USD").unwrap()
}

/// A code whose birth key is only a label; nothing here depends on real X.509 keys.
pub fn code(kind: Kind, station: u16, sequence: u64) -> Code {
    let by = IssuedBy { issuer: 1, station };
    let label = [station as u8, sequence as u8];
    Code::derive(kind, by, sequence, &label).unwrap()
}

pub fn signed<T: Object>(object: &T, signer: &SoftwareKey) -> Vec<u8> {
    signed_in(object, &network(), signer)
}

pub fn signed_in<T: Object>(object: &T, network: &Network, signer: &SoftwareKey) -> Vec<u8> {
    let mut out = [0; SIGNED_MAX];
    let (len, _) = seal(object, network, signer, &mut out).unwrap();
    out[..len].to_vec()
}

pub fn verified<'b, T: Object>(bytes: &'b [u8], key: &PublicKey) -> Verified<'b, T> {
    open::<T>(bytes, &network()).unwrap().verify(key).unwrap()
}

/// A whole small world in which every wallet key is of one algorithm.
pub struct Cast {
    pub root: SoftwareKey,
    pub issuer: SoftwareKey,
    pub gateway: SoftwareKey,
    pub payer: SoftwareKey,
    pub payee: SoftwareKey,
}

impl Cast {
    pub fn new(algorithm: Algorithm) -> Self {
        Self {
            root: key(algorithm, 1),
            issuer: key(algorithm, 2),
            gateway: key(algorithm, 3),
            payer: key(algorithm, 4),
            payee: key(algorithm, 5),
        }
    }

    pub fn root_code() -> Code {
        code(Kind::Issuer, 0, 0)
    }

    pub fn issuer_code() -> Code {
        code(Kind::Issuer, 0, 1)
    }

    pub fn gateway_code() -> Code {
        code(Kind::Gateway, 0, 2)
    }

    pub fn payer_code() -> Code {
        code(Kind::Device, 1, 1)
    }

    pub fn payee_code() -> Code {
        code(Kind::Device, 1, 2)
    }

    pub fn trust(&self) -> Trust {
        Trust::new(network(), self.root.public_key())
    }

    pub fn issuer_pass(&self) -> Pass {
        Pass {
            issuer: Party(Self::root_code()),
            subject: Party(Self::issuer_code()),
            expires: NOW.plus_s(3650 * DAY_S),
            issued: NOW,
            key: Confirmation(self.issuer.public_key()),
            class: AssuranceClass::Software,
            rights: Rights::from_bits(31).unwrap(),
            grace_s: None,
            station: None,
            first_sequence: None,
            last_sequence: None,
        }
    }

    pub fn gateway_pass(&self) -> Pass {
        let rights = Rights::PAY
            .and(Rights::ACCEPT)
            .and(Rights::SETTLE)
            .and(Rights::ISSUE_CODES);
        Pass {
            issuer: Party(Self::issuer_code()),
            subject: Party(Self::gateway_code()),
            expires: NOW.plus_s(365 * DAY_S),
            issued: NOW,
            key: Confirmation(self.gateway.public_key()),
            class: AssuranceClass::Isolated,
            rights,
            grace_s: Some(7 * DAY_S),
            station: Some(1),
            first_sequence: Some(1),
            last_sequence: Some((1 << 36) - 1),
        }
    }

    pub fn payee_pass(&self) -> Pass {
        Pass {
            issuer: Party(Self::gateway_code()),
            subject: Party(Self::payee_code()),
            expires: NOW.plus_s(90 * DAY_S),
            issued: NOW,
            key: Confirmation(self.payee.public_key()),
            class: AssuranceClass::SecureElement,
            rights: Rights::PAY.and(Rights::ACCEPT),
            grace_s: None,
            station: None,
            first_sequence: None,
            last_sequence: None,
        }
    }

    /// Up to reading 10,000 from 1,000, at most 5,000 at once, sequences 4 to 67.
    pub fn allowance(&self) -> Allowance {
        Allowance {
            code: Self::payer_code(),
            wallet_key: self.payer.public_key(),
            key_epoch: KeyEpoch(1),
            class: AssuranceClass::Isolated,
            currency: usd(),
            limit: reading(10_000),
            base_sequence: Sequence(3),
            base_head: Reference([0x33; 16]),
            base_odometer: reading(1_000),
            most_per_payment: amount(5_000),
            most_payments: 64,
            issued: NOW,
            expires: NOW.plus_s(7 * DAY_S),
            gateway: Self::gateway_code(),
            gateway_epoch: KeyEpoch(1),
            number: 12,
            issued_total: reading(250_000),
            area: None,
            guarantee: None,
            hops: None,
        }
    }

    /// The first payment under [`Cast::allowance`]: 2,500 from 1,000 to 3,500.
    pub fn payment(&self) -> Payment {
        let allowance = protocol::cose::identify(
            &self.allowance(),
            &network(),
            self.gateway.public_key().algorithm(),
        );
        Payment {
            payer: Self::payer_code(),
            key_epoch: KeyEpoch(1),
            sequence: Sequence(4),
            previous: Reference([0x33; 16]),
            payee: Self::payee_code(),
            currency: usd(),
            amount: amount(2_500),
            odometer: reading(3_500),
            allowance: allowance.unwrap().reference(),
            settle_by: NOW.plus_s(3 * DAY_S),
            reference: Reference(*b"session 00000042"),
            stream: None,
            covers: None,
            covers_for: None,
        }
    }

    /// 2,500, payable for a quarter of an hour.
    pub fn invoice(&self) -> Invoice {
        Invoice {
            payee: Self::payee_code(),
            currency: usd(),
            amount: Some(amount(2_500)),
            unit: None,
            most_units: None,
            reference: Reference(*b"session 00000042"),
            nonce: 0x0123_4567_89ab_cdef,
            expires: NOW.plus_s(900),
            least_class: AssuranceClass::Isolated,
            covers_for: None,
            holds: None,
        }
    }

    /// 25 for each of up to 200 units.
    pub fn stream_invoice(&self) -> Invoice {
        Invoice {
            amount: None,
            unit: Some(amount(25)),
            most_units: Some(200),
            ..self.invoice()
        }
    }

    /// 100 units of 25, from the chain whose `value(100)` is [`SEED`].
    pub fn stream() -> Stream {
        let chain = Chain::new(&Self::payer_code(), KeyEpoch(1), Sequence(4));
        Stream {
            unit: amount(25),
            count: 100,
            anchor: chain.down(SEED, 100),
        }
    }

    /// [`Cast::payment`] by the unit, in answer to [`Cast::stream_invoice`].
    pub fn stream_payment(&self) -> Payment {
        let algorithm = self.payee.public_key().algorithm();
        let invoice = protocol::cose::identify(&self.stream_invoice(), &network(), algorithm);
        Payment {
            reference: invoice.unwrap().reference(),
            stream: Some(Self::stream()),
            ..self.payment()
        }
    }

    pub fn stream_payment_id(&self) -> Digest {
        let algorithm = self.payer.public_key().algorithm();
        protocol::cose::identify(&self.stream_payment(), &network(), algorithm).unwrap()
    }

    pub fn payment_id(&self) -> Digest {
        let algorithm = self.payer.public_key().algorithm();
        protocol::cose::identify(&self.payment(), &network(), algorithm).unwrap()
    }

    pub fn receipt(&self) -> Receipt {
        Receipt {
            payee: Self::payee_code(),
            payment: self.payment_id(),
            time: NOW.plus_s(60),
            declined: None,
            units: None,
        }
    }

    pub fn declined_receipt(&self) -> Receipt {
        Receipt {
            declined: Some(protocol::Status::WrongAmount as u32),
            ..self.receipt()
        }
    }

    /// Closes [`Cast::stream_payment`] after 37 units.
    pub fn closing_receipt(&self) -> Receipt {
        Receipt {
            payment: self.stream_payment_id(),
            units: Some(37),
            ..self.receipt()
        }
    }

    pub fn renewal(&self) -> Renewal {
        Renewal {
            code: Self::payer_code(),
            key_epoch: KeyEpoch(1),
            currency: usd(),
            sequence: Sequence(4),
            head: self.payment_id().reference(),
            odometer: reading(3_500),
            wanted: amount(9_000),
            time: NOW.plus_s(120),
            lost: None,
        }
    }

    pub fn statement(&self) -> Statement {
        Statement {
            gateway: Self::gateway_code(),
            gateway_epoch: KeyEpoch(1),
            payment: self.payment_id(),
            outcome: protocol::Status::Settled as u32,
            height: 77,
            root: Digest([0x5a; 32]),
            time: NOW.plus_s(180),
            units: None,
            paid: None,
            provisional: None,
        }
    }

    pub fn stream_statement(&self) -> Statement {
        Statement {
            payment: self.stream_payment_id(),
            units: Some(37),
            ..self.statement()
        }
    }

    /// [`Cast::one_of_each`] and [`Cast::society`], and the forms with optional fields.
    pub fn every_form(&self) -> Vec<Form> {
        let mut all = self.one_of_each().to_vec();
        all.extend([
            form(&self.gateway_pass(), &self.issuer),
            form(&self.stream_payment(), &self.payer),
            form(&self.declined_receipt(), &self.payee),
            form(&self.closing_receipt(), &self.payee),
            form(&self.stream_statement(), &self.gateway),
            form(&self.stream_invoice(), &self.payee),
        ]);
        all.extend(self.society());
        all.extend(self.society_forms());
        all
    }

    /// The context names of all types.
    pub fn every_name(&self) -> Vec<&'static str> {
        let first = self.one_of_each().into_iter();
        first.chain(self.society()).map(|(name, ..)| name).collect()
    }

    /// One signed object of every type that a pair needs, by the name of its context.
    pub fn one_of_each(&self) -> [Form; 7] {
        let (gateway, payer, payee) = (&self.gateway, &self.payer, &self.payee);
        [
            (
                Pass::NAME,
                signed(&self.payee_pass(), gateway),
                gateway.public_key(),
            ),
            (
                Allowance::NAME,
                signed(&self.allowance(), gateway),
                gateway.public_key(),
            ),
            (
                Payment::NAME,
                signed(&self.payment(), payer),
                payer.public_key(),
            ),
            (
                Receipt::NAME,
                signed(&self.receipt(), payee),
                payee.public_key(),
            ),
            (
                Renewal::NAME,
                signed(&self.renewal(), payer),
                payer.public_key(),
            ),
            (
                Statement::NAME,
                signed(&self.statement(), gateway),
                gateway.public_key(),
            ),
            (
                Invoice::NAME,
                signed(&self.invoice(), payee),
                payee.public_key(),
            ),
        ]
    }
}

/// A signed object: the name of its context, its bytes, and the key that checks it.
pub type Form = (&'static str, Vec<u8>, PublicKey);

pub fn form<T: Object>(object: &T, by: &SoftwareKey) -> Form {
    (T::NAME, signed(object, by), by.public_key())
}

/// Opens `bytes` as the type with that context name and checks the signature.
pub fn check(
    name: &str,
    bytes: &[u8],
    network: &Network,
    key: &PublicKey,
) -> Result<(), protocol::Status> {
    fn as_type<T: Object>(
        bytes: &[u8],
        network: &Network,
        key: &PublicKey,
    ) -> Result<(), protocol::Status> {
        open::<T>(bytes, network)?.verify(key).map(|_| ())
    }
    match name {
        Pass::NAME => as_type::<Pass>(bytes, network, key),
        Allowance::NAME => as_type::<Allowance>(bytes, network, key),
        Payment::NAME => as_type::<Payment>(bytes, network, key),
        Receipt::NAME => as_type::<Receipt>(bytes, network, key),
        Renewal::NAME => as_type::<Renewal>(bytes, network, key),
        Statement::NAME => as_type::<Statement>(bytes, network, key),
        Invoice::NAME => as_type::<Invoice>(bytes, network, key),
        FloatWarrant::NAME => as_type::<FloatWarrant>(bytes, network, key),
        Area::NAME => as_type::<Area>(bytes, network, key),
        Closing::NAME => as_type::<Closing>(bytes, network, key),
        Void::NAME => as_type::<Void>(bytes, network, key),
        Beacon::NAME => as_type::<Beacon>(bytes, network, key),
        Filter::NAME => as_type::<Filter>(bytes, network, key),
        Move::NAME => as_type::<Move>(bytes, network, key),
        Lease::NAME => as_type::<Lease>(bytes, network, key),
        Release::NAME => as_type::<Release>(bytes, network, key),
        ClosingBalance::NAME => as_type::<ClosingBalance>(bytes, network, key),
        Credit::NAME => as_type::<Credit>(bytes, network, key),
        ClaimNote::NAME => as_type::<ClaimNote>(bytes, network, key),
        Acknowledgement::NAME => as_type::<Acknowledgement>(bytes, network, key),
        Watermark::NAME => as_type::<Watermark>(bytes, network, key),
        Tariff::NAME => as_type::<Tariff>(bytes, network, key),
        Transfer::NAME => as_type::<Transfer>(bytes, network, key),
        Acceptance::NAME => as_type::<Acceptance>(bytes, network, key),
        TrustUpdate::NAME => as_type::<TrustUpdate>(bytes, network, key),
        Successor::NAME => as_type::<Successor>(bytes, network, key),
        Survey::NAME => as_type::<Survey>(bytes, network, key),
        PlaceRecord::NAME => as_type::<PlaceRecord>(bytes, network, key),
        WalletCall::NAME => as_type::<WalletCall>(bytes, network, key),
        RefundRequest::NAME => as_type::<RefundRequest>(bytes, network, key),
        RefundAnswer::NAME => as_type::<RefundAnswer>(bytes, network, key),
        other => unreachable!("no object is called {other}"),
    }
}

/// A payee with no filter and no place, to whom every gateway is its own centre.
#[derive(Debug)]
pub struct Trusting;

/// The one value of [`Trusting`].
pub const HOLDINGS: Trusting = Trusting;

impl Holdings for Trusting {
    fn float(&self, _: &Code, _: KeyEpoch, _: &Currency) -> Float {
        Float::Own
    }

    fn stands_in(&self, _: &Reference) -> bool {
        false
    }

    fn is_revoked(&self, _: &Code) -> bool {
        false
    }
}
