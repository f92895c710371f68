//! A gateway goes on under another key, and purses hear of it or do not.

use super::cuts::{At, Keep, everywhere, operations, things};
use super::forks::{proofs, seen};
use super::*;
use crate::purse::Event;
use protocol::objects::{Beacon, Successor};
use protocol::rules::judge;

const ENDS: Timestamp = NOW.plus_s(30 * DAY_S);
const LAST: Timestamp = ENDS.minus_s(1);

fn next_key() -> SoftwareKey {
    SoftwareKey::ed25519(&[6; 32])
}

fn issuer_key() -> SoftwareKey {
    SoftwareKey::ed25519(&[2; 32])
}

impl World {
    fn pass_for(&self, key: &SoftwareKey, issued: Timestamp) -> Vec<u8> {
        let before = open::<Pass>(&self.gateway_pass, &network()).unwrap();
        let pass = Pass {
            issued,
            key: Confirmation(key.public_key()),
            ..*before.peek()
        };
        sealed(&pass, &issuer_key())
    }

    /// The next key, by the word of `by`.
    fn handover(&self, next: &SoftwareKey, by: &SoftwareKey, own: Option<&[u8]>) -> Vec<u8> {
        self.handover_until(ENDS, next, by, own)
    }

    fn handover_until(
        &self,
        ends: Timestamp,
        next: &SoftwareKey,
        by: &SoftwareKey,
        own: Option<&[u8]>,
    ) -> Vec<u8> {
        let before = *open::<Pass>(&self.gateway_pass, &network()).unwrap().peek();
        let said = Successor {
            issuer: before.issuer.0,
            gateway: self.gateway,
            former_key: before.key.0,
            key: next.public_key(),
            issued: NOW,
            ends,
        };
        written(&Message::Successor {
            issuer: &self.issuer_pass,
            gateway: &self.pass_for(next, NOW),
            former: &self.gateway_pass,
            successor: &sealed(&said, by),
            own,
        })
    }
}

/// A pass that says the same under another key.
fn anew(pass: &[u8], by: &SoftwareKey) -> Vec<u8> {
    sealed(open::<Pass>(pass, &network()).unwrap().peek(), by)
}

/// A payment of a purse that has an allowance by this key.
fn paid(world: &mut World, thing: &Thing, to: &Thing, by: &SoftwareKey) -> Vec<u8> {
    let mut allowance = world.allowance(thing, 1_000);
    allowance.expires = NOW.plus_s(60 * DAY_S);
    let allowance = sealed(&allowance, by);
    let mut purse = world.roomy(thing);
    let learnt = world.handover(&next_key(), &issuer_key(), None);
    purse.receive(&learnt, NOW).unwrap();
    let grant = written(&Message::Grant {
        allowance: &allowance,
    });
    purse.receive(&grant, NOW).unwrap();
    bytes(|out| purse.pay(&order(to.code, 10, thing.seed), NOW, out)).unwrap()
}

#[test]
fn what_the_key_before_signed_counts_until_its_end_and_what_the_next_one_signs_from_then_on() {
    let mut world = World::new();
    let [a, b, c, payee] = [10, 11, 12, 13].map(|seed| world.thing(seed));
    let old_key = SoftwareKey::ed25519(&[3; 32]);
    let [old, late] = [&a, &b].map(|thing| paid(&mut world, thing, &payee, &old_key));
    let new = paid(&mut world, &c, &payee, &next_key());
    let mut charger = world.roomy(&payee);
    let take = |charger: &mut Roomy, evidence: &[u8], now| {
        bytes(|out| charger.accept(evidence, None, now, out)).map(drop)
    };
    // Nobody has vouched for the next key here.
    let refused = Err(Status::BadSignature);
    assert_eq!(take(&mut charger, &new, NOW), refused);
    let said = world.handover(&next_key(), &issuer_key(), None);
    assert_eq!(charger.receive(&said, NOW), Ok(Event::Learnt));
    assert_eq!(charger.receive(&said, NOW), Ok(Event::Known));
    assert_eq!(take(&mut charger, &old, NOW), Ok(()));
    drop(charger);
    // It stays known when the purse is opened again, and so does the end.
    let mut charger: Roomy = payee.open(world.trust).unwrap();
    assert_eq!(take(&mut charger, &late, ENDS), refused);
    assert_ne!(take(&mut charger, &late, LAST), refused);
    assert_eq!(take(&mut charger, &new, NOW), Ok(()));
    let beacon = |key: &SoftwareKey| {
        let beacon = Beacon {
            gateway: world.gateway,
            time: ENDS,
            filter_version: None,
            filter: None,
        };
        let beacon = sealed(&beacon, key);
        written(&Message::Beacon { beacon: &beacon })
    };
    assert_eq!(
        charger.receive(&beacon(&old_key), ENDS).err(),
        Some(Status::BadSignature)
    );
    assert!(charger.receive(&beacon(&old_key), LAST).is_ok());
    assert!(charger.receive(&beacon(&next_key()), ENDS).is_ok());
}

#[test]
fn a_stolen_key_names_no_further_one_and_does_not_come_back() {
    let world = World::new();
    let thing = world.thing(10);
    let mut purse = world.roomy(&thing);
    let [old_key, third] = [3, 7].map(|seed| SoftwareKey::ed25519(&[seed; 32]));
    for by in [&old_key, &third, &next_key()] {
        let forged = world.handover(&third, by, None);
        assert_eq!(purse.receive(&forged, NOW), Err(Status::BadSignature));
    }
    let said = world.handover(&next_key(), &issuer_key(), None);
    purse.receive(&said, NOW).unwrap();
    for by in [&old_key, &third, &next_key()] {
        let forged = world.handover(&third, by, None);
        assert_eq!(purse.receive(&forged, NOW), Err(Status::BadSignature));
    }
    // The pass of the key before, which its issuer did sign, is older.
    let late = purse.receive(&said, Timestamp(u32::MAX));
    assert_eq!(late, Err(Status::Expired));
    let known = purse.trust_gateway(&world.issuer_pass, &world.gateway_pass, NOW);
    assert_eq!(known, Ok(world.gateway));
    assert_eq!(purse.receive(&said, NOW), Ok(Event::Known));
    // A gateway that is not trusted is not trusted for having another key.
    let mut stranger: Roomy = world.thing(11).open(world.trust).unwrap();
    assert_eq!(stranger.receive(&said, NOW), Err(Status::UnknownGateway));
}

#[test]
fn a_stolen_key_counts_at_no_hour_and_no_pass_under_it_is_carried() {
    let world = World::new();
    let thing = world.thing(10);
    let mut purse = world.roomy(&thing);
    let (stolen, third) = (next_key(), SoftwareKey::ed25519(&[7; 32]));
    let at = NOW.plus_s(9);
    let own = [&stolen, &third].map(|key| anew(&thing.pass, key));
    let early = world.handover(&stolen, &issuer_key(), Some(&own[0]));
    let before = *open::<Pass>(&world.gateway_pass, &network())
        .unwrap()
        .peek();
    let said = Successor {
        issuer: before.issuer.0,
        gateway: world.gateway,
        former_key: stolen.public_key(),
        key: third.public_key(),
        issued: at,
        ends: Timestamp(0),
    };
    let late = written(&Message::Successor {
        issuer: &world.issuer_pass,
        gateway: &world.pass_for(&third, at),
        former: &world.pass_for(&stolen, NOW),
        successor: &sealed(&said, &issuer_key()),
        own: Some(&own[1]),
    });
    purse.receive(&early, at).unwrap();
    assert_eq!(purse.own.pass(), own[0]);
    purse.receive(&late, at).unwrap();
    assert_eq!(purse.own.pass(), own[1]);
    // Whoever has the stolen key can sign a pass for this purse, and has the issuer's old word.
    assert_eq!(purse.receive(&early, at), Ok(Event::Known));
    assert_eq!(purse.own.pass(), own[1]);
    let beacon = Beacon {
        gateway: world.gateway,
        time: at,
        filter_version: None,
        filter: None,
    };
    let beacon = sealed(&beacon, &stolen);
    let forged = written(&Message::Beacon { beacon: &beacon });
    for now in [Timestamp(0), NOW.minus_s(DAY_S), NOW, at] {
        assert_eq!(purse.receive(&forged, now), Err(Status::BadSignature));
    }
}

#[test]
fn a_thing_without_a_clock_hears_of_the_key_whatever_it_takes_the_time_to_be() {
    let world = World::new();
    let thing = world.thing(10);
    let said = world.handover(&next_key(), &issuer_key(), None);
    let long_ago = NOW.minus_s(30 * DAY_S);
    let mut set = world.roomy(&thing);
    assert_eq!(set.receive(&said, long_ago), Err(Status::Expired));
    let thing = world.thing(11);
    world.roomy(&thing);
    let clock = Clock::Ticks { stale_after_s: 60 };
    let settings = Settings {
        clock,
        ..thing.settings(world.trust)
    };
    let mut purse: Roomy = Purse::open(settings, thing.key(), thing.disk.clone()).unwrap();
    assert_eq!(purse.receive(&said, long_ago), Ok(Event::Learnt));
}

#[test]
fn receipts_go_with_the_pass_signed_anew_once_it_has_come() {
    let mut world = World::new();
    let [payer, payee] = [10, 11].map(|seed| world.thing(seed));
    let evidence = paid(&mut world, &payer, &payee, &next_key());
    let mut charger = world.roomy(&payee);
    let own = anew(&payee.pass, &next_key());
    let of_another = anew(&payer.pass, &next_key());
    let wrong = world.handover(&next_key(), &issuer_key(), Some(&of_another));
    assert_eq!(charger.receive(&wrong, NOW), Err(Status::NotForYou));
    let of_another_key = Pass {
        key: Confirmation(payer.key().public_key()),
        ..*open::<Pass>(&payee.pass, &network()).unwrap().peek()
    };
    let of_another_key = sealed(&of_another_key, &next_key());
    let wrong = world.handover(&next_key(), &issuer_key(), Some(&of_another_key));
    assert_eq!(charger.receive(&wrong, NOW), Err(Status::NotPermitted));
    let said = world.handover(&next_key(), &issuer_key(), Some(&own));
    charger.receive(&said, NOW).unwrap();
    let receipt = bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
    let Ok(Message::Receipt { pass, .. }) = Message::read(&receipt) else {
        panic!("no receipt")
    };
    assert_eq!(pass, own);
    // The payer, who knows the next key, takes it after the former one's end as well.
    let mut car: Roomy = payer.open(world.trust).unwrap();
    assert!(matches!(
        car.receive(&receipt, ENDS),
        Ok(Event::Receipted { .. })
    ));
}

#[test]
fn wherever_the_power_goes_the_next_key_is_known_or_told_again() {
    let world = World::new();
    let run = |at: Option<At>| {
        let [thing] = things::<1>(&world, Keep::InMemory, at.as_slice());
        let said = world.handover(&next_key(), &issuer_key(), None);
        let mut cuts = 0;
        for _ in 0..4 {
            let Ok(mut purse) = thing.open::<16, 8>(world.trust) else {
                cuts += 1;
                thing.disk.power_on();
                continue;
            };
            let told = purse
                .trust_gateway(&world.issuer_pass, &world.gateway_pass, NOW)
                .and_then(|_| purse.receive(&said, NOW));
            if told.is_ok() {
                assert_eq!(purse.receive(&said, NOW), Ok(Event::Known));
                break;
            }
            cuts += 1;
            thing.disk.power_on();
        }
        (cuts, operations(std::slice::from_ref(&thing)))
    };
    let (none, whole) = run(None);
    assert_eq!(none, 0);
    everywhere(whole, |at| run(Some(at)).0);
}

#[test]
fn a_receipt_of_somebody_who_has_not_heard_counts_until_the_end() {
    let mut world = World::new();
    let [payer, payee] = [10, 11].map(|seed| world.thing(seed));
    let old_key = SoftwareKey::ed25519(&[3; 32]);
    let evidence = paid(&mut world, &payer, &payee, &old_key);
    let mut charger = world.roomy(&payee);
    let receipt = bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
    let mut car: Roomy = payer.open(world.trust).unwrap();
    let late = car.receive(&receipt, ENDS);
    assert_eq!(late.err(), Some(Status::BadSignature));
    let taken = car.receive(&receipt, LAST);
    assert!(matches!(taken, Ok(Event::Receipted { .. })), "{taken:?}");
}

#[test]
fn a_payer_who_was_known_under_a_stolen_key_is_not_known_any_more() {
    let mut world = World::new();
    let [payer, payee] = [10, 11].map(|seed| world.thing(seed));
    let old_key = SoftwareKey::ed25519(&[3; 32]);
    let first = paid(&mut world, &payer, &payee, &old_key);
    let mut car: Roomy = payer.open(world.trust).unwrap();
    let second = bytes(|out| car.pay(&order(payee.code, 10, 2), NOW, out)).unwrap();
    let mut charger = world.roomy(&payee);
    let take = |charger: &mut Roomy, evidence: &[u8]| {
        bytes(|out| charger.accept(evidence, None, NOW, out)).map(drop)
    };
    assert_eq!(take(&mut charger, &first), Ok(()));
    let said = world.handover_until(Timestamp(0), &next_key(), &issuer_key(), None);
    charger.receive(&said, NOW).unwrap();
    assert_eq!(take(&mut charger, &second), Err(Status::BadSignature));
}

#[test]
fn a_fork_across_two_keys_is_proven_by_both_passes_and_no_stolen_key_accuses() {
    let mut world = World::new();
    let [forker, payee, neighbour, other] = [10, 11, 12, 13].map(|seed| world.thing(seed));
    let clone = forker.copied();
    let old_key = SoftwareKey::ed25519(&[3; 32]);
    let old = paid(&mut world, &forker, &payee, &old_key);
    let new = paid(&mut world, &clone, &other, &next_key());
    let mut charger = world.roomy(&payee);
    let said = world.handover(&next_key(), &issuer_key(), None);
    charger.receive(&said, NOW).unwrap();
    bytes(|out| charger.accept(&old, None, NOW, out)).unwrap();
    let code = forker.code;
    let found = charger.receive(&seen(&new), NOW);
    assert_eq!(found, Ok(Event::Fraud { code }));
    let proof = proofs(&mut charger).unwrap();
    let verdict = judge(&world.trust, &proof[0]).unwrap();
    assert_eq!(verdict.code, code);
    // Where the key before was stolen, nobody is accused by it.
    let mut stranger = world.roomy(&other);
    let stolen = world.handover_until(Timestamp(0), &next_key(), &issuer_key(), None);
    stranger.receive(&stolen, NOW).unwrap();
    assert_eq!(stranger.receive(&proof[0], NOW), Err(Status::Expired));
    let mut friend = world.roomy(&neighbour);
    friend.receive(&said, NOW).unwrap();
    assert_eq!(friend.receive(&proof[0], NOW), Ok(Event::Fraud { code }));
}
