//! `onecode check`: numbered findings about a data folder, each with what to do.

use super::{Outcome, config};
use crate::config::Config;
use crate::folder::Folder;
use crate::house::{House, plan};
use crate::wallet::now;
use clap::Args;
use device_sdk::lists::Kept;
use device_sdk::purse::LIST_RECENT_S;
use issuer::safe::KeyPlace;
use issuer::succeed::FormerKey;
use issuer::{Authority, Grant, Role};
use ledger::Ledger;
use ledger::people::AuditCheck;
use protocol::Timestamp;
use protocol::revocations::Signed;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::ExitCode;

/// Which folder.
#[derive(Args)]
pub struct Options {
    /// Folder of keys and books. Its gateway must not be running.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The settings file.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// A certificate that ends sooner is worth a warning.
const SOON_S: u32 = 90 * 86_400;
/// Nothing of OneCode is older; a clock before it is wrong.
const EARLIEST: Timestamp = Timestamp(1_767_225_600);

/// How a check ended.
enum Finding {
    Good(String),
    Watch(String, &'static str),
    /// Nobody knows: it could not be looked at.
    Unseen(String, &'static str),
    Bad(String, &'static str),
}

#[derive(Default)]
struct Findings {
    count: u32,
    unseen: u32,
    bad: u32,
}

impl Findings {
    fn say(&mut self, what: &str, finding: Finding) {
        self.count += 1;
        let number = self.count;
        match finding {
            Finding::Good(how) => println!("{number:2}. ok       {what}: {how}"),
            Finding::Watch(how, next) => {
                println!("{number:2}. watch    {what}: {how}\n             {next}")
            }
            Finding::Unseen(how, next) => {
                self.unseen += 1;
                println!("{number:2}. not seen {what}: {how}\n             {next}");
            }
            Finding::Bad(how, next) => {
                self.bad += 1;
                println!("{number:2}. WRONG    {what}: {how}\n             {next}");
            }
        }
    }
}

/// Looks everything over; fails when something is wrong or could not be looked at.
pub fn run(options: Options) -> Outcome {
    let config = config(options.config.as_deref(), options.data.as_deref())?;
    let mut findings = Findings::default();
    findings.say(
        "settings",
        Finding::Good("every key is known and its value can be used".to_owned()),
    );
    findings.say("clock", clock());
    let websocket = config.mqtt_websocket_listen;
    let websocket = websocket.map(|address| ("mqtt.websocket_listen", address));
    let streams = [
        ("mqtt.listen", config.mqtt_listen),
        ("http.listen", config.http_listen),
    ];
    for (door, address) in streams.into_iter().chain(websocket) {
        findings.say(door, port(address, TcpListener::bind(address).map(drop)));
    }
    for (door, address) in [
        ("coap.listen", config.coap_listen),
        ("coap.secure_listen", config.coaps_listen),
    ] {
        findings.say(door, port(address, UdpSocket::bind(address).map(drop)));
    }
    if Folder::new(&config.data).is_used() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(folder(&config, &mut findings));
    } else {
        let how = format!("{} holds no gateway yet", config.data.display());
        findings.say(
            "folder",
            Finding::Watch(
                how,
                "`onecode up` makes one; or name another folder with --data",
            ),
        );
    }
    println!(
        "{} findings, {} wrong, {} not seen",
        findings.count, findings.bad, findings.unseen
    );
    Ok(match (findings.bad, findings.unseen) {
        (0, 0) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn clock() -> Finding {
    match now() {
        now if now < EARLIEST => Finding::Bad(
            format!("{} seconds since 1970 is before 2026", now.0),
            "set the machine's clock; allowances and certificates carry times",
        ),
        now => Finding::Good(format!("{} seconds since 1970", now.0)),
    }
}

fn port(address: SocketAddr, bound: std::io::Result<()>) -> Finding {
    match bound {
        Ok(()) => Finding::Good(format!("{address} is free")),
        Err(error) => Finding::Watch(
            format!("{address}: {error}"),
            "fine when this gateway is running; otherwise set another address",
        ),
    }
}

async fn folder(config: &Config, findings: &mut Findings) {
    let is_busy = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ResourceBusy;
    if Folder::new(&config.data)
        .lock()
        .is_err_and(|error| is_busy(&error))
    {
        let how = format!("{}: a gateway is at work here", config.data.display());
        let next = "stop it and check again: keys, certificates and books were not looked at";
        return findings.say("folder", Finding::Unseen(how, next));
    }
    let house = match House::open(config).await {
        Ok(house) => house,
        Err(error) => {
            let next = "mend what it names, or restore the folder from a backup";
            return findings.say("folder", Finding::Bad(error.to_string(), next));
        }
    };
    findings.say(
        "folder",
        Finding::Good(format!(
            "{}: keys fit certificates and passes",
            config.data.display()
        )),
    );
    for authority in house.authorities.all() {
        let word = authority.role().word();
        findings.say(
            &format!("{word} certificate"),
            certificate(authority.not_after()),
        );
        findings.say(&format!("{word} keys"), keys(authority));
    }
    for former in &house.authorities.former {
        let word = former.authority.role().word();
        let days = former.ends.0.saturating_sub(now().0) / 86_400;
        let how = format!(
            "{:#} was taken over from and counts for {days} days more",
            former.authority.code()
        );
        findings.say(&format!("{word} before"), Finding::Good(how));
    }
    if let Some(former) = house.authorities.former_keys.last() {
        findings.say("gateway key before", key_before(former));
    }
    stations(&house, findings).await;
    findings.say(
        "server certificate",
        match house.server(config) {
            Ok(server) => certificate(server.not_after),
            Err(error) => Finding::Bad(
                error.to_string(),
                "`onecode up` makes a new one when the issuer's key is here",
            ),
        },
    );
    findings.say(
        "names",
        match plan(config) {
            Ok(_) => Finding::Good(format!("{} under {}", config.resolver, config.domain)),
            Err(error) => {
                Finding::Bad(error.to_string(), "set gateway.resolver and gateway.domain")
            }
        },
    );
    findings.say("list of revoked codes", list(config, &house));
    books(&house, findings).await;
    house.close().await;
}

/// Where the keys of an authority lie, and what to do about it.
fn keys(authority: &Authority) -> Finding {
    let place = authority.key_place();
    let how = place.sentence().to_owned();
    match (authority.role(), place) {
        (_, KeyPlace::Half) => Finding::Watch(
            how,
            "repeat `onecode root export` or `onecode root import` with the same bundle",
        ),
        (Role::Root, KeyPlace::Files) => Finding::Good(format!(
            "{how}; `onecode root export` puts them into a safe"
        )),
        (Role::Issuer, KeyPlace::Files) => Finding::Good(format!(
            "{how}; `onecode root export --of issuer` takes them away too, for all but a start a year"
        )),
        (Role::Root, KeyPlace::Away) => Finding::Good(format!(
            "{how}; `onecode root request|crl --bundle` sign with them elsewhere"
        )),
        (_, KeyPlace::Away) => Finding::Good(format!(
            "{how}; `onecode root import --of issuer` before the server certificate ends"
        )),
        (Role::Gateway | Role::Station, KeyPlace::Files) => Finding::Good(format!(
            "{how}; they sign things, statements and the code chain"
        )),
    }
}

/// The key that the gateway gave up last.
fn key_before(former: &FormerKey) -> Finding {
    const NEXT: &str = "start the gateway once: it takes the private key out of the box";
    let days = former.said.ends.0.saturating_sub(now().0) / 86_400;
    match (former.said.ends > now(), &former.key) {
        (true, _) => Finding::Good(format!("what it signed counts for {days} days more")),
        (false, Some(_)) => Finding::Watch("has ended and is still here".to_owned(), NEXT),
        (false, None) => Finding::Good("has ended; it is not in this box".to_owned()),
    }
}

/// Until when each station may make codes. Its keys never leave it.
async fn stations(house: &House, findings: &mut Findings) {
    const AGAIN: &str = "`onecode station list`, and admit it again with its request";
    let stations = match house.ledger.stations().await {
        Ok(stations) => stations,
        Err(error) => return findings.say("stations", Finding::Bad(error.to_string(), AGAIN)),
    };
    for station in stations {
        let what = format!("station {}", station.station);
        let Some((_, grant)) = station.granted else {
            let how = "its keys are with it; nothing was signed for it yet".to_owned();
            findings.say(&what, Finding::Watch(how, AGAIN));
            continue;
        };
        let view = Grant::read(&grant).and_then(|grant| grant.view());
        findings.say(
            &what,
            match view {
                Ok(view) if view.not_after() <= now().plus_s(SOON_S) => Finding::Watch(
                    format!(
                        "its keys are with it; may sign until {}",
                        view.not_after().0
                    ),
                    AGAIN,
                ),
                Ok(view) => Finding::Good(format!(
                    "its keys are with it; may sign for {} days",
                    view.not_after().0.saturating_sub(now().0) / 86_400
                )),
                Err(fault) => Finding::Bad(fault.to_string(), AGAIN),
            },
        );
    }
}

/// The gateway makes its lists anew when it starts, and then once an hour.
fn list(config: &Config, house: &House) -> Finding {
    const NEXT: &str = "`onecode up` makes a new one; things fetch it when they synchronise";
    let kept = match Kept::load(&config.data) {
        Ok(kept) => kept,
        Err(error) => return Finding::Bad(error.to_string(), NEXT),
    };
    let key = house.authorities.gateway.pass_key();
    match kept.list(|list| Signed::verify(list, &config.network, &key)) {
        None => Finding::Watch("none is kept".to_owned(), NEXT),
        Some(list) => {
            let age_s = now().0.saturating_sub(list.time().0);
            let how = format!("number {}, made {age_s} s ago", list.version());
            match age_s > LIST_RECENT_S {
                true => Finding::Watch(how, NEXT),
                false => Finding::Good(how),
            }
        }
    }
}

fn certificate(not_after: Timestamp) -> Finding {
    let now = now();
    let days = (i64::from(not_after.0) - i64::from(now.0)) / 86_400;
    match not_after {
        end if end <= now => Finding::Bad(
            format!("ended {} days ago", -days),
            "things refuse this gateway now; restore the issuer's key and start the gateway to renew",
        ),
        end if end <= now.plus_s(SOON_S) => Finding::Watch(
            format!("ends in {days} days"),
            "start the gateway with the issuer's key present",
        ),
        _ => Finding::Good(format!("good for {days} days")),
    }
}

async fn books(house: &House, findings: &mut Findings) {
    const RESTORE: &str =
        "stop the gateway and restore ledger.db from a backup; ask things to synchronise";
    findings.say(
        "journal",
        match house.ledger.verify().await {
            Ok(head) => Finding::Good(format!(
                "{} entries, each chained to the one before and adding up",
                head.height
            )),
            Err(error) => Finding::Bad(error.to_string(), RESTORE),
        },
    );
    match house.ledger.conservation().await {
        Ok(lines) if lines.is_empty() => {
            findings.say(
                "conservation",
                Finding::Good("no money was ever put in".to_owned()),
            );
        }
        Ok(lines) => {
            for line in lines {
                let how = format!(
                    "put in minus redeemed {}, in accounts {}",
                    line.issued_minus_redeemed, line.accounts_sum
                );
                findings.say(
                    &format!("conservation of {}", line.currency),
                    match line.holds {
                        true => Finding::Good(how),
                        false => Finding::Bad(how, RESTORE),
                    },
                );
            }
        }
        Err(error) => findings.say("conservation", Finding::Bad(error.to_string(), RESTORE)),
    }
    findings.say("coins", coins(&house.ledger).await);
    findings.say("code chain", chain(&house.ledger).await);
    findings.say(
        "audit trail",
        match house.people.check_audit().await {
            Ok(AuditCheck::Whole { rows, .. }) => {
                Finding::Good(format!("{rows} rows, each chained to the one before"))
            }
            Ok(AuditCheck::Broken { number }) => Finding::Bad(
                format!("row {number} was changed or removed"),
                "somebody with access to people.db did this; keep the file and restore a backup",
            ),
            Err(error) => Finding::Bad(error.to_string(), "restore people.db from a backup"),
        },
    );
}

/// Opening the books has compared them with the tiles; this counts.
async fn chain(ledger: &Ledger) -> Finding {
    const APART: &str = "restore ledger.db and ledger.chain together, of the newest backup";
    match ledger.check_chain().await {
        Ok(head) => match ledger.log_forks().await {
            Ok(forks) if forks.is_empty() => Finding::Good(format!(
                "{} leaves, each in its tile, under a signed checkpoint",
                head.size
            )),
            Ok(forks) => Finding::Watch(
                format!("{} logs of others have forked", forks.len()),
                "the checkpoints are kept in chain_fork; take their keys out of chain.logs",
            ),
            Err(error) => Finding::Bad(error.to_string(), APART),
        },
        Err(error) => Finding::Bad(error.to_string(), APART),
    }
}

/// The index of coins is made from the journal, so the journal is asked first.
async fn coins(ledger: &Ledger) -> Finding {
    const AGAIN: &str =
        "delete ledger.trace.db with the gateway stopped: it is made again from the journal";
    let checked = match ledger.tracing().await {
        Ok(tracing) => tracing.check().await,
        Err(error) => Err(error),
    };
    match checked {
        Ok(stand) => Finding::Good(format!(
            "each in one place, in line, up to entry {}",
            stand.height
        )),
        Err(error) => Finding::Bad(error.to_string(), AGAIN),
    }
}
