//! Where a thing lives and where its gateway's doors are.

use crate::house::Failure;
use clap::Args;
use device_sdk::coap::{Client, Settings as CoapSettings, Timing as CoapTiming};
use device_sdk::identity_file::Identity;
use device_sdk::links::mqtt::{Deliveries, Mqtt, Settings as MqttSettings};
use device_sdk::thing::Settings as ThingSettings;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How long a gateway may take to answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// The thing, and where its gateway's doors are.
#[derive(Args)]
pub struct Doors {
    /// Folder of the thing.
    #[arg(long)]
    pub folder: PathBuf,
    /// The gateway's MQTT door.
    #[arg(long, default_value = "127.0.0.1:8883")]
    mqtt: SocketAddr,
    /// The gateway's CoAP door with DTLS.
    #[arg(long, default_value = "127.0.0.1:5684")]
    coaps: SocketAddr,
}

impl Doors {
    /// Those of a test.
    #[cfg(test)]
    pub(super) const fn at(folder: PathBuf, mqtt: SocketAddr, coaps: SocketAddr) -> Self {
        Self {
            folder,
            mqtt,
            coaps,
        }
    }

    /// A session with a name of its own: the commands of one thing may run side by side.
    pub fn mqtt(
        &self,
        identity: &Identity,
        session: &'static str,
        filters: &[String],
    ) -> Result<(Mqtt, Deliveries), Failure> {
        let mut settings = self.settings(identity, session)?;
        settings.filters.extend_from_slice(filters);
        Ok(Mqtt::start(settings))
    }

    /// The same for these topics alone, without the inbox.
    pub fn topics(
        &self,
        identity: &Identity,
        session: &'static str,
        filters: Vec<String>,
    ) -> Result<(Mqtt, Deliveries), Failure> {
        let mut settings = self.settings(identity, session)?;
        settings.filters = filters;
        Ok(Mqtt::start(settings))
    }

    fn settings(
        &self,
        identity: &Identity,
        session: &'static str,
    ) -> Result<MqttSettings, Failure> {
        let (host, port) = (self.mqtt.ip().to_string(), self.mqtt.port());
        let mut settings =
            MqttSettings::new(&host, port, identity.credentials.code, identity.tls()?);
        settings.session = session;
        Ok(settings)
    }

    /// For the SDK's own client.
    pub fn by_mqtt(&self) -> ThingSettings {
        ThingSettings::mqtt(&self.folder, &self.mqtt.ip().to_string(), self.mqtt.port())
    }

    /// The same over CoAP.
    pub fn by_coap(&self) -> ThingSettings {
        ThingSettings::coap(
            &self.folder,
            &self.coaps.ip().to_string(),
            self.coaps.port(),
        )
    }

    /// A client that connects when it is asked.
    pub fn coap(&self, identity: &Identity) -> Result<Client, Failure> {
        Ok(Client::new(CoapSettings {
            gateway: self.coaps,
            identity: Some(identity.dtls(&self.coaps.ip().to_string())?),
            timing: CoapTiming::NEARBY,
        })?)
    }
}

/// Gives up waiting for a gateway after a while.
pub async fn within<T>(answer: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(ANSWER_TIMEOUT, answer)
        .await
        .map_err(|_| "no answer from the gateway; is it running, and is the address right?".into())
}
