//! Accusations: what contradicts itself in another way than two payments under one gateway do.
//!
//! Each names its credentials, from the issuer's pass down, and its objects in a fixed order. Whoever
//! knows the root's key judges it with no server. What an honest key never signs is on this list and
//! nothing else: see [`Charge`].

use super::contradiction::{Spent, contradiction};
use super::payment::{fits, fits_with};
use super::succession::Counting;
use super::trust::{Judgement, Trust, judge_proof};
use crate::code::Code;
use crate::cose::{Verified, open};
use crate::covers;
use crate::keys::PublicKey;
use crate::message::Message;
use crate::objects::{Allowance, Closing, Move, Object, Pass, Payment, Receipt, Rights, Void};
use crate::status::Status;
use crate::units::{AMOUNT_MAX, AmountMinor, Digest, Odometer};

/// Bytes of one cover in the list that a charge carries: identifier 32, units 4.
const COVER_BYTES: usize = 36;

/// How a key contradicted itself. The number travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Charge {
    /// Two payments that cannot both be true. Objects: allowance, payment, allowance, payment.
    Payments = 0,
    /// A payment inside a void. Objects: allowance, payment, void.
    Void = 1,
    /// A payment beyond a closing of its allowance. Objects: allowance, payment, closing.
    Closing = 2,
    /// Two receipts of one payment with different outcomes. Objects: receipt, receipt.
    Receipts = 3,
    /// The decline of a payment that the decliner used as a cover. Objects: allowance, payment, the
    /// covers of that payment (not signed: identifier 32, units 4 each, ascending), receipt.
    DeclinedCover = 4,
    /// A receipt over fewer units than the payee used as a cover. Objects: as for a declined cover.
    FewerUnits = 5,
    /// Two moves with one lease number. Objects: move, move.
    Moves = 6,
    /// Two allowances of one gateway, gateway epoch and number. Objects: allowance, allowance.
    AllowanceNumber = 7,
    /// Two allowances of one gateway, gateway epoch and currency whose issued intervals overlap.
    /// Objects: allowance, allowance.
    FloatOverlap = 8,
    /// A payment numbered between two of which the later links to the earlier. Objects: allowance
    /// and payment of the earlier, the one between, the later.
    BetweenLinks = 9,
    /// Two payments behind one reference. Objects: allowance, payment, allowance, payment.
    OneReference = 10,
}

impl Charge {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Payments,
        Self::Void,
        Self::Closing,
        Self::Receipts,
        Self::DeclinedCover,
        Self::FewerUnits,
        Self::Moves,
        Self::AllowanceNumber,
        Self::FloatOverlap,
        Self::BetweenLinks,
        Self::OneReference,
    ];

    /// The charge with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// What was done, for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Payments => "two payments that cannot both be true",
            Self::Void => "a payment under a number it had declared void",
            Self::Closing => "a payment beyond what it had declared closed",
            Self::Receipts => "two receipts of one payment with different outcomes",
            Self::DeclinedCover => "a decline of a payment it had spent on",
            Self::FewerUnits => "a receipt over fewer units than it had spent on",
            Self::Moves => "two moves with one lease number",
            Self::AllowanceNumber => "two allowances under one number",
            Self::FloatOverlap => "two allowances over one part of its float",
            Self::BetweenLinks => "a payment hidden between two that are linked",
            Self::OneReference => "two payments behind one reference",
        }
    }
}

/// An accusation that holds: whose key contradicts itself, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The code whose key signed what contradicts.
    pub code: Code,
    /// How.
    pub charge: Charge,
}

/// Judges a fraud proof of either form with no server.
pub fn judge(trust: &Trust, message: &[u8]) -> Result<Verdict, Status> {
    let Message::Accusation {
        how,
        credentials,
        objects,
    } = Message::read(message)?
    else {
        let Judgement { code, .. } = judge_proof(trust, message)?;
        let charge = Charge::Payments;
        return Ok(Verdict { code, charge });
    };
    let case = Case {
        trust,
        credentials,
        objects,
    };
    let charge = Charge::from_number(how).ok_or(Status::Malformed)?;
    let code = match charge {
        Charge::Payments => case.payments(|a, b| {
            let spent = |made: &Made<'_>| Spent::new(made.payment.id(), made.payment.get());
            let pair = spent(a).zip(spent(b));
            pair.is_some_and(|(a, b)| contradiction(&a, &b).is_some())
        }),
        Charge::OneReference => case.payments(|a, b| {
            let (a, b) = (a.payment, b.payment);
            a.id() != b.id() && a.reference() == b.reference()
        }),
        Charge::Void => case.void(),
        Charge::Closing => case.closing(),
        Charge::Receipts => case.receipts(),
        Charge::DeclinedCover | Charge::FewerUnits => case.cover(charge),
        Charge::Moves => case.moves(),
        Charge::AllowanceNumber | Charge::FloatOverlap => case.allowances(charge),
        Charge::BetweenLinks => case.between(),
    }?;
    Ok(Verdict { code, charge })
}

/// Whether the payment uses a number that was declared void, by the same key epoch.
pub fn inside(void: &Void, payment: &Payment) -> bool {
    (void.code, void.key_epoch) == (payment.payer, payment.key_epoch)
        && (void.first..=void.last).contains(&payment.sequence)
}

/// Whether the payment goes beyond what was declared closed, under the same allowance.
pub fn beyond(closing: &Closing, payment: &Payment) -> bool {
    (closing.code, closing.key_epoch) == (payment.payer, payment.key_epoch)
        && closing.allowance == payment.allowance
        && (payment.sequence > closing.sequence || payment.odometer > closing.odometer)
}

/// Whether two receipts of one payee for one payment say different things. Times may differ, and
/// so may the reasons of two declines.
pub fn differ(a: &Receipt, b: &Receipt) -> bool {
    let outcome = |receipt: &Receipt| (receipt.declined.is_some(), receipt.units);
    (a.payee, a.payment) == (b.payee, b.payment) && outcome(a) != outcome(b)
}

/// The part of its gateway's float that an allowance occupies: `(from, to]`.
pub fn issued(allowance: &Allowance) -> Option<(Odometer, Odometer)> {
    let room = allowance.limit.since(allowance.base_odometer)?;
    Some((allowance.issued_total.before(room)?, allowance.issued_total))
}

/// Whether two allowances of one gateway, gateway epoch and currency promise one part of its float.
pub fn overlap(a: &Allowance, b: &Allowance) -> bool {
    let float = |a: &Allowance| (a.gateway, a.gateway_epoch, a.currency);
    let overlaps = |((a, b), (c, d)): ((Odometer, Odometer), _)| a < d && c < b;
    float(a) == float(b) && issued(a).zip(issued(b)).is_some_and(overlaps)
}

/// A payment and the allowance it was made under.
struct Made<'b> {
    key: PublicKey,
    payment: Verified<'b, Payment>,
}

struct Case<'t, 'b> {
    trust: &'t Trust,
    credentials: [Option<&'b [u8]>; crate::message::CREDENTIALS_MAX],
    objects: [Option<&'b [u8]>; crate::message::OBJECTS_MAX],
}

impl<'b> Case<'_, 'b> {
    /// Exactly so many objects.
    fn objects<const N: usize>(&self) -> Result<[&'b [u8]; N], Status> {
        let mut objects = [[].as_slice(); N];
        if self.objects.iter().flatten().count() != N {
            return Err(Status::Malformed);
        }
        for (to, object) in objects.iter_mut().zip(self.objects.iter().flatten()) {
            *to = object;
        }
        Ok(objects)
    }

    fn credential(&self, place: usize) -> Result<&'b [u8], Status> {
        let given = self.credentials.get(place).copied().flatten();
        given.ok_or(Status::Malformed)
    }

    /// The gateway of this code, among those whose passes came along: with the key before that
    /// one, where it has changed and both came.
    fn gateway(&self, code: &Code) -> Result<Counting, Status> {
        let issuer = self.credential(0)?;
        let mut found: Option<Counting> = None;
        for pass in self.credentials.iter().skip(1).flatten() {
            let pass = self.trust.gateway(issuer, pass)?;
            if pass.get().subject.0 != *code {
                continue;
            }
            let key = pass.get().key.0;
            found = Some(match found {
                None => Counting::from(key),
                Some(first) => Counting {
                    other: Some(key),
                    ..first
                },
            });
        }
        found.ok_or(Status::UnknownGateway)
    }

    /// The pass of a thing, third after its issuer's and its gateway's.
    fn thing(&self) -> Result<Pass, Status> {
        let by = self.trust.issued(
            &self.trust.issuer(self.credential(0)?)?,
            self.credential(1)?,
        )?;
        if !by.get().rights.permits(Rights::ISSUE_CODES) {
            return Err(Status::NotPermitted);
        }
        Ok(*self.trust.issued(&by, self.credential(2)?)?.get())
    }

    fn open<T: Object>(&self, bytes: &'b [u8], key: &PublicKey) -> Result<Verified<'b, T>, Status> {
        open::<T>(bytes, &self.trust.network)?.verify(key)
    }

    fn allowance(&self, bytes: &'b [u8]) -> Result<Verified<'b, Allowance>, Status> {
        let allowance = open::<Allowance>(bytes, &self.trust.network)?;
        let keys = self.gateway(&allowance.peek().gateway)?;
        keys.verify(allowance)
    }

    fn made(&self, allowance: &'b [u8], payment: &'b [u8]) -> Result<Made<'b>, Status> {
        let allowance = self.allowance(allowance)?;
        let key = allowance.get().wallet_key;
        let payment = self.open::<Payment>(payment, &key)?;
        match payment.get().covers {
            None => fits(&allowance, &payment)?,
            // Its covers would lift the limit; what they are does not matter here.
            Some(_) => fits_with(
                &allowance,
                &payment,
                AmountMinor::new(AMOUNT_MAX).unwrap_or_default(),
            )?,
        }
        Ok(Made { key, payment })
    }

    /// Two payments by one key of one code and key epoch.
    fn payments(&self, contradict: impl Fn(&Made<'_>, &Made<'_>) -> bool) -> Result<Code, Status> {
        let [a, x, b, y] = self.objects()?;
        let (first, second) = (self.made(a, x)?, self.made(b, y)?);
        let payer = |made: &Made<'_>| {
            (
                made.payment.get().payer,
                made.payment.get().key_epoch,
                made.key,
            )
        };
        let same = payer(&first) == payer(&second);
        holds(
            same && contradict(&first, &second),
            first.payment.get().payer,
        )
    }

    fn void(&self) -> Result<Code, Status> {
        let [allowance, payment, void] = self.objects()?;
        let made = self.made(allowance, payment)?;
        let void = self.open::<Void>(void, &made.key)?;
        let payment = made.payment.get();
        holds(inside(void.get(), payment), payment.payer)
    }

    fn closing(&self) -> Result<Code, Status> {
        let [allowance, payment, closing] = self.objects()?;
        let made = self.made(allowance, payment)?;
        let closing = self.open::<Closing>(closing, &made.key)?;
        let payment = made.payment.get();
        holds(beyond(closing.get(), payment), payment.payer)
    }

    fn receipts(&self) -> Result<Code, Status> {
        let [a, b] = self.objects()?;
        let pass = self.thing()?;
        let [a, b] = [
            self.open::<Receipt>(a, &pass.key.0)?,
            self.open(b, &pass.key.0)?,
        ];
        let by = pass.subject.0;
        holds(a.get().payee == by && differ(a.get(), b.get()), by)
    }

    fn cover(&self, charge: Charge) -> Result<Code, Status> {
        let [allowance, payment, list, receipt] = self.objects()?;
        let made = self.made(allowance, payment)?;
        let receipt = self.open::<Receipt>(receipt, &made.key)?;
        let (p, r) = (made.payment.get(), receipt.get());
        let used = used(list, p.covers.as_ref(), &r.payment)?;
        let less = match charge {
            Charge::DeclinedCover => r.declined.is_some(),
            _ => r.declined.is_none() && r.units.is_some_and(|units| units < used),
        };
        holds(less && r.payee == p.payer, p.payer)
    }

    fn moves(&self) -> Result<Code, Status> {
        let [a, b] = self.objects()?;
        let pass = self.thing()?;
        let [a, b] = [
            self.open::<Move>(a, &pass.key.0)?,
            self.open(b, &pass.key.0)?,
        ];
        let by = pass.subject.0;
        let both = a.get().code == by && b.get().code == by && a.get().lease == b.get().lease;
        // Asked again at another time for the same home it is the same move.
        let differ = (a.get().from, a.get().to) != (b.get().from, b.get().to);
        holds(both && differ, by)
    }

    fn allowances(&self, charge: Charge) -> Result<Code, Status> {
        let [a, b] = self.objects()?;
        let (a, b) = (self.allowance(a)?, self.allowance(b)?);
        let counted = |a: &Allowance| (a.gateway, a.gateway_epoch, a.number);
        let contradict = match charge {
            Charge::AllowanceNumber => counted(a.get()) == counted(b.get()),
            _ => overlap(a.get(), b.get()),
        };
        holds(contradict && a.id() != b.id(), a.get().gateway)
    }

    fn between(&self) -> Result<Code, Status> {
        let [a, x, b, y, c, z] = self.objects()?;
        let (earlier, hidden, later) = (self.made(a, x)?, self.made(b, y)?, self.made(c, z)?);
        let of = |made: &Made<'_>| {
            (
                made.payment.get().payer,
                made.payment.get().key_epoch,
                made.key,
            )
        };
        let number = |made: &Made<'_>| made.payment.get().sequence;
        let one_key = of(&earlier) == of(&hidden) && of(&hidden) == of(&later);
        let linked = later.payment.get().previous == earlier.payment.reference();
        let between = number(&earlier) < number(&hidden) && number(&hidden) < number(&later);
        holds(one_key && linked && between, later.payment.get().payer)
    }
}

fn holds(proven: bool, code: Code) -> Result<Code, Status> {
    if proven {
        Ok(code)
    } else {
        Err(Status::Malformed)
    }
}

/// The units of `payment` that a signed list of covers counts; 0 for what is no stream.
fn used(list: &[u8], signed: Option<&Digest>, payment: &Digest) -> Result<u32, Status> {
    let mut covers = [(Digest::default(), 0); covers::ITEMS_MAX];
    let (chunks, rest) = list.as_chunks::<COVER_BYTES>();
    let places = covers.get_mut(..chunks.len()).ok_or(Status::Malformed)?;
    for (place, chunk) in places.iter_mut().zip(chunks) {
        let (id, units) = chunk.split_last_chunk::<4>().ok_or(Status::Malformed)?;
        let id = Digest::from_slice(id).ok_or(Status::Malformed)?;
        *place = (id, u32::from_be_bytes(*units));
    }
    if !rest.is_empty() || signed != Some(&covers::hash(places)) {
        return Err(Status::Malformed);
    }
    let cover = places.iter().find(|(id, _)| id == payment);
    cover.map(|(_, units)| *units).ok_or(Status::Malformed)
}
