//! Who is known in every world of several gateways: a root, an issuer, a centre, gateways under it,
//! and things that each of them enrolled. All of it is the same in every run, and made once.

use super::super::authority::{
    Birth, Office, code, currencies, network, pass, policy, register, sealed, seed, shelf,
};
use super::super::schedule::BEGIN;
use ledger::federation::Upstream;
use ledger::{Bearings, Ledger, Policy};
use protocol::keys::SoftwareKey;
use protocol::objects::Rights;
use protocol::rules::Trust;
use protocol::{KeyEpoch, Kind, Signer};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// The centre's place among the offices.
pub(crate) const CENTRE: usize = 0;
/// Gateways under the centre, at most.
pub(crate) const GATEWAYS_MOST: usize = 3;
/// Longest isolation of a gateway.
pub(crate) const GRACE_S: u32 = 1_800;
/// Things that each gateway enrolled.
pub(crate) const BIRTHS_EACH: usize = 8;

/// Everybody, and the books that everybody begins with.
pub(crate) struct Cast {
    pub(crate) trust: Trust,
    pub(crate) issuer_pass: Vec<u8>,
    /// The centre, then the gateways.
    pub(crate) offices: Vec<Office>,
    /// By the gateway that enrolled them.
    births: Vec<Vec<Birth>>,
    /// The files of books with nothing but the registry in them.
    books: Vec<Vec<u8>>,
}

impl Cast {
    pub(crate) fn get() -> &'static Self {
        static CAST: OnceLock<Cast> = OnceLock::new();
        CAST.get_or_init(Self::build)
    }

    fn build() -> Self {
        let root = SoftwareKey::ed25519(&seed(11, 0));
        let issuer = SoftwareKey::ed25519(&seed(12, 0));
        let (root_code, issuer_code) = (code(Kind::Issuer, 0, 10), code(Kind::Issuer, 0, 11));
        let things_may = Rights::PAY.and(Rights::ACCEPT);
        let gateways_may = things_may.and(Rights::SETTLE).and(Rights::ISSUE_CODES);
        let all = gateways_may.and(Rights::ISSUE_MONEY);
        let issuer_pass = sealed(&pass(root_code, issuer_code, &issuer, all), &root);
        let offices: Vec<Office> = (0..=GATEWAYS_MOST)
            .map(|number| {
                let key = SoftwareKey::ed25519(&seed(13, number as u64));
                let gateway = code(Kind::Gateway, 0, 20 + number as u64);
                let rights = match number {
                    CENTRE => all,
                    _ => gateways_may,
                };
                let mut signed = pass(issuer_code, gateway, &key, rights);
                signed.grace_s = Some(GRACE_S);
                signed.station = Some(1 + number as u32);
                signed.first_sequence = Some(1);
                signed.last_sequence = Some((1 << 36) - 1);
                Office {
                    code: gateway,
                    pass: sealed(&signed, &issuer),
                    key: Arc::new(key),
                }
            })
            .collect();
        let births = offices.iter().enumerate().map(|(number, office)| {
            let most = if number == CENTRE { 0 } else { BIRTHS_EACH };
            let births = (1..=most as u64).map(|sequence| {
                let code = code(Kind::Device, 1 + number as u16, sequence);
                let seed = seed(14, number as u64 * 1_000 + sequence);
                let key = SoftwareKey::ed25519(&seed);
                let signed = pass(office.code, code, &key, things_may);
                Birth {
                    code,
                    seed,
                    pass: sealed(&signed, &office.key),
                }
            });
            births.collect()
        });
        let mut cast = Self {
            trust: Trust::new(network(), root.public_key()),
            issuer_pass,
            births: births.collect(),
            offices,
            books: Vec::new(),
        };
        cast.books = (0..cast.offices.len())
            .map(|office| cast.registry(office))
            .collect();
        cast
    }

    /// Books in which the things of one office are registered and nobody has money.
    fn registry(&self, office: usize) -> Vec<u8> {
        let folder = tempfile::tempdir_in(shelf()).unwrap();
        let path = folder.path().join("books.db");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let bearings = self.bearings(office, &policy(), 1_000, 1);
            let ledger = Ledger::open(&path, bearings).await.unwrap();
            for birth in &self.births[office] {
                register(&ledger, birth, BEGIN).await;
            }
            for (currency, exponent) in currencies().into_iter().zip([2, 6]) {
                let name = currency.name();
                ledger
                    .declare_currency(currency, exponent, name)
                    .await
                    .unwrap();
            }
            ledger.close().await;
        });
        std::fs::read(&path).unwrap()
    }

    /// Puts an office's fresh books into this file.
    pub(crate) fn put_books(&self, office: usize, path: &Path) {
        std::fs::write(path, &self.books[office]).unwrap();
    }

    /// What an office is told; everybody but the centre answers to the centre.
    pub(crate) fn bearings(
        &self,
        office: usize,
        policy: &Policy,
        share_permille: u32,
        epoch: u32,
    ) -> Bearings {
        let it = &self.offices[office];
        Bearings {
            former_keys: Default::default(),
            network: network(),
            gateway: it.code,
            gateway_epoch: KeyEpoch(epoch),
            signer: it.key.clone(),
            issuer_pass: self.issuer_pass.clone(),
            gateway_pass: it.pass.clone(),
            policy: *policy,
            upstream: (office != CENTRE).then(|| Upstream {
                trust: self.trust,
                centre_pass: self.offices[CENTRE].pass.clone(),
                float_share_permille: [share_permille; 3],
            }),
        }
    }

    /// The thing that a gateway enrolled as number so-and-so.
    pub(crate) fn birth(&self, office: usize, number: usize) -> &Birth {
        &self.births[office][number]
    }
}
