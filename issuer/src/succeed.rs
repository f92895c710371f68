//! A gateway goes on under another pass key.
//!
//! Its code stays, because that commits to its transport key, and so does its certificate: what
//! changes is the key behind allowances, statements, passes and the log. The issuer says so, once,
//! in a `successor`; nobody who holds a gateway's key can. In `before/` stays, for as long as the
//! books may hold what was signed with it:
//!
//! ```text
//! gateway.N/  pass.cbor  next.cbor  issuer.pass  successor.cbor  (pass.key.pem)
//! ```
//!
//! The private key stays until the overlap's end and signs checkpoints beside the new one; a key
//! that may be stolen does not stay at all. The change itself is that of [`crate::rotate`].

use crate::authorities::{Authorities, Plan, Span};
use crate::authority::{Authority, Role, seal};
use crate::durable::{self, Readers};
use crate::error::{IssueError, OrderFault};
use crate::folder::{self, PASS, PASS_KEY};
use crate::key::{self, Key, Random};
use crate::problem::{At, FolderError, Found, Problem};
use crate::rotate::{BEFORE, FORMER_MAX, ISSUER_PASS, begin, finish, former_place, is_of, put};
use protocol::cose::{self, SIGNED_MAX};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Pass, Successor};
use protocol::{Algorithm, Network, Signer, Timestamp};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

const NEXT: &str = "next.cbor";
const SUCCESSOR: &str = "successor.cbor";

/// A pass key that a gateway gave up.
#[derive(Clone)]
pub struct FormerKey {
    /// What the issuer said.
    pub said: Successor,
    /// The gateway's pass with this key.
    pub pass: Vec<u8>,
    /// Until the overlap's end, unless it may be stolen: signs the log beside the new key.
    pub key: Option<Key>,
    next: Vec<u8>,
    issuer_pass: Vec<u8>,
    successor: Vec<u8>,
}

impl fmt::Debug for FormerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FormerKey({:?})", self.said)
    }
}

/// How a gateway gives up its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handing {
    /// What it signed counts until then; it signs the log until then.
    Until(Timestamp),
    /// Somebody may have it: it counts no more, and whatever overlap there was ends with it.
    Stolen,
}

impl Authorities {
    /// The gateway gets another pass key. `issuer` is the issuer with its keys.
    pub fn rotate_gateway(
        &self,
        folder: &Path,
        plan: &Plan,
        issuer: &Authority,
        (now, how): (Timestamp, Handing),
        random: &mut Random<'_>,
    ) -> Result<(), FolderError> {
        let gateway = &self.gateway;
        let (before, former_pass) = (gateway.pass.as_ref())
            .ok_or(IssueError::from(OrderFault::Role))
            .at(folder)?;
        let ends = match how {
            Handing::Until(_) if self.in_overlap(now) => return Err(Problem::Overlap).at(folder),
            Handing::Until(ends) if ends < now || ends > before.expires => {
                return Err(IssueError::from(OrderFault::Validity)).at(folder);
            }
            Handing::Until(ends) => ends,
            // Over for everybody, also where a clock is behind.
            Handing::Stolen => Timestamp(0),
        };
        let secret = key::generate(Algorithm::Ed25519, random).map_err(IssueError::from);
        let secret = secret.at(folder)?;
        let public: Key = Arc::new(crate::key::AbsentKey(secret.public_key()));
        let span = Span {
            // Of two passes the later one counts.
            issued: now.max(before.issued.plus_s(1)),
            not_before: before.issued,
            not_after: before.expires,
        };
        let pass = plan.pass(Role::Gateway, issuer.code, gateway.code, &public, span);
        let pass = seal(&issuer.network, &issuer.pass_key, &pass).at(folder)?;
        let said = Successor {
            issuer: issuer.code,
            gateway: gateway.code,
            former_key: gateway.pass_key(),
            key: secret.public_key(),
            issued: span.issued,
            ends,
        };
        let successor = sealed(issuer, &said).at(folder)?;
        let next = begin(folder, true)?;
        crowded_out(&next)?;
        let place = former_place(&next, Role::Gateway)?;
        put(&place, PASS, former_pass)?;
        put(&place, NEXT, &pass)?;
        put(&place, ISSUER_PASS, self.issuer_pass())?;
        put(&place, SUCCESSOR, &successor)?;
        let home = next.join(Role::Gateway.word());
        match how {
            Handing::Until(_) => copy_key(&home, &place)?,
            Handing::Stolen => forget_keys(&next)?,
        }
        let pem = key::to_pem(&secret).ok_or(IssueError::Encoding).at(&home)?;
        let path = home.join(PASS_KEY);
        durable::write(&path, pem.as_bytes(), Readers::Owner).at(&path)?;
        put(&home, PASS, &pass)?;
        finish(folder, &next)
    }

    /// Whether the gateway's key before the present one still counts. A stolen one ended whatever
    /// overlap there was.
    pub(crate) fn in_overlap(&self, now: Timestamp) -> bool {
        is_overlap(&self.former_keys, now)
    }

    /// How the gateway's newest key took over, as a message for anybody; `None` when it has had one
    /// key only.
    pub fn handover(&self) -> Option<Vec<u8>> {
        let newest = self.former_keys.last()?;
        // A root may have taken over since: then the issuer's pass is another, and its key is not.
        let issuer = match self.issuer.code() == newest.said.issuer {
            true => self.issuer_pass(),
            false => &newest.issuer_pass,
        };
        let message = Message::Successor {
            issuer,
            gateway: &newest.next,
            former: &newest.pass,
            successor: &newest.successor,
            own: None,
        };
        let mut out = vec![0; MESSAGE_MAX];
        let len = message.write(&mut out)?;
        out.truncate(len);
        Some(out)
    }
}

fn is_overlap(keys: &[FormerKey], now: Timestamp) -> bool {
    keys.last().is_some_and(|former| former.said.ends > now)
}

fn sealed(issuer: &Authority, said: &Successor) -> Result<Vec<u8>, IssueError> {
    let mut out = [0; SIGNED_MAX];
    let sealed = cose::seal(said, &issuer.network, issuer.pass_key.as_ref(), &mut out);
    let (len, _) = sealed.map_err(|_| IssueError::KeyAbsent)?;
    Ok(out.get(..len).unwrap_or_default().to_vec())
}

fn copy_key(home: &Path, place: &Path) -> Found<()> {
    let (from, to) = (home.join(PASS_KEY), place.join(PASS_KEY));
    let pem = zeroize::Zeroizing::new(durable::read(&from).at(&from)?);
    durable::write(&to, &pem, Readers::Owner).at(&to)
}

fn places(folder: &Path) -> Found<Vec<std::path::PathBuf>> {
    let before = folder.join(BEFORE);
    if !before.exists() {
        return Ok(Vec::new());
    }
    let mut places = Vec::new();
    for entry in std::fs::read_dir(&before).at(&before)? {
        let place = entry.at(&before)?.path();
        if is_of(&place, Role::Gateway) {
            places.push(place);
        }
    }
    Ok(places)
}

/// Private keys that signed the log beside a newer one go.
fn forget_keys(folder: &Path) -> Found<()> {
    places(folder)?.iter().try_for_each(|place| {
        let path = place.join(PASS_KEY);
        durable::remove_if_there(&path).at(&path)
    })
}

/// Removes the oldest key when there are as many as are kept.
fn crowded_out(folder: &Path) -> Found<()> {
    let mut places = places(folder)?;
    if places.len() < FORMER_MAX {
        return Ok(());
    }
    let age = |place: &std::path::PathBuf| {
        let number = place.extension().and_then(|number| number.to_str());
        number.and_then(|number| number.parse::<u32>().ok())
    };
    places.sort_by_key(age);
    match places.first() {
        Some(oldest) => std::fs::remove_dir_all(oldest).at(oldest),
        None => Ok(()),
    }
}

/// The keys that were given up, the oldest first.
pub(crate) fn load(folder: &Path, plan: &Plan) -> Found<Vec<FormerKey>> {
    let mut all = Vec::new();
    for place in places(folder)?.iter().take(FORMER_MAX) {
        all.push(load_one(place, &plan.network)?);
    }
    all.sort_by_key(|former| former.said.issued);
    Ok(all)
}

fn load_one(place: &Path, network: &Network) -> Found<FormerKey> {
    let read = |name: &str| {
        let path = place.join(name);
        durable::read(&path).at(&path)
    };
    let (pass, next, successor) = (read(PASS)?, read(NEXT)?, read(SUCCESSOR)?);
    let said = cose::open::<Successor>(&successor, network).map_err(|_| Problem::Unreadable);
    let said = *said.at(place)?.peek();
    let shown = cose::open::<Pass>(&pass, network).map_err(|_| Problem::Unreadable);
    if shown.at(place)?.peek().key.0 != said.former_key {
        return Err(Problem::WrongKey).at(place);
    }
    let path = place.join(PASS_KEY);
    let key: Option<Key> = match path.exists() {
        false => None,
        true => {
            let key = folder::read_key(&path, Algorithm::Ed25519)?;
            if key.public_key() != said.former_key {
                return Err(Problem::WrongKey).at(&path);
            }
            Some(Arc::new(key))
        }
    };
    Ok(FormerKey {
        said,
        pass,
        key,
        next,
        issuer_pass: read(ISSUER_PASS)?,
        successor,
    })
}

/// The private key of an overlap that has ended is no use any more.
pub(crate) fn end(folder: &Path, keys: &mut [FormerKey], now: Timestamp) -> Found<()> {
    if is_overlap(keys, now) {
        return Ok(());
    }
    // A crash here: the next opening takes it away, and nobody asks it for anything meanwhile.
    forget_keys(folder)?;
    keys.iter_mut().for_each(|former| former.key = None);
    Ok(())
}
