//! Signed labels: who may stand for which, and that nothing printed on one can be changed.

use crate::cast::{BOTH, Cast, NOW, code, network};
use proptest::prelude::*;
use protocol::code::IssuedBy;
use protocol::code::base32::ALPHABET;
use protocol::code::grid::{Level, Place, Point, Span};
use protocol::objects::{Labelled, MARK_CHARS, Party, Rights};
use protocol::{Algorithm, GridCode, Kind, Network, Status};

fn thing() -> Labelled {
    Labelled::Thing(Cast::payer_code())
}

fn mark(cast: &Cast, of: Labelled) -> String {
    let by = Cast::gateway_code();
    of.sign(by, &network(), &cast.gateway).unwrap().to_string()
}

#[test]
fn a_signed_label_needs_nothing_but_the_pass_of_who_signed() {
    for algorithm in BOTH {
        let cast = Cast::new(algorithm);
        let text = mark(&cast, thing());
        assert_eq!(text.len(), MARK_CHARS);
        let pass = cast.gateway_pass();
        assert_eq!(thing().is_marked(&text, &pass, &network()), Ok(()));
        assert_eq!(
            thing().is_marked(&text.to_lowercase(), &pass, &network()),
            Ok(())
        );
        let other = Labelled::Thing(Cast::payee_code());
        let refused = Err(Status::BadSignature);
        assert_eq!(other.is_marked(&text, &pass, &network()), refused);
        let abroad = Network::new("elsewhere").unwrap();
        assert_eq!(thing().is_marked(&text, &pass, &abroad), refused);
    }
}

#[test]
fn nobody_stands_for_a_label_outside_its_authority() {
    let cast = Cast::new(Algorithm::Ed25519);
    let refused = Err(Status::NotPermitted);
    let beyond = Labelled::Thing(code(Kind::Device, 2, 1));
    let text = mark(&cast, beyond);
    let mut pass = cast.gateway_pass();
    assert_eq!(beyond.is_marked(&text, &pass, &network()), refused);

    let text = mark(&cast, thing());
    pass.rights = Rights::PAY;
    assert_eq!(thing().is_marked(&text, &pass, &network()), refused);
    // A label of one signer is none of another who has the same key.
    pass = cast.gateway_pass();
    pass.subject = Party(Cast::issuer_code());
    let refused = Err(Status::BadSignature);
    assert_eq!(thing().is_marked(&text, &pass, &network()), refused);
}

fn place(station: u16) -> Labelled {
    let place = Place {
        by: IssuedBy { issuer: 1, station },
        level: Level::DEFAULT,
        point: Point::from_nanodegrees(39_900_000_000, 116_400_000_000).unwrap(),
        height_dm: None,
        span: Span::new(u64::from(NOW.0) / 60, None).unwrap(),
        owner: Cast::payee_code(),
    };
    Labelled::Place(GridCode::derive(&place).unwrap())
}

#[test]
fn places_have_signed_labels_too() {
    let cast = Cast::new(Algorithm::Ed25519);
    let pass = cast.gateway_pass();
    let own = place(1);
    assert_eq!(own.is_marked(&mark(&cast, own), &pass, &network()), Ok(()));
    let beyond = place(2);
    let text = mark(&cast, beyond);
    let refused = Err(Status::NotPermitted);
    assert_eq!(beyond.is_marked(&text, &pass, &network()), refused);
    let refused = Err(Status::BadSignature);
    assert_eq!(own.is_marked(&text, &pass, &network()), refused);
}

proptest! {
    #[test]
    fn a_wrong_symbol_in_a_signature_is_always_caught(at in 0..MARK_CHARS, with in 0usize..32) {
        let cast = Cast::new(Algorithm::Ed25519);
        let mut text = mark(&cast, thing()).into_bytes();
        prop_assume!(text[at] != ALPHABET[with]);
        text[at] = ALPHABET[with];
        let text = String::from_utf8(text).unwrap();
        let outcome = thing().is_marked(&text, &cast.gateway_pass(), &network());
        prop_assert_eq!(outcome, Err(Status::Malformed));
    }
}
