//! The keys that this gateway has signed with. An identifier does not depend on the signature, so
//! what the books hold under a former key goes out under the present one and is still the same.

use crate::bearings::Bearings;
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::allowances;
use protocol::cose::{SIGNED_MAX, Sealed, Verified, open, seal};
use protocol::covers::{COVERED_MAX, Item, Items};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Allowance, Area, ClaimNote, Object, Pass, RefundAnswer, Statement};
use protocol::rules::{self, Counting};
use protocol::{Network, PublicKey, Signer, Status, Timestamp};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A key that this gateway gave up.
#[derive(Clone)]
pub struct FormerKey {
    /// The key, and until when what it signed counts elsewhere.
    pub key: rules::FormerKey,
    /// Signs checkpoints beside the present key until then, unless it may be stolen.
    pub signer: Option<Arc<dyn Signer + Send + Sync>>,
}

/// What a gateway whose key has changed tells, and what it goes on reading.
#[derive(Clone, Default)]
pub struct FormerKeys {
    /// The oldest first.
    pub keys: Vec<FormerKey>,
    /// How the newest key took over: a message of kind 36 for anybody.
    pub handover: Option<Vec<u8>>,
}

impl fmt::Debug for FormerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ends = self.keys.iter().map(|former| former.key.ends);
        f.debug_list().entries(ends).finish()
    }
}

impl FormerKeys {
    /// The newest of them.
    pub(crate) fn newest(&self) -> Option<&FormerKey> {
        self.keys.last()
    }

    /// Who signs checkpoints beside the present key at this time.
    pub(crate) fn signer(&self, now: Timestamp) -> Option<&(dyn Signer + Send + Sync)> {
        let newest = self.newest().filter(|former| now < former.key.ends)?;
        newest.signer.as_deref()
    }
}

/// The present key and those before it.
#[derive(Clone)]
pub(crate) struct OwnKeys {
    network: Network,
    signer: Arc<dyn Signer + Send + Sync>,
    former: FormerKeys,
    since: Option<Timestamp>,
}

impl OwnKeys {
    pub(crate) fn new(bearings: &Bearings) -> Self {
        let handover = bearings.former_keys.handover.as_deref();
        Self {
            network: bearings.network,
            signer: Arc::clone(&bearings.signer),
            former: bearings.former_keys.clone(),
            since: handover.and_then(|handover| begun(handover, &bearings.network)),
        }
    }

    pub(crate) fn key(&self) -> PublicKey {
        self.signer.public_key()
    }

    /// By the keys that count now.
    pub(crate) fn counting(&self, now: Timestamp) -> Counting {
        let former = self.former.newest().map(|former| former.key);
        rules::FormerKey::beside(former.as_ref(), self.key(), now)
    }

    /// Whether one of them signed it, whenever that was: for what stands in the books.
    pub(crate) fn opened<'b, T: Object>(
        &self,
        sealed: Sealed<'b, T>,
    ) -> Result<Verified<'b, T>, Status> {
        let mut found = sealed.clone().verify(&self.key());
        for former in &self.former.keys {
            if found.is_ok() {
                break;
            }
            found = sealed.clone().verify(&former.key.key);
        }
        found
    }

    /// The same object under the present key, if a former one signed it; anything else stays.
    pub(crate) fn anew<T: Object>(&self, signed: &[u8]) -> Option<Vec<u8>> {
        if self.former.keys.is_empty() {
            return None;
        }
        let sealed = open::<T>(signed, &self.network).ok()?;
        if sealed.clone().verify(&self.key()).is_ok() {
            return None;
        }
        let said = self.opened(sealed).ok()?;
        let mut out = vec![0; SIGNED_MAX];
        let sealed = seal(said.get(), &self.network, self.signer.as_ref(), &mut out);
        let (len, id) = sealed.ok()?;
        out.truncate(len);
        // A key of another algorithm would make another object of it.
        (id == said.id()).then_some(out)
    }

    /// [`OwnKeys::anew`] for what this gateway has signed in a message.
    pub(crate) fn message_anew(&self, message: Vec<u8>) -> Vec<u8> {
        if self.former.keys.is_empty() {
            return message;
        }
        self.rewritten(&message).unwrap_or(message)
    }

    fn rewritten(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut read = Message::read(message).ok()?;
        let signed = match &read {
            Message::Statement { statement } => self.anew::<Statement>(statement),
            Message::ClaimNote { note } => self.anew::<ClaimNote>(note),
            Message::Area { area } => self.anew::<Area>(area),
            Message::RefundAnswer { answer } => self.anew::<RefundAnswer>(answer),
            Message::Grant { allowance }
            | Message::Evidence { allowance, .. }
            | Message::Claim { allowance, .. } => self.anew::<Allowance>(allowance),
            _ => None,
        }?;
        match &mut read {
            Message::Statement { statement: part }
            | Message::ClaimNote { note: part }
            | Message::Area { area: part }
            | Message::RefundAnswer { answer: part }
            | Message::Grant { allowance: part }
            | Message::Evidence {
                allowance: part, ..
            }
            | Message::Claim {
                allowance: part, ..
            } => *part = &signed,
            _ => return None,
        }
        let mut out = vec![0; MESSAGE_MAX];
        let len = read.write(&mut out)?;
        out.truncate(len);
        Some(out)
    }

    /// A list of items in which every allowance of a former key is under the present one.
    fn items_anew(&self, items: &[u8]) -> Option<Vec<u8>> {
        let read = Items::read(items).ok()?;
        let allowances: Vec<Cow<'_, [u8]>> = read
            .iter()
            .map(|item| match self.anew::<Allowance>(item.allowance) {
                Some(signed) => Cow::Owned(signed),
                None => Cow::Borrowed(item.allowance),
            })
            .collect();
        let items = read.iter().zip(&allowances);
        let items: Vec<Item<'_>> = items
            .map(|(item, allowance)| Item { allowance, ..*item })
            .collect();
        let mut out = vec![0; COVERED_MAX];
        let len = Items::new(&items)?.write(&mut out)?;
        out.truncate(len);
        Some(out)
    }

    /// How the present key took over, for this thing: with its pass under the present key.
    pub(crate) fn handover_for(&self, pass: Option<&[u8]>) -> Option<Vec<u8>> {
        let general = self.former.handover.as_ref()?;
        let Some(anew) = pass.and_then(|pass| self.anew::<Pass>(pass)) else {
            return Some(general.clone());
        };
        let mut message = Message::read(general).ok()?;
        if let Message::Successor { own, .. } = &mut message {
            *own = Some(&anew);
        }
        let mut out = vec![0; MESSAGE_MAX];
        let len = message.write(&mut out)?;
        out.truncate(len);
        Some(out)
    }

    /// When the present key took over; nothing when there was none before.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        self.since
    }
}

fn begun(handover: &[u8], network: &Network) -> Option<Timestamp> {
    match Message::read(handover) {
        Ok(Message::Successor { gateway, .. }) => {
            let pass = open::<Pass>(gateway, network).ok()?;
            Some(pass.peek().issued)
        }
        _ => None,
    }
}

impl Ledger {
    /// An allowance that this gateway gave: signed with a key that counts, or with one that it gave
    /// up and standing in the books. Whoever has stolen such a key gives no allowance with it.
    pub async fn own_allowance<'b>(
        &self,
        allowance: Sealed<'b, Allowance>,
        now: Timestamp,
    ) -> Result<Verified<'b, Allowance>, Status> {
        let counts = self.own_keys().counting(now).verify(allowance.clone());
        if counts.is_ok() {
            return counts;
        }
        let signed = self.own_keys().opened(allowance)?;
        let storage = |_: Error| Status::Storage;
        let mut reader = self.reader().await.map_err(storage)?;
        let known = allowances::allowance(&mut reader, &signed.id()).await;
        match known.map_err(|_| Status::Storage)? {
            Some(_) => Ok(signed),
            None => Err(Status::BadSignature),
        }
    }

    /// The items of an evidence as the keys that count read them, and those keys: each allowance of
    /// this gateway is judged as by [`Ledger::own_allowance`], and one under a key that was given up
    /// is signed anew. However many keys there were, one reads them all, here and at the payee.
    pub async fn own_items<'b>(
        &self,
        items: &'b [u8],
        now: Timestamp,
    ) -> Result<(Cow<'b, [u8]>, Counting), Status> {
        let counting = self.own_keys().counting(now);
        let read = Items::read(items)?;
        if self.own_keys().former.keys.is_empty() {
            return Ok((Cow::Borrowed(items), counting));
        }
        for item in read.iter() {
            let allowance = open::<Allowance>(item.allowance, self.network())?;
            if allowance.peek().gateway == self.gateway() {
                self.own_allowance(allowance, now).await?;
            }
        }
        let anew = self.own_keys().items_anew(items);
        Ok((anew.map_or(Cow::Borrowed(items), Cow::Owned), counting))
    }

    /// Whether no key that this gateway gave up speaks in an accusation: whoever has stolen one
    /// accuses nobody with it.
    pub fn accused_by_counting(&self, accusation: &[u8], now: Timestamp) -> Result<(), Status> {
        let shown = match Message::read(accusation)? {
            Message::Proof { gateway, .. } => [Some(gateway), None, None],
            Message::Accusation { credentials, .. } => credentials,
            _ => return Err(Status::Malformed),
        };
        for pass in shown.into_iter().flatten() {
            let pass = open::<Pass>(pass, self.network())?;
            let said = pass.peek();
            let own = said.subject.0 == self.gateway();
            if own && !self.own_keys().counting(now).has(&said.key.0) {
                return Err(Status::Expired);
            }
        }
        Ok(())
    }

    /// What an answer or an inbox holds of this gateway's words, under its present key.
    pub fn signed_anew(&self, message: Vec<u8>) -> Vec<u8> {
        self.own_keys().message_anew(message)
    }

    /// How the present key of this gateway took over, as a message for anybody.
    pub fn handover(&self) -> Option<&[u8]> {
        self.own_keys().former.handover.as_deref()
    }
}
