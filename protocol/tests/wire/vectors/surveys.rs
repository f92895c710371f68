//! Records of where exactly places are, good and refused.

use super::held::{bytes, list, network, public_key, text};
use super::{committed, fields, hex};
use crate::cast::{Cast, DAY_S, NOW, network as test_network, signed};
use protocol::code::grid::{Level, Place, Point, Span};
use protocol::keys::SoftwareKey;
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Party, Pass, PlaceRecord, Rights, Survey};
use protocol::rules::Trust;
use protocol::rules::survey::judge;
use protocol::{Algorithm, Digest, GridCode, Signer, Status};
use serde_json::{Value, json};

struct Case {
    survey: Survey,
    record: PlaceRecord,
    authority: Pass,
    owner: Pass,
    /// Who sign: owner, then authority.
    by: [SoftwareKey; 2],
}

impl Case {
    fn message(&self, cast: &Cast) -> Vec<u8> {
        let message = Message::PlaceRecord {
            issuer: &signed(&cast.issuer_pass(), &cast.root),
            authority: &signed(&self.authority, &cast.issuer),
            owner: &signed(&self.owner, &cast.gateway),
            survey: &signed(&self.survey, &self.by[0]),
            record: &signed(&self.record, &self.by[1]),
        };
        let mut out = [0; MESSAGE_MAX];
        let len = message.write(&mut out).unwrap();
        out[..len].to_vec()
    }
}

fn case(why: &'static str, outcome: Result<(), Status>, change: impl FnOnce(&mut Case)) -> Value {
    let cast = Cast::new(Algorithm::Ed25519);
    let players = Cast::new(Algorithm::Ed25519);
    let mut case = Case {
        survey: cast.survey(),
        record: cast.place_record(),
        authority: cast.gateway_pass(),
        owner: cast.payee_pass(),
        by: [players.payee, players.gateway],
    };
    let names_it = case.record.survey;
    change(&mut case);
    if case.record.survey == names_it {
        let algorithm = case.by[0].public_key().algorithm();
        let id = protocol::cose::identify(&case.survey, &test_network(), algorithm);
        case.record.survey = id.unwrap();
    }
    let message = case.message(&cast);
    let judged = judge(&cast.trust(), &message);
    assert_eq!(judged.map(drop), outcome, "{why}");
    json!({ "why": why, "message": hex(&message), "outcome": word(outcome) })
}

fn word(outcome: Result<(), Status>) -> &'static str {
    outcome.map_or_else(Status::word, |()| "ok")
}

/// A place of the payee's that begins at the corner of its own cell.
fn grid(level: u8, point: Point, height_dm: Option<i32>) -> GridCode {
    GridCode::derive(&Place {
        by: Cast::new(Algorithm::Ed25519).bay().issued_by(),
        level: Level::new(level).unwrap(),
        point,
        height_dm,
        span: Span::new(29_000_000, None).unwrap(),
        owner: Cast::payee_code(),
    })
    .unwrap()
}

fn at(case: &mut Case, level: u8, (latitude, longitude): (i64, i64), (to_lat, to_lon): (i64, i64)) {
    let point = Point::from_nanodegrees(latitude, longitude).unwrap();
    case.survey.place = grid(level, point, None);
    case.record.place = case.survey.place;
    case.survey.latitude_nanodeg = to_lat;
    case.survey.longitude_nanodeg = to_lon;
}

pub fn surveys() -> Value {
    const POLE: i64 = 90_000_000_000;
    const DATE_LINE: i64 = 180_000_000_000;
    let elsewhere = Err(Status::OutsideArea);
    let mut all = vec![
        case("surveyed and recorded", Ok(()), |_| {}),
        case("the height rounded by a decimetre", Ok(()), |case| {
            case.survey.height_mm = Some(2_900);
        }),
        case("another height", elsewhere, |case| {
            case.survey.height_mm = Some(3_101);
        }),
        case("a height below all bounds", elsewhere, |case| {
            case.survey.height_mm = Some(i64::MIN);
        }),
        case("no height", Ok(()), |case| case.survey.height_mm = None),
        case("on the south-west corner", Ok(()), |case| {
            at(case, 4, (0, 0), (0, 0));
        }),
        case("a hair west of it", elsewhere, |case| {
            at(case, 4, (0, 0), (0, -1));
        }),
        case("a hair south of it", elsewhere, |case| {
            at(case, 4, (0, 0), (-1, 0));
        }),
        case("the north pole", Ok(()), |case| {
            at(case, 10, (POLE, 5), (POLE, 5));
        }),
        case("180 degrees east is 180 degrees west", Ok(()), |case| {
            at(case, 8, (0, -DATE_LINE), (0, DATE_LINE));
        }),
        case("beyond the pole", Err(Status::Malformed), |case| {
            case.survey.latitude_nanodeg = POLE + 1;
        }),
        case("beyond the date line", Err(Status::Malformed), |case| {
            case.survey.longitude_nanodeg = -DATE_LINE - 1;
        }),
    ];
    all.extend(by_whom());
    json!({
        "about": "Records of places: docs/protocol.md, 9.20. Each is a whole message, judged under the root.",
        "network": test_network().as_str(),
        "root_key": fields::public_key(&Cast::new(Algorithm::Ed25519).root.public_key()),
        "records": all,
    })
}

fn by_whom() -> Vec<Value> {
    let stranger = || SoftwareKey::ed25519(&[9; 32]);
    let refused = |status| Err(status);
    vec![
        case(
            "surveyed by another key",
            refused(Status::BadSignature),
            |case| {
                case.by[0] = stranger();
            },
        ),
        case(
            "recorded by another key",
            refused(Status::BadSignature),
            |case| {
                case.by[1] = stranger();
            },
        ),
        case(
            "of somebody who does not own it",
            refused(Status::NotForYou),
            |case| {
                case.survey.owner = Cast::payer_code();
            },
        ),
        case(
            "the owner's pass is another's",
            refused(Status::NotForYou),
            |case| {
                case.owner.subject = Party(Cast::payer_code());
            },
        ),
        case(
            "recorded of another survey",
            refused(Status::NotForYou),
            |case| {
                case.record.survey = Digest([7; 32]);
            },
        ),
        case(
            "recorded of another place",
            refused(Status::NotForYou),
            |case| {
                case.record.place = grid(7, Point::from_units(0, 0).unwrap(), None);
            },
        ),
        case(
            "recorded in another's name",
            refused(Status::NotForYou),
            |case| {
                case.record.by = Cast::issuer_code();
            },
        ),
        case(
            "by a gateway that issues nothing",
            refused(Status::NotPermitted),
            |case| {
                case.authority.rights = Rights::SETTLE;
            },
        ),
        case(
            "by a gateway that is another station",
            refused(Status::NotPermitted),
            |case| {
                case.authority.station = Some(2);
            },
        ),
        case(
            "recorded before it was signed",
            refused(Status::Expired),
            |case| {
                case.survey.time = case.record.time.plus_s(301);
            },
        ),
        case(
            "measured after it was signed",
            refused(Status::Expired),
            |case| {
                case.survey.measured = case.survey.time.plus_s(301);
            },
        ),
        case("passes that have ended since", Ok(()), |case| {
            case.owner.expires = NOW.minus_s(DAY_S);
            case.authority.expires = NOW.minus_s(DAY_S);
        }),
    ]
}

#[test]
fn surveys_hold() {
    let file = committed("surveys.json");
    let trust = Trust::new(network(&file), public_key(&file["root_key"]));
    for case in list(&file, "records") {
        let outcome = judge(&trust, &bytes(case, "message"));
        assert_eq!(word(outcome.map(drop)), text(case, "outcome"), "{case}");
    }
}
