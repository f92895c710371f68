//! How long the portal takes to answer when there is much in its books.
//!
//! ```sh
//! cargo bench -p admin --bench pages             # 1,000,000 codes and 5,000,000 payments
//! cargo bench -p admin --bench pages -- --codes 20000 --payments 100000
//! ```
//! The books are written in bulk, with journal, balances, log and whole signed objects whose
//! signatures are zeros. Then one caller asks over loopback, each time for something else, and no
//! question may take longer than its bound for 99 of 100.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a measurement may fail"
)]

#[path = "../../ledger/benches/trace/bulk.rs"]
mod bulk;
#[path = "pages/fill.rs"]
mod fill;
#[path = "../tests/house/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod house;

use admin::{first_owner_link, router};
use bulk::{NUMBER_OF_HUB, Random};
use fill::{Fill, Filled, code, name};
use house::House;
use protocol::Timestamp;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const CODES: u64 = 1_000_000;
const PAYMENTS: u64 = 5_000_000;
const NOW: Timestamp = Timestamp(1_800_000_000);
const SAMPLES: u64 = 300;
/// No page may take longer for 99 of 100 who ask.
const MOST: Duration = Duration::from_millis(50);
/// And none is larger, without pictures and scripts.
const BYTES_MOST: usize = 100_000;

#[tokio::main]
async fn main() {
    let codes = argument("--codes").unwrap_or(CODES);
    let payments = argument("--payments").unwrap_or(PAYMENTS);
    let folder = tempfile::tempdir_in(".").unwrap();
    assert!(fill::same_station());
    let filled = filled(folder.path(), codes, payments).await;
    let house = House::open(folder.path(), NOW).await;
    let begun = Instant::now();
    while house.ledger.publish(NOW).await.unwrap().size < codes {}
    println!(
        "the log of all codes is published in {:.0?}",
        begun.elapsed()
    );

    let portal = house.portal();
    let link = first_owner_link(&house.people, &house.draw(), house.now()).await;
    let link = link.unwrap().expect("nobody is there yet");
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    let service = router(portal).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    let asked = tokio::task::spawn_blocking(move || ask_all(address, &link, &filled));
    assert!(
        asked.await.unwrap(),
        "slower than {MOST:?} or larger than {BYTES_MOST} bytes"
    );
}

fn argument(name: &str) -> Option<u64> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).map(|number| number.parse().unwrap())
}

async fn filled(folder: &std::path::Path, codes: u64, payments: u64) -> Filled {
    let house = House::open(folder, NOW).await;
    house.thing(1, "The first").await;
    house.declare_usd().await;
    let gateway = &house.authorities.gateway;
    let (key, of) = (gateway.pass_key(), gateway.code());
    house.ledger.clone().close().await;
    let begun = Instant::now();
    let path = folder.join("ledger.db");
    let fill = Fill::open(&path, key, of, NOW).await;
    let filled = fill.write(&path, codes, payments).await;
    let size = std::fs::metadata(&path).unwrap().len() >> 20;
    println!(
        "{codes} codes and {payments} payments, {size} MiB, written in {:.0?}",
        begun.elapsed()
    );
    filled
}

/// Somebody who signed in.
struct Person {
    agent: ureq::Agent,
    house: String,
    cookies: String,
}

impl Person {
    /// The first owner, by the link.
    fn first(address: SocketAddr, link: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .build()
            .into();
        let mut person = Self {
            agent,
            house: format!("http://{address}"),
            cookies: String::new(),
        };
        let (_, form) = person.get(link);
        let mark = "name=\"form_token\" value=\"";
        let token = form
            .split(mark)
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let fields = [
            ("form_token", token.unwrap_or_default()),
            ("name", "ada"),
            ("password", "correct horse battery"),
            ("again", "correct horse battery"),
        ];
        let url = format!("{}{link}", person.house);
        let sent = person.agent.post(&url).header("origin", &person.house);
        let answer = sent.header("cookie", &person.cookies).send_form(fields);
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 303, "the first owner is not let in");
        person.keep(&answer);
        person
    }

    fn keep(&mut self, answer: &ureq::http::Response<ureq::Body>) {
        for cookie in answer.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let other = self.cookies.split("; ").filter(|known| {
                known.split('=').next() != pair.split('=').next() && !known.is_empty()
            });
            let kept: Vec<&str> = other.chain([pair]).collect();
            self.cookies = kept.join("; ");
        }
    }

    fn get(&mut self, path: &str) -> (u16, String) {
        let asked = self.agent.get(format!("{}{path}", self.house));
        let mut answer = asked.header("cookie", &self.cookies).call().unwrap();
        self.keep(&answer);
        let body = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), body)
    }
}

/// What is asked, each time about something else.
type Question = (&'static str, fn(&Filled, &mut Random) -> String);

const QUESTIONS: [Question; 22] = [
    ("overview", |_, _| "/".into()),
    ("codes", |_, _| "/codes".into()),
    ("codes, anywhere in the list", |f, r| {
        format!("/codes?after={}", 2 + r.below(f.codes))
    }),
    ("codes in a state", |f, r| {
        format!("/codes?state=frozen&after={}", 2 + r.below(f.codes))
    }),
    ("codes by kind", |_, _| "/codes?kind=person".into()),
    ("search: a code", |f, r| {
        format!("/codes?q={}", code(r.below(f.codes)))
    }),
    ("search: a whole name", |f, r| {
        let name = name(r.below(f.codes)).replace(' ', "+");
        format!("/codes?q={name}")
    }),
    ("search: a letter", |_, r| {
        format!("/codes?q={}", ["c", "g", "s"][r.below(3) as usize])
    }),
    ("search: a letter and a state", |_, r| {
        let letter = ["c", "g", "s"][r.below(3) as usize];
        format!("/codes?q={letter}&state=frozen")
    }),
    ("search: a letter and a kind", |_, _| {
        "/codes?q=c&kind=person".into()
    }),
    ("a code", |f, r| {
        format!("/codes/{}", code(r.below(f.codes)))
    }),
    ("the busiest code", |_, _| {
        format!("/codes/{}", code(NUMBER_OF_HUB))
    }),
    ("a code, to the public", |f, r| {
        format!("/1/{}", code(r.below(f.codes)))
    }),
    ("payments", |_, _| "/payments".into()),
    ("payments, anywhere in the list", |f, r| {
        format!("/payments?after={}", 1 + r.below(f.payments))
    }),
    ("payments of a code", |f, r| {
        format!("/payments?payer={}", code(r.below(f.codes / 10)))
    }),
    ("payments between two", |f, r| {
        let payee = code(r.below(f.codes / 10));
        format!("/payments?payer={}&payee={payee}", code(NUMBER_OF_HUB))
    }),
    ("a payment", |f, r| {
        let id = f.some[r.below(f.some.len() as u64) as usize];
        format!("/payments/{id}")
    }),
    ("money", |_, _| "/money".into()),
    ("a purse", |f, r| {
        format!("/purses/{}", code(r.below(f.codes / 10)))
    }),
    ("the busiest purse", |_, _| {
        format!("/purses/{}", code(NUMBER_OF_HUB))
    }),
    ("fraud cases", |_, _| "/frauds".into()),
];

fn ask_all(address: SocketAddr, link: &str, filled: &Filled) -> bool {
    let mut person = Person::first(address, link);
    let mut random = Random(7);
    let mut fine = true;
    println!("{:<32} {:>9} {:>9} {:>9}", "", "half", "99/100", "bytes");
    for (what, question) in QUESTIONS {
        let mut took = Vec::new();
        let mut bytes = 0;
        for _ in 0..SAMPLES {
            let path = question(filled, &mut random);
            let begun = Instant::now();
            let (status, body) = person.get(&path);
            took.push(begun.elapsed());
            assert!(status < 400, "{path}: {status} {body}");
            bytes = bytes.max(body.len());
        }
        took.sort_unstable();
        let (half, most) = (took[took.len() / 2], took[took.len() * 99 / 100]);
        let bad = most > MOST || bytes > BYTES_MOST;
        let mark = if bad { "  too much" } else { "" };
        println!("{what:<32} {half:>9.1?} {most:>9.1?} {bytes:>9}{mark}");
        fine &= !bad;
    }
    fine
}
