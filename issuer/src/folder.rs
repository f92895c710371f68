//! Authorities in a folder: making them there once, and finding them again.
//!
//! ```text
//! root/     ca.key.pem  ca.pem  pass.key.pem  pass.pub.pem  (cross.pem)
//! issuer/   ca.key.pem  ca.pem  pass.key.pem  pass.cbor
//! gateway/  ca.key.pem  ca.pem  pass.key.pem  pass.cbor
//! before/   those who were taken over from
//! server.pem
//! ```
//!
//! All of it is made in a folder `<name>.making` beside it, which gets its name when everything in
//! it is durable. A crash before that leaves keys nobody has ever seen a signature of: they are
//! thrown away and the making begins again. A folder with its name is complete; if something is
//! missing in it, it was lost, and that is refused. The private keys of root and issuer may be
//! taken away to a safe place: then this gateway cannot renew what they sign.

use crate::authorities::{Authorities, Plan, Secrets, Span, make};
use crate::authority::{Authority, Role};
use crate::durable::{self, Readers};
use crate::error::{IssueError, ProfileFault};
use crate::key::{self, AbsentKey, Key, Random};
use crate::lint::{self, Expected};
use crate::problem::{At, FolderError, Found, Problem};
use crate::profile::{p256_public, spki_der, subject};
use der::{Decode, Encode};
use p256::pkcs8::{DecodePublicKey, EncodePublicKey};
use protocol::cose;
use protocol::objects::Pass;
use protocol::{Algorithm, PublicKey, Timestamp};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_cert::Certificate;

pub(crate) const CA_KEY: &str = "ca.key.pem";
pub(crate) const CA: &str = "ca.pem";
pub(crate) const PASS_KEY: &str = "pass.key.pem";
pub(crate) const PASS_PUBLIC: &str = "pass.pub.pem";
pub(crate) const PASS: &str = "pass.cbor";
const FILES: [&str; 5] = [CA_KEY, CA, PASS_KEY, PASS_PUBLIC, PASS];

/// Finds the authorities in `folder`; makes them when it is not there or empty. Whoever calls this
/// holds the lock of the data folder: two processes must not make the same folder at once.
pub fn open(
    folder: &Path,
    plan: &Plan,
    now: Timestamp,
    random: &mut Random<'_>,
) -> Result<Authorities, FolderError> {
    crate::rotate::settle(folder)?;
    let making = making(folder);
    discard(&making)?;
    if is_vacant(folder)? {
        let (authorities, secrets) = make(plan, now, random).at(folder)?;
        store(&making, &authorities, &secrets)?;
        durable::publish_folder(&making, folder).at(folder)?;
    }
    let mut found = load(folder, plan)?;
    found.former.retain(|former| former.ends > now);
    crate::succeed::end(folder, &mut found.former_keys, now)?;
    Ok(found)
}

/// Finds the authorities in `folder`.
pub fn load(folder: &Path, plan: &Plan) -> Result<Authorities, FolderError> {
    plan.check().map_err(IssueError::from).at(folder)?;
    crate::rotate::settle(folder)?;
    let root = load_one(folder, plan, Role::Root, None)?;
    let issuer = load_one(folder, plan, Role::Issuer, Some(&root))?;
    let gateway = load_one(folder, plan, Role::Gateway, Some(&issuer))?;
    Ok(Authorities {
        root,
        issuer,
        gateway,
        cross: crate::cross::load(folder)?,
        former: crate::rotate::load(folder, plan)?,
        former_keys: crate::succeed::load(folder, plan)?,
    })
}

pub(crate) fn making(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(".making");
    PathBuf::from(name)
}

pub(crate) fn is_vacant(folder: &Path) -> Found<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error).at(folder),
    }
}

/// Throws away what a crash left, if it is ours.
pub(crate) fn discard(making: &Path) -> Found<()> {
    if !making.exists() {
        return Ok(());
    }
    let roles: Vec<_> = Role::ALL
        .iter()
        .map(|role| making.join(role.word()))
        .collect();
    let server = making.join(crate::server::FILE);
    let ours: Vec<_> = roles
        .iter()
        .cloned()
        .chain([durable::partial(&server), server.clone()])
        .collect();
    only_holds(making, &ours)?;
    for file in [&durable::partial(&server), &server] {
        durable::remove_if_there(file).at(file)?;
    }
    for role in roles.iter().filter(|role| role.exists()) {
        let files = FILES.map(|file| role.join(file));
        let partials = files.clone().map(|file| durable::partial(&file));
        let ours: Vec<_> = files.into_iter().chain(partials).collect();
        only_holds(role, &ours)?;
        for file in &ours {
            durable::remove_if_there(file).at(file)?;
        }
        fs::remove_dir(role).at(role)?;
    }
    fs::remove_dir(making).at(making)
}

fn only_holds(folder: &Path, ours: &[PathBuf]) -> Found<()> {
    for entry in fs::read_dir(folder).at(folder)? {
        let path = entry.at(folder)?.path();
        if !ours.contains(&path) {
            return Err(Problem::Foreign).at(&path);
        }
    }
    Ok(())
}

fn store(folder: &Path, authorities: &Authorities, secrets: &[Secrets; 3]) -> Found<()> {
    durable::make_folder(folder).at(folder)?;
    for (authority, secrets) in authorities.all().into_iter().zip(secrets) {
        let role = folder.join(authority.role.word());
        durable::make_folder(&role).at(&role)?;
        store_one(&role, authority, secrets)?;
        durable::sync_parent(&role).at(folder)?;
    }
    Ok(())
}

pub(crate) fn store_one(folder: &Path, authority: &Authority, secrets: &Secrets) -> Found<()> {
    let put = |name: &str, bytes: &[u8], readers| {
        let path = folder.join(name);
        durable::write(&path, bytes, readers).at(&path)
    };
    for (name, key) in [(CA_KEY, &secrets.ca), (PASS_KEY, &secrets.pass)] {
        let pem = key::to_pem(key).ok_or(IssueError::Encoding).at(folder)?;
        put(name, pem.as_bytes(), Readers::Owner)?;
    }
    let certificate = crate::bundle::pem([authority.certificate()]);
    put(CA, certificate.as_bytes(), Readers::Everybody)?;
    match &authority.pass {
        Some((_, bytes)) => put(PASS, bytes, Readers::Everybody),
        None => {
            let pem = public_pem(&authority.pass_key()).ok_or(IssueError::Encoding);
            put(PASS_PUBLIC, pem.at(folder)?.as_bytes(), Readers::Everybody)
        }
    }
}

pub(crate) fn load_one(
    folder: &Path,
    plan: &Plan,
    role: Role,
    above: Option<&Authority>,
) -> Found<Authority> {
    let base = folder;
    let folder = folder.join(role.word());
    let (certificate, certificate_der, ca_public) = load_certificate(&folder, plan, role, above)?;
    let code = identity_of(&certificate).ok_or(Problem::OtherPlan);
    let code = code.at(&folder.join(CA))?;
    let ca_key = load_key(&folder.join(CA_KEY), Algorithm::P256, ca_public, role)?;
    let (pass, pass_public) = match above {
        None => (None, load_public(&folder.join(PASS_PUBLIC))?),
        Some(above) => {
            let (pass, bytes) = load_pass(&folder.join(PASS), plan, role, above, &code)?;
            let public = pass.key.0;
            (Some((pass, bytes)), public)
        }
    };
    let pass_key = load_key(
        &folder.join(PASS_KEY),
        Algorithm::Ed25519,
        pass_public,
        role,
    )?;
    Ok(Authority {
        role,
        network: plan.network,
        names: plan.names.clone(),
        code,
        ca_key,
        pass_key,
        certificate,
        certificate_der,
        pass,
        key_place: crate::safe::key_place(base, role),
    })
}

fn identity_of(certificate: &Certificate) -> Option<protocol::Code> {
    crate::identity::serial_number(certificate.tbs_certificate())
}

fn load_certificate(
    folder: &Path,
    plan: &Plan,
    role: Role,
    above: Option<&Authority>,
) -> Found<(Certificate, Vec<u8>, PublicKey)> {
    let path = folder.join(CA);
    let pem = durable::read(&path).at(&path)?;
    let unreadable = || Problem::Unreadable;
    let der = match der::pem::decode_vec(&pem) {
        Ok(("CERTIFICATE", der)) => der,
        _ => return Err(unreadable()).at(&path),
    };
    let read = Certificate::from_der(&der)
        .map_err(|_| unreadable())
        .at(&path)?;
    let spki = read.tbs_certificate().subject_public_key_info();
    let key_der = spki_der(spki).map_err(|_| unreadable()).at(&path)?;
    let public = p256_public(spki).ok_or_else(unreadable).at(&path)?;
    let code = plan
        .code(role, &key_der)
        .map_err(IssueError::from)
        .at(&path)?;
    let name = subject(&plan.common_name(role), &code).map_err(IssueError::from);
    let profile = plan.profile(role);
    let expected = Expected {
        profile: &profile,
        subject: &name.at(&path)?,
        key: &key_der,
        authority: above.map(|above| &above.certificate),
    };
    let signer = above.map_or(public, |above| above.ca_key.public_key());
    let certificate = lint::certificate(&der, &expected, &signer).map_err(|fault| match fault {
        ProfileFault::Subject | ProfileFault::NameConstraints => Problem::OtherPlan,
        _ => Problem::NotSignedFromAbove,
    });
    Ok((certificate.at(&path)?, der, public))
}

fn load_pass(
    path: &Path,
    plan: &Plan,
    role: Role,
    above: &Authority,
    code: &protocol::Code,
) -> Found<(Pass, Vec<u8>)> {
    let bytes = durable::read(path).at(path)?;
    let pass = cose::open::<Pass>(&bytes, &plan.network)
        .map_err(|_| Problem::Unreadable)
        .at(path)?;
    let pass = *pass
        .verify(&above.pass_key())
        .map_err(|_| Problem::NotSignedFromAbove)
        .at(path)?
        .get();
    let span = Span {
        issued: pass.issued,
        not_before: pass.issued,
        not_after: pass.expires,
    };
    let key: Key = Arc::new(AbsentKey(pass.key.0));
    match pass == plan.pass(role, above.code, *code, &key, span) {
        true => Ok((pass, bytes)),
        false => Err(Problem::OtherPlan).at(path),
    }
}

/// Loads a private key, which must fit `public`. Only a gateway cannot do without.
fn load_key(path: &Path, algorithm: Algorithm, public: PublicKey, role: Role) -> Found<Key> {
    if !path.exists() && role != Role::Gateway {
        return Ok(Arc::new(AbsentKey(public)));
    }
    let key = read_key(path, algorithm)?;
    match protocol::Signer::public_key(&key) == public {
        true => Ok(Arc::new(key)),
        false => Err(Problem::WrongKey).at(path),
    }
}

pub(crate) fn read_key(path: &Path, algorithm: Algorithm) -> Found<protocol::keys::SoftwareKey> {
    let mode = durable::open_to_others(path).at(path)?;
    if mode != 0 {
        return Err(Problem::OpenToOthers(mode)).at(path);
    }
    let pem = zeroize::Zeroizing::new(durable::read(path).at(path)?);
    key::from_pem(algorithm, &pem)
        .ok_or(Problem::Unreadable)
        .at(path)
}

pub(crate) fn public_pem(key: &PublicKey) -> Option<String> {
    let PublicKey::Ed25519(bytes) = key else {
        return None;
    };
    let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).ok()?;
    let der = key.to_public_key_der().ok()?.to_der().ok()?;
    der::pem::encode_string("PUBLIC KEY", der::pem::LineEnding::LF, &der).ok()
}

pub(crate) fn load_public(path: &Path) -> Found<PublicKey> {
    let pem = durable::read(path).at(path)?;
    let key = match der::pem::decode_vec(&pem) {
        Ok(("PUBLIC KEY", der)) => ed25519_dalek::VerifyingKey::from_public_key_der(&der).ok(),
        _ => None,
    };
    key.map(|key| PublicKey::Ed25519(key.to_bytes()))
        .ok_or(Problem::Unreadable)
        .at(path)
}
