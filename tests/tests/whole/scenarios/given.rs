//! A thing changes hands by the words of its owner and of the new one, over a running gateway.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use protocol::Code;
use protocol::chain::{ActKind, Named};
use serde_json::json;
use tests::house::{House, now};
use tests::program::{Ended, onecode, run};
use tests::thing::Thing;

/// A checkpoint comes within a second of a leaf.
const PROVEN_WITHIN: Duration = Duration::from_secs(20);

struct Owners {
    house: House,
    bike: Thing,
    alice: Thing,
    bob: Thing,
    carol: Thing,
}

impl Owners {
    /// The bike is Alice's.
    fn begin() -> Self {
        let mut house = House::start();
        let [bike, alice, bob, carol] =
            ["bike", "alice", "bob", "carol"].map(|name| Thing::enrol(&house, name));
        house.kill();
        house.inside(async |inside| {
            let (bike, alice) = (bike.code(), alice.code());
            let named = inside.ledger.set_owner(&bike, &alice, "sale", now()).await;
            named.unwrap();
        });
        house.restart();
        Self {
            house,
            bike,
            alice,
            bob,
            carol,
        }
    }

    fn device(&self, what: &str, owner: &Thing, arguments: &[&str]) -> Ended {
        let mut command = Command::new(onecode());
        command.args(["device", what, "--folder"]);
        command.arg(owner.folder()).args(arguments);
        run(&mut command)
    }

    fn offer(&self, name: &str) -> PathBuf {
        self.house.folder().join(name)
    }

    /// Offers the bike; the number is the gateway's unless one is given.
    fn gives(&self, from: &Thing, to: Code, number: Option<&str>, name: &str) -> Ended {
        let (bike, to, url) = (
            self.bike.code().to_string(),
            to.to_string(),
            self.house.url(""),
        );
        let file = self.offer(name);
        let number = match number {
            Some(number) => ["--number", number],
            None => ["--gateway", &url],
        };
        let what = [&bike, "--to", &to, "--write", file.to_str().unwrap()];
        self.device("give", from, &[&what[..], &number].concat())
    }

    fn takes(&self, by: &Thing, name: &str) -> Ended {
        let (file, url) = (self.offer(name), self.house.url(""));
        let what = ["--gateway", &url, file.to_str().unwrap()];
        self.device("take", by, &what)
    }

    fn owner(&mut self) -> Option<Code> {
        self.house.kill();
        let bike = self.bike.code();
        let owned = self
            .house
            .inside(async |inside| inside.ledger.ownership(&bike).await.unwrap());
        self.house.restart();
        owned.owner
    }

    /// Which number the next transfer has.
    fn next(&self) -> String {
        let path = format!("/1/{}/transfer", self.bike.code());
        let mut answer = ureq::get(self.house.url(&path)).call().unwrap();
        answer
            .body_mut()
            .read_to_string()
            .unwrap()
            .trim()
            .to_owned()
    }

    fn revoke(&self, code: Code) {
        let revoke = json!({"act": "revoked", "reason": "stolen"});
        let path = format!("/api/v1/codes/{code}/state");
        let (status, said) = self.house.api(&path, Some(&revoke));
        assert_eq!(status, 200, "{said}");
    }

    /// What `onecode verify` says of the leaf with this number, once a checkpoint has it.
    fn proven(&self, leaf: u64) -> String {
        let path = format!("/1/{}/proof?leaf={leaf}", self.bike.code());
        let deadline = Instant::now() + PROVEN_WITHIN;
        let text = loop {
            if let Ok(mut answer) = ureq::get(self.house.url(&path)).call() {
                break answer.body_mut().read_to_string().unwrap();
            }
            assert!(Instant::now() < deadline, "no proof: {}", self.house.log());
            std::thread::sleep(Duration::from_millis(100));
        };
        let file = self.offer("bike.tlog-proof");
        fs::write(&file, text).unwrap();
        let mut command = Command::new(onecode());
        command.arg("verify").arg(&file).arg("--trust");
        run(command.arg(self.house.data().join("trust.toml"))).succeeded()
    }
}

#[test]
fn a_thing_goes_to_a_new_owner_by_both_their_words_and_a_leaf_proves_it() {
    let mut owners = Owners::begin();
    let (alice, bob) = (owners.alice.code(), owners.bob.code());
    let said = owners.gives(&owners.alice, bob, None, "offer").succeeded();
    assert!(said.contains(&format!("is offered to {bob:#}")), "{said}");
    // Whoever finds the offer can do nothing with it, and nothing has happened yet.
    let refused = owners.takes(&owners.carol, "offer").failed();
    assert!(refused.contains("it is offered to"), "{refused}");
    assert_eq!(owners.next(), "2");
    let said = owners.takes(&owners.bob, "offer").succeeded();
    assert!(said.contains(&format!("belongs to {bob}")), "{said}");
    // Taken twice is taken once.
    let again = owners.takes(&owners.bob, "offer").succeeded();
    assert_eq!(again, said);
    assert_eq!(owners.next(), "3");

    let bike = owners.bike.code();
    owners.house.kill();
    let (steps, leaf) = owners.house.inside(async |inside| {
        let owned = inside.ledger.ownership(&bike).await.unwrap();
        assert_eq!(owned.owner, Some(bob));
        let steps = inside.ledger.life(&bike).await.unwrap();
        let acts = inside.ledger.acts(&bike.into()).await.unwrap();
        let given = acts
            .iter()
            .rev()
            .find(|logged| logged.act.kind == ActKind::Transferred);
        (steps, given.unwrap().index)
    });
    owners.house.restart();
    let given: Vec<_> = steps
        .iter()
        .filter(|step| step.act == ActKind::Transferred && step.by == alice.to_string())
        .collect();
    let [step] = given.as_slice() else {
        panic!("{steps:?}");
    };
    assert_eq!(step.other, Some(Named::Thing(bob)));
    assert!(step.reason.contains("both signed"), "{}", step.reason);
    assert!(step.at <= now() && step.at.plus_s(120) > now());
    let proven = owners.proven(leaf);
    for part in [format!("{bike:#} was transferred"), format!("with {bob:#}")] {
        assert!(proven.contains(&part), "{proven}");
    }
    // The new owner hands it on.
    owners
        .gives(&owners.bob, owners.carol.code(), None, "onward")
        .succeeded();
    owners.takes(&owners.carol, "onward").succeeded();
    // The old transfer says what it did, and does nothing more.
    owners.takes(&owners.bob, "offer").succeeded();
    assert_eq!(owners.owner(), Some(owners.carol.code()));
}

#[test]
fn who_does_not_own_it_who_is_late_and_who_is_revoked_gives_and_takes_nothing() {
    let mut owners = Owners::begin();
    let (alice, bob) = (owners.alice.code(), owners.bob.code());
    // Carol signs, and the bike is Alice's.
    owners
        .gives(&owners.carol, bob, None, "not-hers")
        .succeeded();
    let refused = owners.takes(&owners.bob, "not-hers").failed();
    assert!(refused.contains("not_permitted"), "{refused}");
    // Two offers with one number: the first that is taken counts.
    for (to, name) in [(bob, "first"), (owners.carol.code(), "second")] {
        owners.gives(&owners.alice, to, None, name).succeeded();
    }
    owners.takes(&owners.bob, "first").succeeded();
    let refused = owners.takes(&owners.carol, "second").failed();
    assert!(refused.contains("not_permitted"), "{refused}");
    // Given back: an offer from before has a number that has passed.
    owners.gives(&owners.bob, alice, None, "back").succeeded();
    owners.takes(&owners.alice, "back").succeeded();
    let stale = owners.takes(&owners.carol, "second").failed();
    assert!(stale.contains("out_of_sequence"), "{stale}");
    // Nobody is offered what would be refused for its time.
    let carol = owners.carol.code().to_string();
    let late = ["--to", &carol, "--number", "9", "--days", "0"];
    let bike = owners.bike.code().to_string();
    let late = owners.device(
        "give",
        &owners.alice,
        &[&[bike.as_str()], &late[..]].concat(),
    );
    let late = late.failed();
    assert!(late.contains("expired"), "{late}");

    owners.gives(&owners.alice, bob, None, "to-bob").succeeded();
    owners.revoke(bob);
    let refused = owners.takes(&owners.bob, "to-bob").failed();
    assert!(refused.contains("not_permitted"), "{refused}");
    let to_carol = owners.carol.code();
    owners
        .gives(&owners.alice, to_carol, None, "to-carol")
        .succeeded();
    owners.revoke(owners.bike.code());
    let refused = owners.takes(&owners.carol, "to-carol").failed();
    assert!(refused.contains("not_permitted"), "{refused}");
    assert_eq!(owners.owner(), Some(alice));
}
