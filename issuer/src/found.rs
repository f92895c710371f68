//! A gateway under another one: a folder made where the issuer's key is, with a gateway of its own
//! key and number and no right to issue money, to be carried to its box. Root and issuer lie in it
//! without their keys.

use crate::authorities::{Authorities, GATEWAY_LIFE_S, Plan, Span, new_authority};
use crate::authority::{Authority, Role};
use crate::bundle;
use crate::durable::{self, Readers};
use crate::error::IssueError;
use crate::folder::{self, CA, PASS, PASS_PUBLIC};
use crate::key::Random;
use crate::names::ServerName;
use crate::problem::{At, FolderError, Found, Problem};
use protocol::Timestamp;
use std::path::Path;

/// Makes the folder of a gateway under `above`. Nobody can sign another certificate for its doors
/// there, so this one lives as long as the gateway. A crash before the end leaves what the next
/// attempt throws away.
pub fn found(
    folder: &Path,
    plan: &Plan,
    above: &Authorities,
    servers: &[ServerName],
    now: Timestamp,
    random: &mut Random<'_>,
) -> Result<Authorities, FolderError> {
    plan.check().map_err(IssueError::from).at(folder)?;
    let making = folder::making(folder);
    folder::discard(&making)?;
    if !folder::is_vacant(folder)? {
        return Err(Problem::Foreign).at(folder);
    }
    durable::make_folder(&making).at(&making)?;
    let root_key = folder::public_pem(&above.root.pass_key());
    let root_key = root_key.ok_or(Problem::Unreadable).at(folder)?;
    public(&making, &above.root, (PASS_PUBLIC, root_key.as_bytes()))?;
    public(&making, &above.issuer, (PASS, above.issuer.pass()))?;
    let mut span = Span::new(Role::Gateway, now);
    span.not_after = span.not_after.min(above.issuer.not_after());
    let made = new_authority(plan, Role::Gateway, Some(&above.issuer), span, random);
    let (gateway, keys) = made.at(folder)?;
    let home = making.join(Role::Gateway.word());
    durable::make_folder(&home).at(&home)?;
    folder::store_one(&home, &gateway, &keys)?;
    let all = Authorities {
        root: above.root.clone(),
        issuer: above.issuer.clone(),
        gateway,
        cross: Vec::new(),
        former: Vec::new(),
        former_keys: Vec::new(),
    };
    all.keep_server(&making, servers, now, GATEWAY_LIFE_S, random)?;
    durable::publish_folder(&making, folder).at(folder)?;
    folder::load(folder, plan)
}

/// What of an authority everybody may see.
fn public(folder: &Path, authority: &Authority, (name, pass): (&str, &[u8])) -> Found<()> {
    let home = folder.join(authority.role().word());
    durable::make_folder(&home).at(&home)?;
    let certificate = bundle::pem([authority.certificate()]);
    for (name, bytes) in [(CA, certificate.as_bytes()), (name, pass)] {
        let path = home.join(name);
        durable::write(&path, bytes, Readers::Everybody).at(&path)?;
    }
    durable::sync_parent(&home.join(CA)).at(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Names;
    use crate::restore::tests::counter;
    use protocol::Network;
    use protocol::objects::Rights;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    #[test]
    fn a_gateway_below_is_known_by_the_root_and_may_not_issue_money() {
        let place = tempfile::tempdir().unwrap();
        let names = Names::new("onecode.internal", "localhost").unwrap();
        let plan = Plan::new(Network::new("test").unwrap(), names, 86_400);
        let centre =
            crate::open(&place.path().join("centre"), &plan, NOW, &mut counter(1)).unwrap();
        let below = Plan {
            station: 2,
            under_centre: true,
            ..plan.clone()
        };
        let (folder, host) = (
            place.path().join("below"),
            [ServerName::parse("kiosk").unwrap()],
        );
        let made = found(&folder, &below, &centre, &host, NOW, &mut counter(2)).unwrap();
        assert_ne!(made.gateway.code(), centre.gateway.code());
        let trust = centre.trust();
        let (issuer, pass) = (centre.issuer.pass(), made.gateway.pass());
        let known = trust.gateway(issuer, pass).unwrap();
        assert_eq!(known.get().station, Some(2));
        assert!(!known.get().rights.permits(Rights::ISSUE_MONEY));
        assert!(trust.centre(issuer, pass).is_err());
        let server = made.server(&folder, &host, NOW.plus_s(86_400 * 900), &mut counter(3));
        assert_eq!(server.unwrap().not_after, made.gateway.not_after());
        assert!(!folder.join("issuer/ca.key.pem").exists());
        let again = found(&folder, &below, &centre, &host, NOW, &mut counter(4));
        assert!(matches!(again.unwrap_err().problem, Problem::Foreign));
    }
}
