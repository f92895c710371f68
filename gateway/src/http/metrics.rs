//! Counters and gauges in the OpenMetrics text form.

use crate::coap::Counters as CoapCounters;
use crate::meters::Meters;
use crate::mqtt::Counters as MqttCounters;
use crate::upstream::State;
use admin::Counters as PortalCounters;
use ledger::Ledger;
use ledger::outbox::Outbox;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the numbers come from.
#[derive(Clone)]
pub struct Gauges {
    /// The books, for readiness.
    pub ledger: Ledger,
    /// Refusals of the wallet desk.
    pub meters: Arc<Meters>,
    /// The MQTT door.
    pub mqtt: Arc<MqttCounters>,
    /// Both CoAP doors.
    pub coap: Arc<CoapCounters>,
    /// The portal and its public pages.
    pub portal: Arc<PortalCounters>,
    /// The link to whoever is above, and what waits for it.
    pub above: (Arc<State>, Outbox),
}

impl fmt::Debug for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gauges")
    }
}

impl Gauges {
    /// Everything, as text.
    pub fn text(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        // Writing into a String fails only when a collector says so, and ours never does.
        let _ = encode_registry(&mut text, &registry);
        text + "# EOF\n"
    }
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let refused = self
            .meters
            .refused()
            .map(|(status, count)| (status.word(), count));
        counters(
            &mut encoder,
            "onecode_wallet_refused",
            "Wallet messages refused, by status",
            "status",
            refused,
        )?;
        let reasons = self
            .mqtt
            .reasons()
            .map(|(reason, count)| (reason.word(), count));
        counters(
            &mut encoder,
            "onecode_mqtt_refused",
            "What the MQTT door refused or ended, by reason",
            "reason",
            reasons,
        )?;
        let reasons = self
            .coap
            .reasons()
            .map(|(reason, count)| (reason.word(), count));
        counters(
            &mut encoder,
            "onecode_coap_refused",
            "Who did not get or keep a CoAP session, by reason",
            "reason",
            reasons,
        )?;
        let answers: Vec<(String, u64)> = self.coap.answers().collect();
        let answers = answers.iter().map(|(code, count)| (code.as_str(), *count));
        counters(
            &mut encoder,
            "onecode_coap_answers",
            "Answers of the CoAP doors, by code",
            "code",
            answers,
        )?;
        portal(&mut encoder, &self.portal)?;
        for (name, help, count) in [
            (
                "onecode_mqtt_opened",
                "MQTT sessions ever opened",
                &self.mqtt.opened,
            ),
            (
                "onecode_mqtt_published",
                "Publications taken by the MQTT door",
                &self.mqtt.published,
            ),
            (
                "onecode_mqtt_delivered",
                "Publications sent by the MQTT door",
                &self.mqtt.delivered,
            ),
            (
                "onecode_coap_opened",
                "DTLS sessions ever opened",
                &self.coap.opened,
            ),
            (
                "onecode_coap_requests",
                "CoAP requests that reached a resource",
                &self.coap.requests,
            ),
        ] {
            let metric = ConstCounter::new(count.load(Ordering::Relaxed));
            metric.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        for (name, help, count) in [
            (
                "onecode_mqtt_sessions",
                "MQTT sessions open now",
                &self.mqtt.sessions,
            ),
            (
                "onecode_coap_sessions",
                "DTLS sessions open now",
                &self.coap.sessions,
            ),
        ] {
            let metric = ConstGauge::new(count.load(Ordering::Relaxed));
            metric.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        above(&mut encoder, &self.above)
    }
}

fn above(
    encoder: &mut DescriptorEncoder<'_>,
    (state, outbox): &(Arc<State>, Outbox),
) -> fmt::Result {
    let standing = outbox.standing();
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    for (name, help, count) in [
        (
            "onecode_upstream_connected",
            "Connections ever made to the broker above",
            read(&state.connected),
        ),
        (
            "onecode_upstream_acknowledged",
            "Messages that the broker above acknowledged",
            read(&state.acknowledged),
        ),
        (
            "onecode_upstream_brought",
            "Messages from the broker above that found their place",
            read(&state.brought),
        ),
        (
            "onecode_upstream_misplaced",
            "Messages from the broker above without a place here",
            read(&state.misplaced),
        ),
        (
            "onecode_upstream_dropped",
            "Telemetry that found no room on disk",
            standing.dropped,
        ),
    ] {
        let metric = ConstCounter::new(count);
        metric.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
    }
    for (name, help, value) in [
        (
            "onecode_upstream_online",
            "Whether the broker above is connected",
            u64::from(state.online.load(Ordering::Relaxed)),
        ),
        (
            "onecode_upstream_waiting",
            "Messages that wait for the broker above",
            standing.waiting,
        ),
        (
            "onecode_upstream_waiting_bytes",
            "Their bytes",
            standing.bytes,
        ),
    ] {
        let metric = ConstGauge::new(value);
        metric.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
    }
    Ok(())
}

fn portal(encoder: &mut DescriptorEncoder<'_>, portal: &PortalCounters) -> fmt::Result {
    counters(
        encoder,
        "onecode_portal_lookups",
        "Codes and grid codes looked up on the public pages, by how they stood",
        "outcome",
        portal
            .lookups()
            .map(|(lookup, count)| (lookup.word(), count)),
    )?;
    counters(
        encoder,
        "onecode_portal_mistyped",
        "What was no code on the public pages and in searches, by what was wrong",
        "error",
        portal
            .mistypings()
            .map(|(error, count)| (error.word(), count)),
    )?;
    counters(
        encoder,
        "onecode_portal_refused",
        "What the portal refused, by reason",
        "reason",
        portal
            .refusals()
            .map(|(reason, count)| (reason.word(), count)),
    )
}

fn counters<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &str,
    samples: impl Iterator<Item = (&'a str, u64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (value, count) in samples {
        ConstCounter::new(count).encode(family.encode_family(&[(label, value)])?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Portal(PortalCounters);

    impl Collector for Portal {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
            portal(&mut encoder, &self.0)
        }
    }

    #[test]
    fn every_number_of_the_portal_is_there_from_the_start() {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Portal(PortalCounters::default())));
        let mut text = String::new();
        encode_registry(&mut text, &registry).unwrap();
        for line in [
            r#"onecode_portal_lookups_total{outcome="genuine"} 0"#,
            r#"onecode_portal_lookups_total{outcome="mistyped"} 0"#,
            r#"onecode_portal_mistyped_total{error="check"} 0"#,
            r#"onecode_portal_refused_total{reason="password"} 0"#,
            r#"onecode_portal_refused_total{reason="wait"} 0"#,
            r#"onecode_portal_refused_total{reason="forged"} 0"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
