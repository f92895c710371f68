//! The box is lost and the root's bundle is not: a new issuer and a new gateway under the same root,
//! in an empty folder. The gateway has a station number that nobody had before, so no number is
//! ever issued a second time; everybody who trusts the root trusts what it issues.

use crate::authorities::{Authorities, Plan, Span, new_authority};
use crate::authority::Role;
use crate::bundle;
use crate::durable::{self, Readers};
use crate::error::IssueError;
use crate::folder::{self, CA, PASS_PUBLIC};
use crate::key::Random;
use crate::key_file;
use crate::problem::{At, FolderError, Problem};
use crate::safe;
use protocol::{Algorithm, Signer, Timestamp};
use std::path::Path;

/// Makes the folder of a new gateway from a root's bundle. The root's private keys stay in the
/// bundle. A crash before the end leaves what the next attempt throws away.
pub fn restore(
    folder: &Path,
    plan: &Plan,
    from: &Path,
    passphrase: &str,
    now: Timestamp,
    random: &mut Random<'_>,
) -> Result<Authorities, FolderError> {
    plan.check().map_err(IssueError::from).at(folder)?;
    crate::rotate::settle(folder)?;
    let making = folder::making(folder);
    folder::discard(&making)?;
    if !folder::is_vacant(folder)? {
        return Err(Problem::Foreign).at(folder);
    }
    let bytes = durable::read(from).at(from)?;
    let text = core::str::from_utf8(&bytes).map_err(|_| Problem::Unreadable);
    let documents = bundle::split(text.at(from)?);
    let [_, pass, certificate] = documents.as_slice() else {
        return Err(Problem::Unreadable).at(from);
    };
    let pass = key_file::decode(pass.as_bytes(), Algorithm::Ed25519, Some(passphrase));
    let public = folder::public_pem(&pass.at(from)?.public_key());
    let public = public.ok_or(Problem::Unreadable).at(from)?;
    let home = making.join(Role::Root.word());
    for folder in [&making, &home] {
        durable::make_folder(folder).at(folder)?;
    }
    for (name, text) in [(CA, *certificate), (PASS_PUBLIC, public.as_str())] {
        let path = home.join(name);
        durable::write(&path, text.as_bytes(), Readers::Everybody).at(&path)?;
    }
    let root = folder::load_one(&making, plan, Role::Root, None)?;
    let root = safe::read(from, &root, passphrase)?;
    let mut span = Span::new(Role::Issuer, now);
    span.not_after = span.not_after.min(root.not_after());
    let made = new_authority(plan, Role::Issuer, Some(&root), span, random);
    let (issuer, issuer_keys) = made.at(folder)?;
    let mut span = Span::new(Role::Gateway, now);
    span.not_after = span.not_after.min(issuer.not_after());
    let made = new_authority(plan, Role::Gateway, Some(&issuer), span, random);
    let (gateway, gateway_keys) = made.at(folder)?;
    for (authority, secrets) in [(&issuer, &issuer_keys), (&gateway, &gateway_keys)] {
        let home = making.join(authority.role().word());
        durable::make_folder(&home).at(&home)?;
        folder::store_one(&home, authority, secrets)?;
    }
    for home in [Role::Root, Role::Issuer, Role::Gateway] {
        durable::sync_parent(&making.join(home.word()).join(CA)).at(folder)?;
    }
    durable::publish_folder(&making, folder).at(folder)?;
    folder::load(folder, plan)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Names, Problem, RandomFailed};
    use protocol::Network;

    const NOW: Timestamp = Timestamp(1_800_000_000);
    const WORDS: &str = "correct horse battery";

    fn plan() -> Plan {
        let names = Names::new("onecode.internal", "localhost").unwrap();
        Plan::new(Network::new("test").unwrap(), names, 86_400)
    }

    /// Randomness that is the same every time, and another for each seed.
    pub(crate) fn counter(seed: u8) -> impl FnMut(&mut [u8]) -> Result<(), RandomFailed> {
        let mut next = 0;
        move |out: &mut [u8]| {
            next += 1;
            out.fill(next);
            out[0] = seed;
            Ok(())
        }
    }

    #[test]
    fn a_new_box_issues_under_the_same_root_and_under_no_number_twice() {
        let place = tempfile::tempdir().unwrap();
        let [lost, new] = ["lost", "new"].map(|name| place.path().join(name));
        let before = crate::open(&lost, &plan(), NOW, &mut counter(1)).unwrap();
        let bundle = place.path().join("root.bundle");
        safe::export(&lost, &before.root, &bundle, WORDS, &mut counter(2)).unwrap();
        std::fs::remove_dir_all(&lost).unwrap();
        let second = Plan {
            station: 4094,
            ..plan()
        };
        let wrong = restore(
            &new,
            &second,
            &bundle,
            "wrong words here",
            NOW,
            &mut counter(3),
        );
        assert!(matches!(wrong.unwrap_err().problem, Problem::Passphrase));
        // What that attempt left is thrown away.
        let after = restore(&new, &second, &bundle, WORDS, NOW, &mut counter(4)).unwrap();
        assert_eq!(after.root.certificate(), before.root.certificate());
        assert_ne!(after.gateway.code(), before.gateway.code());
        let issued_as = |all: &Authorities| all.gateway.pass.as_ref().unwrap().0.station;
        assert_ne!(issued_as(&after), issued_as(&before));
        let known = before.trust();
        let passes = (after.issuer.pass(), after.gateway.pass());
        assert!(known.gateway(passes.0, passes.1).is_ok());
        assert_eq!(safe::key_place(&new, Role::Root), safe::KeyPlace::Away);
        let again = restore(&new, &second, &bundle, WORDS, NOW, &mut counter(5));
        assert!(matches!(again.unwrap_err().problem, Problem::Foreign));
    }
}
