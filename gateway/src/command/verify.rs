//! `onecode verify FILE`: judges an object or a fraud proof with nothing but the root's key.

use super::Outcome;
use crate::trust_file::TrustFile;
use clap::Args;
use protocol::Status;
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::{Allowance, Pass, Payment};
use protocol::rules::{Contradiction, judge_proof};
use std::path::PathBuf;
use std::process::ExitCode;

/// What to judge, and by which root.
#[derive(Args)]
pub struct Options {
    /// A file with one message or object, as saved by the portal or a device.
    file: PathBuf,
    /// The network's trust file (`trust.toml` in a gateway's data folder).
    #[arg(long)]
    trust: PathBuf,
}

/// Largest file that can be an object.
const FILE_MAX: u64 = 64 * 1024;

/// Prints what the file proves; fails when it proves nothing.
pub fn run(options: Options) -> Outcome {
    let trust = TrustFile::load(&options.trust)?.trust();
    let size = std::fs::metadata(&options.file)
        .map_err(|error| format!("cannot read {}: {error}", options.file.display()))?
        .len();
    if size > FILE_MAX {
        return Err(format!("{} is too large for an object", options.file.display()).into());
    }
    let bytes = std::fs::read(&options.file)?;
    let verdict = if let Ok(pass) = open::<Pass>(&bytes, &trust.network) {
        let pass = pass.verify(&trust.root_key).map_err(explain)?;
        format!(
            "genuine: the root gave {:#} this pass",
            pass.get().subject.0
        )
    } else {
        match Message::read(&bytes).map_err(explain)? {
            Message::Proof { .. } => proof(&trust, &bytes)?,
            Message::Evidence { allowance, payment } => evidence(&trust, allowance, payment)?,
            _ => {
                return Err(
                    "well formed, but it proves nothing without the passes of its signers".into(),
                );
            }
        }
    };
    println!("{verdict}");
    Ok(ExitCode::SUCCESS)
}

fn explain(status: Status) -> String {
    format!("not genuine: {status}: {}", status.sentence())
}

fn proof(trust: &protocol::rules::Trust, bytes: &[u8]) -> Result<String, String> {
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
    trust: &protocol::rules::Trust,
    allowance: &[u8],
    payment: &[u8],
) -> Result<String, String> {
    let allowance = open::<Allowance>(allowance, &trust.network).map_err(explain)?;
    let key = allowance.peek().wallet_key;
    let payment = open::<Payment>(payment, &trust.network)
        .and_then(|p| p.verify(&key))
        .map_err(explain)?;
    let order = payment.get();
    Ok(format!(
        "signed by the key its allowance names (the allowance itself is only as good as its gateway {:#}):\n  {:#} pays {} {} to {:#}, number {}",
        allowance.peek().gateway,
        order.payer,
        order.amount,
        order.currency,
        order.payee,
        order.sequence.0
    ))
}
