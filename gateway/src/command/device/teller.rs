//! A purse with a way to its gateway: carries messages to and fro, and takes what comes meanwhile.

use super::Via;
use super::doors::{Doors, within};
use crate::house::Failure;
use crate::thing_folder::{FolderPurse, explain, identity, purse, written};
use crate::wallet::now;
use device_sdk::coap::inbox::read_page;
use device_sdk::coap::{Client, Request};
use device_sdk::links::mqtt::{Deliveries, Delivery, Mqtt, Peer};
use device_sdk::purse::{Event, HandInCursor, OUT_MAX};
use protocol::cose::open;
use protocol::covers::Items;
use protocol::message::Message;
use protocol::objects::Payment;
use protocol::units::AMOUNT_MAX;
use protocol::{AmountMinor, Currency, Network};
use std::collections::VecDeque;
use std::time::Duration;

/// Payments the purse of the command line can hold that no gateway has answered for.
const OUTBOX: usize = 256;
/// Payers it remembers.
const PAYERS: usize = 64;
/// Between two looks into the inbox over CoAP.
const LOOK_AGAIN: Duration = Duration::from_millis(300);
const INBOX: &str = "oc/1/me/w/in";
/// Content-Format of wallet messages.
const CBOR: u16 = 60;

/// The purse of the command line.
pub type DevicePurse = Box<FolderPurse<OUTBOX, PAYERS>>;

/// What somebody pays, in a person's words.
pub fn worded(payment: &Payment) -> String {
    format!(
        "{} {} from {:#}",
        payment.amount, payment.currency, payment.payer
    )
}

enum Link {
    Mqtt(Mqtt, Deliveries),
    /// With the number of the newest inbox entry that was read.
    Coap(Client, u64),
}

/// Something for the purse. What came by MQTT comes again unless it is done with.
struct News {
    message: Vec<u8>,
    delivery: Option<Delivery>,
}

/// The purse and its link.
pub struct Teller {
    /// The purse itself.
    pub purse: DevicePurse,
    network: Network,
    link: Link,
    /// Read and not yet taken; at most a page of the inbox and one answer.
    waiting: VecDeque<News>,
}

impl Teller {
    /// Connects. What the purse still holds is shown first: a gateway grants nothing on top of
    /// payments it does not know.
    pub async fn begin(doors: &Doors, via: Via) -> Result<Self, Failure> {
        let identity = identity(&doors.folder)?;
        let link = match via {
            Via::Mqtt => {
                let (mqtt, inbox) = doors.mqtt(&identity, "", &[])?;
                within(mqtt.ready()).await??;
                Link::Mqtt(mqtt, inbox)
            }
            Via::Coap => Link::Coap(doors.coap(&identity)?, 0),
            Via::Udp | Via::Qr | Via::File => return Err("there is no gateway this way".into()),
        };
        // What comes through a gateway is in transit there already: nothing is risked.
        let most = AmountMinor::new(AMOUNT_MAX).ok_or("no amount")?;
        let mut teller = Self {
            purse: purse(&identity, &doors.folder, most)?,
            network: identity.trust.network,
            link,
            waiting: VecDeque::new(),
        };
        let mut cursor = HandInCursor::default();
        let mut out = [0; OUT_MAX];
        while let Some(len) = teller
            .purse
            .hand_in(&mut cursor, &mut out)
            .map_err(explain)?
        {
            let message = out.get(..len).unwrap_or_default();
            teller.ask(Peer::Gateway, message).await?;
        }
        Ok(teller)
    }

    /// Asks for an allowance of so much from where the purse stands.
    pub async fn renew(&mut self, currency: Currency, wanted: AmountMinor) -> Result<(), Failure> {
        let renewal =
            written(|out| self.purse.renewal(currency, wanted, now(), out)).map_err(explain)?;
        match self.ask(Peer::Gateway, &renewal).await? {
            Event::Refused { status, .. } => {
                Err(format!("no allowance: {}", explain(status)).into())
            }
            _ => Ok(()),
        }
    }

    /// Sends a message and waits for what the purse learns next.
    pub async fn ask(&mut self, peer: Peer, message: &[u8]) -> Result<Event, Failure> {
        self.send(peer, message).await?;
        within(self.event()).await?
    }

    /// Waits for the next news and says what the purse learned. What others pay is taken, and
    /// answered with a receipt.
    pub async fn event(&mut self) -> Result<Event, Failure> {
        loop {
            let news = self.next().await?;
            let event = match Message::read(&news.message) {
                Ok(Message::Evidence { payment, .. }) => {
                    self.accept(&news.message, payment).await?;
                    None
                }
                Ok(Message::Covered {
                    items,
                    receipt: None,
                }) => {
                    let items = Items::read(items).map_err(explain)?;
                    let payment = items.last().map(|item| item.payment);
                    self.accept(&news.message, payment.unwrap_or_default())
                        .await?;
                    None
                }
                _ => Some(self.purse.receive(&news.message, now()).map_err(explain)?),
            };
            if let Some(delivery) = news.delivery {
                delivery.done();
            }
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    async fn accept(&mut self, evidence: &[u8], payment: &[u8]) -> Result<(), Failure> {
        let order = *open::<Payment>(payment, &self.network)
            .map_err(explain)?
            .peek();
        match written(|out| self.purse.accept(evidence, None, now(), out)) {
            Ok(receipt) => {
                println!("{}: taken", worded(&order));
                self.send(Peer::Code(order.payer), &receipt).await
            }
            Err(status) => {
                println!("{}: not taken, {}", worded(&order), explain(status));
                Ok(())
            }
        }
    }

    async fn send(&mut self, peer: Peer, message: &[u8]) -> Result<(), Failure> {
        match &self.link {
            // The answer comes to the inbox.
            Link::Mqtt(mqtt, _) => Ok(within(mqtt.send(peer, message)).await??),
            Link::Coap(client, _) => {
                let path = format!("oc/1/me/w/out/{peer}");
                let request = Request::post(&path, CBOR, message.to_vec());
                let answer = client.request(request).await?;
                if !answer.payload.is_empty() {
                    self.waiting.push_back(News {
                        message: answer.payload,
                        delivery: None,
                    });
                }
                Ok(())
            }
        }
    }

    async fn next(&mut self) -> Result<News, Failure> {
        loop {
            if let Some(news) = self.waiting.pop_front() {
                return Ok(news);
            }
            match &mut self.link {
                Link::Mqtt(_, inbox) => {
                    let delivery = inbox.next().await.ok_or("the connection was shut down")?;
                    return Ok(News {
                        message: delivery.payload.to_vec(),
                        delivery: Some(delivery),
                    });
                }
                Link::Coap(client, after) => {
                    // Everything up to `after` was taken, so it may be acknowledged.
                    let request = Request::get(INBOX).query(&format!("after={after}"));
                    let page = client.request(request).await?;
                    let page = read_page(&page.payload).ok_or("not an inbox page")?;
                    match page.last() {
                        Some((newest, _)) => *after = *newest,
                        None => tokio::time::sleep(LOOK_AGAIN).await,
                    }
                    self.waiting
                        .extend(page.into_iter().map(|(_, message)| News {
                            message,
                            delivery: None,
                        }));
                }
            }
        }
    }
}
