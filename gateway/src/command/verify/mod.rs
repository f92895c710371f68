//! `onecode verify FILE`: judges an object, a fraud proof or a proof of the code chain with nothing but the root's key.

mod chain;
mod objects;
#[cfg(test)]
mod owners;

use super::Outcome;
use crate::house::Failure;
use crate::trust_file::TrustFile;
use crate::wallet::now;
use clap::Args;
use protocol::Status;
use protocol::chain::LogProof;
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::{Allowance, Pass, Payment};
use protocol::rules::{self, Charge, Contradiction, Handover, Trust, judge_proof};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What to judge, and by which root.
#[derive(Args)]
pub struct Options {
    /// A file with any signed object, message, fraud proof or proof of the code chain, as saved by the portal or a device.
    file: PathBuf,
    /// The network's trust file (`trust.toml` in a gateway's data folder).
    #[arg(long)]
    trust: PathBuf,
    /// Folder with the issuer.pass and gateway.pass of whoever signed, and the pass of a thing that
    /// did: such as a thing's own. Repeat it for more things. The root's own pass and a fraud proof
    /// need none.
    #[arg(long)]
    passes: Vec<PathBuf>,
    /// The verifier key of a witness that must have cosigned a proof of the code chain; repeat it
    /// for more.
    #[arg(long)]
    witness: Vec<String>,
}

/// Largest file that can be an object.
const FILE_MAX: u64 = 64 * 1024;

/// What stands between the root and most objects.
struct Above {
    issuer: Vec<u8>,
    gateway: Vec<u8>,
    /// Of the station that made the first thing.
    station: Option<Vec<u8>>,
    /// Of things, each with that of the station that made it behind it.
    things: Vec<Vec<u8>>,
}

impl Above {
    /// From folders of things of one gateway; none from no folder.
    fn load(folders: &[PathBuf]) -> Result<Option<Self>, Failure> {
        let Some(first) = folders.first() else {
            return Ok(None);
        };
        let mut above = Self {
            issuer: read(&first.join("issuer.pass"))?,
            gateway: read(&first.join("gateway.pass"))?,
            station: read_some(&first.join("station.pass"))?,
            things: Vec::new(),
        };
        for folder in folders {
            if let Some(own) = read_some(&folder.join("pass"))? {
                let station = read_some(&folder.join("station.pass"))?;
                above
                    .things
                    .push([own, station.unwrap_or_default()].concat());
            }
        }
        Ok(Some(above))
    }
}

/// Prints what the file proves; fails when it proves nothing.
pub fn run(options: Options) -> Outcome {
    let trust = TrustFile::load(&options.trust, now())?.trust();
    let above = Above::load(&options.passes)?;
    let bytes = read(&options.file)?;
    if LogProof::is_one(&bytes) {
        println!("{}", chain::proof(&trust, &options.witness, &bytes)?);
        return Ok(ExitCode::SUCCESS);
    }
    let verdict = judge(&trust, above.as_ref(), &bytes)?;
    println!("{verdict}");
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let cannot = |error| format!("cannot read {}: {error}", file.display());
    if std::fs::metadata(file).map_err(cannot)?.len() > FILE_MAX {
        return Err(format!("{} is too large for an object", file.display()).into());
    }
    Ok(std::fs::read(file).map_err(cannot)?)
}

fn read_some(file: &Path) -> Result<Option<Vec<u8>>, Failure> {
    file.exists().then(|| read(file)).transpose()
}

fn judge(trust: &Trust, above: Option<&Above>, bytes: &[u8]) -> Result<String, String> {
    if let Ok(sealed) = open::<Pass>(bytes, &trust.network) {
        return pass(trust, above, sealed.peek(), bytes);
    }
    let needs = || "well formed; bring the passes of who signed it with --passes".to_owned();
    if objects::is_object(trust, bytes) {
        return objects::alone(trust, above.ok_or_else(needs)?, bytes);
    }
    match Message::read(bytes).map_err(explain)? {
        Message::Proof { .. } => proof(trust, bytes),
        Message::Accusation { .. } => accusation(trust, bytes),
        Message::PlaceRecord { .. } => place_record(trust, bytes),
        Message::Evidence { allowance, payment } | Message::Seen { allowance, payment } => {
            evidence(trust, above, allowance, payment)
        }
        Message::Refusal { status, .. } => Err(format!(
            "{status}: {}; nobody signs a refusal",
            status.sentence()
        )),
        Message::Unit { .. } => {
            Err("a unit of a stream: its value speaks to who holds the payment".to_owned())
        }
        Message::Ask { .. } => Err("a payer's question: nobody signs it".to_owned()),
        Message::Authorities {
            issuer,
            gateway,
            update,
            ..
        } => objects::authorities(trust, [issuer, gateway], update, now()),
        Message::Successor {
            issuer,
            gateway,
            former,
            successor,
            ..
        } => {
            let shown = Handover {
                issuer,
                gateway,
                former,
                successor,
            };
            objects::succession(trust, &shown, now())
        }
        Message::Payment { payment } => objects::alone(trust, above.ok_or_else(needs)?, payment),
        message @ (Message::Claim {
            allowance, payment, ..
        }
        | Message::StreamClaim {
            allowance, payment, ..
        }) => {
            let paid = evidence(trust, above, allowance, payment)?;
            let received = objects::message(trust, above.ok_or_else(needs)?, &message)?;
            Ok(format!("{paid}\n{received}"))
        }
        message => objects::message(trust, above.ok_or_else(needs)?, &message),
    }
}

fn accusation(trust: &Trust, bytes: &[u8]) -> Result<String, String> {
    let verdict = rules::judge(trust, bytes).map_err(explain)?;
    let who = match verdict.charge {
        Charge::AllowanceNumber | Charge::FloatOverlap => "the gateway",
        _ => "the key of",
    };
    let how = verdict.charge.sentence();
    Ok(format!(
        "fraud proven: {who} {:#} signed {how}",
        verdict.code
    ))
}

fn place_record(trust: &Trust, bytes: &[u8]) -> Result<String, String> {
    let held = rules::survey::judge(trust, bytes).map_err(explain)?;
    let said = &held.surveyed.survey;
    let degrees = |nanodegrees: i64| {
        let sign = if nanodegrees < 0 { "-" } else { "" };
        let size = nanodegrees.unsigned_abs();
        format!("{sign}{}.{:09}", size / 1_000_000_000, size % 1_000_000_000)
    };
    let height = said
        .height_mm
        .map(|mm| format!(", {mm} mm above the ellipsoid"));
    let by = said.measured_by.map(|code| format!(" by {code:#}"));
    Ok(format!(
        "genuine: {:#} of {:#}, recorded by {:#}\n  at {} {}{}, within {} mm, in {}\n  by {}{}, {} seconds after 1970",
        said.place,
        said.owner,
        held.record.by,
        degrees(said.latitude_nanodeg),
        degrees(said.longitude_nanodeg),
        height.unwrap_or_default(),
        said.accuracy_mm,
        said.datum.word(),
        said.method.word(),
        by.unwrap_or_default(),
        said.measured.0,
    ))
}

fn explain(status: Status) -> String {
    format!("not genuine: {status}: {}", status.sentence())
}

/// `said` names the signer; nothing in it is believed before the signature is checked.
fn pass(trust: &Trust, above: Option<&Above>, said: &Pass, bytes: &[u8]) -> Result<String, String> {
    let by_root = trust.issuer(bytes);
    let signed = match (by_root, above) {
        (Ok(signed), _) => signed,
        (Err(_), Some(above)) => {
            let issuer = trust.issuer(&above.issuer).map_err(explain)?;
            let gateway = trust.issued(&issuer, &above.gateway).map_err(explain)?;
            let station = above.station.as_deref();
            let station = station.map(|station| trust.issued(&issuer, station));
            let station = station.transpose().map_err(explain)?;
            let mut others = [Some(&issuer), station.as_ref()].into_iter().flatten();
            let by = others.find(|by| by.get().subject == said.issuer);
            trust
                .issued(by.unwrap_or(&gateway), bytes)
                .map_err(explain)?
        }
        (Err(_), None) => {
            return Err(format!(
                "not signed by the root; it names {:#} as its signer: bring the passes above it with --passes",
                said.issuer.0
            ));
        }
    };
    let pass = signed.get();
    Ok(format!(
        "genuine: {:#} gave {:#} this pass",
        pass.issuer.0, pass.subject.0
    ))
}

fn proof(trust: &Trust, bytes: &[u8]) -> Result<String, String> {
    let judgement = judge_proof(trust, bytes).map_err(explain)?;
    let how = match judgement.how {
        Contradiction::SameSequence => "two payments with one sequence number",
        Contradiction::Overlap => "two payments that spend the same money",
    };
    let [a, b] = judgement.payments;
    Ok(format!(
        "fraud proven: the key of {:#} signed {how}\n  number {} of {} {} to {:#}\n  number {} of {} {} to {:#}",
        judgement.code,
        a.sequence.0,
        a.amount,
        a.currency,
        a.payee,
        b.sequence.0,
        b.amount,
        b.currency,
        b.payee
    ))
}

/// Without the gateway's pass only the inner signature can be judged; that is said.
fn evidence(
    trust: &Trust,
    above: Option<&Above>,
    allowance: &[u8],
    payment: &[u8],
) -> Result<String, String> {
    let sealed = open::<Allowance>(allowance, &trust.network).map_err(explain)?;
    let gateway = sealed.peek().gateway;
    let key = sealed.peek().wallet_key;
    let how_far = match above {
        Some(above) => {
            let known = trust
                .gateway(&above.issuer, &above.gateway)
                .map_err(explain)?;
            if known.get().subject.0 != gateway {
                return Err(format!(
                    "the allowance is by {gateway:#}, and these are not its passes"
                ));
            }
            sealed.verify(&known.get().key.0).map_err(explain)?;
            format!("genuine: signed by the key that {gateway:#} gave an allowance")
        }
        None => format!(
            "signed by the key its allowance names; whether {gateway:#} gave that allowance is not known without --passes"
        ),
    };
    let payment = open::<Payment>(payment, &trust.network)
        .and_then(|payment| payment.verify(&key))
        .map_err(explain)?;
    let order = payment.get();
    Ok(format!(
        "{how_far}\n  {:#} pays {} {} to {:#}, number {}",
        order.payer, order.amount, order.currency, order.payee, order.sequence.0
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Network, PublicKey, Timestamp};
    use serde_json::Value;

    pub(super) fn vectors(name: &str) -> Value {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/vectors");
        serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
    }

    fn bytes(value: &Value) -> Vec<u8> {
        let digits = value.as_str().unwrap().as_bytes();
        let digit = |digit: u8| char::from(digit).to_digit(16).unwrap() as u8;
        digits
            .chunks(2)
            .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
            .collect()
    }

    pub(super) fn trust(vectors: &Value) -> Trust {
        let key = bytes(&vectors["root_key"]["bytes"]);
        Trust::new(
            Network::new("test").unwrap(),
            PublicKey::Ed25519(key.try_into().unwrap()),
        )
    }

    fn above(vectors: &Value) -> Above {
        Above {
            issuer: bytes(&vectors["issuer_pass"]),
            gateway: bytes(&vectors["gateway_pass"]),
            station: None,
            things: Vec::new(),
        }
    }

    #[test]
    fn a_pass_is_judged_by_those_above_it() {
        let vectors = vectors("passes.json");
        let (trust, above) = (trust(&vectors), above(&vectors));
        let verdict = judge(&trust, None, &above.issuer).unwrap();
        assert!(verdict.starts_with("genuine: "), "{verdict}");
        let error = judge(&trust, None, &above.gateway).unwrap_err();
        assert!(error.contains("--passes"), "{error}");
        judge(&trust, Some(&above), &above.gateway).unwrap();
        for case in vectors["passes"].as_array().unwrap() {
            let judged = judge(&trust, Some(&above), &bytes(&case["pass"]));
            assert_eq!(
                judged.is_ok(),
                case["issued"] == "ok",
                "{}: {judged:?}",
                case["why"]
            );
        }
    }

    #[test]
    fn a_fraud_proof_needs_the_root_alone() {
        let vectors = vectors("fraud-proofs.json");
        let trust = trust(&vectors);
        for case in vectors["proofs"].as_array().unwrap() {
            let judged = judge(&trust, None, &bytes(&case["proof"]));
            assert_eq!(judged.is_ok(), case["code"].is_string(), "{judged:?}");
        }
    }

    #[test]
    fn evidence_says_how_far_it_was_judged() {
        let passes = vectors("passes.json");
        let trust = trust(&passes);
        let messages = vectors("messages.json");
        let evidence = messages["messages"]
            .as_array()
            .unwrap()
            .iter()
            .find(|case| case["message"] == "evidence");
        let evidence = bytes(&evidence.unwrap()["bytes"]);
        let verdict = judge(&trust, None, &evidence).unwrap();
        assert!(verdict.contains("not known without --passes"), "{verdict}");
        let verdict = judge(&trust, Some(&above(&passes)), &evidence).unwrap();
        assert!(verdict.starts_with("genuine: "), "{verdict}");
        let mut forged = evidence.clone();
        *forged.last_mut().unwrap() ^= 1;
        let error = judge(&trust, None, &forged).unwrap_err();
        assert!(error.starts_with("not genuine: "), "{error}");
    }

    /// The passes of the issuer, the gateway and the payee of the vectors.
    fn above_the_payee() -> Above {
        let objects = vectors("objects.json");
        let find = |what: &str| {
            let mut all = objects["objects"].as_array().unwrap().iter();
            let made = all
                .find(|case| case["what"] == what && case["signer_key"]["algorithm"] == "ed25519");
            bytes(&made.unwrap()["signed"])
        };
        Above {
            issuer: find("an issuer's pass"),
            gateway: find("a gateway's pass"),
            station: None,
            things: vec![find("a device's pass")],
        }
    }

    #[test]
    fn every_object_of_issuer_gateway_and_payee_is_judged_by_their_passes() {
        let trust = trust(&vectors("accusations.json"));
        let above = above_the_payee();
        let mut judged = std::collections::BTreeSet::new();
        for case in vectors("objects.json")["objects"].as_array().unwrap() {
            let signer = case["signer"].as_str().unwrap();
            let held = ["issuer-ed25519", "gateway-ed25519", "payee-ed25519"].contains(&signer);
            let (name, object) = (case["object"].as_str().unwrap(), bytes(&case["signed"]));
            if name == "payment" || name == "pass" || !held {
                continue;
            }
            let verdict = judge(&trust, Some(&above), &object);
            assert!(verdict.is_ok(), "{}: {verdict:?}", case["what"]);
            judged.insert(name.to_owned());
            let mut forged = object.clone();
            *forged.last_mut().unwrap() ^= 1;
            assert!(
                judge(&trust, Some(&above), &forged).is_err(),
                "{}",
                case["what"]
            );
            assert!(
                judge(&trust, None, &object)
                    .unwrap_err()
                    .contains("--passes")
            );
        }
        assert!(judged.len() >= 14, "{judged:?}");
    }

    #[test]
    fn every_message_is_judged_or_says_why_not() {
        let trust = trust(&vectors("accusations.json"));
        let above = above_the_payee();
        // Signed by the payer or by another whose pass is not at hand, or by nobody; and a
        // succession that names a key of no pass.
        let unjudged = [
            "renewal",
            "refusal",
            "unit",
            "payment",
            "closing",
            "void",
            "move",
            "ask",
            "transfer",
            "successor",
            "refund_request",
        ];
        for case in vectors("messages.json")["messages"].as_array().unwrap() {
            let name = case["message"].as_str().unwrap();
            let verdict = judge(&trust, Some(&above), &bytes(&case["bytes"]));
            assert_eq!(
                verdict.is_err(),
                unjudged.contains(&name),
                "{name}: {verdict:?}"
            );
            // A lease and a transfer look alike: what is missing goes by the right name.
            if let ("transfer", Err(refusal)) = (name, verdict) {
                assert!(refusal.starts_with("a transfer that 2000"), "{refusal}");
            }
        }
    }

    #[test]
    fn a_places_record_needs_the_root_alone() {
        let vectors = vectors("surveys.json");
        let trust = trust(&vectors);
        for case in vectors["records"].as_array().unwrap() {
            let judged = judge(&trust, None, &bytes(&case["message"]));
            let is_good = case["outcome"] == "ok";
            assert_eq!(judged.is_ok(), is_good, "{}: {judged:?}", case["why"]);
            if case["why"] == "surveyed and recorded" {
                let said = judged.unwrap();
                for part in [
                    "-33.856784123 151.215296456",
                    "within 14 mm",
                    "corrected satellites",
                ] {
                    assert!(said.contains(part), "{part}: {said}");
                }
            }
        }
    }

    #[test]
    fn a_gateways_next_key_needs_the_root_alone() {
        let vectors = vectors("successions.json");
        let trust = trust(&vectors);
        for case in vectors["successions"].as_array().unwrap() {
            let parts = ["issuer", "gateway", "former", "successor"];
            let [issuer, gateway, former, successor] = parts.map(|part| bytes(&case[part]));
            let shown = Handover {
                issuer: &issuer,
                gateway: &gateway,
                former: &former,
                successor: &successor,
            };
            let now = u32::try_from(case["now"].as_u64().unwrap()).unwrap();
            let judged = objects::succession(&trust, &shown, Timestamp(now));
            let is_good = case["outcome"] == "ok";
            assert_eq!(judged.is_ok(), is_good, "{}: {judged:?}", case["why"]);
            let former = match case["why"].as_str().unwrap() {
                "the issuer names the next key" => "the key before signed counts until",
                "after the former key's end" => "the key before signed counts no more since",
                _ => continue,
            };
            assert!(judged.unwrap().contains(former), "{}", case["why"]);
        }
    }

    #[test]
    fn an_accusation_needs_the_root_alone() {
        let vectors = vectors("accusations.json");
        let trust = trust(&vectors);
        for case in vectors["accusations"].as_array().unwrap() {
            let judged = judge(&trust, None, &bytes(&case["message"]));
            assert_eq!(
                judged.is_ok(),
                case["code"].is_string(),
                "{}: {judged:?}",
                case["why"]
            );
        }
    }
}
