//! An authority's private keys in a safe place: one text file under a passphrase, and the box
//! without them.
//!
//! ```text
//! ENCRYPTED PRIVATE KEY    certificates, P-256      PKCS#8, PBES2 with scrypt and AES-256-CBC
//! ENCRYPTED PRIVATE KEY    passes, Ed25519          likewise
//! CERTIFICATE              whose they are
//! ```
//!
//! The order of the steps is all there is to it: the file is durable before it is read back, it is
//! read back from the disk and its keys have signed before anything is removed, and the keys in the
//! box go one after the other. After a crash anywhere the same export finds what is there and goes
//! on; at no moment is there no copy.

use crate::authority::{Authority, Role};
use crate::bundle;
use crate::durable::{self, Readers};
use crate::error::IssueError;
use crate::folder::{CA_KEY, PASS_KEY};
use crate::key::{Key, Random};
use crate::key_file;
use crate::problem::{At, FolderError, Found, Problem};
use protocol::keys::SoftwareKey;
use protocol::{Algorithm, PublicKey, Signer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Shortest passphrase that protects an authority.
pub const PASSPHRASE_CHARS_MIN: usize = 12;
const LOCKED: &str = "ENCRYPTED PRIVATE KEY";
/// Signed and checked before a key is believed to be the right one.
const TRIAL: &[u8] = b"onecode: is this the key of the certificate?";

/// Where the private keys of an authority are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In files of the folder.
    Files,
    /// One of them only: an export or import was cut short.
    Half,
    /// Taken away.
    Away,
}

impl KeyPlace {
    /// In words.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Files => "private keys in files of this box",
            Self::Half => "one private key here, one only in a bundle: export or import once more",
            Self::Away => "private keys exported, not in this box",
        }
    }
}

/// What is durable when an export stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The bundle is on the disk; nobody knows yet whether it can be read.
    Written,
    /// The bundle was read back and its keys sign; the box has them, too.
    Proven,
    /// One key has left the box.
    HalfRemoved,
}

/// Where an authority's keys are, in the folder of all authorities.
pub fn key_place(folder: &Path, role: Role) -> KeyPlace {
    let there = key_files(folder, role).map(|file| file.exists());
    match there {
        [true, true] => KeyPlace::Files,
        [false, false] => KeyPlace::Away,
        _ => KeyPlace::Half,
    }
}

fn key_files(folder: &Path, role: Role) -> [PathBuf; 2] {
    [CA_KEY, PASS_KEY].map(|name| folder.join(role.word()).join(name))
}

/// Puts the keys of an authority into `to`, encrypted, and takes them out of `folder`. A gateway
/// cannot be without its keys, and refuses. The same export again goes on where it was cut short.
pub fn export(
    folder: &Path,
    authority: &Authority,
    to: &Path,
    passphrase: &str,
    random: &mut Random<'_>,
) -> Result<(), FolderError> {
    export_with(folder, authority, to, passphrase, random, &mut |_| true)
}

/// `go_on` is asked after each durable step; a test ends there as a power cut would.
fn export_with(
    folder: &Path,
    authority: &Authority,
    to: &Path,
    passphrase: &str,
    random: &mut Random<'_>,
    go_on: &mut dyn FnMut(Step) -> bool,
) -> Found<()> {
    if matches!(authority.role, Role::Gateway | Role::Station) {
        return Err(Problem::Needed).at(folder);
    }
    if passphrase.chars().count() < PASSPHRASE_CHARS_MIN {
        return Err(Problem::ShortPassphrase).at(to);
    }
    let files = key_files(folder, authority.role);
    if !to.exists() {
        let text = locked(authority, &files, passphrase, random)?;
        // A crash here: the name is not taken, and the box has both keys.
        durable::write(to, text.as_bytes(), Readers::Owner).at(to)?;
        if !go_on(Step::Written) {
            return Ok(());
        }
    }
    // Whatever lies there under that name has to be this bundle, or nothing is removed.
    read(to, authority, passphrase)?;
    if !go_on(Step::Proven) {
        return Ok(());
    }
    for file in &files {
        durable::remove_if_there(file).at(file)?;
        durable::sync_parent(file).at(file)?;
        // A crash here: the bundle has what is left, too.
        if !go_on(Step::HalfRemoved) {
            return Ok(());
        }
    }
    Ok(())
}

fn locked(
    authority: &Authority,
    [ca, pass]: &[PathBuf; 2],
    passphrase: &str,
    random: &mut Random<'_>,
) -> Found<Zeroizing<String>> {
    let mut text = Zeroizing::new(format!(
        "OneCode {} {} {}\n",
        authority.network.as_str(),
        authority.role.word(),
        authority.code
    ));
    for (file, algorithm, public) in [
        (ca, Algorithm::P256, authority.ca_key.public_key()),
        (pass, Algorithm::Ed25519, authority.pass_key()),
    ] {
        let secret = key_file::read(file, algorithm, None)?;
        fits(&secret, &public).at(file)?;
        let locked = key_file::encrypt(&secret, passphrase, random);
        text.push_str(&locked.ok_or(IssueError::Encoding).at(file)?);
    }
    text.push_str(&bundle::pem([authority.certificate()]));
    Ok(text)
}

/// The authority with its keys from a bundle; `authority` says whose they have to be.
pub fn read(
    path: &Path,
    authority: &Authority,
    passphrase: &str,
) -> Result<Authority, FolderError> {
    let [ca, pass] = secrets(path, authority, passphrase)?;
    let keys: [Key; 2] = [Arc::new(ca), Arc::new(pass)];
    let [ca_key, pass_key] = keys;
    Ok(Authority {
        ca_key,
        pass_key,
        key_place: KeyPlace::Away,
        ..authority.clone()
    })
}

fn secrets(path: &Path, authority: &Authority, passphrase: &str) -> Found<[SoftwareKey; 2]> {
    let bytes = durable::read(path).at(path)?;
    let text = core::str::from_utf8(&bytes).map_err(|_| Problem::Unreadable);
    let documents = bundle::split(text.at(path)?);
    let [ca, pass, certificate] = documents.as_slice() else {
        return Err(Problem::Unreadable).at(path);
    };
    match der::pem::decode_vec(certificate.as_bytes()) {
        Ok(("CERTIFICATE", der)) if der == authority.certificate_der => {}
        Ok(("CERTIFICATE", _)) => return Err(Problem::WrongKey).at(path),
        _ => return Err(Problem::Unreadable).at(path),
    }
    let open = |document: &str, algorithm, public: PublicKey| {
        if !document.contains(LOCKED) {
            return Err(Problem::Unreadable).at(path);
        }
        let secret = key_file::decode(document.as_bytes(), algorithm, Some(passphrase));
        let secret = secret.at(path)?;
        fits(&secret, &public).at(path)?;
        Ok(secret)
    };
    Ok([
        open(ca, Algorithm::P256, authority.ca_key.public_key())?,
        open(pass, Algorithm::Ed25519, authority.pass_key())?,
    ])
}

/// It is the right one when it signs what the public key verifies.
fn fits(secret: &SoftwareKey, public: &PublicKey) -> Result<(), Problem> {
    let signature = secret.sign(TRIAL).map_err(|_| Problem::WrongKey)?;
    match secret.public_key() == *public && public.verifies(TRIAL, &signature) {
        true => Ok(()),
        false => Err(Problem::WrongKey),
    }
}

/// Puts the keys of a bundle back into the folder; the bundle stays as it is. Again changes nothing.
pub fn import(
    folder: &Path,
    authority: &Authority,
    from: &Path,
    passphrase: &str,
) -> Result<(), FolderError> {
    let secrets = secrets(from, authority, passphrase)?;
    for (file, secret) in key_files(folder, authority.role).iter().zip(&secrets) {
        let pem = crate::key::to_pem(secret).ok_or(IssueError::Encoding);
        // A crash here: one key is back, and the bundle has both.
        durable::write(file, pem.at(file)?.as_bytes(), Readers::Owner).at(file)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authorities, Names, Plan};
    use protocol::{Network, Timestamp};

    const NOW: Timestamp = Timestamp(1_800_000_000);
    const WORDS: &str = "correct horse battery";

    fn plan() -> Plan {
        let names = Names::new("onecode.internal", "localhost").unwrap();
        Plan::new(Network::new("test").unwrap(), names, 86_400)
    }

    /// Counts up, so that no two keys are the same.
    fn random(out: &mut [u8]) -> Result<(), crate::RandomFailed> {
        use std::sync::atomic::{AtomicU8, Ordering};
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let next = NEXT.fetch_add(1, Ordering::Relaxed).max(1);
        for (at, byte) in out.iter_mut().enumerate() {
            *byte = next.wrapping_mul(31).wrapping_add(at as u8);
        }
        Ok(())
    }

    struct Place {
        folder: PathBuf,
        bundle: PathBuf,
        authorities: Authorities,
        _temporary: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            let temporary = tempfile::tempdir().unwrap();
            let folder = temporary.path().join("authorities");
            let authorities = crate::open(&folder, &plan(), NOW, &mut random).unwrap();
            Self {
                bundle: temporary.path().join("root.bundle"),
                folder,
                authorities,
                _temporary: temporary,
            }
        }

        fn export(&self, go_on: &mut dyn FnMut(Step) -> bool) -> Found<()> {
            let root = &self.authorities.root;
            export_with(&self.folder, root, &self.bundle, WORDS, &mut random, go_on)
        }

        fn place(&self) -> KeyPlace {
            key_place(&self.folder, Role::Root)
        }
    }

    #[test]
    fn whatever_step_the_power_goes_at_there_is_a_copy_and_the_export_goes_on() {
        for (step, after) in [
            (Step::Written, KeyPlace::Files),
            (Step::Proven, KeyPlace::Files),
            (Step::HalfRemoved, KeyPlace::Half),
        ] {
            let place = Place::new();
            place.export(&mut |at| at != step).unwrap();
            assert_eq!(place.place(), after, "{step:?}");
            let root = &place.authorities.root;
            assert!(read(&place.bundle, root, WORDS).is_ok(), "{step:?}");
            place.export(&mut |_| true).unwrap();
            assert_eq!(place.place(), KeyPlace::Away, "{step:?}");
            let found = crate::load(&place.folder, &plan()).unwrap();
            assert!(found.root.seal(&found.issuer.pass.unwrap().0).is_err());
            import(&place.folder, root, &place.bundle, WORDS).unwrap();
            assert_eq!(place.place(), KeyPlace::Files);
            let found = crate::load(&place.folder, &plan()).unwrap();
            assert!(found.root.seal(&found.issuer.pass.unwrap().0).is_ok());
        }
    }

    #[test]
    fn nothing_is_removed_for_a_bundle_that_is_not_its_own() {
        let (place, other) = (Place::new(), Place::new());
        other.export(&mut |_| true).unwrap();
        std::fs::copy(&other.bundle, &place.bundle).unwrap();
        assert!(matches!(
            place.export(&mut |_| true).unwrap_err().problem,
            Problem::WrongKey
        ));
        std::fs::write(&place.bundle, "somebody's notes").unwrap();
        assert!(place.export(&mut |_| true).is_err());
        assert_eq!(place.place(), KeyPlace::Files);
        assert!(std::fs::read(&place.bundle).unwrap() == b"somebody's notes");
    }

    #[test]
    fn a_wrong_passphrase_a_short_one_and_a_gateway_are_refused() {
        let place = Place::new();
        let root = &place.authorities.root;
        let short = export(&place.folder, root, &place.bundle, "short", &mut random);
        assert!(matches!(
            short.unwrap_err().problem,
            Problem::ShortPassphrase
        ));
        let gateway = &place.authorities.gateway;
        let needed = export(&place.folder, gateway, &place.bundle, WORDS, &mut random);
        assert!(matches!(needed.unwrap_err().problem, Problem::Needed));
        place.export(&mut |_| true).unwrap();
        let wrong = read(&place.bundle, root, "wrong horse battery");
        assert!(matches!(wrong.unwrap_err().problem, Problem::Passphrase));
    }
}
