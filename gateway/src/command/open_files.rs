//! How many files the process may open: each connection is one.

use crate::mqtt::Limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Databases, sockets, other doors, and room to spare.
const OTHERS: u64 = 1_024;

/// Raises the limit to what the MQTT door holds, as far as the system permits: a shell gives 1,024,
/// which as many clients fill.
pub fn allow(limits: &Limits) {
    let wanted = (limits.sessions as u64).saturating_add(OTHERS);
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let most = now.maximum.map_or(wanted, |most| most.min(wanted));
    let raised = Rlimit {
        current: Some(most),
        maximum: now.maximum,
    };
    let done = setrlimit(Resource::Nofile, raised);
    if done.is_err() || most < wanted {
        tracing::warn!(
            most,
            wanted,
            "the system lets this process open fewer files than the MQTT door holds connections: \
             raise LimitNOFILE of the service, or the hard limit of `ulimit -n`"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_enough_for_all_sessions_where_the_system_permits() {
        let limits = Limits::default();
        // As in a shell, whatever this one gives.
        let before = getrlimit(Resource::Nofile);
        let few = Some(before.maximum.map_or(2_048, |most| most.min(2_048)));
        let as_in_a_shell = Rlimit {
            current: few,
            ..before
        };
        setrlimit(Resource::Nofile, as_in_a_shell).unwrap();
        allow(&limits);
        let now = getrlimit(Resource::Nofile);
        let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= limits.sessions as u64);
        assert_eq!(enough(now.current), enough(now.maximum), "{now:?}");
    }
}
