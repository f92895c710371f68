//! A purse with a way to its gateway: carries messages to and fro, and takes what comes meanwhile.

use super::doors::{Doors, within};
use super::{Via, apart, listed, words};
use crate::house::Failure;
use crate::thing_folder::{
    FolderPurse, explain, identity, keep_authorities, keep_lease, keep_successor, purse, written,
};
use crate::wallet::now;
use device_sdk::coap::inbox::read_page;
use device_sdk::coap::{Client, Request};
use device_sdk::identity_file::Identity;
use device_sdk::links::mqtt::{Deliveries, Delivery, Mqtt, Peer};
use device_sdk::purse::{Event, HandInCursor, NoticeCursor, OUT_MAX};
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::{Beacon, ClaimNote, Statement};
use protocol::units::AMOUNT_MAX;
use protocol::{AmountMinor, Currency, Network, Reference, Status};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

/// Payments the purse of the command line can hold that no gateway has answered for.
const OUTBOX: usize = 256;
/// Payers it remembers.
const PAYERS: usize = 64;
/// Between two looks into the inbox over CoAP.
const LOOK_AGAIN: Duration = Duration::from_millis(300);
/// A gateway says nothing to a notice that it has taken. Over MQTT, where a refusal comes by
/// itself, one that does not come for so long does not come.
const REFUSAL_WAIT: Duration = Duration::from_secs(1);
/// An inbox from which nothing comes for so long is empty.
const QUIET: Duration = Duration::from_secs(2);
/// Pages of the inbox that are read for one answer; what is not read by then comes later.
const PAGES_MOST: usize = 256;
const INBOX: &str = "oc/1/me/w/in";
/// Content-Format of wallet messages.
const CBOR: u16 = 60;

/// The purse of the command line.
pub type DevicePurse = Box<FolderPurse<OUTBOX, PAYERS>>;

enum Link {
    Mqtt(Mqtt, Deliveries),
    /// With the number of the newest inbox entry that was read.
    Coap(Client, u64),
}

/// Something for the purse. What came by MQTT comes again unless it is done with.
struct News {
    message: Vec<u8>,
    delivery: Option<Delivery>,
    /// Of an answer over CoAP, which comes past the inbox: how often the inbox may be looked into
    /// for the key that signed it.
    looks: usize,
}

/// A message, and what the purse made of it.
struct Heard {
    message: Vec<u8>,
    event: Result<Event, Status>,
}

/// What became of a message.
enum Taken {
    Event(Result<Event, Status>),
    /// Somebody was told already.
    Said,
    /// There is no room for it now: over MQTT it comes again on the next connection.
    Later,
}

/// The purse and its link.
pub struct Teller {
    /// The purse itself.
    pub purse: DevicePurse,
    network: Network,
    identity: Identity,
    folder: PathBuf,
    link: Link,
    /// Read and not yet taken; at most a page of the inbox and one answer.
    waiting: VecDeque<News>,
}

impl Teller {
    /// Connects, and synchronises. What the purse still holds is shown first: a gateway grants
    /// nothing on top of payments it does not know. Then come its notices.
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
            identity,
            folder: doors.folder.clone(),
            link,
            waiting: VecDeque::new(),
        };
        teller.hand_in().await?;
        teller.give_notice().await?;
        Ok(teller)
    }

    async fn hand_in(&mut self) -> Result<(), Failure> {
        let mut cursor = HandInCursor::default();
        let mut out = [0; OUT_MAX];
        while let Some(len) = (self.purse.hand_in(&mut cursor, &mut out)).map_err(explain)? {
            let message = out.get(..len).unwrap_or_default();
            let about = cursor.payment().map(|payment| payment.reference());
            let answer = self.answer_about(Peer::Gateway, message, about).await?;
            say(&answer.message, &answer.event);
        }
        Ok(())
    }

    /// Voids, closings and proofs that a gateway should know of. What it refuses stays with the
    /// purse.
    async fn give_notice(&mut self) -> Result<(), Failure> {
        let mut cursor = NoticeCursor::default();
        let mut out = [0; OUT_MAX];
        while let Some(len) = (self.purse.notices(&mut cursor, &mut out)).map_err(explain)? {
            let notice = out.get(..len).unwrap_or_default();
            if self.is_taken(notice).await? {
                eprintln!("the gateway has taken {}", words::named(notice));
                self.purse.noticed(&cursor).map_err(explain)?;
            }
        }
        Ok(())
    }

    /// Asks for something in public: the gateway shows the invoice to whoever scans this code, or
    /// refuses what has this reference. It may be paid before another second is over, so nothing is
    /// waited for here.
    pub async fn put_up(&mut self, asking: &apart::Asking) -> Result<Reference, Failure> {
        let message = apart::invoiced(&mut self.purse, asking)?;
        let (about, _) = apart::invoice(&message, &self.network).ok_or("no invoice")?;
        self.send(Peer::Gateway, &message).await?;
        Ok(about)
    }

    async fn is_taken(&mut self, notice: &[u8]) -> Result<bool, Failure> {
        let is_refusal = |message: &[u8]| {
            let read = Message::read(message);
            matches!(read, Ok(Message::Refusal { .. }))
        };
        self.send(Peer::Gateway, notice).await?;
        if let Link::Coap(..) = self.link {
            let answer = self.waiting.back();
            return Ok(!answer.is_some_and(|news| is_refusal(&news.message)));
        }
        let refusal = self.answer(is_refusal);
        match tokio::time::timeout(REFUSAL_WAIT, refusal).await {
            Ok(refusal) => {
                let Heard { message, event } = refusal?;
                say(&message, &event);
                Ok(false)
            }
            Err(_) => Ok(true),
        }
    }

    /// Asks for an allowance of so much from where the purse stands; for a new key epoch if the
    /// gateway knows more of it than the purse itself.
    pub async fn renew(&mut self, currency: Currency, wanted: AmountMinor) -> Result<(), Failure> {
        // The second time in a new key epoch.
        for _ in 0..2 {
            let renewal =
                written(|out| self.purse.renewal(currency, wanted, now(), out)).map_err(explain)?;
            self.send(Peer::Gateway, &renewal).await?;
            let is_answer = |message: &[u8]| {
                let read = Message::read(message);
                matches!(read, Ok(Message::Grant { .. } | Message::Refusal { .. }))
            };
            let Heard { message, event } = within(self.answer(is_answer)).await??;
            match event.map_err(explain)? {
                Event::Refused { status, .. } => {
                    return Err(format!("no allowance: {}", explain(status)).into());
                }
                event @ Event::Behind => say(&message, &Ok(event)),
                _ => return Ok(()),
            }
        }
        Err("no allowance: the gateway knows payments of this key that the purse does not".into())
    }

    /// Sends a payment and waits for what becomes of it.
    pub async fn ask_about(
        &mut self,
        peer: Peer,
        message: &[u8],
        payment: Reference,
    ) -> Result<Event, Failure> {
        let Heard { event, .. } = self.answer_about(peer, message, Some(payment)).await?;
        Ok(event.map_err(explain)?)
    }

    async fn answer_about(
        &mut self,
        peer: Peer,
        message: &[u8],
        payment: Option<Reference>,
    ) -> Result<Heard, Failure> {
        self.send(peer, message).await?;
        let network = self.network;
        let is_answer = move |message: &[u8]| match Message::read(message) {
            Ok(Message::Statement { statement }) => {
                let statement = open::<Statement>(statement, &network);
                statement.is_ok_and(|said| Some(said.peek().payment.reference()) == payment)
            }
            Ok(Message::Refusal { about, .. }) => about.is_none() || about == payment,
            _ => false,
        };
        within(self.answer(is_answer)).await?
    }

    /// Waits for one message; what comes before it is taken and said.
    async fn answer(&mut self, is_answer: impl Fn(&[u8]) -> bool) -> Result<Heard, Failure> {
        loop {
            let heard = self.hear().await?;
            if is_answer(&heard.message) {
                return Ok(heard);
            }
            say(&heard.message, &heard.event);
        }
    }

    /// Waits for the next news, and gives it with what the purse learned. What others pay is taken,
    /// and answered with a receipt. What cannot be right is said and passed over.
    pub async fn event(&mut self) -> Result<(Vec<u8>, Event), Failure> {
        loop {
            let Heard { message, event } = self.hear().await?;
            match event {
                Ok(event) => return Ok((message, event)),
                Err(_) => say(&message, &event),
            }
        }
    }

    /// Takes what waits, until nothing more comes for a while.
    pub async fn settle(&mut self) -> Result<(), Failure> {
        // Only waiting may be given up, never what has begun.
        while let Ok(news) = tokio::time::timeout(QUIET, self.next()).await {
            if let Some(Heard { message, event }) = self.make_of(news?).await? {
                say(&message, &event);
            }
        }
        Ok(())
    }

    /// Fetches the list of revoked codes; without one, the one that was there before stays.
    pub async fn fetch_list(&self, doors: &Doors, via: Via) {
        if let Err(error) = listed::fetch(doors, via, &self.identity, &self.purse).await {
            eprintln!("{error}");
        }
    }

    /// Whose objects mean anything.
    pub fn network(&self) -> Network {
        self.network
    }

    async fn hear(&mut self) -> Result<Heard, Failure> {
        loop {
            let news = self.next().await?;
            if let Some(heard) = self.make_of(news).await? {
                return Ok(heard);
            }
        }
    }

    async fn make_of(&mut self, news: News) -> Result<Option<Heard>, Failure> {
        let News {
            message,
            delivery,
            looks,
        } = news;
        let taken = self.take(&message).await?;
        let is_unread = matches!(taken, Taken::Event(Err(Status::BadSignature)));
        if is_unread && looks > 0 && self.look().await? {
            // The gateway has said in the inbox, first of all, with which key it signs.
            self.waiting.push_back(News {
                message,
                delivery,
                looks: looks - 1,
            });
            return Ok(None);
        }
        if let (Some(delivery), false) = (delivery, matches!(taken, Taken::Later)) {
            delivery.done();
        }
        Ok(match taken {
            Taken::Event(event) => Some(Heard { message, event }),
            Taken::Said | Taken::Later => None,
        })
    }

    /// What the purse makes of a message. When the purse itself failed, the message waits at the
    /// gateway.
    async fn take(&mut self, message: &[u8]) -> Result<Taken, Failure> {
        match Message::read(message) {
            Ok(Message::Evidence { .. } | Message::Covered { receipt: None, .. }) => {
                self.accept(message).await
            }
            Ok(Message::ClaimNote { note }) => {
                if let Ok(note) = open::<ClaimNote>(note, &self.network) {
                    let payment = note.peek().payment;
                    eprintln!("payment {payment}: the gateway notes that it was claimed in time");
                }
                Ok(Taken::Said)
            }
            Ok(Message::Lease { lease }) => {
                if keep_lease(&mut self.purse, &self.network, &self.folder, lease)? {
                    eprintln!("learnt {}", words::named(message));
                }
                Ok(Taken::Said)
            }
            Ok(Message::Authorities { .. }) => {
                if keep_authorities(&self.identity, &self.folder, message)? {
                    eprintln!(
                        "learnt who is above the gateway now; it counts from the next command on"
                    );
                }
                Ok(Taken::Said)
            }
            Ok(Message::Successor { .. }) => {
                if keep_successor(&self.identity, &self.folder, message)? {
                    eprintln!("learnt the gateway's next key");
                }
                match self.purse.receive(message, now()) {
                    Err(status @ (Status::Storage | Status::Busy)) => Err(explain(status).into()),
                    event => Ok(Taken::Event(event)),
                }
            }
            Ok(Message::Beacon { beacon }) => {
                let event = self.purse.receive(message, now());
                if let (Ok(_), Ok(beacon)) = (event, open::<Beacon>(beacon, &self.network)) {
                    eprintln!("{}", words::time(beacon.peek().time, now()));
                }
                Ok(Taken::Event(event))
            }
            _ => match self.purse.receive(message, now()) {
                Err(status @ (Status::Storage | Status::Busy)) => Err(explain(status).into()),
                event => Ok(Taken::Event(event)),
            },
        }
    }

    async fn accept(&mut self, evidence: &[u8]) -> Result<Taken, Failure> {
        let Some((_, paid)) = apart::payment(evidence, &self.network) else {
            eprintln!("passed over what looks like a payment and is none");
            return Ok(Taken::Said);
        };
        let paid_words = words::payment(&paid);
        match written(|out| self.purse.accept(evidence, None, now(), out)) {
            Ok(receipt) => {
                println!("{paid_words}: taken");
                self.send(Peer::Code(paid.payer), &receipt).await?;
                Ok(Taken::Said)
            }
            Err(status @ (Status::Storage | Status::Busy)) => Err(explain(status).into()),
            Err(status) => {
                println!("{paid_words}: not taken, {}", explain(status));
                Ok(match status {
                    Status::Full => Taken::Later,
                    _ => Taken::Said,
                })
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
                        looks: PAGES_MOST,
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
                        looks: 0,
                    });
                }
                Link::Coap(..) => {
                    if !self.look().await? {
                        tokio::time::sleep(LOOK_AGAIN).await;
                    }
                }
            }
        }
    }

    /// Over CoAP: puts the next page of the inbox behind what waits; false when it is empty, and by
    /// MQTT, where it comes by itself.
    async fn look(&mut self) -> Result<bool, Failure> {
        let Link::Coap(client, after) = &mut self.link else {
            return Ok(false);
        };
        // Everything up to `after` was taken, so it may be acknowledged.
        let request = Request::get(INBOX).query(&format!("after={after}"));
        let page = client.request(request).await?;
        let page = read_page(&page.payload).ok_or("not an inbox page")?;
        let newest = page.last().map(|(newest, _)| *newest);
        *after = newest.unwrap_or(*after);
        let news = page.into_iter().map(|(_, message)| News {
            message,
            delivery: None,
            looks: 0,
        });
        self.waiting.extend(news);
        Ok(newest.is_some())
    }
}

/// Says what came while something else was waited for.
pub fn say(message: &[u8], event: &Result<Event, Status>) {
    match event {
        Ok(event) => {
            if let Some(words) = words::event(message, event) {
                eprintln!("{words}");
            }
        }
        Err(status) => eprintln!(
            "passed over {}: {}",
            words::named(message),
            explain(*status)
        ),
    }
}
