//! Signed objects, opened field by field, with what the signature says.

use crate::language::{Say, say};
use crate::meanings::{meaning, wire};
use crate::show;
use protocol::cose::open;
use protocol::objects::{Allowance, ClaimNote, Object, Payment, Receipt, Statement};
use protocol::{Code, Currency, Network, PublicKey, Reference, Status};

/// Digits after the point of each currency somebody declared.
#[derive(Clone, Debug, Default)]
pub struct Exponents(pub Vec<(Currency, u8)>);

impl Exponents {
    /// Zero for a currency nobody declared: the plain number of minor units.
    pub fn of(&self, currency: &Currency) -> u8 {
        let found = self.0.iter().find(|(known, _)| known == currency);
        found.map_or(0, |(_, exponent)| *exponent)
    }

    /// A number of minor units with its currency.
    pub fn money(&self, minor: u64, currency: &Currency) -> String {
        let number = show::amount(i128::from(minor), self.of(currency));
        format!("{number} {currency}")
    }
}

/// What became of checking a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// It fits the key.
    Fits,
    /// It does not.
    Wrong,
    /// The key is not known here.
    KeyUnknown,
}

/// One field of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its key in the map.
    pub number: i32,
    /// What it is called.
    pub name: Say,
    /// What it says.
    pub value: Say,
    /// What that is for.
    pub meaning: Say,
    /// Key and value as they were signed, in hexadecimal digits.
    pub wire: String,
}

/// One signed object for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What it is.
    pub title: Say,
    /// Its name in the address of the download.
    pub file: &'static str,
    /// In one sentence, what it means.
    pub meaning: Say,
    /// Its identifier.
    pub id: String,
    /// What the signature says.
    pub check: Check,
    /// Whose signature it is.
    pub signer: String,
    /// Length of the whole object.
    pub bytes: usize,
    /// All of it, in hexadecimal digits.
    pub whole: String,
    /// What stands in it.
    pub lines: Vec<Line>,
}

/// Opens objects of one network.
pub struct Opener<'a> {
    /// Which network.
    pub network: &'a Network,
    /// For amounts.
    pub exponents: &'a Exponents,
}

struct About {
    title: Say,
    file: &'static str,
    meaning: Say,
}

/// What a field holds, if it is there.
trait Shown {
    fn shown(self) -> Option<Say>;
}

impl Shown for Say {
    fn shown(self) -> Option<Say> {
        Some(self)
    }
}

impl Shown for String {
    fn shown(self) -> Option<Say> {
        Some(Say::plain(self))
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(self) -> Option<Say> {
        self?.shown()
    }
}

/// The fields that are there.
macro_rules! lines {
    ($($number:literal $name:expr => $value:expr;)*) => {{
        let fields: Vec<(i32, Say, Option<Say>)> = vec![$(($number, $name, $value.shown()),)*];
        let line = |(number, name, value): (i32, Say, Option<Say>)| {
            Some(Line { number, name, value: value?, ..Line::default() })
        };
        fields.into_iter().filter_map(line).collect::<Vec<Line>>()
    }};
}

impl Opener<'_> {
    /// The allowance a payment was made under, signed by its gateway.
    pub fn allowance(
        &self,
        bytes: &[u8],
        gateways: &[(Code, PublicKey)],
    ) -> Result<Opened, Status> {
        let a = *open::<Allowance>(bytes, self.network)?.peek();
        let key = gateways.iter().find(|(code, _)| *code == a.gateway);
        let money = |minor| self.exponents.money(minor, &a.currency);
        let lines = lines! {
            1 say("purse") => code(&a.code);
            2 say("wallet key") => key_text(&a.wallet_key);
            3 say("key epoch") => a.key_epoch.0.to_string();
            4 say("assurance class") => class(a.class as u8);
            5 say("currency") => currency(&a.currency);
            6 say("limit (odometer)") => money(a.limit.get());
            7 say("base sequence") => a.base_sequence.0.to_string();
            8 say("base head") => reference(&a.base_head);
            9 say("base odometer") => money(a.base_odometer.get());
            10 say("most per payment") => money(a.most_per_payment.get());
            11 say("most payments") => a.most_payments.to_string();
            12 say("spent on before settled") => a.hops.map(|hops| say("{number} times").put("number", hops));
            13 say("area") => a.area.map(|area| area.to_string());
            14 say("guarantee") => a.guarantee.map(|most| money(most.get()));
            15 say("issued") => show::time(a.issued);
            16 say("expires") => show::time(a.expires);
            17 say("gateway") => code(&a.gateway);
            18 say("gateway epoch") => a.gateway_epoch.0.to_string();
            19 say("number") => a.number.to_string();
            20 say("issued in total") => money(a.issued_total.get());
        };
        let about = About {
            title: say("Allowance"),
            file: "allowance.cbor",
            meaning: say(
                "The gateway's word on how far this purse may go while nobody can be asked.",
            ),
        };
        self.opened::<Allowance>(
            about,
            bytes,
            key.map(|(_, key)| key),
            code(&a.gateway),
            lines,
        )
    }

    /// The payment, signed by the wallet key that the allowance names.
    pub fn payment(&self, bytes: &[u8], wallet_key: Option<&PublicKey>) -> Result<Opened, Status> {
        let p = *open::<Payment>(bytes, self.network)?.peek();
        let money = |minor| self.exponents.money(minor, &p.currency);
        let lines = lines! {
            1 say("payer") => code(&p.payer);
            2 say("key epoch") => p.key_epoch.0.to_string();
            3 say("sequence") => p.sequence.0.to_string();
            4 say("previous") => reference(&p.previous);
            5 say("payee") => code(&p.payee);
            6 say("currency") => currency(&p.currency);
            7 say("amount") => money(p.amount.get());
            8 say("odometer") => money(p.odometer.get());
            9 say("allowance") => reference(&p.allowance);
            10 say("settle by") => show::time(p.settle_by);
            11 say("reference") => reference(&p.reference);
            12 say("may cover under") => p.covers_for.map(|allowance| allowance.to_string());
            13 say("hash of covers") => p.covers.map(|hash| hash.to_string());
            14 say("stream: price of a unit") => p.stream.map(|s| money(s.unit.get()));
            14 say("stream: most units") => p.stream.map(|s| show::count(u64::from(s.count)));
            14 say("stream: anchor") => p.stream.map(|s| s.anchor.to_string());
        };
        let about = About {
            title: say("Payment"),
            file: "payment.cbor",
            meaning: say("The payer's signed, numbered order."),
        };
        self.opened::<Payment>(about, bytes, wallet_key, code(&p.payer), lines)
    }

    /// A payee's receipt, signed by its wallet key.
    pub fn receipt(
        &self,
        file: &'static str,
        bytes: &[u8],
        payee_key: Option<&PublicKey>,
    ) -> Result<Opened, Status> {
        let r = *open::<Receipt>(bytes, self.network)?.peek();
        let lines = lines! {
            1 say("payee") => code(&r.payee);
            2 say("payment") => r.payment.to_string();
            3 say("time") => show::time(r.time);
            4 say("declined because") => r.declined.map(status);
            5 say("units taken") => r.units.map(|units| show::count(u64::from(units)));
        };
        let about = About {
            title: say("Receipt"),
            file,
            meaning: say("The payee's signed answer: it took this payment, or declined it."),
        };
        self.opened::<Receipt>(about, bytes, payee_key, code(&r.payee), lines)
    }

    /// A gateway's statement.
    pub fn statement(
        &self,
        file: &'static str,
        bytes: &[u8],
        gateways: &[(Code, PublicKey)],
    ) -> Result<Opened, Status> {
        let s = *open::<Statement>(bytes, self.network)?.peek();
        let key = gateways.iter().find(|(code, _)| *code == s.gateway);
        let lines = lines! {
            1 say("gateway") => code(&s.gateway);
            2 say("gateway epoch") => s.gateway_epoch.0.to_string();
            3 say("payment") => s.payment.to_string();
            4 say("outcome") => status(s.outcome);
            5 say("journal height") => s.height.to_string();
            6 say("journal root") => s.root.to_string();
            7 say("time") => show::time(s.time);
            8 say("units paid for") => s.units.map(|units| show::count(u64::from(units)));
            9 say("provisional") => s.provisional.map(|_| say("another gateway decides"));
            10 say("paid, in smallest units") => s.paid.map(|paid| show::count(paid.get()));
        };
        let about = About {
            title: say("Statement"),
            file,
            meaning: say("The gateway's signed word on what became of the payment."),
        };
        self.opened::<Statement>(
            about,
            bytes,
            key.map(|(_, key)| key),
            code(&s.gateway),
            lines,
        )
    }

    /// A gateway's note that a payment was claimed in time.
    pub fn claim_note(
        &self,
        bytes: &[u8],
        gateways: &[(Code, PublicKey)],
    ) -> Result<Opened, Status> {
        let n = *open::<ClaimNote>(bytes, self.network)?.peek();
        let key = gateways.iter().find(|(code, _)| *code == n.gateway);
        let lines = lines! {
            1 say("gateway") => code(&n.gateway);
            2 say("gateway epoch") => n.gateway_epoch.0.to_string();
            3 say("payment") => n.payment.to_string();
            4 say("hash of covers") => n.covers.map(|hash| hash.to_string());
            5 say("time") => show::time(n.time);
        };
        let about = About {
            title: say("Claim note"),
            file: "claim-note.cbor",
            meaning: say(
                "A gateway saw the payment claimed: from then on no deadline takes it back.",
            ),
        };
        let key = key.map(|(_, key)| key);
        self.opened::<ClaimNote>(about, bytes, key, code(&n.gateway), lines)
    }

    fn opened<T: Object>(
        &self,
        about: About,
        bytes: &[u8],
        key: Option<&PublicKey>,
        signer: String,
        mut lines: Vec<Line>,
    ) -> Result<Opened, Status> {
        let fields = wire(bytes);
        for line in &mut lines {
            line.meaning = meaning(T::NAME, line.number);
            line.wire = fields.get(&line.number).cloned().unwrap_or_default();
        }
        let sealed = open::<T>(bytes, self.network)?;
        let id = sealed.id().to_string();
        let check = match key.map(|key| sealed.verify(key)) {
            None => Check::KeyUnknown,
            Some(Ok(_)) => Check::Fits,
            Some(Err(_)) => Check::Wrong,
        };
        Ok(Opened {
            title: about.title,
            file: about.file,
            meaning: about.meaning,
            id,
            check,
            signer,
            bytes: bytes.len(),
            whole: show::to_hex(bytes),
            lines,
        })
    }
}

fn code(code: &Code) -> String {
    format!("{code:#}")
}

/// A status's number, with its word where there is one.
fn status(number: u32) -> String {
    let known = u8::try_from(number).ok().and_then(Status::from_number);
    known.map_or_else(
        || number.to_string(),
        |status| format!("{number} ({status})"),
    )
}

fn currency(currency: &Currency) -> Say {
    say("{currency} of issuer {issuer}")
        .put("currency", currency.name())
        .put("issuer", currency.issuer())
}

/// Algorithm and raw bytes.
pub fn key_text(key: &PublicKey) -> String {
    let name = match key {
        PublicKey::Ed25519(_) => "Ed25519",
        PublicKey::P256(_) => "P-256",
    };
    format!("{name} {}", show::to_hex(key.as_bytes()))
}

/// What an assurance class means.
pub fn class(number: u8) -> Say {
    let words = match number {
        0 => say("software key"),
        1 => say("isolated key"),
        2 => say("secure element"),
        _ => say("unknown"),
    };
    say("{number} ({words})")
        .put("number", number)
        .put("words", words)
}

/// Digits, and the text where a payer wrote one.
pub fn reference(reference: &Reference) -> Say {
    let bytes = reference.as_bytes();
    if bytes.iter().all(|byte| *byte == 0) {
        return say("none");
    }
    match plain(bytes) {
        Some(text) => say("“{text}” {digits}")
            .put("text", text)
            .put("digits", reference.to_string()),
        None => Say::plain(reference.to_string()),
    }
}

/// The text in a reference, where it is one: printable ASCII, zeros behind it.
pub fn plain(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().rposition(|byte| *byte != 0)? + 1;
    let text = std::str::from_utf8(bytes.get(..end)?).ok()?;
    text.bytes()
        .all(|b| b.is_ascii_graphic() || b == b' ')
        .then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::code::{IssuedBy, Kind};
    use protocol::cose::{SIGNED_MAX, seal};
    use protocol::keys::{Signer as _, SoftwareKey};
    use protocol::objects::Present;
    use protocol::stream::Stream;
    use protocol::{AmountMinor, AssuranceClass, Digest, KeyEpoch, Odometer, Sequence, Timestamp};

    fn code(sequence: u64) -> Code {
        let by = IssuedBy {
            issuer: 1,
            station: 1,
        };
        Code::derive(Kind::Device, by, sequence, b"key").unwrap()
    }

    #[test]
    fn a_payment_is_shown_whole_and_its_signature_judged() {
        let network = Network::new("test").unwrap();
        let usd = Currency::new(1, *b"USD").unwrap();
        let key = SoftwareKey::ed25519(&[1; 32]);
        let payment = Payment {
            payer: code(1),
            key_epoch: KeyEpoch(1),
            sequence: Sequence(7),
            previous: Reference::default(),
            payee: code(2),
            currency: usd,
            amount: AmountMinor::new(1_234_500).unwrap(),
            odometer: Odometer::new(2_000_000).unwrap(),
            allowance: Digest([9; 32]).reference(),
            settle_by: Timestamp(1_800_000_000),
            reference: Reference(*b"session-17\0\0\0\0\0\0"),
            stream: None,
            covers: None,
            covers_for: None,
        };
        let mut bytes = [0; SIGNED_MAX];
        let (len, id) = seal(&payment, &network, &key, &mut bytes).unwrap();
        let bytes = &bytes[..len];
        let exponents = Exponents(vec![(usd, 6)]);
        let opener = Opener {
            network: &network,
            exponents: &exponents,
        };
        let opened = opener.payment(bytes, Some(&key.public_key())).unwrap();
        assert_eq!((opened.check, opened.id), (Check::Fits, id.to_string()));
        let value = |name| {
            opened
                .lines
                .iter()
                .find(|line| line.name == say(name))
                .unwrap()
                .value
                .to_string()
        };
        assert_eq!(value("amount"), "1.234500 USD");
        assert_eq!(value("previous"), "none");
        assert!(value("reference").starts_with("\u{201c}session-17\u{201d} "));
        assert_eq!(value("payee"), format!("{:#}", code(2)));
        let other = SoftwareKey::ed25519(&[2; 32]).public_key();
        let check = |key| opener.payment(bytes, key).unwrap().check;
        assert_eq!(check(Some(&other)), Check::Wrong);
        assert_eq!(check(None), Check::KeyUnknown);
        let foreign = Network::new("other").unwrap();
        let opener = Opener {
            network: &foreign,
            exponents: &exponents,
        };
        let wrong = opener.payment(bytes, Some(&key.public_key())).unwrap();
        assert_eq!(wrong.check, Check::Wrong);
        assert_eq!(
            opener.receipt("receipt.cbor", bytes, None),
            Err(Status::Malformed)
        );
    }

    /// The keys of the map that was signed, read from its bytes alone.
    fn keys_on_the_wire(signed: &[u8]) -> Vec<i32> {
        let mut cose = minicbor::Decoder::new(signed);
        cose.tag().unwrap();
        assert_eq!(cose.array().unwrap(), Some(4));
        cose.bytes().unwrap();
        cose.skip().unwrap();
        let mut map = minicbor::Decoder::new(cose.bytes().unwrap());
        let pairs = map.map().unwrap().unwrap();
        let key = |_| {
            let key = map.i32().unwrap();
            map.skip().unwrap();
            key
        };
        (0..pairs).map(key).collect()
    }

    fn assert_whole<T: Object>(
        object: &T,
        opened: impl Fn(&Opener<'_>, &[u8]) -> Result<Opened, Status>,
    ) {
        let network = Network::new("test").unwrap();
        let opener = Opener {
            network: &network,
            exponents: &Exponents::default(),
        };
        let mut bytes = [0; SIGNED_MAX];
        let key = SoftwareKey::ed25519(&[1; 32]);
        let (len, _) = seal(object, &network, &key, &mut bytes).unwrap();
        let signed = bytes.get(..len).unwrap();
        let opened = opened(&opener, signed).unwrap();
        let mut shown: Vec<i32> = opened.lines.iter().map(|line| line.number).collect();
        // One key may take several lines.
        shown.dedup();
        assert_eq!(shown, keys_on_the_wire(signed), "{}", opened.title);
        for line in &opened.lines {
            assert!(
                !line.meaning.to_string().is_empty(),
                "{}: {}",
                opened.title,
                line.name
            );
            // The key, then the value: the bytes stand in the object as they are shown.
            assert!(opened.whole.contains(&line.wire) && line.wire.len() > 2);
        }
        // A map of fewer than 24 fields begins with one byte; the rest of it is its fields.
        let mut wires: Vec<&str> = opened.lines.iter().map(|line| line.wire.as_str()).collect();
        wires.dedup();
        assert!(opened.whole.contains(&wires.concat()), "{}", opened.title);
    }

    /// A new field of the protocol breaks this by its missing value, and then by its missing line.
    #[test]
    fn every_key_on_the_wire_is_shown_and_no_other() {
        let currency = Currency::new(1, *b"USD").unwrap();
        let (minor, odometer) = (AmountMinor::new(7).unwrap(), Odometer::new(9).unwrap());
        let payment = |stream: Option<Stream>| Payment {
            payer: code(1),
            key_epoch: KeyEpoch(1),
            sequence: Sequence(7),
            previous: Reference::default(),
            payee: code(2),
            currency,
            amount: minor,
            odometer,
            allowance: Reference::default(),
            settle_by: Timestamp(1),
            reference: Reference::default(),
            covers_for: stream.map(|_| Reference::default()),
            covers: stream.map(|stream| stream.anchor),
            stream,
        };
        let stream = Stream {
            unit: minor,
            count: 1,
            anchor: Digest([3; 32]),
        };
        let receipt = |declined, units| Receipt {
            payee: code(2),
            payment: Digest([1; 32]),
            time: Timestamp(1),
            declined,
            units,
        };
        let statement = |units: Option<u32>| Statement {
            gateway: code(3),
            gateway_epoch: KeyEpoch(1),
            payment: Digest([1; 32]),
            outcome: 1,
            height: 1,
            root: Digest([2; 32]),
            time: Timestamp(1),
            provisional: units.map(|_| Present),
            paid: units.map(|_| minor),
            units,
        };
        let allowance = |more: bool| Allowance {
            code: code(1),
            wallet_key: SoftwareKey::ed25519(&[1; 32]).public_key(),
            key_epoch: KeyEpoch(1),
            class: AssuranceClass::Software,
            currency,
            limit: odometer,
            base_sequence: Sequence(0),
            base_head: Reference::default(),
            base_odometer: Odometer::ZERO,
            most_per_payment: minor,
            most_payments: 1,
            hops: more.then_some(2),
            area: more.then(Reference::default),
            guarantee: more.then_some(minor),
            issued: Timestamp(1),
            expires: Timestamp(2),
            gateway: code(3),
            gateway_epoch: KeyEpoch(1),
            number: 1,
            issued_total: odometer,
        };
        for stream in [None, Some(stream)] {
            assert_whole(&payment(stream), |opener, bytes| {
                opener.payment(bytes, None)
            });
        }
        for (declined, units) in [(None, None), (Some(32), None), (None, Some(4))] {
            assert_whole(&receipt(declined, units), |opener, bytes| {
                opener.receipt("receipt.cbor", bytes, None)
            });
        }
        for units in [None, Some(4)] {
            assert_whole(&statement(units), |opener, bytes| {
                opener.statement("statement.cbor", bytes, &[])
            });
        }
        for covers in [None, Some(Digest([5; 32]))] {
            let note = ClaimNote {
                gateway: code(3),
                gateway_epoch: KeyEpoch(1),
                payment: Digest([1; 32]),
                covers,
                time: Timestamp(1),
            };
            assert_whole(&note, |opener, bytes| opener.claim_note(bytes, &[]));
        }
        for more in [false, true] {
            assert_whole(&allowance(more), |opener, bytes| {
                opener.allowance(bytes, &[])
            });
        }
    }

    #[test]
    fn references_are_text_only_when_they_are() {
        assert_eq!(plain(b"abc\0\0"), Some("abc"));
        assert_eq!(plain(b"a\0c"), None);
        assert_eq!(plain(b"\0\0"), None);
        assert_eq!(plain(b"<script>"), Some("<script>"));
        assert_eq!(plain("é".as_bytes()), None);
    }
}
