//! What a client listens to, from SUBSCRIBE to UNSUBSCRIBE, or from its session before.

use super::{End, InboxFeed, Ready, Session};
use crate::{
    mqtt::{
        counters::Reason,
        packet::{Qos, Version, WantRetained, Wish},
        subscription::{Delivery, Share, Subscription, published, split},
        writer,
    },
    tree::{Entitled, Filter},
};
use ledger::sessions::Change;

/// Subscriptions of one session.
const SUBSCRIPTIONS_MAX: usize = 32;
/// UNSUBACK of MQTT 5 for what was never subscribed.
const NO_SUBSCRIPTION: u8 = 0x11;
/// SUBACK of MQTT 3.1.1 for whatever is refused.
const SUBSCRIBE_FAILED: u8 = 0x80;

impl Session<'_> {
    pub(super) async fn subscribe(
        &mut self,
        id: u16,
        identifier: Option<u32>,
        wishes: Vec<Wish>,
    ) -> Result<(), End> {
        let mut codes = Vec::with_capacity(wishes.len());
        let mut retained = Vec::new();
        for wish in wishes {
            match self.grant(&wish, identifier, &mut retained).await {
                Ok(qos) => codes.push(qos as u8),
                Err(reason @ (Reason::Unavailable | Reason::ProtocolError)) => {
                    return Err(reason.into());
                }
                Err(reason) => {
                    self.note(reason);
                    codes.push(match self.version {
                        Version::V5 => reason.code(),
                        Version::V311 => SUBSCRIBE_FAILED,
                    });
                }
            }
        }
        writer::suback(&mut self.out, self.version, id, &codes);
        retained
            .into_iter()
            .try_for_each(|ready| self.enqueue(ready))
    }

    async fn grant(
        &mut self,
        wish: &Wish,
        identifier: Option<u32>,
        retained: &mut Vec<Ready>,
    ) -> Result<Qos, Reason> {
        let tree = &self.door.tree;
        let (group, filter) = split(&wish.filter).ok_or(Reason::SubscribeForbidden)?;
        let filter = Filter::parse(filter).map_err(|_| Reason::SubscribeForbidden)?;
        let may = tree.may_subscribe(&self.caller, &filter);
        let qos = match may.map_err(|_| Reason::SubscribeForbidden)? {
            Entitled::Freely => wish.qos,
            // A read is taken when it is sent: it is not sent again.
            Entitled::ByTheRead => Qos::AtMostOnce,
        };
        let known = self.subscriptions.iter();
        let known = known.clone().position(|s| s.is(group, &filter));
        if known.is_none() && self.subscriptions.len() >= SUBSCRIPTIONS_MAX {
            return Err(Reason::Full);
        }
        let subscription = Subscription {
            share: self.share(group, &filter, wish)?,
            filter,
            qos,
            no_local: wish.no_local,
            retain_as_published: wish.retain_as_published,
            identifier,
        };
        self.listen_to(&subscription).await?;
        let wanted = match wish.retained {
            _ if subscription.share.is_some() => false,
            WantRetained::Always => true,
            WantRetained::IfNew => known.is_none(),
            WantRetained::Never => false,
        };
        match known.and_then(|at| self.subscriptions.get_mut(at)) {
            Some(there) => *there = subscription.clone(),
            None => self.subscriptions.push(subscription.clone()),
        }
        if let Some(mailbox) = self.mailbox() {
            // A crash before the SUBACK: the client subscribes again, to the same.
            let change = Change::Subscribe(mailbox.number, subscription.row());
            let listening = self.door.kept.listen(mailbox, &self.subscriptions, change);
            listening.await.map_err(|_| Reason::Unavailable)?;
        }
        if wanted {
            self.collect_retained(&subscription, retained).await?;
        }
        Ok(qos)
    }

    /// The group the filter is shared in, with a seat taken; none when it is not shared.
    fn share(&self, group: &str, filter: &Filter, wish: &Wish) -> Result<Option<Share>, Reason> {
        if group.is_empty() {
            return Ok(None);
        }
        if wish.no_local {
            return Err(Reason::ProtocolError);
        }
        // The members of a group are sessions of one code.
        if !filter.takes_more_than_inbox() || filter.code != self.caller.code {
            return Err(Reason::SharedForbidden);
        }
        let shares = &self.door.kept.shares;
        let id = shares.join(group, filter, self.listener().seat, true);
        Ok(Some(Share {
            group: group.into(),
            id: id.ok_or(Reason::Full)?,
        }))
    }

    /// Opens what a subscription needs. Watching starts before retained payloads are read: nothing
    /// falls between.
    async fn listen_to(&mut self, subscription: &Subscription) -> Result<(), Reason> {
        let tree = &self.door.tree;
        let filter = &subscription.filter;
        if filter.takes_more_than_inbox() && !self.watches.has(filter.code) {
            let watch = tree.watch(&self.caller, filter.code).await;
            let watch = watch.map_err(|_| Reason::Full)?;
            self.watches.add(filter.code, watch);
        }
        if subscription.takes_inbox() {
            if self.inbox.is_none() {
                tree.synchronise(&self.caller).await;
            }
            let bell = || tree.inbox_bell(&self.caller);
            let inbox = self.inbox.get_or_insert_with(|| InboxFeed::new(bell()));
            inbox.qos = inbox.qos.max(subscription.qos.min(Qos::AtLeastOnce));
        }
        Ok(())
    }

    /// What is retained and the subscription takes: into the file where one is kept and it is
    /// assured, otherwise behind the SUBACK.
    async fn collect_retained(
        &self,
        subscription: &Subscription,
        passing: &mut Vec<Ready>,
    ) -> Result<(), Reason> {
        let tree = &self.door.tree;
        let events = tree.retained(&self.caller, &subscription.filter).await;
        for event in events.unwrap_or_default() {
            let how = Delivery {
                qos: subscription.qos.min(published(&event)),
                retain: true,
            };
            match self.mailbox() {
                Some(mailbox) if how.qos != Qos::AtMostOnce => {
                    let kept = self.door.kept.owe_one(mailbox, &event, how);
                    kept.await.map_err(|_| Reason::Unavailable)?;
                }
                _ => passing.push(Ready {
                    qos: how.qos,
                    retain: true,
                    ..self.ready(&event)
                }),
            }
        }
        Ok(())
    }

    /// Goes on listening to what the session was listening to.
    pub(super) async fn resume(&mut self, subscriptions: Vec<Subscription>) -> Result<(), Reason> {
        for subscription in subscriptions {
            let tree = &self.door.tree;
            // What it may no longer hear it does not.
            if tree
                .may_subscribe(&self.caller, &subscription.filter)
                .is_ok()
            {
                self.listen_to(&subscription).await?;
                self.subscriptions.push(subscription);
            }
        }
        Ok(())
    }

    pub(super) async fn unsubscribe(&mut self, id: u16, filters: &[String]) -> Result<(), End> {
        let mut codes = Vec::with_capacity(filters.len());
        for text in filters {
            let gone = self.forget(text).await?;
            codes.push(if gone { 0 } else { NO_SUBSCRIPTION });
        }
        let all = &self.subscriptions;
        let watched = all.iter().filter(|s| s.filter.takes_more_than_inbox());
        let watched: Vec<_> = watched.map(|s| s.filter.code).collect();
        self.watches.keep(|branch| watched.contains(&branch));
        let to_inbox = all.iter().filter(|s| s.takes_inbox());
        match (to_inbox.map(|s| s.qos).max(), &mut self.inbox) {
            (Some(qos), Some(inbox)) => inbox.qos = qos.min(Qos::AtLeastOnce),
            _ => self.inbox = None,
        }
        writer::unsuback(&mut self.out, self.version, id, &codes);
        Ok(())
    }

    async fn forget(&mut self, text: &str) -> Result<bool, End> {
        let (group, filter) = split(text).unwrap_or(("", text));
        let same = |s: &Subscription| s.group() == group && s.filter.to_string() == filter;
        let Some(at) = self.subscriptions.iter().position(same) else {
            return Ok(false);
        };
        let gone = self.subscriptions.remove(at);
        let kept = &self.door.kept;
        if let Some(share) = &gone.share {
            let seat = self.listener().seat;
            kept.shares.leave(gone.filter.code, share.id, seat);
        }
        if let Some(mailbox) = self.mailbox() {
            let change = Change::Unsubscribe {
                session: mailbox.number,
                share: group.into(),
                filter: filter.into(),
            };
            let listening = kept.listen(mailbox, &self.subscriptions, change);
            listening.await.map_err(|_| Reason::Unavailable)?;
        }
        Ok(true)
    }
}
