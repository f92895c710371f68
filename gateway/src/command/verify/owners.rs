//! Transfers, which two owners sign: whose pass is missing, and what both passes show.

use super::{Above, judge};
use device_sdk::enrol::Keys;
use issuer::{Authorities, CheckedRequest, IssueOrder, Names, Plan};
use protocol::cose::{SIGNED_MAX, seal};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Acceptance, Object, Rights, Transfer};
use protocol::{AssuranceClass, Code, Digest, Kind, Network, Timestamp};

const NOW: Timestamp = Timestamp(1_800_000_000);

struct Owner {
    keys: Keys,
    code: Code,
    pass: Vec<u8>,
}

fn network() -> Network {
    Network::new("test").unwrap()
}

fn authorities() -> Authorities {
    let names = Names::new("onecode.internal", "localhost:8080").unwrap();
    let mut next = 0;
    let mut random = move |out: &mut [u8]| {
        next += 1;
        out.fill(next);
        Ok(())
    };
    Authorities::create(&Plan::new(network(), names, 3600), NOW, &mut random).unwrap()
}

fn owner(authorities: &Authorities, seed: u8) -> Owner {
    let keys = Keys::from_random(&[seed; 32], &[seed + 100; 32]).unwrap();
    let request = CheckedRequest::read(&keys.request(&network()).unwrap(), &network()).unwrap();
    let order = IssueOrder {
        sequence: u64::from(seed),
        serial: [seed; 16],
        issued: NOW,
        not_after: NOW.plus_s(86_400),
        kind: Kind::Person,
        class: AssuranceClass::Software,
        rights: Rights::PAY.and(Rights::ACCEPT),
    };
    let issued = authorities.gateway.issue_device(&order, &request).unwrap();
    Owner {
        keys,
        code: issued.code,
        pass: issued.pass,
    }
}

fn signed<T: Object>(object: &T, by: &Owner) -> (Vec<u8>, Digest) {
    let mut out = [0; SIGNED_MAX];
    let (len, id) = seal(object, &network(), &by.keys.wallet(), &mut out).unwrap();
    (out[..len].to_vec(), id)
}

#[test]
fn a_transfer_is_judged_by_the_passes_of_both_owners_and_says_whose_is_missing() {
    let authorities = authorities();
    let [old, new] = [70, 80].map(|seed| owner(&authorities, seed));
    let transfer = Transfer {
        code: owner(&authorities, 90).code,
        from: old.code,
        to: new.code,
        number: 2,
        time: NOW,
        expires: NOW.plus_s(60),
    };
    let (transfer, id) = signed(&transfer, &old);
    let acceptance = Acceptance {
        by: new.code,
        transfer: id,
        time: NOW,
    };
    let (acceptance, _) = signed(&acceptance, &new);
    let mut message = vec![0; MESSAGE_MAX];
    let both = Message::Transfer {
        transfer: &transfer,
        acceptance: Some(&acceptance),
    };
    let len = both.write(&mut message).unwrap();
    message.truncate(len);
    let judged = |bytes: &[u8], passes: &[&Owner]| {
        let above = Above {
            issuer: authorities.issuer.pass().to_vec(),
            gateway: authorities.gateway.pass().to_vec(),
            station: None,
            things: passes.iter().map(|owner| owner.pass.clone()).collect(),
        };
        judge(&authorities.trust(), Some(&above), bytes)
    };
    let verdict = judged(&message, &[&old, &new]).unwrap();
    for part in ["a transfer, signed by", "an acceptance, signed by"] {
        assert!(verdict.contains(part), "{verdict}");
    }
    let missing = judged(&message, &[&new]).unwrap_err();
    let wanted = format!("a transfer that {:#} should have signed", old.code);
    assert!(missing.contains(&wanted), "{missing}");
    assert!(!missing.contains("lease"), "{missing}");
    let missing = judged(&message, &[&old]).unwrap_err();
    let wanted = format!("acceptance that {:#} should have signed", new.code);
    assert!(missing.contains(&wanted), "{missing}");
    // Alone it may be either, and a refusal does not choose.
    let either = judged(&transfer, &[]).unwrap_err();
    assert!(either.contains("a lease that"), "{either}");
    assert!(either.contains("or a transfer that"), "{either}");
    assert!(judged(&transfer, &[&old]).is_ok());
    // Signed by somebody else than it names.
    let forged = signed(
        &Transfer {
            code: new.code,
            from: old.code,
            to: new.code,
            number: 2,
            time: NOW,
            expires: NOW.plus_s(60),
        },
        &new,
    );
    assert!(judged(&forged.0, &[&old, &new]).is_err());
}
