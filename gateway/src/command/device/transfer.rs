//! `onecode device give` and `take`: a thing goes from one owner to another. Each signs in a folder
//! of its own; what travels between them is one file.

use crate::house::Failure;
use crate::thing_folder::{explain, identity, written};
use crate::wallet::now;
use clap::Args;
use device_sdk::enrol::owners;
use device_sdk::identity_file::Identity;
use device_sdk::links::file;
use protocol::cose::{SIGNED_MAX, seal};
use protocol::message::Message;
use protocol::objects::{Acceptance, Object, Transfer};
use protocol::rules::transfer::{offered, read};
use protocol::{Code, Status};
use std::path::PathBuf;

const DAY_S: u32 = 86_400;

/// What is given, and to whom.
#[derive(Args)]
pub struct Give {
    /// Folder of the owner.
    #[arg(long)]
    folder: PathBuf,
    /// The thing.
    code: Code,
    /// The new owner.
    #[arg(long)]
    to: Code,
    /// For how many days the new owner may take it.
    #[arg(long, default_value_t = 7)]
    days: u32,
    /// The gateway, such as http://127.0.0.1:8080: it says which number this transfer has.
    #[arg(long, required_unless_present = "number")]
    gateway: Option<String>,
    /// The number of this transfer, where no gateway can be asked: one more than owners were named.
    #[arg(long, conflicts_with = "gateway")]
    number: Option<u32>,
    /// Where the transfer goes.
    #[arg(long, value_name = "FILE", default_value = "transfer.cbor")]
    write: PathBuf,
}

/// What is taken.
#[derive(Args)]
pub struct Take {
    /// Folder of the new owner.
    #[arg(long)]
    folder: PathBuf,
    /// The gateway, such as http://127.0.0.1:8080.
    #[arg(long)]
    gateway: String,
    /// The transfer.
    #[arg(default_value = "transfer.cbor")]
    transfer: PathBuf,
}

/// Signs a transfer.
pub fn give(options: &Give) -> Result<(), Failure> {
    let identity = identity(&options.folder)?;
    let number = match (&options.gateway, options.number) {
        (_, Some(number)) => number,
        (Some(gateway), None) => owners::next_transfer(gateway, &options.code)?,
        (None, None) => return Err("--gateway or --number is wanted".into()),
    };
    let time = now();
    let transfer = Transfer {
        code: options.code,
        from: identity.credentials.code,
        to: options.to,
        number,
        time,
        expires: time.plus_s(options.days.saturating_mul(DAY_S)),
    };
    let transfer = signed(&identity, &transfer)?;
    // Nobody is asked to take what would be refused.
    let network = identity.trust.network;
    offered(&network, &transfer, &identity.keys.wallet_public(), time).map_err(explain)?;
    file::write(&options.write, &message(&transfer, None)?)?;
    println!(
        "{:#} is offered to {:#}, for {} days. Hand {} over; it is given when the new owner takes it: `onecode device take`",
        options.code,
        options.to,
        options.days,
        options.write.display()
    );
    Ok(())
}

/// Checks a transfer, signs for it, and brings both to the gateway.
pub fn take(options: &Take) -> Result<(), Failure> {
    let identity = identity(&options.folder)?;
    let path = options.transfer.display();
    let bytes = file::read(&options.transfer)?.ok_or_else(|| format!("{path}: no such file"))?;
    let Ok(Message::Transfer { transfer, .. }) = Message::read(&bytes) else {
        return Err(format!("{path}: not what `onecode device give` writes").into());
    };
    let (network, me) = (identity.trust.network, identity.credentials.code);
    let said = read(&network, transfer).map_err(explain)?.transfer;
    if said.to != me {
        return Err(format!("it is offered to {:#}, and this is {me:#}", said.to).into());
    }
    let key = owners::key_of(&options.gateway, &identity.trust, &said.from)?;
    let agreed = offered(&network, transfer, &key, now()).map_err(explain)?;
    let acceptance = Acceptance {
        by: me,
        transfer: agreed.id,
        time: now(),
    };
    let acceptance = signed(&identity, &acceptance)?;
    let both = message(transfer, Some(&acceptance))?;
    println!(
        "{}",
        owners::hand_over(&options.gateway, &said.code, &both)?
    );
    Ok(())
}

pub(super) fn signed<T: Object>(identity: &Identity, object: &T) -> Result<Vec<u8>, Failure> {
    let mut out = [0; SIGNED_MAX];
    let (len, _) = seal(
        object,
        &identity.trust.network,
        &identity.keys.wallet(),
        &mut out,
    )
    .map_err(|_| "the key in the folder does not sign")?;
    Ok(out.get(..len).unwrap_or_default().to_vec())
}

fn message(transfer: &[u8], acceptance: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
    let message = Message::Transfer {
        transfer,
        acceptance,
    };
    let bytes = written(|out| message.write(out).ok_or(Status::Malformed));
    Ok(bytes.map_err(explain)?)
}
