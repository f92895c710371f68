use protocol::objects::{Allowance, Payment};
use protocol::rules::{Spent, fits};
use protocol::stream::Chain;
use protocol::{Code, Digest, Reference, Status, Verified};

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

    /// Who hands it in, if that was said.
    pub const fn bringer(&self) -> Option<Code> {
        self.brought_by
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
