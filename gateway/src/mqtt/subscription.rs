//! What a session listens to, and how it gets an event because of it.

use super::packet::Qos;
use crate::tree::{Event, Filter};
use ledger::sessions::SubscriptionRow;

const NO_LOCAL: u8 = 4;
const AS_PUBLISHED: u8 = 8;

/// A filter that was granted.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) filter: Filter,
    pub(super) share: Option<Share>,
    pub(super) qos: Qos,
    pub(super) no_local: bool,
    pub(super) retain_as_published: bool,
    /// Comes with what is delivered because of it.
    pub(super) identifier: Option<u32>,
}

/// The group among which each event goes to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) group: Box<str>,
    /// The number of group and filter in this process.
    pub(super) id: u64,
}

/// Who listens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listener {
    /// The number of the connection; 0 while there is none.
    pub(super) serial: u64,
    /// The number among those who share.
    pub(super) seat: u64,
}

/// How a session gets an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) qos: Qos,
    pub(super) retain: bool,
}

impl Delivery {
    /// As one byte, for who keeps it.
    pub(super) fn options(self) -> u8 {
        self.qos as u8 | if self.retain { AS_PUBLISHED } else { 0 }
    }

    pub(super) fn from_options(options: u8) -> Self {
        Self {
            qos: qos_in(options),
            retain: options & AS_PUBLISHED != 0,
        }
    }
}

impl Subscription {
    /// Whether it takes an event.
    pub(super) fn takes(&self, event: &Event, who: Listener) -> bool {
        if let Some(share) = &self.share {
            let mut chosen = event.chosen.iter();
            return chosen.any(|one| one.share == share.id && one.seat == who.seat);
        }
        let echo = event.origin != 0 && event.origin == who.serial;
        !(echo && self.no_local) && self.filter.takes(&event.topic)
    }

    /// Whether it brings the wallet inbox, which is never shared.
    pub(super) fn takes_inbox(&self) -> bool {
        self.share.is_none() && self.filter.takes_inbox()
    }

    pub(super) fn group(&self) -> &str {
        self.share.as_ref().map_or("", |share| &share.group)
    }

    /// Whether it is of this group, or of none, and filter.
    pub(super) fn is(&self, group: &str, filter: &Filter) -> bool {
        self.group() == group && self.filter == *filter
    }

    pub(super) fn row(&self) -> SubscriptionRow {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        SubscriptionRow {
            share: self.group().into(),
            filter: self.filter.to_string(),
            options: self.qos as u8
                | flag(self.no_local, NO_LOCAL)
                | flag(self.retain_as_published, AS_PUBLISHED),
            identifier: self.identifier.unwrap_or(0),
        }
    }

    /// A subscription that was kept, not yet member of its group; `None` for what is none.
    pub(super) fn from_row(row: &SubscriptionRow) -> Option<Self> {
        let group = Some(row.share.as_str()).filter(|group| !group.is_empty());
        Some(Self {
            filter: Filter::parse(&row.filter).ok()?,
            share: group.map(|group| Share {
                group: group.into(),
                id: 0,
            }),
            qos: qos_in(row.options),
            no_local: row.options & NO_LOCAL != 0,
            retain_as_published: row.options & AS_PUBLISHED != 0,
            identifier: Some(row.identifier).filter(|number| *number > 0),
        })
    }
}

/// How somebody gets an event, once even if several subscriptions take it; `None` when none does.
pub(super) fn delivery(
    subscriptions: &[Subscription],
    event: &Event,
    who: Listener,
) -> Option<Delivery> {
    let taking = subscriptions.iter().filter(|s| s.takes(event, who));
    let strongest = taking.fold(None, |strongest: Option<(Qos, bool)>, s| {
        let (qos, as_published) = strongest.unwrap_or((Qos::AtMostOnce, false));
        Some((qos.max(s.qos), as_published || s.retain_as_published))
    });
    strongest.map(|(qos, as_published)| Delivery {
        qos: qos.min(published(event)),
        retain: event.retain && as_published,
    })
}

/// With which QoS an event was published.
pub(super) fn published(event: &Event) -> Qos {
    match (event.assured, event.once) {
        (_, true) => Qos::ExactlyOnce,
        (true, false) => Qos::AtLeastOnce,
        (false, false) => Qos::AtMostOnce,
    }
}

fn qos_in(options: u8) -> Qos {
    match options & 3 {
        0 => Qos::AtMostOnce,
        1 => Qos::AtLeastOnce,
        _ => Qos::ExactlyOnce,
    }
}

/// The group and the filter of a subscription as a client writes it: `$share/<group>/<filter>`, or
/// the filter alone. `None` when the group has no name or one with wildcards.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    let Some(shared) = text.strip_prefix("$share/") else {
        return Some(("", text));
    };
    let (group, filter) = shared.split_once('/')?;
    let named = !group.is_empty() && group.len() <= GROUP_MAX && !group.contains(['+', '#']);
    named.then_some((group, filter))
}

/// Bytes of a group's name.
const GROUP_MAX: usize = 64;
