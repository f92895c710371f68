//! The statuses, and what the rules say to evidence, passes and fraud proofs.

use super::messages::written;
use super::{fields, hex};
use crate::cast::{
    Cast, DAY_S, HOLDINGS, NOW, amount, code, key, network, reading, signed, verified,
};
use protocol::message::Message;
use protocol::objects::{Allowance, Object, Party, Pass, Payment, Rights};
use protocol::rules::{Expected, PayeeView, Spent, acceptable, fits, judge_proof};
use protocol::stream::Stream;
use protocol::{
    Algorithm, AssuranceClass, Digest, Fault, KeyEpoch, Kind, Reference, Sequence, Signer, Status,
};
use serde_json::{Value, json};

fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::None => "none",
        Fault::Sender => "sender",
        Fault::Payer => "payer",
        Fault::Payee => "payee",
        Fault::Fraud => "fraud",
        Fault::Receiver => "receiver",
    }
}

pub fn statuses() -> Value {
    let all: Vec<Value> = Status::ALL
        .iter()
        .map(|status| {
            json!({
                "number": *status as u8,
                "word": status.word(),
                "fault": fault(status.fault()),
                "sentence": status.sentence(),
            })
        })
        .collect();
    json!({ "about": "Statuses: docs/protocol.md, chapter 8.", "statuses": all })
}

fn cast() -> Cast {
    Cast::new(Algorithm::Ed25519)
}

/// One evidence message and the payee that judges it.
struct Case {
    why: &'static str,
    allowance: Allowance,
    payment: Payment,
    newest: Option<Spent>,
    view: PayeeView<'static>,
    fits: Result<(), Status>,
    acceptable: Result<(), Status>,
}

impl Case {
    fn good(why: &'static str) -> Self {
        let (allowance, payment) = (cast().allowance(), cast().payment());
        let expected = Expected {
            amount: payment.amount,
            reference: payment.reference,
        };
        Self {
            why,
            allowance,
            payment,
            newest: None,
            view: PayeeView {
                me: Cast::payee_code(),
                now: NOW.plus_s(3_600),
                sync_margin_s: DAY_S,
                newest: None,
                expected: Some(expected),
                most_by_class: [amount(100), amount(10_000), amount(1_000_000)],
                has_time: true,
                holdings: &HOLDINGS,
            },
            fits: Ok(()),
            acceptable: Ok(()),
        }
    }

    /// Refused by everybody.
    fn unfit(why: &'static str, status: Status, change: impl FnOnce(&mut Self)) -> Self {
        let mut case = Self::good(why);
        case.view.expected = None;
        change(&mut case);
        (case.fits, case.acceptable) = (Err(status), Err(status));
        case
    }

    /// Fits its allowance, but not for this payee now.
    fn unacceptable(why: &'static str, status: Status, change: impl FnOnce(&mut Self)) -> Self {
        let mut case = Self::good(why);
        change(&mut case);
        case.acceptable = Err(status);
        case
    }

    fn to_json(&self) -> Value {
        let cast = cast();
        let allowance = signed(&self.allowance, &cast.gateway);
        let allowance = verified::<Allowance>(&allowance, &cast.gateway.public_key());
        let mut payment = self.payment;
        if payment.allowance == cast.payment().allowance {
            payment.allowance = allowance.reference();
        }
        let payment = signed(&payment, &cast.payer);
        let payment = verified::<Payment>(&payment, &cast.payer.public_key());
        let view = PayeeView {
            newest: self.newest.as_ref(),
            ..self.view
        };
        assert_eq!(fits(&allowance, &payment), self.fits, "{}", self.why);
        assert_eq!(
            acceptable(&allowance, &payment, &view),
            self.acceptable,
            "{}",
            self.why
        );
        let evidence = written(&Message::Evidence {
            allowance: allowance.bytes(),
            payment: payment.bytes(),
        });
        json!({
            "why": self.why,
            "evidence": hex(&evidence),
            "view": fields::view(&view),
            "fits": fields::outcome(self.fits),
            "acceptable": fields::outcome(self.acceptable),
        })
    }
}

/// The honest payment as something already taken, to be bent.
fn taken() -> Spent {
    Spent::new(cast().payment_id(), &cast().payment()).unwrap()
}

fn unfit_cases() -> Vec<Case> {
    use Status::{
        AboveLimit, AboveMost, Malformed, OutOfInterval, OutOfSequence, TooLate, WrongAllowance,
    };
    vec![
        Case::unfit("it names another allowance", WrongAllowance, |c| {
            c.payment.allowance = Reference([9; 16])
        }),
        Case::unfit("another payer than the allowance's", WrongAllowance, |c| {
            c.payment.payer = code(Kind::Device, 1, 9)
        }),
        Case::unfit("another key epoch", WrongAllowance, |c| {
            c.payment.key_epoch = KeyEpoch(2)
        }),
        Case::unfit("nothing is paid", Malformed, |c| {
            c.payment.amount = amount(0)
        }),
        Case::unfit("the payer pays itself", Malformed, |c| {
            c.payment.payee = c.payment.payer;
            c.view.me = c.payment.payer;
        }),
        Case::unfit("a stream that costs one more in all", Malformed, |c| {
            c.payment.stream = Some(Cast::stream());
            (c.payment.amount, c.payment.odometer) = (amount(2_499), reading(3_499));
        }),
        Case::unfit("a stream of one unit more", Malformed, |c| {
            c.payment.stream = Some(Stream {
                count: 101,
                ..Cast::stream()
            });
        }),
        Case::unfit("more than one payment may take", AboveMost, |c| {
            (c.payment.amount, c.payment.odometer) = (amount(5_001), reading(6_001));
        }),
        Case::unfit("the base's own number", OutOfSequence, |c| {
            c.payment.sequence = Sequence(3)
        }),
        Case::unfit("one number past the last", OutOfSequence, |c| {
            c.payment.sequence = Sequence(68)
        }),
        Case::unfit("it begins below the base", OutOfInterval, |c| {
            c.payment.odometer = reading(3_499)
        }),
        Case::unfit("more than its reading", OutOfInterval, |c| {
            c.payment.odometer = reading(2_499)
        }),
        Case::unfit("a reading past the limit", AboveLimit, |c| {
            c.payment.odometer = reading(10_001)
        }),
        Case::unfit("a deadline after the allowance expires", TooLate, |c| {
            c.payment.settle_by = c.allowance.expires.plus_s(1);
        }),
    ]
}

fn unacceptable_cases() -> Vec<Case> {
    use Status::{
        AboveClass, AskGateway, Contradiction, Expired, NotForYou, TooLate, WrongAmount,
        WrongReference,
    };
    vec![
        Case::unacceptable("for somebody else", NotForYou, |c| {
            c.view.me = code(Kind::Device, 1, 3)
        }),
        Case::unacceptable("another reference than asked for", WrongReference, |c| {
            c.payment.reference = Reference([7; 16]);
        }),
        Case::unacceptable("less than asked for", WrongAmount, |c| {
            c.payment.amount = amount(2_499)
        }),
        Case::unacceptable("the allowance expires this second", Expired, |c| {
            c.view.now = c.allowance.expires
        }),
        Case::unacceptable("one second too few to synchronise", TooLate, |c| {
            c.payment.settle_by = c.view.now.plus_s(DAY_S - 1);
        }),
        Case::unacceptable("more than this payee takes from class 0", AboveClass, |c| {
            c.allowance.class = AssuranceClass::Software;
        }),
        Case::unacceptable("another payment under a known number", Contradiction, |c| {
            c.newest = Some(Spent {
                id: Digest([1; 32]),
                ..taken()
            });
        }),
        Case::unacceptable("an interval spent before", Contradiction, |c| {
            let (from, to) = (reading(0), reading(1_001));
            c.newest = Some(Spent {
                id: Digest([1; 32]),
                sequence: Sequence(3),
                from,
                to,
                ..taken()
            });
        }),
        Case::unacceptable("older than the newest one taken", AskGateway, |c| {
            let (from, to) = (reading(3_500), reading(4_000));
            c.newest = Some(Spent {
                id: Digest([1; 32]),
                sequence: Sequence(5),
                from,
                to,
                ..taken()
            });
        }),
    ]
}

fn good_cases() -> Vec<Case> {
    let mut unexpected = Case::good("nothing was asked for");
    unexpected.view.expected = None;
    let mut again = Case::good("the same payment again");
    again.newest = Some(taken());
    let mut follows = Case::good("it follows the newest one");
    let (from, to) = (reading(0), reading(1_000));
    follows.newest = Some(Spent {
        id: Digest([1; 32]),
        sequence: Sequence(3),
        from,
        to,
        ..taken()
    });
    let mut edge = Case::good("up to the limit, the last number, the last second");
    edge.view.expected = None;
    (edge.payment.amount, edge.payment.odometer) = (amount(5_000), reading(10_000));
    edge.payment.sequence = Sequence(67);
    edge.payment.settle_by = edge.allowance.expires;
    let mut stream = Case::good("a stream, its whole amount");
    stream.payment = cast().stream_payment();
    stream.view.expected = None;
    vec![
        stream,
        Case::good("what was asked for"),
        unexpected,
        again,
        follows,
        edge,
    ]
}

pub fn evidence() -> Value {
    let cases = [good_cases(), unfit_cases(), unacceptable_cases()];
    let cases: Vec<Value> = cases.iter().flatten().map(Case::to_json).collect();
    json!({
        "about": "Evidence judged by one payee: docs/protocol.md, chapter 9. Every signature is good; fits is what any gateway says, acceptable what this payee says.",
        "network": network().as_str(),
        "gateway_key": fields::public_key(&cast().gateway.public_key()),
        "evidence": cases,
    })
}

/// A pass and what its issuer's pass makes of it.
pub fn passes() -> Value {
    let cast = cast();
    let trust = cast.trust();
    let issuer = signed(&cast.issuer_pass(), &cast.root);
    let gateway = signed(&cast.gateway_pass(), &cast.issuer);
    let authority = trust.gateway(&issuer, &gateway).unwrap();
    let case = |why: &str, expected: Result<(), Status>, change: &dyn Fn(&mut Pass), signer| {
        let mut pass = cast.payee_pass();
        change(&mut pass);
        let pass = signed(&pass, signer);
        assert_eq!(
            trust.issued(&authority, &pass).map(|_| ()),
            expected,
            "{why}"
        );
        json!({ "why": why, "pass": hex(&pass), "issued": fields::outcome(expected) })
    };
    let by = &cast.gateway;
    let refused = Err(Status::NotPermitted);
    let cases = [
        case("inside the gateway's range and rights", Ok(()), &|_| {}, by),
        case(
            "no rights at all",
            Ok(()),
            &|pass| pass.rights = Rights::default(),
            by,
        ),
        case(
            "signed by another key",
            Err(Status::BadSignature),
            &|_| {},
            &cast.issuer,
        ),
        case(
            "it names another issuer",
            Err(Status::NotForYou),
            &|pass| pass.issuer = Party(Cast::issuer_code()),
            by,
        ),
        case(
            "another station",
            refused,
            &|pass| pass.subject = Party(code(Kind::Device, 2, 1)),
            by,
        ),
        case(
            "before the first number",
            refused,
            &|pass| pass.subject = Party(code(Kind::Device, 1, 0)),
            by,
        ),
        case(
            "a right the gateway does not have",
            refused,
            &|pass| pass.rights = Rights::ISSUE_MONEY,
            by,
        ),
    ];
    json!({
        "about": "Passes judged by the pass of who signed them: docs/protocol.md, chapter 9.",
        "network": network().as_str(),
        "root_key": fields::public_key(&trust.root_key),
        "issuer_pass": hex(&issuer),
        "gateway_pass": hex(&gateway),
        "passes": cases,
    })
}

pub fn fraud_proofs() -> Value {
    let cast = cast();
    let first = cast.payment();
    let follows = Payment {
        sequence: Sequence(5),
        odometer: reading(6_000),
        payee: code(Kind::Device, 1, 3),
        ..first
    };
    let same_sequence = Payment {
        payee: follows.payee,
        ..first
    };
    let overlap = Payment {
        odometer: reading(5_999),
        ..follows
    };
    let above_limit = Payment {
        odometer: reading(10_001),
        ..follows
    };
    let case = |why: &str, second: &Payment, key: u8, expected: Result<&'static str, Status>| {
        proof(&cast, why, [&first, second], key, expected)
    };
    let all = [
        case(
            "one number, two payees",
            &same_sequence,
            4,
            Ok("same_sequence"),
        ),
        case(
            "the second begins below the end of the first",
            &overlap,
            4,
            Ok("overlap"),
        ),
        case("an honest pair", &follows, 4, Err(Status::Malformed)),
        case("one payment twice", &first, 4, Err(Status::Malformed)),
        case(
            "the second signed by another key",
            &same_sequence,
            5,
            Err(Status::BadSignature),
        ),
        case(
            "the second beyond its allowance",
            &above_limit,
            4,
            Err(Status::AboveLimit),
        ),
    ];
    json!({
        "about": "Fraud proofs: docs/protocol.md, chapter 9. A proof that holds names a code and how its key forked; any other gives the status.",
        "network": network().as_str(),
        "root_key": fields::public_key(&cast.root.public_key()),
        "proofs": all,
    })
}

fn proof(
    cast: &Cast,
    why: &str,
    payments: [&Payment; 2],
    second_key: u8,
    expected: Result<&'static str, Status>,
) -> Value {
    let issuer = signed(&cast.issuer_pass(), &cast.root);
    let gateway = signed(&cast.gateway_pass(), &cast.issuer);
    let allowance = signed(&cast.allowance(), &cast.gateway);
    let [first, second] = payments;
    let first = signed(first, &cast.payer);
    let second = signed(second, &key(Algorithm::Ed25519, second_key));
    let proof = written(&Message::Proof {
        issuer: &issuer,
        gateway: &gateway,
        allowances: [&allowance; 2],
        payments: [&first, &second],
    });
    let judged = judge_proof(&cast.trust(), &proof);
    let how = judged
        .as_ref()
        .map(|judgement| fields::contradiction(judgement.how));
    assert_eq!(how.map_err(|status| *status), expected, "{why}");
    json!({
        "why": why,
        "objects": [Pass::NAME, Pass::NAME, Allowance::NAME, Allowance::NAME, Payment::NAME, Payment::NAME],
        "proof": hex(&proof),
        "code": judged.as_ref().ok().map(|judgement| judgement.code.to_string()),
        "outcome": expected.unwrap_or_else(Status::word),
    })
}
