//! One authority takes over from another of its kind, and for a while both count.
//!
//! Root and issuer get new keys and so new codes: a code is bound to its key, and theirs stand in
//! no thing's. What they have signed is signed again by the new one, with the keys it has:
//!
//! ```text
//! root    new root; its key signed by the old root and the old root's by it; the issuer's
//!         certificate and pass anew; the old root's word on the new one, for things
//! issuer  new issuer under the same root; the gateway's certificate and pass anew
//! gateway another pass key under the same code: see [`crate::succeed`]
//! ```
//!
//! The whole folder is made anew beside the old one, as `<name>.next`, which gets its name when
//! everything in it is durable: that is the moment of the change. A crash before it leaves a
//! `<name>.making` that nobody has heard of; a crash after it is finished by the next [`crate::open`]
//! or [`crate::load`]. What is taken over from stays in `before/`, without private keys, until its
//! end.

use crate::authorities::{Authorities, Plan, Secrets, Span, certify, new_authority};
use crate::authority::{Authority, CLOCK_SKEW_S, Role};
use crate::bundle;
use crate::certificate::CertificateOrder;
use crate::durable::{self, Readers};
use crate::error::{IssueError, OrderFault};
use crate::folder::{self, CA, PASS, PASS_PUBLIC};
use crate::key::{AbsentKey, Random, draw};
use crate::problem::{At, FolderError, Found, Problem};
use crate::profile::p256_public;
use crate::safe::KeyPlace;
use der::Decode;
use protocol::Timestamp;
use protocol::cose::{self, SIGNED_MAX};
use protocol::objects::TrustUpdate;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_cert::Certificate;

pub(crate) const BEFORE: &str = "before";
const ENDS: &str = "ends";
const UPDATE: &str = "update.cbor";
const ISSUER: &str = "issuer.pem";
pub(crate) const ISSUER_PASS: &str = "issuer.pass";
const CROSS: &str = "cross.pem";
const REVERSE: &str = "reverse.pem";
/// Most authorities, and most keys of a gateway, that are kept after their time.
pub const FORMER_MAX: usize = 64;

/// An authority that was taken over from and still counts.
#[derive(Clone, Debug)]
pub struct Former {
    /// Who it was; it never signs again here.
    pub authority: Authority,
    /// Until then.
    pub ends: Timestamp,
    /// Of a root: what it leaves behind.
    pub root: Option<Legacy>,
}

/// What an old root leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Legacy {
    /// Its word on the new one: a signed trust-update.
    pub update: Vec<u8>,
    /// The issuer's certificate and pass that it had signed.
    pub issuer: [Vec<u8>; 2],
    /// The new root's key, signed by the old one: the way from the new root to the old.
    pub cross: Vec<u8>,
    /// Its own key, signed by the new root: the way back.
    pub reverse: Vec<u8>,
}

impl Authorities {
    /// The old root, while it counts.
    pub fn former_root(&self) -> Option<(&Former, &Legacy)> {
        let roots = self.former.iter().rev();
        let mut roots = roots.filter_map(|former| Some((former, former.root.as_ref()?)));
        roots.next()
    }

    /// The issuer's pass as everybody can check it: the old root's, as long as that one counts.
    pub fn issuer_pass(&self) -> &[u8] {
        match self.former_root() {
            Some((
                _,
                Legacy {
                    issuer: [_, pass], ..
                },
            )) => pass,
            None => self.issuer.pass(),
        }
    }

    /// Every certificate that somebody may need to find the way to a root it trusts.
    pub fn certificates(&self) -> Vec<Vec<u8>> {
        let now = self.all().map(|one| one.certificate().to_vec());
        let before = self.former.iter().flat_map(|former| {
            let more = former.root.iter();
            let more = more.flat_map(|root| {
                let [issuer, _] = &root.issuer;
                [issuer, &root.cross, &root.reverse].map(Clone::clone)
            });
            std::iter::once(former.authority.certificate().to_vec()).chain(more)
        });
        let cross = self.cross.iter().cloned();
        now.into_iter().chain(before).chain(cross).collect()
    }

    /// The roots that count: the present one, and the one before it until its end.
    pub fn roots(&self) -> impl Iterator<Item = &Authority> {
        let old = self.former_root().map(|(old, _)| &old.authority);
        std::iter::once(&self.root).chain(old)
    }

    /// A new root takes over; the old one counts until `ends`. `old` is the root with its keys. The
    /// new root's keys are in the folder afterwards, the old one's are not.
    pub fn rotate_root(
        &self,
        folder: &Path,
        plan: &Plan,
        old: &Authority,
        (now, ends): (Timestamp, Timestamp),
        random: &mut Random<'_>,
    ) -> Result<(), FolderError> {
        self.in_order(folder, old.not_after(), (now, ends))?;
        let span = successor(Role::Root, old, now);
        let (root, secrets) = new_authority(plan, Role::Root, None, span, random).at(folder)?;
        let issuer = self
            .again(plan, &self.issuer, &root, now, random)
            .at(folder)?;
        let cross = cross_of(old, &root, now, random).at(folder)?;
        let reverse = cross_of(&root, old, now, random).at(folder)?;
        let update = update(old, &root, now, ends).at(folder)?;
        let next = begin(folder, false)?;
        let place = former_place(&next, Role::Root)?;
        let public = durable::read(&folder.join(Role::Root.word()).join(PASS_PUBLIC));
        put(&place, PASS_PUBLIC, &public.at(folder)?)?;
        put(&place, CA, bundle::pem([old.certificate()]).as_bytes())?;
        put(&place, ENDS, ends.0.to_string().as_bytes())?;
        put(&place, UPDATE, &update)?;
        put(
            &place,
            ISSUER,
            bundle::pem([self.issuer.certificate()]).as_bytes(),
        )?;
        put(&place, ISSUER_PASS, self.issuer.pass())?;
        put(
            &place,
            REVERSE,
            bundle::pem([reverse.as_slice()]).as_bytes(),
        )?;
        put(&place, CROSS, bundle::pem([cross.as_slice()]).as_bytes())?;
        replace(&next, &root, &secrets)?;
        renew(&next, &issuer)?;
        finish(folder, &next)
    }

    /// A new issuer takes over; the old one counts until `ends`. The root in `self` has its keys.
    pub fn rotate_issuer(
        &self,
        folder: &Path,
        plan: &Plan,
        root: &Authority,
        (now, ends): (Timestamp, Timestamp),
        random: &mut Random<'_>,
    ) -> Result<(), FolderError> {
        self.in_order(folder, self.issuer.not_after(), (now, ends))?;
        // The word on the gateway's next key is this issuer's.
        if self.in_overlap(now) {
            return Err(Problem::Overlap).at(folder);
        }
        let mut span = successor(Role::Issuer, &self.issuer, now);
        span.not_after = span.not_after.min(root.not_after());
        let made = new_authority(plan, Role::Issuer, Some(root), span, random);
        let (issuer, secrets) = made.at(folder)?;
        let gateway = self
            .again(plan, &self.gateway, &issuer, now, random)
            .at(folder)?;
        let next = begin(folder, false)?;
        let place = former_place(&next, Role::Issuer)?;
        put(
            &place,
            CA,
            bundle::pem([self.issuer.certificate()]).as_bytes(),
        )?;
        put(&place, PASS, self.issuer.pass())?;
        put(&place, ENDS, ends.0.to_string().as_bytes())?;
        replace(&next, &issuer, &secrets)?;
        renew(&next, &gateway)?;
        finish(folder, &next)
    }

    fn in_order(&self, folder: &Path, most: Timestamp, span: (Timestamp, Timestamp)) -> Found<()> {
        let (now, ends) = span;
        // Whoever knows only the one before would not know the one after.
        if self.former.iter().any(|former| former.ends > now) {
            return Err(Problem::Overlap).at(folder);
        }
        match now < ends && ends <= most {
            true => Ok(()),
            false => Err(IssueError::from(OrderFault::Validity)).at(folder),
        }
    }

    /// The same authority with the same keys, certified by another one above it.
    fn again(
        &self,
        plan: &Plan,
        authority: &Authority,
        above: &Authority,
        now: Timestamp,
        random: &mut Random<'_>,
    ) -> Result<Authority, IssueError> {
        let keys = [authority.ca_key.clone(), authority.pass_key.clone()];
        let span = Span {
            issued: now,
            not_before: authority.not_before(),
            not_after: authority.not_after().min(above.not_after()),
        };
        certify(plan, authority.role, Some(above), keys, span, random)
    }
}

/// What stands below the one before has to lie within the time of the one after, so that begins as
/// early.
fn successor(role: Role, before: &Authority, now: Timestamp) -> Span {
    Span {
        not_before: before.not_before(),
        ..Span::new(role, now)
    }
}

/// `subject`'s name and key, signed by `by`.
fn cross_of(
    by: &Authority,
    subject: &Authority,
    now: Timestamp,
    random: &mut Random<'_>,
) -> Result<Vec<u8>, IssueError> {
    let own = subject.certificate.tbs_certificate();
    let draft = by.draft(CertificateOrder {
        serial: &*draw::<16>(random)?,
        not_before: now.minus_s(CLOCK_SKEW_S).max(by.not_before()),
        not_after: by.not_after().min(subject.not_after()),
        subject: own.subject().clone(),
        spki: own.subject_public_key_info().clone(),
        profile: crate::profile::Profile::Authority {
            path_len: None,
            subtree: None,
            quota: None,
        },
    })?;
    by.finish(draft).map(|(_, der)| der)
}

fn update(
    old: &Authority,
    new: &Authority,
    issued: Timestamp,
    ends: Timestamp,
) -> Result<Vec<u8>, IssueError> {
    let update = TrustUpdate {
        root: old.code,
        next: new.code,
        next_key: new.pass_key(),
        issued,
        ends,
    };
    let mut out = [0; SIGNED_MAX];
    let sealed = cose::seal(&update, &old.network, old.pass_key.as_ref(), &mut out);
    let (len, _) = sealed.map_err(|_| IssueError::KeyAbsent)?;
    Ok(out.get(..len).unwrap_or_default().to_vec())
}

fn beside(folder: &Path, ending: &str) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Whether a folder in `before/` is of such an authority.
pub(crate) fn is_of(place: &Path, role: Role) -> bool {
    let stem = place.file_stem().and_then(|stem| stem.to_str());
    stem == Some(role.word())
}

/// A copy of the folder as it stands, to be changed before it takes its place.
pub(crate) fn begin(folder: &Path, keeps_all: bool) -> Found<PathBuf> {
    let making = beside(folder, ".next.making");
    clear(&making)?;
    copy(folder, &making)?;
    let before = making.join(BEFORE);
    if keeps_all || !before.exists() {
        return Ok(making);
    }
    // Authorities in it have come to their end. Keys of the gateway stay: the books hold what they
    // signed.
    for entry in fs::read_dir(&before).at(&before)? {
        let place = entry.at(&before)?.path();
        if !is_of(&place, Role::Gateway) {
            clear(&place)?;
        }
    }
    Ok(making)
}

fn clear(folder: &Path) -> Found<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).at(folder),
        _ => Ok(()),
    }
}

fn copy(from: &Path, to: &Path) -> Found<()> {
    durable::make_folder(to).at(to)?;
    for entry in fs::read_dir(from).at(from)? {
        let path = entry.at(from)?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &target)?;
            continue;
        }
        let readers = match durable::open_to_others(&path).at(&path)? {
            0 => Readers::Owner,
            _ => Readers::Everybody,
        };
        let bytes = zeroize::Zeroizing::new(durable::read(&path).at(&path)?);
        durable::write(&target, &bytes, readers).at(&target)?;
    }
    durable::sync_parent(to).at(to)
}

/// A free folder for what is taken over from.
pub(crate) fn former_place(next: &Path, role: Role) -> Found<PathBuf> {
    let before = next.join(BEFORE);
    if !before.exists() {
        durable::make_folder(&before).at(&before)?;
    }
    let mut places = (1..).map(|number: u32| before.join(format!("{}.{number}", role.word())));
    let place = places.find(|place| !place.exists()).unwrap_or(before);
    durable::make_folder(&place).at(&place)?;
    Ok(place)
}

pub(crate) fn put(folder: &Path, name: &str, bytes: &[u8]) -> Found<()> {
    let path = folder.join(name);
    durable::write(&path, bytes, Readers::Everybody).at(&path)
}

/// New keys with everything that goes with them; what somebody else had signed for the old ones
/// goes.
fn replace(next: &Path, authority: &Authority, secrets: &Secrets) -> Found<()> {
    let home = next.join(authority.role.word());
    clear(&home)?;
    durable::make_folder(&home).at(&home)?;
    folder::store_one(&home, authority, secrets)
}

/// A new certificate and pass for the keys that are there.
fn renew(next: &Path, authority: &Authority) -> Found<()> {
    let home = next.join(authority.role.word());
    put(&home, CA, bundle::pem([authority.certificate()]).as_bytes())?;
    put(&home, PASS, authority.pass())
}

/// The change itself.
pub(crate) fn finish(folder: &Path, making: &Path) -> Found<()> {
    let next = beside(folder, ".next");
    for sub in fs::read_dir(making).at(making)? {
        let sub = sub.at(making)?.path();
        durable::sync_parent(&sub.join("x"))
            .at(making)
            .or_else(|error| match sub.is_dir() {
                true => Err(error),
                false => Ok(()),
            })?;
    }
    // A crash before this line: nothing has changed. After it: everything has, and is put in place
    // by whoever opens the folder next.
    durable::publish_folder(making, &next).at(&next)?;
    settle(folder)
}

/// Finishes a change that a crash cut short.
pub(crate) fn settle(folder: &Path) -> Found<()> {
    let (next, old) = (beside(folder, ".next"), beside(folder, ".old"));
    clear(&beside(folder, ".next.making"))?;
    if next.exists() {
        if folder.exists() {
            clear(&old)?;
            // A crash here: the folder is gone and the next one is whole.
            durable::publish_folder(folder, &old).at(&old)?;
        }
        durable::publish_folder(&next, folder).at(folder)?;
    }
    if folder.exists() {
        clear(&old)?;
    }
    Ok(())
}

/// Those who were taken over from, the oldest first.
pub(crate) fn load(folder: &Path, plan: &Plan) -> Found<Vec<Former>> {
    let before = folder.join(BEFORE);
    if !before.exists() {
        return Ok(Vec::new());
    }
    let mut places = Vec::new();
    for entry in fs::read_dir(&before).at(&before)?.take(2 * FORMER_MAX) {
        places.push(entry.at(&before)?.path());
    }
    places.sort();
    let roles = [Role::Root, Role::Issuer];
    let mut all = Vec::new();
    for role in roles {
        for place in places.iter().filter(|place| is_of(place, role)) {
            all.push(load_one(place, plan, role)?);
        }
    }
    Ok(all)
}

fn load_one(place: &Path, plan: &Plan, role: Role) -> Found<Former> {
    let unreadable = || Problem::Unreadable;
    let der = certificate(&place.join(CA))?;
    let read = Certificate::from_der(&der)
        .map_err(|_| unreadable())
        .at(place)?;
    let tbs = read.tbs_certificate();
    let code = crate::identity::serial_number(tbs)
        .ok_or_else(unreadable)
        .at(place)?;
    let ca = p256_public(tbs.subject_public_key_info()).ok_or_else(unreadable);
    let (pass, public) = match role {
        Role::Root => (None, folder::load_public(&place.join(PASS_PUBLIC))?),
        _ => {
            let bytes = durable::read(&place.join(PASS)).at(place)?;
            let said = cose::open::<protocol::objects::Pass>(&bytes, &plan.network);
            let said = *said.map_err(|_| unreadable()).at(place)?.peek();
            (Some((said, bytes)), said.key.0)
        }
    };
    let ends = durable::read(&place.join(ENDS)).at(place)?;
    let ends = core::str::from_utf8(&ends)
        .ok()
        .and_then(|text| text.parse().ok());
    let root = match role {
        Role::Root => Some(Legacy {
            update: durable::read(&place.join(UPDATE)).at(place)?,
            issuer: [
                certificate(&place.join(ISSUER))?,
                durable::read(&place.join(ISSUER_PASS)).at(place)?,
            ],
            cross: certificate(&place.join(CROSS))?,
            reverse: certificate(&place.join(REVERSE))?,
        }),
        _ => None,
    };
    Ok(Former {
        authority: Authority {
            role,
            network: plan.network,
            names: plan.names.clone(),
            code,
            ca_key: Arc::new(AbsentKey(ca.at(place)?)),
            pass_key: Arc::new(AbsentKey(public)),
            certificate: read,
            certificate_der: der,
            pass,
            key_place: KeyPlace::Away,
        },
        ends: Timestamp(ends.ok_or_else(unreadable).at(place)?),
        root,
    })
}

fn certificate(path: &Path) -> Found<Vec<u8>> {
    let pem = durable::read(path).at(path)?;
    match der::pem::decode_vec(&pem) {
        Ok(("CERTIFICATE", der)) => Ok(der),
        _ => Err(Problem::Unreadable).at(path),
    }
}
