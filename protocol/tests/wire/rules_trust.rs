//! From the root's key to everybody else, and fraud proofs that hold with no server.

use crate::cast::{BOTH, Cast, NOW, amount, code, key, reading, signed, signed_in};
use protocol::code::IssuedBy;
use protocol::cose::identify;
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Allowance, Party, Pass, Payment, Rights};
use protocol::rules::trust::{current, may_issue};
use protocol::rules::{Contradiction, Trust, judge_proof};
use protocol::{
    Algorithm, Code, Digest, KeyEpoch, Kind, Network, Reference, Sequence, Signer, Status,
};

fn cast() -> Cast {
    Cast::new(Algorithm::Ed25519)
}

#[test]
fn the_chain_from_root_to_device_holds_for_both_algorithms() {
    for algorithm in BOTH {
        let (cast, trust) = (Cast::new(algorithm), Cast::new(algorithm).trust());
        let issuer = signed(&cast.issuer_pass(), &cast.root);
        let gateway = signed(&cast.gateway_pass(), &cast.issuer);
        let payee = signed(&cast.payee_pass(), &cast.gateway);
        let gateway = trust.gateway(&issuer, &gateway).unwrap();
        assert_eq!(gateway.get().subject.0, Cast::gateway_code());
        let payee = trust.issued(&gateway, &payee).unwrap();
        assert_eq!(payee.get().key.0, cast.payee.public_key());
    }
}

#[test]
fn an_issuer_pass_by_anybody_but_the_root_is_a_bad_signature() {
    let cast = cast();
    for signer in [&cast.issuer, &cast.gateway, &cast.payer] {
        let pass = signed(&cast.issuer_pass(), signer);
        assert_eq!(cast.trust().issuer(&pass).err(), Some(Status::BadSignature));
    }
}

#[test]
fn an_issuer_without_the_right_to_issue_is_not_permitted() {
    let cast = cast();
    let mut pass = cast.issuer_pass();
    pass.rights = Rights::PAY.and(Rights::SETTLE);
    let pass = signed(&pass, &cast.root);
    assert_eq!(cast.trust().issuer(&pass).err(), Some(Status::NotPermitted));
}

#[test]
fn passes_of_another_network_mean_nothing_here() {
    let cast = cast();
    let demo = Network::new("demo").unwrap();
    let pass = signed_in(&cast.issuer_pass(), &demo, &cast.root);
    assert_eq!(cast.trust().issuer(&pass).err(), Some(Status::BadSignature));
    let abroad = Trust {
        network: demo,
        ..cast.trust()
    };
    assert!(abroad.issuer(&pass).is_ok());
}

/// What the gateway's pass makes of a pass it signed.
fn issued(change: impl FnOnce(&mut Pass)) -> Option<Status> {
    issued_by(|_| {}, change)
}

fn issued_by(
    change_authority: impl FnOnce(&mut Pass),
    change: impl FnOnce(&mut Pass),
) -> Option<Status> {
    let (cast, trust) = (cast(), cast().trust());
    let issuer = signed(&cast.issuer_pass(), &cast.root);
    let mut gateway = cast.gateway_pass();
    change_authority(&mut gateway);
    let gateway = signed(&gateway, &cast.issuer);
    let gateway = trust
        .issued(&trust.issuer(&issuer).unwrap(), &gateway)
        .unwrap();
    let mut pass = cast.payee_pass();
    change(&mut pass);
    let pass = signed(&pass, &cast.gateway);
    trust.issued(&gateway, &pass).err()
}

#[test]
fn a_pass_inside_the_authority_of_its_issuer_is_good() {
    assert_eq!(issued(|_| {}), None);
    assert_eq!(issued(|pass| pass.rights = Rights::default()), None);
}

#[test]
fn a_pass_that_names_another_issuer_is_not_for_you() {
    let outcome = issued(|pass| pass.issuer = Party(Cast::issuer_code()));
    assert_eq!(outcome, Some(Status::NotForYou));
}

#[test]
fn a_pass_by_another_key_is_a_bad_signature() {
    let (cast, trust) = (cast(), cast().trust());
    let issuer = signed(&cast.issuer_pass(), &cast.root);
    let gateway = signed(&cast.gateway_pass(), &cast.issuer);
    let gateway = trust.gateway(&issuer, &gateway).unwrap();
    let pass = signed(&cast.payee_pass(), &cast.issuer);
    assert_eq!(
        trust.issued(&gateway, &pass).err(),
        Some(Status::BadSignature)
    );
}

#[test]
fn a_code_outside_the_authoritys_range_is_not_permitted() {
    let refused = Some(Status::NotPermitted);
    assert_eq!(
        issued(|pass| pass.subject = Party(code(Kind::Device, 2, 1))),
        refused,
        "station"
    );
    assert_eq!(
        issued(|pass| pass.subject = Party(code(Kind::Device, 1, 0))),
        refused,
        "first"
    );
    let by = IssuedBy {
        issuer: 2,
        station: 1,
    };
    let foreign = Code::derive(Kind::Device, by, 1, b"key").unwrap();
    assert_eq!(
        issued(|pass| pass.subject = Party(foreign)),
        refused,
        "issuer"
    );

    let quota = |pass: &mut Pass| (pass.first_sequence, pass.last_sequence) = (Some(10), Some(20));
    for (sequence, outcome) in [(9, refused), (10, None), (20, None), (21, refused)] {
        let subject = Party(code(Kind::Device, 1, sequence));
        assert_eq!(
            issued_by(quota, |pass| pass.subject = subject),
            outcome,
            "{sequence}"
        );
    }
}

#[test]
fn rights_beyond_the_authoritys_own_are_not_permitted() {
    let outcome = issued(|pass| pass.rights = Rights::PAY.and(Rights::ISSUE_MONEY));
    assert_eq!(outcome, Some(Status::NotPermitted));
    let outcome = issued_by(
        |authority| authority.rights = Rights::PAY.and(Rights::SETTLE),
        |pass| pass.rights = Rights::PAY,
    );
    assert_eq!(
        outcome,
        Some(Status::NotPermitted),
        "who may not issue issues nothing"
    );
}

#[test]
fn a_code_of_a_kind_outside_the_quota_is_not_permitted() {
    let refused = Some(Status::NotPermitted);
    let only = |authority: &mut Pass| {
        authority.rights = authority.rights.and(Rights::kind(Kind::Module));
    };
    let kinds = [(Kind::Module, None), (Kind::Device, refused)];
    for (kind, outcome) in kinds {
        let subject = Party(code(kind, 1, 1));
        assert_eq!(
            issued_by(only, |pass| pass.subject = subject),
            outcome,
            "{kind:?}"
        );
    }
    let hands_on = |rights: Rights| {
        issued_by(only, |pass| {
            pass.subject = Party(code(Kind::Module, 1, 1));
            pass.rights = rights;
        })
    };
    let issue = Rights::ISSUE_CODES;
    assert_eq!(hands_on(issue.and(Rights::kind(Kind::Module))), None);
    assert_eq!(hands_on(issue), refused, "no kinds named would mean all");
    let both = Rights::kind(Kind::Module).and(Rights::kind(Kind::Lot));
    assert_eq!(hands_on(issue.and(both)), refused);
}

#[test]
fn a_range_that_is_only_half_named_covers_nothing() {
    let whole = cast().gateway_pass();
    let subject = code(Kind::Device, 1, 1);
    assert!(may_issue(&whole, &subject));
    for hidden in 1..7 {
        let mut half = whole;
        if hidden & 1 != 0 {
            half.station = None;
        }
        if hidden & 2 != 0 {
            half.first_sequence = None;
        }
        if hidden & 4 != 0 {
            half.last_sequence = None;
        }
        assert!(!may_issue(&half, &subject), "{hidden:03b}");
    }
    assert!(
        may_issue(&cast().issuer_pass(), &subject),
        "an issuer covers its whole number"
    );
}

#[test]
fn a_gateway_that_may_not_settle_is_not_permitted() {
    let cast = cast();
    let issuer = signed(&cast.issuer_pass(), &cast.root);
    let mut gateway = cast.gateway_pass();
    gateway.rights = Rights::PAY.and(Rights::ACCEPT).and(Rights::ISSUE_CODES);
    let gateway = signed(&gateway, &cast.issuer);
    let outcome = cast.trust().gateway(&issuer, &gateway).err();
    assert_eq!(outcome, Some(Status::NotPermitted));
}

#[test]
fn a_credential_is_good_from_five_minutes_before_its_issue_until_it_expires() {
    let pass = cast().payee_pass();
    assert_eq!(current(&pass, NOW), Ok(()));
    assert_eq!(current(&pass, pass.issued.minus_s(300)), Ok(()));
    assert_eq!(
        current(&pass, pass.issued.minus_s(301)),
        Err(Status::Expired)
    );
    assert_eq!(current(&pass, pass.expires.minus_s(1)), Ok(()));
    assert_eq!(current(&pass, pass.expires), Err(Status::Expired));
}

/// Everything a fraud proof is made of, to be bent before it is signed.
struct Case {
    cast: Cast,
    issuer: Pass,
    gateway: Pass,
    allowances: [Allowance; 2],
    payments: [Payment; 2],
    /// Who signs the payments.
    signers: [u8; 2],
    /// Whether each payment names its own allowance.
    named: bool,
}

const PAYER_SEED: u8 = 4;

impl Case {
    /// The payer signs number 4 twice, to two payees.
    fn fork() -> Self {
        let cast = cast();
        let payment = cast.payment();
        let second = Payment {
            payee: code(Kind::Device, 1, 3),
            ..payment
        };
        Self {
            issuer: cast.issuer_pass(),
            gateway: cast.gateway_pass(),
            allowances: [cast.allowance(); 2],
            payments: [payment, second],
            signers: [PAYER_SEED; 2],
            named: true,
            cast,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let cast = &self.cast;
        let issuer = signed(&self.issuer, &cast.root);
        let gateway = signed(&self.gateway, &cast.issuer);
        let allowances = self.allowances.map(|a| signed(&a, &cast.gateway));
        let payments = [0, 1].map(|i| {
            let mut payment = self.payments[i];
            if self.named {
                let (network, algorithm) = (crate::cast::network(), Algorithm::Ed25519);
                let id = identify(&self.allowances[i], &network, algorithm).unwrap();
                payment.allowance = id.reference();
            }
            signed(&payment, &key(Algorithm::Ed25519, self.signers[i]))
        });
        let proof = Message::Proof {
            issuer: &issuer,
            gateway: &gateway,
            allowances: allowances.each_ref().map(Vec::as_slice),
            payments: payments.each_ref().map(Vec::as_slice),
        };
        let mut out = [0; MESSAGE_MAX];
        let len = proof.write(&mut out).unwrap();
        out[..len].to_vec()
    }

    fn judged(&self) -> Result<(Code, Contradiction), Status> {
        judge_proof(&self.cast.trust(), &self.bytes()).map(|j| (j.code, j.how))
    }

    fn with(change: impl FnOnce(&mut Self)) -> Result<(Code, Contradiction), Status> {
        let mut case = Self::fork();
        change(&mut case);
        case.judged()
    }
}

/// The payment that honestly follows the first one.
fn next(payment: &Payment) -> Payment {
    Payment {
        sequence: Sequence(payment.sequence.0 + 1),
        odometer: payment.odometer.advance(payment.amount).unwrap(),
        ..*payment
    }
}

#[test]
fn two_payments_under_one_number_are_a_proof() {
    let proven = Ok((Cast::payer_code(), Contradiction::SameSequence));
    assert_eq!(Case::fork().judged(), proven);
    assert_eq!(
        Case::with(|case| case.payments.swap(0, 1)),
        proven,
        "in either order"
    );
    let judgement = judge_proof(&cast().trust(), &Case::fork().bytes()).unwrap();
    assert_eq!(judgement.payments, Case::fork().payments);
}

#[test]
fn an_interval_spent_twice_is_a_proof() {
    let outcome = Case::with(|case| {
        case.payments[1] = next(&case.payments[0]);
        case.payments[1].odometer = reading(case.payments[1].odometer.get() - 1);
    });
    assert_eq!(outcome, Ok((Cast::payer_code(), Contradiction::Overlap)));
}

#[test]
fn a_fork_across_two_allowances_of_one_key_is_a_proof() {
    let outcome = Case::with(|case| {
        case.allowances[1].number += 1;
        case.allowances[1].limit = reading(20_000);
    });
    assert_eq!(
        outcome,
        Ok((Cast::payer_code(), Contradiction::SameSequence))
    );
}

#[test]
fn an_honest_pair_is_no_proof() {
    let refused = Err(Status::Malformed);
    assert_eq!(
        Case::with(|case| case.payments[1] = next(&case.payments[0])),
        refused
    );
    assert_eq!(
        Case::with(|case| case.payments[1] = case.payments[0]),
        refused,
        "one payment twice"
    );
    let in_two_epochs = Case::with(|case| {
        case.allowances[1].key_epoch = KeyEpoch(2);
        case.payments[1].key_epoch = KeyEpoch(2);
    });
    assert_eq!(in_two_epochs, refused);
    let of_two_purses = Case::with(|case| {
        case.allowances[1].code = code(Kind::Device, 1, 9);
        case.payments[1].payer = code(Kind::Device, 1, 9);
    });
    assert_eq!(of_two_purses, refused);
}

#[test]
fn two_wallet_keys_for_one_code_and_epoch_are_the_gateways_doing_and_no_proof() {
    let outcome = Case::with(|case| {
        case.allowances[1].wallet_key = key(Algorithm::Ed25519, 99).public_key();
        case.signers[1] = 99;
    });
    assert_eq!(outcome, Err(Status::Malformed));
}

#[test]
fn a_payment_the_wallet_key_did_not_sign_is_a_bad_signature() {
    for which in [0, 1] {
        let outcome = Case::with(|case| case.signers[which] = 99);
        assert_eq!(outcome, Err(Status::BadSignature));
    }
}

#[test]
fn a_payment_that_does_not_fit_its_allowance_proves_nothing() {
    let above = Case::with(|case| case.payments[1].odometer = reading(10_001));
    assert_eq!(above, Err(Status::AboveLimit));
    let nothing = Case::with(|case| case.payments[1].amount = amount(0));
    assert_eq!(nothing, Err(Status::Malformed));
    let unnamed = Case::with(|case| {
        case.named = false;
        case.payments[1].allowance = Reference([0; 16]);
    });
    assert_eq!(unnamed, Err(Status::WrongAllowance));
}

#[test]
fn an_allowance_by_another_gateway_proves_nothing() {
    let outcome = Case::with(|case| case.allowances[1].gateway = code(Kind::Gateway, 0, 3));
    assert_eq!(outcome, Err(Status::UnknownGateway));
    let outcome = Case::with(|case| case.cast.gateway = key(Algorithm::Ed25519, 98));
    assert_eq!(
        outcome,
        Err(Status::BadSignature),
        "not the key its pass names"
    );
}

#[test]
fn a_proof_by_a_gateway_without_authority_proves_nothing() {
    let outcome = Case::with(|case| case.gateway.rights = Rights::ISSUE_CODES);
    assert_eq!(outcome, Err(Status::NotPermitted));
    let outcome = Case::with(|case| case.gateway.issuer = Party(Cast::root_code()));
    assert_eq!(outcome, Err(Status::NotForYou));
    let mut case = Case::fork();
    case.cast.root = key(Algorithm::Ed25519, 97);
    let outcome = judge_proof(&cast().trust(), &case.bytes()).err();
    assert_eq!(
        outcome,
        Some(Status::BadSignature),
        "of a root nobody trusts"
    );
}

#[test]
fn every_single_bit_flip_of_a_fraud_proof_is_refused() {
    let (trust, mut proof) = (cast().trust(), Case::fork().bytes());
    assert!(judge_proof(&trust, &proof).is_ok());
    for bit in 0..proof.len() * 8 {
        proof[bit / 8] ^= 1 << (bit % 8);
        let outcome = judge_proof(&trust, &proof).err();
        assert!(
            matches!(outcome, Some(Status::Malformed | Status::BadSignature)),
            "bit {bit}: {outcome:?}"
        );
        proof[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn another_message_is_no_fraud_proof() {
    let trust = cast().trust();
    let mut out = [0; MESSAGE_MAX];
    let len = Message::refusal(Status::Busy, None)
        .write(&mut out)
        .unwrap();
    assert_eq!(
        judge_proof(&trust, &out[..len]).err(),
        Some(Status::Malformed)
    );
    assert_eq!(judge_proof(&trust, &[]).err(), Some(Status::Malformed));
    assert_eq!(
        judge_proof(&trust, Digest([7; 32]).as_bytes()).err(),
        Some(Status::Malformed)
    );
}
