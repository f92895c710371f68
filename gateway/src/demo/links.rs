//! How the machines of the demonstration reach the gateway: cars by MQTT, chargers by CoAP.

use super::thing::Thing;
use crate::thing_folder::explain;
use device_sdk::coap::inbox::read_page;
use device_sdk::coap::{Client, Error as CoapError, Request};
use device_sdk::links::mqtt::{Deliveries, Mqtt, Peer, PublishError};
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::Payment;
use protocol::{Code, Network, Status};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Content-Format of CBOR.
const CBOR: u16 = 60;
/// Between two attempts to reach a gateway that is away.
const RETRY: Duration = Duration::from_millis(200);
/// How long a car waits for answers before it shows again what is open.
const SHOW_AGAIN: Duration = Duration::from_secs(2);
const INBOX: &str = "oc/1/me/w/in";
const TO_GATEWAY: &str = "oc/1/me/w/out/gateway";

/// Why a machine could not do its part.
#[derive(Debug)]
pub enum LinkError {
    /// The purse refuses.
    Purse(Status),
    /// MQTT.
    Mqtt(PublishError),
    /// CoAP.
    Coap(CoapError),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Purse(status) => f.write_str(&explain(*status)),
            Self::Mqtt(error) => error.fmt(f),
            Self::Coap(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LinkError {}

impl From<Status> for LinkError {
    fn from(status: Status) -> Self {
        Self::Purse(status)
    }
}

impl From<PublishError> for LinkError {
    fn from(error: PublishError) -> Self {
        Self::Mqtt(error)
    }
}

impl From<CoapError> for LinkError {
    fn from(error: CoapError) -> Self {
        Self::Coap(error)
    }
}

/// A car on MQTT.
pub struct Car {
    /// Its purse.
    pub thing: Arc<Thing>,
    /// Its connection, made again whenever the gateway was away.
    pub mqtt: Mqtt,
}

impl Car {
    /// Hands everything in that a gateway has not answered for; the statements come to the inbox.
    pub async fn synchronise(&self) -> Result<(), LinkError> {
        loop {
            for message in self.thing.hand_ins()? {
                self.mqtt.send(Peer::Gateway, &message).await?;
            }
            let answered = self.thing.until(|thing| thing.unanswered() == 0);
            // What the gateway was too busy for is shown again; showing it twice changes nothing.
            if tokio::time::timeout(SHOW_AGAIN, answered).await.is_ok() {
                return Ok(());
            }
        }
    }

    /// Pays through the gateway.
    pub async fn send(&self, payee: Code, evidence: &[u8]) -> Result<(), LinkError> {
        Ok(self.mqtt.send(Peer::Code(payee), evidence).await?)
    }

    /// Asks the gateway something; the answer comes to the inbox.
    pub async fn ask(&self, message: &[u8]) -> Result<(), LinkError> {
        Ok(self.mqtt.send(Peer::Gateway, message).await?)
    }
}

/// Takes what comes to a car's inbox for as long as the car is there.
pub async fn car_reads(thing: Arc<Thing>, mut inbox: Deliveries) {
    while let Some(delivery) = inbox.next().await {
        if let Err(status) = thing.take(&delivery.payload) {
            tracing::warn!(%status, car = %thing.code, "the purse did not take a message");
        }
        delivery.done();
    }
}

/// A charger on CoAP.
#[derive(Clone)]
pub struct Charger {
    /// Its purse.
    pub thing: Arc<Thing>,
    /// Its connection, made again whenever the gateway was away.
    pub coap: Client,
    /// Whose objects mean anything.
    pub network: Network,
}

impl Charger {
    /// Hands everything in that a gateway has not answered for.
    pub async fn synchronise(&self) -> Result<(), LinkError> {
        for message in self.thing.hand_ins()? {
            self.post(TO_GATEWAY, message).await?;
        }
        Ok(())
    }

    /// Watches the inbox for as long as the charger is there.
    pub async fn watch(self) {
        loop {
            if let Err(error) = self.follow().await {
                tracing::debug!(%error, charger = %self.thing.code, "the gateway is away");
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn follow(&self) -> Result<(), LinkError> {
        let mut news = self.coap.observe(Request::get(INBOX)).await?;
        let mut after = 0;
        loop {
            self.empty_inbox(&mut after).await?;
            news.next().await?;
        }
    }

    /// Reads page after page. Asking for what comes after an entry says that it has been dealt with.
    async fn empty_inbox(&self, after: &mut u64) -> Result<(), LinkError> {
        loop {
            let request = Request::get(INBOX).query(&format!("after={after}"));
            let page = self.coap.request(request).await?;
            let entries = read_page(&page.payload).ok_or(Status::Malformed)?;
            if entries.is_empty() {
                return Ok(());
            }
            for (number, message) in entries {
                self.take(&message).await?;
                *after = number;
            }
        }
    }

    async fn take(&self, message: &[u8]) -> Result<(), LinkError> {
        let receipt = match self.thing.take(message) {
            Ok(Some(receipt)) => receipt,
            Ok(None) => return Ok(()),
            Err(status) => {
                tracing::warn!(%status, charger = %self.thing.code, "the purse did not take a message");
                return Ok(());
            }
        };
        let path = match Message::read(message)? {
            Message::Evidence { payment, .. } => {
                let payer = open::<Payment>(payment, &self.network)?.peek().payer;
                format!("oc/1/me/w/out/{payer}")
            }
            _ => return Ok(()),
        };
        self.post(&path, receipt).await
    }

    async fn post(&self, path: &str, message: Vec<u8>) -> Result<(), LinkError> {
        let answer = self
            .coap
            .request(Request::post(path, CBOR, message))
            .await?;
        if !answer.payload.is_empty() {
            self.thing.take(&answer.payload)?;
        }
        Ok(())
    }
}
