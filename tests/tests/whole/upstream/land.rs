//! A centre with two gateways under it, each over a link that can be cut; and purses that pay from
//! one to the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use device_sdk::coap::Request;
use device_sdk::coap::inbox::read_page;
use device_sdk::journal_file::FileJournal;
use device_sdk::purse::{Event, HandInCursor, OUT_MAX, Purse};
use gateway::house::House as Inside;
use ledger::federation::{Books, conserved};
use protocol::keys::SoftwareKey;
use protocol::message::Message;
use serde_json::json;
use tests::by_hand::{USD, amount};
use tests::cut::Cut;
use tests::house::{House, block_on, now};
use tests::thing::{Thing, written};

/// How long the gateways may take to agree once the links are sound.
const AGREE: Duration = Duration::from_secs(120);

/// Room for all that may be without a final word: a watermark is news, once a minute.
pub type LandPurse = Purse<SoftwareKey, FileJournal, 128, 8>;

/// All of them.
pub struct Land {
    pub centre: House,
    pub sites: [House; 2],
    pub links: Arc<[Cut; 2]>,
}

/// A thing with its purse, and what of its inbox it has read.
pub struct Holder {
    pub thing: Thing,
    pub purse: LandPurse,
    read: u64,
}

/// Links that fall apart.
pub struct Unsteady {
    over: Arc<AtomicBool>,
    cutting: Option<JoinHandle<()>>,
}

impl Drop for Unsteady {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.cutting.take().map(JoinHandle::join);
    }
}

impl Land {
    pub fn new(seed: u64) -> Self {
        let mut centre = House::start();
        centre.kill();
        let links = [seed, seed ^ 1].map(|seed| Cut::new(centre.doors().mqtt, seed));
        let sites = [0, 1].map(|site: usize| House::under(&centre, links[site].address()));
        centre.restart();
        Self {
            centre,
            sites,
            links: Arc::new(links),
        }
    }

    /// From now on both links fall apart for a moment, now and then, until the guard is dropped.
    pub fn unsteady(&self) -> Unsteady {
        let over = Arc::new(AtomicBool::new(false));
        let (links, ends) = (Arc::clone(&self.links), Arc::clone(&over));
        let cutting = std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                let (sound_ms, bad_ms) = (500 + links[0].below(2_000), 50 + links[0].below(600));
                std::thread::sleep(Duration::from_millis(sound_ms));
                links.iter().for_each(|link| link.set_bad(true));
                std::thread::sleep(Duration::from_millis(bad_ms));
                links.iter().for_each(|link| link.set_bad(false));
            }
        });
        Unsteady {
            over,
            cutting: Some(cutting),
        }
    }

    pub fn set_bad(&self, bad: bool) {
        for link in self.links.iter() {
            link.set_bad(bad);
        }
    }

    /// A thing of one of the gateways.
    pub fn holder(&self, site: usize, name: &str) -> Holder {
        let thing = Thing::enrol(&self.sites[site], name);
        let purse = thing.purse_for();
        Holder {
            thing,
            purse,
            read: 0,
        }
    }

    /// Puts money into a purse at home below, once the centre has heard of it, and waits for it there:
    /// what a renewal is answered stays the answer to it.
    pub fn load(&self, site: usize, holder: &Holder, amount_minor: u64) {
        let code = holder.thing.code().to_string();
        let order = json!({
            "code": code, "currency": "USD", "amount_minor": amount_minor, "key": code,
        });
        let before = self.purses(site);
        let loaded = || self.centre.api("/api/v1/loads", Some(&order));
        self.until("the centre knows the purse", || loaded().0 == 200);
        let come = || self.purses(site) == before + amount_minor;
        self.until("the money is below", come);
    }

    /// What all purses at home there hold.
    pub fn purses(&self, site: usize) -> u64 {
        let books = self.sites[site].api("/api/v1/conservation", None).1;
        books["currencies"][0]["purses"].as_u64().unwrap_or(0)
    }

    pub fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + AGREE;
        while !holds() {
            if Instant::now() > deadline {
                for site in &self.sites {
                    eprintln!("--- a gateway below\n{}", site.log());
                }
                panic!("not {what}\n--- the centre\n{}", self.centre.log());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Has a purse granted what it may spend, once its gateway holds a lease, a warrant and the
    /// money.
    pub fn grant(&self, site: usize, holder: &mut Holder, grant_minor: u64) {
        let house = &self.sites[site];
        let code = holder.thing.code();
        self.until("an allowance is granted", || {
            let wanted = amount(grant_minor);
            let asked = written(|out| holder.purse.renewal(USD, wanted, now(), out));
            let Ok(asked) = asked else { return false };
            let answer = house.wallet(code, &asked).payload;
            let heard = holder.purse.receive(&answer, now());
            let granted = matches!(heard, Ok(Event::Granted { .. }));
            granted && holder.purse.spendable(USD) >= wanted
        });
    }

    /// What must hold when nothing is on its way any more: in all books together, and in which
    /// purse how much is. Nobody runs afterwards.
    pub fn close(&mut self, holders: &[(usize, &Holder)]) -> (Books, Vec<u64>) {
        self.centre.kill();
        self.sites.iter_mut().for_each(House::kill);
        let configs = [&self.centre, &self.sites[0], &self.sites[1]].map(House::config);
        block_on(async {
            let mut open = Vec::new();
            for config in &configs {
                open.push(Inside::open(config).await.expect("a sound folder"));
            }
            let ledgers: Vec<_> = open.iter().map(|inside| inside.ledger.clone()).collect();
            for ledger in &ledgers {
                assert_eq!(ledger.relays_open().await.unwrap(), 0, "all are answered");
                assert_eq!(ledger.letters_refused().await.unwrap(), 0);
            }
            let books = conserved(&ledgers).await.unwrap();
            let usd = books
                .into_iter()
                .find(|books| books.currency == USD)
                .unwrap();
            let mut held = Vec::new();
            for (site, holder) in holders {
                let code = holder.thing.code();
                let views = ledgers[site + 1].purse(&code).await.unwrap();
                let of = views.iter().filter(|view| view.row.currency == USD);
                held.push(
                    of.map(|view| view.row.free.get() + view.row.reserved.get())
                        .sum(),
                );
            }
            for inside in open {
                inside.close().await;
            }
            (usd, held)
        })
    }
}

impl Holder {
    /// Learns of the gateway of another thing, as it would from its passes.
    pub fn trusts_gateway_of(&mut self, other: &Thing) {
        let given = &other.identity().credentials;
        let passes = (&given.issuer_pass, &given.gateway_pass);
        let trusted = self.purse.trust_gateway(passes.0, passes.1, now());
        trusted.expect("the other gateway's passes hold");
    }

    /// Shows its gateway what it holds and reads its inbox. Gives what the purse made of it.
    pub fn synchronise(&mut self, house: &House) -> Vec<Event> {
        let mut cursor = HandInCursor::default();
        let mut out = [0; OUT_MAX];
        let mut events = Vec::new();
        while let Some(len) = self.purse.hand_in(&mut cursor, &mut out).expect("whole") {
            let answer = house.wallet(self.thing.code(), &out[..len]);
            let heard = self.purse.receive(&answer.payload, now());
            events.push(heard.expect("a gateway's answer"));
        }
        events.extend(self.reads(house).into_iter().map(|(_, event)| event));
        events
    }

    /// Reads its inbox to the end.
    pub fn reads(&mut self, house: &House) -> Vec<(Vec<u8>, Event)> {
        let mut events = Vec::new();
        loop {
            let after = format!("after={}", self.read);
            let request = Request::get("oc/1/me/w/in").query(&after);
            let page = house.coaps(&self.thing, request).payload;
            let page = read_page(&page).expect("a page of the inbox");
            if page.is_empty() {
                return events;
            }
            for (number, message) in page {
                self.read = number;
                // What says nothing to this purse says nothing.
                if let Ok(event) = self.purse.receive(&message, now()) {
                    events.push((message, event));
                }
            }
        }
    }

    /// Tells others what its own gateway may promise: its warrants, as they come with the news.
    /// Gives whether there was one.
    pub fn shows_warrants(&mut self, house: &House, to: &mut [&mut Self]) -> bool {
        let mut shown = false;
        for (message, _) in self.reads(house) {
            if matches!(Message::read(&message), Ok(Message::Warrant { .. })) {
                for other in &mut *to {
                    let heard = other.purse.receive(&message, now());
                    heard.expect("a warrant that holds");
                }
                shown = true;
            }
        }
        shown
    }
}
