//! Who may do what, from the code alone: nothing to configure. What a grant adds to it, the tree asks
//! of [`super::Readers`].

use super::topic::{Leaf, Topic};
use protocol::{Code, Kind};

/// A thing speaks only in its own branch, and only where things speak.
pub fn may_publish(me: Code, topic: &Topic) -> bool {
    topic.code == me
        && match topic.leaf {
            Leaf::Telemetry(_)
            | Leaf::Event(_)
            | Leaf::Status
            | Leaf::Reported
            | Leaf::Result(_)
            | Leaf::Outbox(_) => true,
            // What others tell the thing comes from the gateway, never from the thing itself.
            Leaf::Desired
            | Leaf::Command(_)
            | Leaf::List(_)
            | Leaf::Grants
            | Leaf::Inbox
            | Leaf::LinkDown => false,
            Leaf::LinkUp => me.kind() == Kind::Gateway,
        }
}

/// A will is a last word about oneself: it moves no money.
pub fn may_leave_will(me: Code, topic: &Topic) -> bool {
    may_publish(me, topic) && !matches!(topic.leaf, Leaf::Outbox(_) | Leaf::LinkUp)
}

/// A thing reads its own branch: its inbox, commands and twin, and what it said itself.
pub fn may_read(me: Code, branch: Code) -> bool {
    me == branch
}
