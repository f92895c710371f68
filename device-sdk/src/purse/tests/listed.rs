//! A charger with a list of revoked codes and no network.

use super::*;
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

/// No stations and no filter, only names.
fn whole(codes: &[Code]) -> Vec<u8> {
    let filter = [0; 4 + 4 + 1 + 2];
    [
        &[WHOLE, 0, 0],
        named(codes).as_slice(),
        &named(&[]),
        &filter,
    ]
    .concat()
}

fn changes(added: &[Code], removed: &[Code]) -> Vec<u8> {
    [&[CHANGES], named(added).as_slice(), &named(removed)].concat()
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
    let (before, after) = (charger.revocations(&good), charger.revocations(&bad));
    let before = Whole::read(before.unwrap()).unwrap();
    let after = Changes::read(after.unwrap()).unwrap();
    let unlisted = List::new(before, None).unwrap();
    let receipt =
        bytes(|out| charger.accept_unless_revoked(&first, &unlisted, None, NOW, out)).unwrap();

    // Then the list comes: what was taken keeps its receipt, and nothing new is taken.
    let listed = List::new(before, Some(after)).unwrap();
    let again = bytes(|out| charger.accept_unless_revoked(&first, &listed, None, NOW, out));
    assert_eq!(again, Ok(receipt));
    let next = bytes(|out| car.pay(&order(b.code, 10, 2), NOW, out)).unwrap();
    let mut take = |list| bytes(|out| charger.accept_unless_revoked(&next, list, None, NOW, out));
    assert_eq!(take(&listed), Err(Status::Revoked));
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
    let refused = charger.revocations(&forged).err();
    assert_eq!(refused, Some(Status::BadSignature));
    let key = &world.gateway_key;
    let mut torn = list(&world, key, 1, None, &whole(&[thing.code]));
    torn.pop();
    assert_eq!(charger.revocations(&torn).err(), Some(Status::BadSignature));
    let alone: Roomy = world.thing(12).open(world.trust).unwrap();
    let good = list(&world, key, 1, None, &whole(&[]));
    let refused = alone.revocations(&good).err();
    assert_eq!(refused, Some(Status::UnknownGateway));
}
