//! The whole house: opens the folder, joins ledger, tree and doors, and takes them down again.

use crate::config::Config;
use crate::folder::{Folder, Lock};
use crate::granted::Granted;
use crate::inbox::LedgerInbox;
use crate::issuing;
use crate::meters::Meters;
use crate::stations;
use crate::terms;
use crate::tree::Tree;
use crate::tree::fanout::RouterFanout;
use crate::trust_file::TrustFile;
use crate::wallet::{self, News, now};
use issuer::{Authorities, Authority, Names, Plan, RandomFailed, Role, ServerIdentity, ServerName};
use ledger::alerts::Alerts;
use ledger::diary::Diary;
use ledger::federation::Upstream;
use ledger::grants::Grants;
use ledger::outbox::Outbox;
use ledger::people::People;
use ledger::sessions::Sessions;
use ledger::{Bearings, ClassTerms, FormerKey, FormerKeys, Ledger, Policy};
use protocol::chain::{Act, ActKind};
use protocol::cose::open;
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::Pass;
use protocol::{AmountMinor, Code, Currency, KeyEpoch, Network};
use sha2::{Digest as _, Sha256};
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

/// Whatever went wrong, in a sentence for the operator.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The currency every new network knows: US dollars in millionths, so that a Wh has a price.
const FIRST_CURRENCY: ([u8; 3], u8, &str) = (*b"USD", 6, "US dollar");
/// Thousandths of a warrant that one purse may take, for the classes 0, 1, 2.
const FLOAT_SHARE_PERMILLE: [u32; 3] = [100, 300, 1_000];
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
    /// What things said.
    pub diary: Diary,
    /// What MQTT sessions are owed, and what topics retain.
    pub sessions: Sessions,
    /// Who is told, and the letters.
    pub alerts: Alerts,
    /// What waits for whoever is above.
    pub outbox: Outbox,
    /// Who may read of others.
    pub grants: Grants,
    /// Refusals.
    pub meters: Arc<Meters>,
    /// What things ask for in public.
    pub offers: Arc<wallet::Offers>,
    _lock: Lock,
}

/// Randomness of the operating system.
pub fn random(buffer: &mut [u8]) -> Result<(), RandomFailed> {
    getrandom::fill(buffer).map_err(|_| RandomFailed)
}

impl House {
    /// Opens the folder; makes keys and books in an empty one.
    pub async fn open(config: &Config) -> Result<Self, Failure> {
        Self::open_in(config, |known| known).await
    }

    /// The same for books that are an older copy: a new epoch of the gateway begins. It is called by
    /// the time, so that the same copy put back a second time begins another one.
    pub async fn open_restored(config: &Config) -> Result<Self, Failure> {
        let next = |known: KeyEpoch| KeyEpoch(known.0.saturating_add(1).max(now().0));
        Self::open_in(config, next).await
    }

    async fn open_in(
        config: &Config,
        epoch: impl FnOnce(KeyEpoch) -> KeyEpoch,
    ) -> Result<Self, Failure> {
        let folder = Folder::new(&config.data);
        let lock = folder
            .lock()
            .map_err(|error| format!("{}: {error}", config.data.display()))?;
        let plan = plan(config)?;
        let authorities = issuer::open(&folder.authorities(), &plan, now(), &mut random)?;
        publish(&folder, &authorities)?;
        let books = folder.ledger();
        let unopened = |error| format!("{}: {error}", books.display());
        let mut bearings = bearings(config, &authorities)?;
        let known = Ledger::epoch_of(&books).await.map_err(unopened)?;
        bearings.gateway_epoch = epoch(known.unwrap_or(bearings.gateway_epoch));
        let ledger = Ledger::open(&books, bearings).await.map_err(unopened)?;
        let acts = taken_over(&authorities, config.network);
        ledger.log_authorities(acts).await?;
        let (name, exponent, title) = FIRST_CURRENCY;
        let currency = Currency::new(ISSUER, name).ok_or("no currency")?;
        ledger.declare_currency(currency, exponent, title).await?;
        let people = People::open(&folder.people())
            .await
            .map_err(|error| format!("{}: {error}", folder.people().display()))?;
        let diary = Diary::open(&folder.diary())
            .await
            .map_err(|error| format!("{}: {error}", folder.diary().display()))?;
        let sessions = Sessions::open(&folder.sessions())
            .await
            .map_err(|error| format!("{}: {error}", folder.sessions().display()))?;
        let alerts = Alerts::open(&folder.alerts())
            .await
            .map_err(|error| format!("{}: {error}", folder.alerts().display()))?;
        let most_bytes = u64::from(config.upstream_most_mb) << 20;
        let outbox = Outbox::open(&folder.outbox(), most_bytes, now())
            .await
            .map_err(|error| format!("{}: {error}", folder.outbox().display()))?;
        let grants = Grants::open(&folder.grants())
            .await
            .map_err(|error| format!("{}: {error}", folder.grants().display()))?;
        Ok(Self {
            folder,
            authorities: Arc::new(authorities),
            ledger,
            people,
            diary,
            sessions,
            alerts,
            outbox,
            grants,
            meters: Arc::default(),
            offers: Arc::default(),
            _lock: lock,
        })
    }

    /// The tree with the wallet desk behind it. Needs a running tokio runtime.
    pub fn tree(&self, config: &Config) -> Arc<Tree> {
        let inbox = LedgerInbox(self.ledger.clone());
        let tree = Tree::new(
            Arc::new(RouterFanout::new()),
            Arc::new(self.desk(config)),
            Arc::new(inbox),
            now,
        );
        let granted = Granted::new(self.grants.clone(), self.ledger.clone(), now);
        tree.read_by(Arc::new(granted));
        tree
    }

    /// The wallet desk.
    pub fn desk(&self, config: &Config) -> wallet::Desk {
        let gateway = &self.authorities.gateway;
        let news = News::new(gateway.code(), config.network, gateway.signer())
            .with_authorities(above(&self.authorities));
        wallet::Desk {
            ledger: self.ledger.clone(),
            trust: self.authorities.trust(),
            gateway: gateway.code(),
            gateway_key: gateway.pass_key(),
            news: Arc::new(news),
            offers: Arc::clone(&self.offers),
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
            diary: self.diary.clone(),
            life_s: config.credentials_life_s,
        })
    }

    /// Admits stations, orders from them, and takes what they bring.
    pub fn stations_desk(&self, config: &Config) -> Result<Arc<stations::Desk>, Failure> {
        let desk = stations::Desk {
            authorities: Arc::clone(&self.authorities),
            ledger: self.ledger.clone(),
            network: config.network,
            names: plan(config)?.names,
            spool: self.folder.spool(),
        };
        desk.clear_spool()?;
        Ok(Arc::new(desk))
    }

    /// The gateway that this one answers to.
    pub fn centre(&self) -> Option<Code> {
        let pass = std::fs::read(self.folder.centre()).ok()?;
        let pass = open::<Pass>(&pass, &self.authorities.gateway.network()).ok()?;
        Some(pass.peek().subject.0)
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
        self.diary.close().await;
        self.sessions.close().await;
        self.alerts.close().await;
        self.outbox.close().await;
        self.grants.close().await;
        self.ledger.close().await;
    }
}

/// What the authorities are made for.
pub fn plan(config: &Config) -> Result<Plan, Failure> {
    let names = Names::new(&config.domain, &config.resolver)?;
    Ok(Plan {
        station: config.station,
        under_centre: Folder::new(&config.data).centre().exists(),
        ..Plan::new(config.network, names, config.grace_s)
    })
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
        former_keys: former_keys(authorities),
        issuer_pass: authorities.issuer_pass().to_vec(),
        gateway_pass: authorities.gateway.pass().to_vec(),
        policy: Policy {
            usual: terms::classes(least, config.class_factors),
            currencies,
            most_payments: config.most_payments,
            allowance_life_s: config.allowance_life_s,
            grace_s: config.grace_s,
        },
        upstream: centre(config, authorities)?,
    })
}

/// Whom the gateway answers to, where its folder says so.
fn centre(config: &Config, authorities: &Authorities) -> Result<Option<Upstream>, Failure> {
    let file = Folder::new(&config.data).centre();
    if !file.exists() {
        return Ok(None);
    }
    let centre_pass =
        std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(Some(Upstream {
        trust: authorities.trust(),
        centre_pass,
        float_share_permille: FLOAT_SHARE_PERMILLE,
    }))
}

/// The keys that the gateway gave up, and how the newest took over.
fn former_keys(authorities: &Authorities) -> FormerKeys {
    let keys = authorities.former_keys.iter().map(|former| FormerKey {
        key: protocol::rules::FormerKey {
            key: former.said.former_key,
            ends: former.said.ends,
        },
        signer: former.key.clone().map(|key| key as Arc<_>),
    });
    FormerKeys {
        keys: keys.collect(),
        handover: authorities.handover(),
    }
}

/// Which authority took over from which, for the code chain: the new one with what was signed for
/// it, and that the old one has a successor.
fn taken_over(authorities: &Authorities, network: Network) -> Vec<Act> {
    let hash = |bytes: &[u8]| Some(protocol::Digest(Sha256::digest(bytes).into()));
    let mut acts = Vec::new();
    for former in &authorities.former {
        let old = &former.authority;
        let new = match old.role() {
            Role::Root => &authorities.root,
            _ => &authorities.issuer,
        };
        // A root has no pass; what was signed about it is the word of the one before.
        let signed = match &former.root {
            Some(legacy) => hash(&legacy.update),
            None => hash(new.pass()),
        };
        let pass = open::<Pass>(authorities.issuer.pass(), &network);
        let at = pass.map_or(former.ends, |pass| pass.peek().issued);
        // An issuer's leaf is written from its pass when the books are opened.
        if former.root.is_some() {
            acts.push(Act {
                signed,
                certificate: hash(new.certificate()),
                ..Act::new(ActKind::Issued, new.code(), at)
            });
        }
        acts.push(Act {
            other: Some(new.code().into()),
            signed,
            ..Act::new(ActKind::Superseded, old.code(), at)
        });
    }
    acts
}

/// Who is above the gateway, for things that know others: only while one takes over from another.
pub fn above(authorities: &Authorities) -> Option<Vec<u8>> {
    if authorities.former.is_empty() {
        return None;
    }
    let before = authorities.former.iter().map(|former| &former.authority);
    let issuers = before.filter(|one| one.role() == Role::Issuer);
    let certificates: Vec<u8> = (authorities.all().into_iter().chain(issuers))
        .flat_map(Authority::certificate)
        .copied()
        .collect();
    let message = Message::Authorities {
        issuer: authorities.issuer.pass(),
        gateway: authorities.gateway.pass(),
        certificates: &certificates,
        update: authorities
            .former_root()
            .map(|(_, old)| old.update.as_slice()),
    };
    let mut out = vec![0; MESSAGE_MAX];
    let len = message.write(&mut out)?;
    out.truncate(len);
    Some(out)
}

/// Writes what is handed to things: the trust file and the certificates for TLS clients.
fn publish(folder: &Folder, authorities: &Authorities) -> Result<(), Failure> {
    let root = issuer::pem(authorities.roots().map(|root| root.certificate()));
    let ends = authorities.former_root().map(|(old, _)| old.ends);
    let trust = TrustFile::new(authorities.trust(), root).until(ends);
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
