//! `onecode device reenrol`: certificate and pass for longer, before those the thing has end or after.

use super::Via;
use super::doors::Doors;
use crate::house::Failure;
use crate::thing_folder::identity;
use crate::wallet::now;
use clap::Args;
use device_sdk::identity_file::Identity;
use device_sdk::thing::reenrol::reenrol;
use protocol::Timestamp;

/// What to renew, and where.
#[derive(Args)]
pub struct Reenrol {
    #[command(flatten)]
    doors: Doors,
    /// The gateway's HTTP door, such as http://127.0.0.1:8080; not needed with --via coap.
    #[arg(long, required_if_eq("via", "mqtt"))]
    gateway: Option<String>,
    /// Which way: mqtt (fetched over HTTP, proven over MQTT) or coap (both over CoAP).
    #[arg(long, value_enum, default_value = "mqtt")]
    via: Via,
    /// Ask even if it is not time yet.
    #[arg(long)]
    early: bool,
}

/// Does it.
pub async fn run(options: &Reenrol) -> Result<(), Failure> {
    let folder = &options.doors.folder;
    let known = identity(folder)?;
    let settings = match options.via {
        Via::Mqtt => options.doors.by_mqtt(),
        Via::Coap => options.doors.by_coap(),
        _ => return Err("credentials come from a gateway: --via mqtt or --via coap".into()),
    };
    let url = options.gateway.as_deref().unwrap_or_default();
    match reenrol(folder, &settings, url, &known, options.early, now()).await? {
        Some(renewed) => said(&renewed, "renewed"),
        None => said(&known, "as before"),
    }
}

fn said(identity: &Identity, word: &str) -> Result<(), Failure> {
    let (_, Timestamp(ends)) = identity.credentials.life(&identity.trust)?;
    let Timestamp(due) = identity.credentials.renew_at(&identity.trust)?;
    let from_now = |at: u32| i64::from(at) - i64::from(now().0);
    println!(
        "{word}: {:#} has credentials for another {} s, to be renewed in {} s",
        identity.credentials.code,
        from_now(ends),
        from_now(due).max(0)
    );
    Ok(())
}
