//! Calls under an Idempotency-Key while the gateway is killed somewhere between the key and the answer:
//! whoever repeats one hears the same as if nothing had happened, and it was carried out once.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::thread::{self, sleep};
use std::time::Duration;
use tests::house::{House, TOKEN};

/// Rounds of a call and a kill; each kill comes a little later than the one before, from before the key
/// is kept until after the answer has left.
const ROUNDS: u32 = 24;
/// Between the kills of two rounds.
const STEP: Duration = Duration::from_micros(700);

/// The status and body of a call with this key; none when the gateway went away meanwhile.
fn called(url: &str, key: &str, body: &Value) -> Option<(u16, String)> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let call = agent
        .post(url)
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json")
        .header("idempotency-key", key);
    let mut answer = call.send(body.to_string()).ok()?;
    let text = answer.body_mut().read_to_string().ok()?;
    Some((answer.status().as_u16(), text))
}

#[test]
fn a_call_that_was_cut_off_is_carried_out_once_and_answered_alike() {
    let mut house = House::start();
    let relay = [
        ("ONECODE_MAIL_RELAY", "127.0.0.1:1"),
        ("ONECODE_MAIL_TLS", "none"),
        ("ONECODE_MAIL_FROM", "onecode@example.com"),
    ];
    house.kill();
    house.restart_with(&relay);
    let destinations = house.url("/api/v1/alerts/destinations");
    let (mut cut_off, mut ids) = (0, BTreeSet::new());
    for round in 0..ROUNDS {
        let body =
            json!({"name": format!("duty {round}"), "way": "mail", "address": "duty@example.com"});
        let key = format!("round-{round}");
        let (url, sent, of_thread) = (destinations.clone(), body.clone(), key.clone());
        let calling = thread::spawn(move || called(&url, &of_thread, &sent));
        sleep(STEP * round);
        house.kill();
        let first = calling.join().unwrap();
        cut_off += u32::from(first.is_none());
        house.restart_with(&relay);
        let again = called(&destinations, &key, &body).expect("it answers");
        assert_eq!(again.0, 200, "{}", again.1);
        if let Some(first) = first {
            assert_eq!(first, again, "round {round}");
        }
        let thrice = called(&destinations, &key, &body);
        assert_eq!(thrice.as_ref(), Some(&again), "round {round}");
        let made: Value = serde_json::from_str(&again.1).unwrap();
        ids.insert(made["id"].as_str().unwrap().to_owned());
        let (_, list) = house.api("/api/v1/alerts/destinations", None);
        let kept: BTreeSet<String> = (list["items"].as_array().unwrap().iter())
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(kept, ids, "round {round}: carried out once");
    }
    assert!(cut_off > 0, "the kills came in time");
    println!("{cut_off} of {ROUNDS} calls were cut off");
}
