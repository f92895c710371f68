//! A thing in a folder of this machine: its keys, what it was given, and its purse. What
//! `onecode device` and the demonstration share.

use crate::house::Failure;
use crate::wallet::now;
use device_sdk::enrol::{Credentials, Keys, enrol, learn, meet};
use device_sdk::identity_file::{Identity, load_keys, other_root, save_keys, save_other_root};
use device_sdk::links::file;
use device_sdk::provision::Birth;
use device_sdk::purse::OUT_MAX;
pub use device_sdk::thing::till::FolderPurse;
use device_sdk::thing::till::open_purse;
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::{Lease, Pass};
use protocol::rules::{Handover, Trust};
use protocol::{AmountMinor, GridCode, Network, Status};
use std::path::Path;

/// The grid code of the place where the thing stands; without it, it stands nowhere.
const PLACE_FILE: &str = "place";
/// The newest lease its gateway told: where the purse is at home.
const LEASE_FILE: &str = "home.lease";

/// Gets a code with a one-time secret, or without any once somebody has accepted the thing. Keys are on disk before anybody hears of them; an attempt
/// that was cut off is taken up again with the same keys, which make the same request. Blocks.
pub fn settle_in(
    folder: &Path,
    gateway: &str,
    trust: &Trust,
    secret: Option<&str>,
) -> Result<Identity, Failure> {
    let keys = match load_keys(folder)? {
        Some(keys) => keys,
        None => {
            let mut random = [[0; 32]; 2];
            for half in &mut random {
                getrandom::fill(half)?;
            }
            let [transport, wallet] = &random;
            let keys = Keys::from_random(transport, wallet)?;
            save_keys(folder, &keys)?;
            keys
        }
    };
    let credentials = enrol(gateway, trust, secret, &keys, now())?;
    let identity = Identity {
        trust: *trust,
        keys,
        credentials,
    };
    identity.save(folder)?;
    Ok(identity)
}

/// A thing that a station made meets its first gateway, once; nothing when no station made it.
/// Blocks.
pub fn meet_gateway(folder: &Path, gateway: &str) -> Result<Option<Identity>, Failure> {
    let (Some(birth), Some(keys)) = (Birth::load(folder)?, load_keys(folder)?) else {
        return Ok(None);
    };
    birth.check(&keys).map_err(|part| {
        let folder = folder.display();
        format!("{folder}: {part} does not belong to the rest; give the thing to its station again")
    })?;
    let credentials = meet(gateway, &birth, &keys, now())?;
    let identity = Identity {
        trust: birth.trust,
        keys,
        credentials,
    };
    identity.save(folder)?;
    Ok(Some(identity))
}

/// The thing that lives in a folder.
pub fn identity(folder: &Path) -> Result<Identity, Failure> {
    let mut identity = Identity::load(folder)?.ok_or_else(|| {
        format!(
            "{} holds no thing; make one with `onecode device init`",
            folder.display()
        )
    })?;
    if other_root(folder)?.is_some_and(|(_, ends)| ends <= now()) {
        identity.trust.other_root = None;
    }
    Ok(identity)
}

/// Keeps what a gateway tells about those above it; false when it is nothing new, or not what the
/// thing's own root stands for. It counts from the next opening on.
pub fn keep_authorities(
    identity: &Identity,
    folder: &Path,
    message: &[u8],
) -> Result<bool, Failure> {
    let (trust, keys) = (&identity.trust, &identity.keys);
    let learnt = match learn(trust, keys, &identity.credentials, message, now()) {
        Ok(Some(learnt)) => learnt,
        Ok(None) => return Ok(false),
        Err(error) => {
            eprintln!("passed over what was told of authorities: {error}");
            return Ok(false);
        }
    };
    if let (Some(key), Some(ends)) = (&learnt.trust.other_root, learnt.other_ends) {
        save_other_root(folder, key, ends)?;
    }
    let (transport, wallet) = keys.to_bytes();
    let identity = Identity {
        trust: learnt.trust,
        keys: Keys::from_random(&transport, &wallet)?,
        credentials: learnt.credentials,
    };
    identity.save(folder)?;
    Ok(true)
}

/// Keeps the gateway's next key, and the thing's pass under it; false when it is nothing new, or not
/// what the thing's own issuer stands for. The purse keeps the key before as well, so this comes
/// first: a cut between the two leaves a purse that is told again.
pub fn keep_successor(identity: &Identity, folder: &Path, message: &[u8]) -> Result<bool, Failure> {
    let Ok(Message::Successor {
        issuer,
        gateway,
        former,
        successor,
        own,
    }) = Message::read(message)
    else {
        return Ok(false);
    };
    let shown = Handover {
        issuer,
        gateway,
        former,
        successor,
    };
    let known = &identity.credentials;
    let said = |pass: &[u8]| {
        let pass = open::<Pass>(pass, &identity.trust.network).ok()?;
        Some((pass.peek().subject.0, pass.peek().issued))
    };
    let is_later = match (said(&known.gateway_pass), said(gateway)) {
        (Some((of, before)), Some((same, after))) => of == same && before < after,
        _ => false,
    };
    if !is_later || identity.trust.succession(&shown, now()).is_err() {
        return Ok(false);
    }
    let own = own.map(<[u8]>::to_vec);
    let credentials = Credentials {
        gateway_pass: gateway.to_vec(),
        issuer_pass: issuer.to_vec(),
        pass: own.unwrap_or_else(|| known.pass.clone()),
        ..known.clone()
    };
    if credentials
        .check(&identity.trust, &identity.keys, now())
        .is_err()
    {
        return Ok(false);
    }
    let (transport, wallet) = identity.keys.to_bytes();
    let identity = Identity {
        trust: identity.trust,
        keys: Keys::from_random(&transport, &wallet)?,
        credentials,
    };
    identity.save(folder)?;
    Ok(true)
}

/// Its purse, standing where its owner has said, see [`open_purse`].
pub fn purse<const OUTBOX: usize, const PAYERS: usize>(
    identity: &Identity,
    folder: &Path,
    most: AmountMinor,
) -> Result<Box<FolderPurse<OUTBOX, PAYERS>>, Failure> {
    let place = place(folder)?.map(|place| place.cell());
    Ok(open_purse(identity, folder, most, place, now())?)
}

/// Where the thing in a folder stands, if its owner has said so.
pub fn place(folder: &Path) -> Result<Option<GridCode>, Failure> {
    let path = folder.join(PLACE_FILE);
    let Some(text) = file::read(&path)? else {
        return Ok(None);
    };
    let code = std::str::from_utf8(&text).ok();
    let code = code.and_then(|text| text.trim_end().parse().ok());
    let wrong = || format!("{} holds no grid code", path.display());
    Ok(Some(code.ok_or_else(wrong)?))
}

/// Keeps [`place`].
pub fn set_place(folder: &Path, place: &GridCode) -> Result<(), Failure> {
    Ok(file::write(
        &folder.join(PLACE_FILE),
        format!("{place}\n").as_bytes(),
    )?)
}

/// Where the purse in a folder is at home, as its centre said: it was checked when it came.
pub fn lease(folder: &Path, network: &Network) -> Result<Option<Lease>, Failure> {
    let bytes = file::read(&folder.join(LEASE_FILE))?;
    Ok(bytes.and_then(|bytes| {
        open::<Lease>(&bytes, network)
            .ok()
            .map(|lease| *lease.peek())
    }))
}

/// Keeps a newer lease of this purse that its centre has signed; false for any other.
pub fn keep_lease<const OUTBOX: usize, const PAYERS: usize>(
    purse: &mut FolderPurse<OUTBOX, PAYERS>,
    network: &Network,
    folder: &Path,
    lease: &[u8],
) -> Result<bool, Failure> {
    let told = match purse.lease(lease, now()) {
        Ok(told) => told,
        Err(Status::Storage) => return Err(explain(Status::Storage).into()),
        Err(_) => return Ok(false),
    };
    let place = |lease: &Lease| (lease.number, lease.ends);
    let known = self::lease(folder, network)?;
    if known.is_some_and(|known| place(&known) >= place(&told)) {
        return Ok(false);
    }
    file::write(&folder.join(LEASE_FILE), lease)?;
    Ok(true)
}

/// What one step of a purse writes.
pub fn written(step: impl FnOnce(&mut [u8]) -> Result<usize, Status>) -> Result<Vec<u8>, Status> {
    let mut out = [0; OUT_MAX];
    let len = step(&mut out)?;
    Ok(out.get(..len).unwrap_or_default().to_vec())
}

/// A status in the words of its table.
pub fn explain(status: Status) -> String {
    format!("{status}: {}", status.sentence())
}
