//! Whether a purse has shown everything up to its newest payment.

use protocol::{Reference, Sequence, Status};

/// How far the previous-links of a purse are known to be unbroken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// Number of the newest payment that hangs on the chain; 0 before the first.
    pub sequence: Sequence,
    /// Its reference; zero before the first.
    pub head: Reference,
}

/// What one payment adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub sequence: Sequence,
    /// The payment before it.
    pub previous: Reference,
    /// How the next one refers to it.
    pub reference: Reference,
}

impl Links {
    /// Appends the payment that follows. Numbers skipped between two linked payments are void.
    pub fn follow(&mut self, link: &Link) -> Result<(), Status> {
        if link.previous != self.head || link.sequence <= self.sequence {
            return Err(Status::LinksBroken);
        }
        *self = Self {
            sequence: link.sequence,
            head: link.reference,
        };
        Ok(())
    }

    /// Whether the purse says that it stands exactly here.
    pub fn end_at(&self, sequence: Sequence, head: Reference) -> Result<(), Status> {
        if self.sequence == sequence && self.head == head {
            Ok(())
        } else {
            Err(Status::LinksBroken)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_strange_payment_breaks_the_chain() {
        let link = |sequence, previous, reference| Link {
            sequence: Sequence(sequence),
            previous: Reference([previous; 16]),
            reference: Reference([reference; 16]),
        };
        let mut links = Links::default();
        links.follow(&link(1, 0, 1)).unwrap();
        links.follow(&link(5, 1, 5)).unwrap();
        let here = links;
        for wrong in [link(7, 6, 7), link(5, 5, 9), link(3, 5, 9)] {
            assert_eq!(links.follow(&wrong), Err(Status::LinksBroken));
            assert_eq!(links, here);
        }
        assert_eq!(links.end_at(Sequence(5), Reference([5; 16])), Ok(()));
        assert_eq!(
            links.end_at(Sequence(6), Reference([5; 16])),
            Err(Status::LinksBroken)
        );
        assert_eq!(
            links.end_at(Sequence(5), Reference([6; 16])),
            Err(Status::LinksBroken)
        );
    }
}
