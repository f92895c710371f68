use protocol::objects::{Allowance, Payment};
use protocol::rules::{Spent, fits};
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
