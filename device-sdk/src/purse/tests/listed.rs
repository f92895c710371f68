//! A charger with a list of revoked codes and no network.

use super::*;
use crate::purse::{LIST_RECENT_S, Listed};
use protocol::objects::Revocations;
use protocol::revocations::{CHANGES, Changes, List, WHOLE, Whole};
use sha2::{Digest as _, Sha256};

/// A list as a gateway signs it; `base` makes it one of changes.
fn list(world: &World, key: &SoftwareKey, version: u32, base: Option<u32>, body: &[u8]) -> Vec<u8> {
    let head = sealed(
        &Revocations {
            gateway: world.gateway,
            version,
            base,
            time: NOW,
            body: Digest(Sha256::digest(body).into()),
        },
        key,
    );
    let mut bytes = u16::try_from(head.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(head);
    bytes.extend(body);
    bytes
}

fn named(codes: &[Code]) -> Vec<u8> {
    let mut bytes = u16::try_from(codes.len()).unwrap().to_be_bytes().to_vec();
    for code in codes {
        bytes.extend(code.as_bytes());
    }
    bytes
}

/// No runs and no filter, only names.
fn whole(codes: &[Code]) -> Vec<u8> {
    let filter = [0; 4 + 4 + 1 + 2];
    [
        &[WHOLE, 0, 0, 0],
        named(codes).as_slice(),
        &named(&[]),
        &filter,
    ]
    .concat()
}

fn changes(added: &[Code], removed: &[Code]) -> Vec<u8> {
    [&[CHANGES], named(added).as_slice(), &named(removed)].concat()
}

fn goes_by<'l, 'b>(list: &'l List<'b>) -> Listed<'l, 'b> {
    Listed {
        list: Some(list),
        most_without: AmountMinor::ZERO,
    }
}

#[test]
fn without_a_recent_list_only_small_payments_are_taken() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.funded(&a, 1_000);
    let mut charger = world.roomy(&b);
    let mut pay =
        |amount, number| bytes(|out| car.pay(&order(b.code, amount, number), NOW, out)).unwrap();
    let (small, large) = (pay(10, 1), pay(11, 2));
    let good = list(&world, &world.gateway_key, 1, None, &whole(&[]));
    let signed = charger.revocations(&good, NOW).unwrap();
    let fresh = List::new(Whole::read(signed).unwrap(), None).unwrap();
    let without = Listed {
        list: None,
        most_without: AmountMinor::new(10).unwrap(),
    };
    let with = Listed {
        list: Some(&fresh),
        ..without
    };
    let (last, after) = (NOW.plus_s(LIST_RECENT_S), NOW.plus_s(LIST_RECENT_S + 1));
    assert_eq!(charger.not_listed(&small, &without, NOW), Ok(()));
    assert_eq!(
        charger.not_listed(&large, &without, NOW),
        Err(Status::NoList)
    );
    assert_eq!(charger.not_listed(&large, &with, last), Ok(()));
    assert_eq!(
        charger.not_listed(&large, &with, after),
        Err(Status::NoList)
    );
    assert_eq!(charger.not_listed(&small, &with, after), Ok(()));
    // An old list still revokes.
    let bad = list(&world, &world.gateway_key, 2, None, &whole(&[a.code]));
    let signed = charger.revocations(&bad, NOW).unwrap();
    let bad = List::new(Whole::read(signed).unwrap(), None).unwrap();
    let with = Listed {
        list: Some(&bad),
        ..without
    };
    assert_eq!(
        charger.not_listed(&small, &with, after),
        Err(Status::Revoked)
    );
}

#[test]
fn a_revoked_car_is_refused_by_an_offline_charger_that_has_the_list() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.funded(&a, 1_000);
    let mut charger = world.roomy(&b);
    let first = bytes(|out| car.pay(&order(b.code, 10, 1), NOW, out)).unwrap();
    let key = &world.gateway_key;
    let good = list(&world, key, 1, None, &whole(&[b.code]));
    let bad = list(&world, key, 2, Some(1), &changes(&[a.code], &[]));

    // Good so far: taken.
    let (before, after) = (
        charger.revocations(&good, NOW),
        charger.revocations(&bad, NOW),
    );
    let before = Whole::read(before.unwrap()).unwrap();
    let after = Changes::read(after.unwrap()).unwrap();
    let unlisted = List::new(before, None).unwrap();
    let unlisted = goes_by(&unlisted);
    let receipt =
        bytes(|out| charger.accept_unless_revoked(&first, &unlisted, None, NOW, out)).unwrap();

    // Then the list comes: what was taken keeps its receipt, and nothing new is taken.
    let listed = List::new(before, Some(after)).unwrap();
    let newer = goes_by(&listed);
    let again = bytes(|out| charger.accept_unless_revoked(&first, &newer, None, NOW, out));
    assert_eq!(again, Ok(receipt));
    let next = bytes(|out| car.pay(&order(b.code, 10, 2), NOW, out)).unwrap();
    let mut take = |list| bytes(|out| charger.accept_unless_revoked(&next, list, None, NOW, out));
    assert_eq!(take(&newer), Err(Status::Revoked));
    assert_eq!((listed.version(), listed.time()), (2, NOW));
    // Nothing was written: without the list it is a good payment.
    take(&unlisted).unwrap();
}

#[test]
fn a_list_counts_only_from_a_gateway_that_is_trusted() {
    let world = World::new();
    let thing = world.thing(11);
    let charger = world.roomy(&thing);
    let stranger = SoftwareKey::ed25519(&[9; 32]);
    let forged = list(&world, &stranger, 1, None, &whole(&[]));
    let refused = charger.revocations(&forged, NOW).err();
    assert_eq!(refused, Some(Status::BadSignature));
    let key = &world.gateway_key;
    let mut torn = list(&world, key, 1, None, &whole(&[thing.code]));
    torn.pop();
    assert_eq!(
        charger.revocations(&torn, NOW).err(),
        Some(Status::BadSignature)
    );
    let alone: Roomy = world.thing(12).open(world.trust).unwrap();
    let good = list(&world, key, 1, None, &whole(&[]));
    let refused = alone.revocations(&good, NOW).err();
    assert_eq!(refused, Some(Status::UnknownGateway));
}
