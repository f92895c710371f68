//! `init` and `install`: keys, then what the issuer gives for them.

use super::{Outcome, Where, now};
use crate::token::Which;
use clap::Args;
use issuer::Quota;
use protocol::{Kind, Network};
use std::path::PathBuf;

/// Making a station.
#[derive(Args, Debug)]
pub struct Init {
    /// Name of the network it will issue for.
    #[arg(long)]
    network: String,
    /// Keep the keys without a passphrase.
    #[arg(long, conflicts_with = "pkcs11")]
    plain_keys: bool,
    /// Make the keys in a token, by the PKCS#11 library of its maker.
    #[arg(long, value_name = "MODULE", requires = "token")]
    pkcs11: Option<PathBuf>,
    #[command(flatten)]
    token: WhichToken,
}

/// One of the tokens that are there.
#[derive(Args, Debug)]
#[group(id = "token", required = false, multiple = false)]
struct WhichToken {
    /// The token with this label.
    #[arg(long, requires = "pkcs11")]
    label: Option<String>,
    /// The token in this slot.
    #[arg(long, requires = "pkcs11")]
    slot: Option<u64>,
}

impl WhichToken {
    fn which(&self) -> Option<Which> {
        let label = self.label.clone().map(Which::Label);
        label.or(self.slot.map(Which::Slot))
    }
}

/// Taking what the issuer gave.
#[derive(Args, Debug)]
pub struct Install {
    /// The file that `onecode station admit` wrote.
    grant: PathBuf,
}

/// Makes the keys and the request.
pub fn init(place: &Where, options: &Init) -> Outcome {
    let network = Network::new(&options.network)
        .ok_or("--network wants 1 to 24 of a-z, 0-9, dot and hyphen")?;
    let folder = place.open();
    let _lock = folder.lock()?;
    let request = match (&options.pkcs11, options.token.which(), folder.token()?) {
        (Some(_), _, None) if folder.has_keys() => {
            return Err(
                "this station has its keys in files; name another --folder for a new one".into(),
            );
        }
        (Some(module), Some(which), _) => {
            folder.init_in_token(&network, (module, &which), &place.pin()?)?
        }
        (_, _, Some(_)) => {
            return Err("this station has its keys in a token; name it with --pkcs11".into());
        }
        _ => {
            let passphrase = match (folder.has_keys(), options.plain_keys) {
                (false, true) => None,
                (false, false) => Some(place.new_passphrase()?),
                (true, _) => place.passphrase(&folder)?,
            };
            folder.init(&network, passphrase.as_deref().map(String::as_str))?
        }
    };
    println!("{}", request.display());
    println!(
        "Give this request to the issuer: `onecode station admit {}`",
        request.display()
    );
    println!("and come back with its answer: `onecode-station install FILE`");
    Ok(())
}

/// Takes the grant.
pub fn install(place: &Where, options: &Install) -> Outcome {
    let folder = place.open();
    let _lock = folder.lock()?;
    let passphrase = place.passphrase(&folder)?;
    let text = crate::folder::read(&options.grant)?;
    let station = folder.install(&text, passphrase.as_deref().map(String::as_str))?;
    let quota = station
        .authority
        .quota()
        .ok_or("the grant names no quota")?;
    println!(
        "station  {} (number {})",
        station.authority.code(),
        quota.station
    );
    println!("network  {}", station.grant.network.as_str());
    println!("root key {}", station.grant.root_key_text());
    println!("may make {}", kinds(&quota));
    println!("numbers  {} to {}", quota.first, quota.last);
    let left = station.authority.not_after().0.saturating_sub(now().0);
    println!("for      {} days", left / 86_400);
    println!("Compare the root key with the one that the issuer tells you by another way.");
    Ok(())
}

/// The kinds in words.
pub fn kinds(quota: &Quota) -> String {
    let named = Kind::ALL.into_iter().filter(|kind| quota.covers(*kind));
    named.map(Kind::word).collect::<Vec<_>>().join(", ")
}
