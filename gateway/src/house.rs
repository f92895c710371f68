//! The whole house: opens the folder, joins ledger, tree and doors, and takes them down again.

use crate::config::Config;
use crate::folder::{Folder, Lock};
use crate::inbox::LedgerInbox;
use crate::issuing;
use crate::meters::Meters;
use crate::terms;
use crate::tree::Tree;
use crate::tree::fanout::RouterFanout;
use crate::trust_file::TrustFile;
use crate::wallet::{self, News, now};
use issuer::{Authorities, Names, Plan, RandomFailed, ServerIdentity, ServerName};
use ledger::people::People;
use ledger::{Bearings, ClassTerms, Ledger, Policy};
use protocol::{AmountMinor, Currency, KeyEpoch};
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

/// Whatever went wrong, in a sentence for the operator.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The currency every new network knows: US dollars in millionths, so that a Wh has a price.
const FIRST_CURRENCY: ([u8; 3], u8, &str) = (*b"USD", 6, "US dollar");
/// The issuer's number in its own network.
const ISSUER: u32 = 1;

/// What stands in a data folder, opened and locked.
pub struct House {
    /// Where the files are.
    pub folder: Folder,
    /// Root, issuer and gateway.
    pub authorities: Arc<Authorities>,
    /// Codes and money.
    pub ledger: Ledger,
    /// Accounts of people.
    pub people: People,
    /// Refusals.
    pub meters: Arc<Meters>,
    _lock: Lock,
}

/// Randomness of the operating system.
pub fn random(buffer: &mut [u8]) -> Result<(), RandomFailed> {
    getrandom::fill(buffer).map_err(|_| RandomFailed)
}

impl House {
    /// Opens the folder; makes keys and books in an empty one.
    pub async fn open(config: &Config) -> Result<Self, Failure> {
        let folder = Folder::new(&config.data);
        let lock = folder
            .lock()
            .map_err(|error| format!("{}: {error}", config.data.display()))?;
        let plan = plan(config)?;
        let authorities = issuer::open(&folder.authorities(), &plan, now(), &mut random)?;
        publish(&folder, &authorities)?;
        let bearings = bearings(config, &authorities)?;
        let ledger = Ledger::open(&folder.ledger(), bearings)
            .await
            .map_err(|error| format!("{}: {error}", folder.ledger().display()))?;
        let (name, exponent, title) = FIRST_CURRENCY;
        let currency = Currency::new(ISSUER, name).ok_or("no currency")?;
        ledger.declare_currency(currency, exponent, title).await?;
        let people = People::open(&folder.people())
            .await
            .map_err(|error| format!("{}: {error}", folder.people().display()))?;
        Ok(Self {
            folder,
            authorities: Arc::new(authorities),
            ledger,
            people,
            meters: Arc::default(),
            _lock: lock,
        })
    }

    /// The tree with the wallet desk behind it. Needs a running tokio runtime.
    pub fn tree(&self, config: &Config) -> Arc<Tree> {
        let inbox = LedgerInbox(self.ledger.clone());
        Tree::new(
            Arc::new(RouterFanout::new()),
            Arc::new(self.desk(config)),
            Arc::new(inbox),
        )
    }

    /// The wallet desk.
    pub fn desk(&self, config: &Config) -> wallet::Desk {
        let gateway = &self.authorities.gateway;
        let news = News::new(gateway.code(), config.network, gateway.signer());
        wallet::Desk {
            ledger: self.ledger.clone(),
            trust: self.authorities.trust(),
            gateway: gateway.code(),
            gateway_key: gateway.pass_key(),
            news: Arc::new(news),
            meters: Arc::clone(&self.meters),
            clock: now,
        }
    }

    /// Issues codes.
    pub fn issuing_desk(&self, config: &Config) -> Arc<issuing::Desk> {
        Arc::new(issuing::Desk {
            authorities: Arc::clone(&self.authorities),
            ledger: self.ledger.clone(),
            network: config.network,
        })
    }

    /// Key and certificate of the TLS and DTLS servers.
    pub fn server(&self, config: &Config) -> Result<ServerIdentity, Failure> {
        let names = server_names(config)?;
        Ok(self
            .authorities
            .server(&self.folder.authorities(), &names, now(), &mut random)?)
    }

    /// Everything that was answered is on disk already; this only closes the files in order.
    pub async fn close(self) {
        self.people.close().await;
        self.ledger.close().await;
    }
}

/// What the authorities are made for.
pub fn plan(config: &Config) -> Result<Plan, Failure> {
    let names = Names::new(&config.domain, &config.resolver)?;
    Ok(Plan::new(config.network, names, config.grace_s))
}

/// What the TLS and DTLS servers are called.
pub fn server_names(config: &Config) -> Result<Vec<ServerName>, Failure> {
    let mut names = vec![
        ServerName::parse("localhost")?,
        ServerName::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    ];
    for name in &config.names {
        names.push(ServerName::parse(name)?);
    }
    Ok(names)
}

/// What the ledger is told about its gateway.
pub fn bearings(config: &Config, authorities: &Authorities) -> Result<Bearings, Failure> {
    let amount = |minor: u64, key: &str| {
        AmountMinor::new(minor)
            .ok_or_else(|| format!("{key} = {minor}: more than an amount can be"))
    };
    let most = amount(config.most_offline_minor, "wallet.most_offline_minor")?;
    let most_per_payment = amount(
        config.most_per_payment_minor,
        "wallet.most_per_payment_minor",
    )?;
    let least = ClassTerms {
        holding: amount(config.most_held_minor, "wallet.most_held_minor")?,
        daily: amount(config.most_per_day_minor, "wallet.most_per_day_minor")?,
        hops: config.hops,
        guarantee: amount(config.guarantee_minor, "wallet.guarantee_minor")?,
        ..ClassTerms::offline(most, most_per_payment)
    };
    let issuer = authorities.gateway.code().issued_by().issuer;
    let currencies = terms::currencies(&config.terms, issuer, least, config.class_factors)
        .map_err(|what| format!("wallet.terms: {what}"))?;
    Ok(Bearings {
        network: config.network,
        gateway: authorities.gateway.code(),
        gateway_epoch: KeyEpoch(1),
        signer: authorities.gateway.signer(),
        issuer_pass: authorities.issuer.pass().to_vec(),
        gateway_pass: authorities.gateway.pass().to_vec(),
        policy: Policy {
            usual: terms::classes(least, config.class_factors),
            currencies,
            most_payments: config.most_payments,
            allowance_life_s: config.allowance_life_s,
            grace_s: config.grace_s,
        },
        upstream: None,
    })
}

/// Writes what is handed to things: the trust file and the certificates for TLS clients.
fn publish(folder: &Folder, authorities: &Authorities) -> Result<(), Failure> {
    let root = issuer::pem([authorities.root.certificate()]);
    let trust = TrustFile::new(authorities.trust(), root);
    write_when_changed(&folder.trust(), &trust.text()?)?;
    write_when_changed(&folder.trusted_certificates(), &authorities.trusted_pem())?;
    Ok(())
}

fn write_when_changed(path: &Path, text: &str) -> std::io::Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let new = path.with_extension("new");
    std::fs::write(&new, text)?;
    std::fs::rename(new, path)
}
