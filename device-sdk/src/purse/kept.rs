//! A payment with all it needs to be shown: alone, or behind its covers.

use crate::purse::record::Record;
use protocol::covers::{ITEMS_MAX, Item, Items};
use protocol::message::Message;
use protocol::{Digest, Status};

/// A payment out of the journal or off the wire; nothing is checked yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept<'b> {
    last: Item<'b>,
    behind: Option<(&'b [u8], Items<'b>)>,
}

impl<'b> Kept<'b> {
    /// A payment that nothing covers.
    pub(super) fn alone(allowance: &'b [u8], payment: &'b [u8]) -> Self {
        let last = Item {
            allowance,
            payment,
            released: None,
            covers: 0,
        };
        Self { last, behind: None }
    }

    /// What [`Items`] reads.
    pub(super) fn covered(bytes: &'b [u8]) -> Result<Self, Status> {
        let items = Items::read(bytes)?;
        let last = *items.last().ok_or(Status::Malformed)?;
        let behind = Some((bytes, items));
        Ok(Self { last, behind })
    }

    /// The allowance the payment is made under.
    pub(super) fn allowance(&self) -> &'b [u8] {
        self.last.allowance
    }

    /// The payment itself.
    pub(super) fn payment(&self) -> &'b [u8] {
        self.last.payment
    }

    /// The list with its covers, if there are any.
    pub(super) fn list(&self) -> Option<&'b [u8]> {
        self.behind.as_ref().map(|(bytes, _)| *bytes)
    }

    /// Writes the list with its covers, and how far the last payment is released; returns its
    /// length.
    pub(super) fn released(
        &self,
        released: Option<(u32, Digest)>,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        let mut items = [self.last; ITEMS_MAX];
        let count = self.items().count();
        for (to, item) in items.iter_mut().zip(self.items()) {
            *to = *item;
        }
        if let Some(last) = items.get_mut(count.saturating_sub(1)) {
            last.released = released;
        }
        let items = items.get(..count).and_then(Items::new);
        items
            .and_then(|items| items.write(out))
            .ok_or(Status::Storage)
    }

    /// The list with its covers, parsed.
    pub(super) fn behind(&self) -> Option<&Items<'b>> {
        self.behind.as_ref().map(|(_, items)| items)
    }

    /// How it is shown to somebody who knows nothing of it.
    pub(super) fn evidence(&self) -> Message<'b> {
        match self.list() {
            Some(items) => Message::Covered {
                items,
                receipt: None,
            },
            None => Message::Evidence {
                allowance: self.allowance(),
                payment: self.payment(),
            },
        }
    }

    /// All payments, covers first.
    pub(super) fn items(&self) -> impl Iterator<Item = &Item<'b>> {
        let covered = self.behind.iter().flat_map(|(_, items)| items.iter());
        let alone = self.behind.is_none().then_some(&self.last);
        covered.chain(alone)
    }
}

impl<'b> Record<'b> {
    /// The payment that a record keeps, made or taken; `Storage` for any other record.
    pub(super) fn kept(&self) -> Result<Kept<'b>, Status> {
        match *self {
            Self::Signed { allowance, payment }
            | Self::StreamAccepted { allowance, payment }
            | Self::Accepted {
                allowance, payment, ..
            } => Ok(Kept::alone(allowance, payment)),
            Self::SignedCovered { items }
            | Self::StreamAcceptedCovered { items }
            | Self::AcceptedCovered { items, .. } => {
                Kept::covered(items).map_err(|_| Status::Storage)
            }
            _ => Err(Status::Storage),
        }
    }

    /// Whether it may be longer than [`crate::journal::SMALL_RECORD_MAX`].
    pub(super) fn has_covers(&self) -> bool {
        matches!(
            self,
            Self::SignedCovered { .. }
                | Self::AcceptedCovered { .. }
                | Self::StreamAcceptedCovered { .. }
        )
    }

    /// The receipt in it, given or got.
    pub(super) fn receipt(&self) -> Option<&'b [u8]> {
        match *self {
            Self::Accepted { receipt, .. }
            | Self::AcceptedCovered { receipt, .. }
            | Self::Receipted { receipt }
            | Self::Closed { receipt, .. } => Some(receipt),
            _ => None,
        }
    }
}
