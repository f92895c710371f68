//! Chains and lists as rustls sees them, by the library that checks for it.

use crate::forgery::{self, Authority};
use crate::workshop::*;
use issuer::{Authorities, ListOrder, Revoked};
use protocol::Timestamp;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::time::Duration;
use tempfile::TempDir;
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, KeyUsage, OwnedCertRevocationList,
    RevocationCheckDepth, RevocationOptionsBuilder, anchor_from_trusted_cert,
};

struct Look<'a> {
    trusted: &'a [&'a [u8]],
    sent: &'a [&'a [u8]],
    at: Timestamp,
    usage: KeyUsage,
    list: Option<&'a [u8]>,
}

fn look(leaf: &[u8], look: Look<'_>) -> Result<(), Error> {
    let [trusted, sent] = [look.trusted, look.sent].map(|many| {
        let owned = |der: &&[u8]| CertificateDer::from(der.to_vec());
        many.iter().map(owned).collect::<Vec<_>>()
    });
    let anchors: Vec<_> = trusted
        .iter()
        .map(|der| anchor_from_trusted_cert(der).unwrap())
        .collect();
    let list = look
        .list
        .map(|der| CertRevocationList::from(OwnedCertRevocationList::from_der(der).unwrap()));
    let lists: Vec<&CertRevocationList<'_>> = list.iter().collect();
    let revocation = list.is_some().then(|| {
        RevocationOptionsBuilder::new(&lists)
            .unwrap()
            .with_depth(RevocationCheckDepth::EndEntity)
            .with_expiration_policy(ExpirationPolicy::Enforce)
            .build()
    });
    let leaf = CertificateDer::from(leaf.to_vec());
    let leaf = EndEntityCert::try_from(&leaf)?;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::from(look.at.0)));
    let algorithms = [webpki::ring::ECDSA_P256_SHA256];
    leaf.verify_for_usage(
        &algorithms,
        &anchors,
        &sent,
        at,
        look.usage,
        revocation,
        None,
    )
    .map(|_| ())
}

/// A thing that connects: the gateway trusts the root.
fn client(
    authorities: &Authorities,
    leaf: &[u8],
    at: Timestamp,
    list: Option<&[u8]>,
) -> Result<(), Error> {
    let [root, issuer, gateway] = authorities.all().map(|one| one.certificate());
    look(
        leaf,
        Look {
            trusted: &[root],
            sent: &[gateway, issuer],
            at,
            usage: KeyUsage::client_auth(),
            list,
        },
    )
}

fn house() -> (TempDir, Authorities, Authority) {
    let folder = TempDir::new().unwrap();
    let house = folder.path().join("house");
    let authorities = issuer::open(&house, &plan(), NOW, &mut counter(1)).unwrap();
    let stolen = Authority::stolen(&house, &authorities);
    (folder, authorities, stolen)
}

#[test]
fn a_thing_is_accepted_with_its_chain_or_alone_below_its_gateway() {
    let authorities = authorities();
    let leaf = issue(&authorities, 1).certificate;
    assert_eq!(client(&authorities, &leaf, NOW, None), Ok(()));
    let alone = |trusted, usage| {
        let trusted = &[trusted];
        let (sent, list) = ([].as_slice(), None);
        look(
            &leaf,
            Look {
                trusted,
                sent,
                at: NOW,
                usage,
                list,
            },
        )
    };
    let gateway = authorities.gateway.certificate();
    assert_eq!(alone(gateway, KeyUsage::client_auth()), Ok(()));
    assert!(alone(gateway, KeyUsage::server_auth()).is_err());
    let root = authorities.root.certificate();
    assert_eq!(
        alone(root, KeyUsage::client_auth()),
        Err(Error::UnknownIssuer)
    );
}

#[test]
fn the_server_is_accepted_alone_by_who_trusts_root_and_issuer() {
    let authorities = authorities();
    let leaf = server(&authorities);
    let [root, issuer, _] = authorities.all().map(|one| one.certificate());
    for (trusted, sent) in [
        ([root, issuer].as_slice(), [].as_slice()),
        (&[root], &[issuer]),
    ] {
        let (at, usage, list) = (NOW, KeyUsage::server_auth(), None);
        assert_eq!(
            look(
                &leaf,
                Look {
                    trusted,
                    sent,
                    at,
                    usage,
                    list
                }
            ),
            Ok(())
        );
    }
    let der = CertificateDer::from(leaf);
    let leaf = EndEntityCert::try_from(&der).unwrap();
    let named = |name: &str| {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        leaf.verify_is_valid_for_subject_name(&name)
    };
    let code = authorities.gateway.code().to_string().to_lowercase();
    for name in ["localhost", "gate.example", "127.0.0.1", "::1"] {
        assert_eq!(named(name), Ok(()), "{name}");
    }
    assert_eq!(named(&format!("{code}.0.1.onecode.internal")), Ok(()));
    assert!(named("other.example").is_err());
}

#[test]
fn time_and_lists_are_obeyed() {
    let authorities = authorities();
    let [bad, good] = [1, 2].map(|n| issue(&authorities, n).certificate);
    let end = NOW.plus_s(YEAR_S + 1);
    assert!(matches!(
        client(&authorities, &good, end, None),
        Err(Error::CertExpired { .. })
    ));
    let order = ListOrder {
        number: 1,
        this_update: NOW,
        next_update: NOW.plus_s(60),
    };
    let serial = crate::workshop::order(1).serial;
    let list = authorities
        .gateway
        .revocation_list(&order, &[Revoked { serial, at: NOW }])
        .unwrap();
    let seen = |leaf: &[u8], at| client(&authorities, leaf, at, Some(&list));
    assert_eq!(seen(&bad, NOW), Err(Error::CertRevoked));
    assert_eq!(seen(&good, NOW), Ok(()));
    assert!(matches!(
        seen(&good, NOW.plus_s(61)),
        Err(Error::CrlExpired { .. })
    ));
    let empty = authorities.gateway.revocation_list(&order, &[]).unwrap();
    assert_eq!(client(&authorities, &bad, NOW, Some(&empty)), Ok(()));
}

#[test]
fn a_gateway_gone_bad_names_nobody_elses_things() {
    let (_folder, authorities, stolen) = house();
    let good = issue(&authorities, 1).certificate;
    assert_eq!(
        client(&authorities, &stolen.forge(&good, |_| {}), NOW, None),
        Ok(())
    );
    for name in ["evil.example", "x.2.1.onecode.internal", "localhost"] {
        let forged = stolen.renamed(&good, &[forgery::dns(name)]);
        assert_eq!(
            client(&authorities, &forged, NOW, None),
            Err(Error::NameConstraintViolation),
            "{name}"
        );
    }
    let address = std::net::IpAddr::from([127, 0, 0, 1]).into();
    let forged = stolen.renamed(&good, &[forgery::dns("x.1.1.onecode.internal"), address]);
    assert_eq!(
        client(&authorities, &forged, NOW, None),
        Err(Error::NameConstraintViolation)
    );
    let unknown = stolen.forge(&good, |all| all.push(forgery::unknown_critical()));
    assert_eq!(
        client(&authorities, &unknown, NOW, None),
        Err(Error::UnsupportedCriticalExtension)
    );
    // What the chain lets pass, the doors do not take for a thing.
    let nobody = stolen.renamed(&good, &[forgery::dns("x.1.1.onecode.internal")]);
    assert_eq!(client(&authorities, &nobody, NOW, None), Ok(()));
    assert_eq!(issuer::identity(&nobody), None);
    let [first, second] = [1, 2].map(|n| issue(&authorities, n));
    let taken = plan().names.dns_name(&second.code);
    let swapped = stolen.renamed(&first.certificate, &[forgery::dns(&taken)]);
    assert_eq!(issuer::identity(&swapped), None);
    let own = plan().names.dns_name(&first.code);
    let twice = stolen.renamed(
        &first.certificate,
        &[forgery::dns(&own), forgery::dns(&taken)],
    );
    assert_eq!(issuer::identity(&twice), None);
}
