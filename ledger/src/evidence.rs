use protocol::covers::{COVERED_MAX, Items};
use protocol::objects::{Allowance, Payment};
use protocol::rules::{Counting, Link, Spent, covered, fits};
use protocol::stream::Chain;
use protocol::{Code, Digest, Network, Reference, Status, Verified};

/// A signed object whose signature was checked, with its whole bytes, free of the buffer it came
/// in. It is only made from a [`Verified`] one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned<T> {
    object: T,
    id: Digest,
    bytes: Box<[u8]>,
}

impl<T> Owned<T> {
    /// What it says.
    pub const fn get(&self) -> &T {
        &self.object
    }

    /// Its identifier.
    pub const fn id(&self) -> Digest {
        self.id
    }

    /// How other objects refer to it.
    pub fn reference(&self) -> Reference {
        self.id.reference()
    }

    /// The whole signed object.
    pub const fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<T: protocol::objects::Object> From<Verified<'_, T>> for Owned<T> {
    fn from(verified: Verified<'_, T>) -> Self {
        Self::from(&verified)
    }
}

impl<T: protocol::objects::Object> From<&Verified<'_, T>> for Owned<T> {
    fn from(verified: &Verified<'_, T>) -> Self {
        Self {
            object: *verified.get(),
            id: verified.id(),
            bytes: verified.bytes().into(),
        }
    }
}

/// An allowance and a payment that keeps to it: nothing else can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    allowance: Owned<Allowance>,
    payment: Owned<Payment>,
    spent: Spent,
    covers: Box<[(Digest, u32)]>,
    brought_by: Option<Code>,
}

impl Evidence {
    /// Refuses a payment that does not stand under the allowance, see [`fits`].
    pub fn new(
        allowance: &Verified<'_, Allowance>,
        payment: &Verified<'_, Payment>,
    ) -> Result<Self, Status> {
        fits(allowance, payment)?;
        let spent = Spent::new(payment.id(), payment.get()).ok_or(Status::OutOfInterval)?;
        Ok(Self {
            allowance: allowance.into(),
            payment: payment.into(),
            spent,
            covers: Box::default(),
            brought_by: None,
        })
    }

    /// What stands in the books was checked before, covers and all.
    pub(crate) fn recorded(
        allowance: &Verified<'_, Allowance>,
        payment: &Verified<'_, Payment>,
        covers: Vec<(Digest, u32)>,
    ) -> Result<Self, Status> {
        let spent = Spent::new(payment.id(), payment.get()).ok_or(Status::OutOfInterval)?;
        Ok(Self {
            allowance: allowance.into(),
            payment: payment.into(),
            spent,
            covers: covers.into(),
            brought_by: None,
        })
    }

    /// Says who hands it in: that code hears the answer directly and not by its inbox as well.
    #[must_use]
    pub const fn brought_by(mut self, code: Code) -> Self {
        self.brought_by = Some(code);
        self
    }

    /// The allowance.
    pub const fn allowance(&self) -> &Owned<Allowance> {
        &self.allowance
    }

    /// The payment.
    pub const fn payment(&self) -> &Owned<Payment> {
        &self.payment
    }

    /// What the payment takes.
    pub const fn spent(&self) -> &Spent {
        &self.spent
    }

    /// The payments that lift it above its allowance's limit, and of streams the units that count.
    pub const fn covers(&self) -> &[(Digest, u32)] {
        &self.covers
    }

    /// Who hands it in, if that was said.
    pub const fn bringer(&self) -> Option<Code> {
        self.brought_by
    }
}

/// A payment with everything that covers it: signatures, sums, hops and deadlines hold. It is only
/// made by [`CoveredEvidence::check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoveredEvidence {
    parts: Vec<Part>,
    bytes: Box<[u8]>,
}

/// One payment of an evidence with covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub evidence: Evidence,
    /// Of a stream: the newest units that came along.
    pub released: Option<Released>,
    /// How many of its units count for the payments that stand on it; `None` for the last one.
    pub used: Option<u32>,
}

impl CoveredEvidence {
    /// Checks what [`protocol::rules::covered`] checks: `key_of` names the keys that count of a gateway that may
    /// settle, `also` is asked about every payment.
    pub fn check<K: Into<Counting>>(
        items: &Items<'_>,
        network: &Network,
        key_of: impl Fn(&Code) -> Option<K>,
        mut also: impl FnMut(&Allowance, &Payment) -> Result<(), Status>,
    ) -> Result<Self, Status> {
        let mut held = Vec::with_capacity(items.count());
        let covered = covered(items, network, key_of, |allowance, payment| {
            also(allowance.get(), payment.get())?;
            held.push((Owned::from(allowance), Owned::from(payment)));
            Ok(())
        })?;
        let links: Vec<Link> = covered.links().copied().collect();
        let mut parts = Vec::with_capacity(links.len());
        let all = held.into_iter().zip(&links).zip(items.iter());
        for (place, (((allowance, payment), link), item)) in all.enumerate() {
            let id = payment.id();
            let below = links.iter().zip(0u8..);
            let below = below.filter(|(_, place)| link.covers >> place & 1 == 1);
            let stands_on_it = links.iter().any(|other| other.covers >> place & 1 == 1);
            parts.push(Part {
                released: item
                    .released
                    .map(|(units, value)| Released::recorded(id, units, value)),
                used: stands_on_it.then_some(link.units),
                evidence: Evidence {
                    allowance,
                    payment,
                    spent: link.spent,
                    covers: below
                        .map(|(cover, _)| (cover.spent.id, cover.units))
                        .collect(),
                    brought_by: None,
                },
            });
        }
        let mut bytes = vec![0; COVERED_MAX];
        let len = items.write(&mut bytes).ok_or(Status::OverBudget)?;
        bytes.truncate(len);
        Ok(Self {
            parts,
            bytes: bytes.into(),
        })
    }

    /// Says who hands it in.
    #[must_use]
    pub fn brought_by(mut self, code: Code) -> Self {
        for part in &mut self.parts {
            part.evidence.brought_by = Some(code);
        }
        self
    }

    /// The payment that everything else covers.
    pub fn last(&self) -> Option<&Evidence> {
        self.parts.last().map(|part| &part.evidence)
    }

    /// Covers first.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The list of items.
    pub const fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// So many units of a stream are released: the value that proves it was checked against the chain
/// of its payment. It is only made by [`Released::check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    payment: Digest,
    units: u32,
    value: Digest,
}

impl Released {
    /// Checks that `value` releases `units` of this payment, from the newest value that is known or
    /// else from the anchor: one hash for each unit between, at most
    /// [`UNITS_MAX`](protocol::stream::UNITS_MAX).
    pub fn check(
        payment: &Owned<Payment>,
        known: Option<&Self>,
        units: u32,
        value: Digest,
    ) -> Result<Self, Status> {
        let stream = payment.get().stream.ok_or(Status::WrongUnit)?;
        if units > stream.count {
            return Err(Status::WrongUnit);
        }
        let known = known.filter(|known| known.payment == payment.id());
        let known = known.map_or((0, stream.anchor), |known| (known.units, known.value));
        let chain = Chain::of(payment.get());
        // The newer of the two leads down to the older one.
        let holds = if units >= known.0 {
            chain.releases((known.0, &known.1), units, &value)
        } else {
            chain.releases((units, &value), known.0, &known.1)
        };
        if !holds {
            return Err(Status::WrongUnit);
        }
        Ok(Self {
            payment: payment.id(),
            units,
            value,
        })
    }

    /// What stands in the books was checked before.
    pub(crate) const fn recorded(payment: Digest, units: u32, value: Digest) -> Self {
        Self {
            payment,
            units,
            value,
        }
    }

    /// Which payment.
    pub const fn payment(&self) -> &Digest {
        &self.payment
    }

    /// How many units, counted from the beginning.
    pub const fn units(&self) -> u32 {
        self.units
    }

    /// What proves it.
    pub const fn value(&self) -> &Digest {
        &self.value
    }
}
