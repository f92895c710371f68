//! The list of revoked codes: fetched when a gateway is reached, asked when none is.

use super::Via;
use super::doors::{Doors, within};
use super::teller::DevicePurse;
use crate::house::Failure;
use crate::thing_folder::explain;
use crate::wallet::now;
use device_sdk::coap::Request;
use device_sdk::identity_file::Identity;
use device_sdk::lists::{ASK_MOST, Kept, Part};
use device_sdk::purse::{LIST_RECENT_S, Listed};
use protocol::{AmountMinor, Status};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A gateway gives a list with its subscription, or has none.
const LIST_WAIT: Duration = Duration::from_secs(5);
/// 2.05 Content.
const CONTENT: u8 = 0x45;

/// What a payee goes by that can ask nobody.
pub struct Revoked {
    folder: PathBuf,
    most_without: AmountMinor,
}

impl Revoked {
    /// The list in a thing's folder; without a recent one it takes `most_without` at most.
    pub fn new(folder: &Path, most_without: AmountMinor) -> Self {
        let folder = folder.to_owned();
        Self {
            folder,
            most_without,
        }
    }

    /// Whether a payment may be taken as far as the list goes. The list is read anew each time: it
    /// may have been fetched meanwhile.
    pub fn allows(&self, purse: &mut DevicePurse, evidence: &[u8]) -> Result<(), Status> {
        let kept = Kept::load(&self.folder).map_err(|_| Status::Storage)?;
        let list = kept.list(|list| purse.revocations(list, now()));
        let by = Listed {
            list: list.as_ref(),
            most_without: self.most_without,
        };
        purse.not_listed(evidence, &by, now())
    }

    /// Why a payment was not taken, with the age of the list where that has to do with it.
    pub fn refusal(&self, purse: &DevicePurse, status: Status) -> String {
        let why = explain(status);
        match (status, words(purse, &self.folder)) {
            (Status::Revoked | Status::NoList, Ok(list)) => format!("{why} ({list})"),
            _ => why,
        }
    }
}

/// Which list lies in the folder, and how old it is.
pub fn words(purse: &DevicePurse, folder: &Path) -> Result<String, Failure> {
    let kept = Kept::load(folder)?;
    let list = kept.list(|list| purse.revocations(list, now()));
    Ok(match list {
        None => "no list of revoked codes; `onecode device sync` fetches it".to_owned(),
        Some(list) => {
            let age_s = now().0.saturating_sub(list.time().0);
            let advice = match age_s > LIST_RECENT_S {
                true => ", too old to take much by: `onecode device sync` fetches a newer one",
                false => "",
            };
            let (age, version) = (age(age_s), list.version());
            format!("list of revoked codes number {version}, {age} old{advice}")
        }
    })
}

fn age(age_s: u32) -> String {
    match age_s {
        0..7_200 => format!("{age_s} s"),
        7_200..172_800 => format!("{} h", age_s / 3_600),
        _ => format!("{} days", age_s / 86_400),
    }
}

/// Fetches the list that the gateway has now: the changes, and the whole one if they are to another.
pub async fn fetch(
    doors: &Doors,
    via: Via,
    identity: &Identity,
    purse: &DevicePurse,
) -> Result<(), Failure> {
    let mut kept = Kept::load(&doors.folder)?;
    let mut next = Some(Part::Changes);
    for _ in 0..ASK_MOST {
        let Some(part) = next else {
            return Ok(());
        };
        let Some(bytes) = ask(doors, via, identity, part).await? else {
            return Err("the gateway has no list of revoked codes yet; synchronise again".into());
        };
        let taken = kept.take(&doors.folder, part, &bytes, |list| {
            purse.revocations(list, now())
        });
        next = taken.map_err(|status| format!("the list of revoked codes: {}", explain(status)))?;
    }
    Err("the list of revoked codes changed while it was fetched; synchronise again".into())
}

async fn ask(
    doors: &Doors,
    via: Via,
    identity: &Identity,
    part: Part,
) -> Result<Option<Vec<u8>>, Failure> {
    let topic = part.topic(&identity.credentials.code);
    match via {
        Via::Coap => {
            let answer = doors.coap(identity)?.request(Request::get(&topic)).await?;
            Ok((answer.code.0 == CONTENT).then_some(answer.payload))
        }
        _ => {
            let (mqtt, mut retained) = doors.topics(identity, "list", vec![topic])?;
            within(mqtt.ready()).await??;
            let first = tokio::time::timeout(LIST_WAIT, retained.next()).await;
            let list = first.ok().flatten().map(|list| {
                let bytes = list.payload.to_vec();
                list.done();
                bytes
            });
            Ok(list)
        }
    }
}
