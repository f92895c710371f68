//! What things are told by themselves.

use super::town::{Town, Village, place, post, read_all, within};
use super::*;
use device_sdk::purse::Event;
use std::cell::Cell;
use std::time::Duration;

#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    times: usize,
    areas: usize,
}

impl Heard {
    fn note(&mut self, event: Event) {
        match event {
            Event::Time { .. } => self.times += 1,
            Event::Learnt => self.areas += 1,
            _ => {}
        }
    }
}

const BOTH: Heard = Heard { times: 1, areas: 1 };

#[tokio::test]
async fn whoever_synchronises_learns_the_time_and_its_places_by_either_door() {
    let town = Town::new().await;
    define_yard(&town).await;
    let (car, charger) = (town.enrol(1).await, town.enrol(2).await);
    // A beacon of the second in which a thing was certified could be an old one.
    tokio::time::sleep(Duration::from_millis(1_100)).await;

    let mut purse = town.purse(&car);
    assert!(!knows_time(&mut purse));
    let (_mqtt, mut inbox) = town.by_mqtt(&car).await;
    let mut heard = Heard::default();
    while heard != BOTH {
        let delivery = within(inbox.next()).await.unwrap();
        heard.note(purse.receive(&delivery.payload, town.now()).unwrap());
        delivery.done();
    }
    assert!(knows_time(&mut purse));

    let mut purse = town.purse(&charger);
    let client = town.by_coap(&charger);
    let mut heard = Heard::default();
    for message in read_all(&client).await {
        heard.note(purse.receive(&message, town.now()).unwrap());
    }
    assert_eq!(heard, BOTH);
    assert!(knows_time(&mut purse));
    assert_eq!(read_all(&client).await, Vec::<Vec<u8>>::new(), "told once");
}

fn knows_time(purse: &mut super::town::TestPurse) -> bool {
    let now = purse.time(0);
    purse.has_time(now)
}

async fn define_yard(town: &Town) {
    let (cells, now) = ([place()], town.now());
    let ledger = &town.house.ledger;
    ledger
        .define_area(&cells, "yard", "test", now)
        .await
        .unwrap();
}

thread_local! {
    static CLOCK: Cell<u32> = const { Cell::new(0) };
}

fn clock() -> Timestamp {
    Timestamp(CLOCK.get())
}

#[tokio::test]
async fn nobody_is_told_twice_in_a_minute_nor_twice_in_a_day_of_what_stays() {
    let town = Town::new().await;
    let thing = town.enrol(1).await.credentials.code;
    let ledger = &town.house.ledger;
    define_yard(&town).await;
    let desk = Desk {
        clock,
        ..town.desk.clone()
    };
    let caller = Caller {
        code: thing,
        door: Door::Mqtt,
    };
    let start = town.now().0;
    // After so many seconds: how many messages, the time among them, wait.
    for (after_s, waiting) in [(0, 2), (59, 0), (60, 1), (61, 0), (86_399, 1), (86_460, 2)] {
        CLOCK.set(start + after_s);
        desk.synchronise(caller).await;
        let entries = ledger.inbox(&thing, 0, 9).await.unwrap();
        assert_eq!(entries.len(), waiting, "after {after_s} s");
        let Some(last) = entries.last() else {
            continue;
        };
        let Ok(Message::Beacon { beacon }) = Message::read(&entries[0].bytes) else {
            panic!("no beacon: {entries:?}");
        };
        let beacon = open::<protocol::objects::Beacon>(beacon, &network()).unwrap();
        let beacon = *beacon.verify(&desk.gateway_key).unwrap().get();
        assert_eq!(beacon.time, clock());
        ledger.acknowledge(&thing, last.number).await.unwrap();
    }
}

#[tokio::test]
async fn one_beacon_a_minute_serves_everybody() {
    let town = Town::new().await;
    let things = [town.enrol(1).await, town.enrol(2).await];
    let desk = Desk {
        clock,
        ..town.desk.clone()
    };
    let start = town.now().0;
    let mut beacons = Vec::new();
    for (thing, after_s) in things.iter().zip([0, 59]) {
        CLOCK.set(start + after_s);
        let code = thing.credentials.code;
        let door = Door::Coaps;
        desk.synchronise(Caller { code, door }).await;
        let entries = town.house.ledger.inbox(&code, 0, 9).await.unwrap();
        beacons.push(entries[0].bytes.clone());
    }
    assert_eq!(beacons[0], beacons[1]);
}

#[tokio::test]
async fn a_gateway_under_a_centre_tells_its_warrants_how_far_it_is_final_and_where_a_purse_is_at_home()
 {
    let town = Town::new().await;
    let village = Village::under(&town).await;
    let (payer, thing) = (village.enrol(5).await, village.enrol(6).await);
    village.carry(&town).await;
    town.load(payer.code, 1_000).await;
    village.carry(&town).await;
    let renewal = payer.renewal(1_000, town.now());
    let granted = ask(&village.desk, Some(payer.code), &renewal).await;
    assert!(granted.is_ok());
    village.carry(&town).await;
    let renewal = thing.renewal(0, town.now());
    // Refused or not, whoever speaks to the desk synchronises.
    let _ = ask(&village.desk, Some(thing.code), &renewal).await;
    let entries = village.desk.ledger.inbox(&thing.code, 0, 9).await.unwrap();
    let told = |wanted: fn(&Message<'_>) -> bool| {
        let read = |bytes: &Vec<u8>| wanted(&Message::read(bytes).unwrap());
        entries.iter().filter(|entry| read(&entry.bytes)).count()
    };
    assert_eq!(told(|m| matches!(m, Message::Beacon { .. })), 1);
    assert_eq!(told(|m| matches!(m, Message::Warrant { .. })), 1);
    assert_eq!(told(|m| matches!(m, Message::Watermark { .. })), 1);
    let lease = entries
        .iter()
        .find_map(|entry| match Message::read(&entry.bytes) {
            Ok(Message::Lease { lease }) => {
                open::<protocol::objects::Lease>(lease, &network()).ok()
            }
            _ => None,
        });
    let lease = *lease.unwrap().verify(&town.desk.gateway_key).unwrap().get();
    assert_eq!((lease.code, lease.home), (thing.code, village.code));
}

#[tokio::test]
async fn strangers_at_the_open_door_are_told_nothing() {
    let town = Town::new().await;
    let thing = town.enrol(1).await;
    let signatory = Signatory::of(&thing);
    let renewal = signatory.renewal(1, town.now());
    let _ = ask(&town.desk, None, &renewal).await;
    let inbox = town.house.ledger.inbox(&signatory.code, 0, 9).await;
    assert_eq!(inbox.unwrap(), []);
    // The same at the door that knows it.
    let _ = post(&town.by_coap(&thing), renewal).await;
    let inbox = town.house.ledger.inbox(&signatory.code, 0, 9).await;
    assert_eq!(inbox.unwrap().len(), 1);
}
