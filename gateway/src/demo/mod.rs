//! `onecode demo`: the main job end to end, with real processes, sockets, keys and books.
//!
//! The gateway is a child process of the same executable. The machines live in this process, each
//! with its own keys and journal in a folder, and reach the gateway by its doors only.

mod child;
mod fleet;
mod folder;
mod links;
mod office;
mod progress;
mod replay;
mod report;
mod sessions;
mod steal;
mod thing;

use crate::command::{Outcome, config as settings};
use crate::house::{Failure, House};
use crate::trust_file::TrustFile;
use crate::wallet::now;
use admin::door::secret::Secret;
use child::{Doors, Gateway};
use clap::Args;
use fleet::Fleet;
use ledger::people::{Act, NewToken, Role, Roles, Scopes};
use office::Office;
use report::{Report, dollars};
use sessions::Session;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Name of the demonstration's network.
pub const NETWORK: &str = "demo";
/// Sessions made up when none are given.
const MADE_UP: usize = 200;
/// Seed of the made-up sessions.
const SEED: u64 = 20_141_118;
/// Life of the office's token.
const TOKEN_LIFE_S: u32 = 86_400;

/// How to show it.
#[derive(Args)]
pub struct Options {
    /// Folder of the demonstration; made when absent, refused when it holds something else.
    #[arg(long, default_value = "./onecode-demo")]
    data: PathBuf,
    /// Empty the folder first, if it holds an earlier demonstration.
    #[arg(long)]
    fresh: bool,
    /// Charging sessions to replay, as CSV; without it 200 are made up.
    #[arg(long)]
    sessions: Option<PathBuf>,
    /// Cars pay chargers beside them whenever so much energy has flowed.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    step_wh: u32,
    /// End after the report; the exit code says whether every check holds.
    #[arg(long)]
    exit: bool,
}

/// Shows it.
pub fn run(options: Options) -> Outcome {
    let sessions = match &options.sessions {
        Some(file) => sessions::read_file(file)?,
        None => sessions::generate(MADE_UP, SEED),
    };
    if sessions.is_empty() {
        return Err("no sessions to replay".into());
    }
    folder::prepare(&options.data, options.fresh)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(show(&options, &sessions))
}

async fn show(options: &Options, sessions: &[Session]) -> Outcome {
    let doors = Doors::choose()?;
    let data = options.data.join("gateway");
    println!("1. a gateway in {}", data.display());
    let (token, first_link) = prepare(&data).await?;
    let mut gateway = Gateway::new(
        std::env::current_exe()?,
        &data,
        &options.data.join("gateway.log"),
        doors,
    );
    tokio::task::block_in_place(|| gateway.start())?;
    println!(
        "   MQTT (TLS)   {}\n   CoAP (DTLS)  {}\n   CoAP (plain) {}",
        doors.mqtt, doors.coaps, doors.coap
    );
    println!("   portal       {}", doors.portal());

    let trust = TrustFile::load(&data.join("trust.toml"), now())?.trust();
    let office = Office::new(doors, token);
    println!("2. codes for every car and charger: keys made in the device, one-time secret, EST");
    let machines = options.data.join("things");
    let fleet = Fleet::enrol(sessions, &machines, doors, trust, &office).await?;

    println!("3. the treasurer loads the cars' purses; allowances are given");
    let loaded = fleet.load(&office).await?;

    println!("4. {} sessions, in order of their end", sessions.len());
    let tally = replay::replay(&fleet, &office, &mut gateway, sessions, options.step_wh).await?;

    println!("5. one purse is cloned and spends twice");
    let proof = options.data.join("fraud-proof.cbor");
    let theft = steal::twice(&fleet, &office, sessions, &proof).await?;
    println!("   saved {}; judged without a server:", proof.display());
    let verified = verify(&proof, &data.join("trust.toml"))?;

    let mut report = Report::default();
    count(&mut report, &fleet, &office, &tally, loaded)?;
    report.row(
        "caught",
        format!(
            "{} spent {} twice; frozen",
            theft.code,
            dollars(theft.amount_micro_usd)
        ),
    );
    report.check(
        "the first branch settled, the second is an open claim that moved no money",
        theft.as_expected,
    );
    report.check("`onecode verify` accepts the fraud proof", verified);
    report.check(
        "no session is lost",
        tally.sessions == sessions.len() as u64,
    );
    println!("\n{}", report.text());

    if !options.exit {
        println!(
            "The portal stays open at {}{first_link}\n(the link makes you the first administrator; Ctrl-C ends everything)",
            doors.portal()
        );
        tokio::signal::ctrl_c().await?;
    }
    Ok(if report.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Keys and books of the gateway, and a token for the demonstration's office.
async fn prepare(data: &Path) -> Result<(String, String), Failure> {
    let config = settings(None, Some(data))?;
    let config = crate::config::Config {
        network: fleet::network()?,
        ..config
    };
    let house = House::open(&config).await?;
    let fill = |buffer: &mut [u8]| {
        // A failed draw leaves zeros, which the first use of the secret would show to be guessable;
        // keys were made from the same source a moment ago.
        let _ = getrandom::fill(buffer);
    };
    let secret = Secret::draw(&fill);
    let act = Act {
        who: "the console",
        what: "token made",
        about: "demonstration",
        origin: "console",
    };
    let token = NewToken {
        hash: secret.hash(),
        label: "demonstration",
        roles: Roles::of(&[Role::Issuer, Role::Factory, Role::Treasurer, Role::Auditor]),
        scopes: Scopes::EVERY,
        life_s: TOKEN_LIFE_S,
    };
    house.people.add_token(token, &act, now()).await?;
    let link = admin::first_owner_link(&house.people, &fill, now())
        .await?
        .unwrap_or_default();
    house.close().await;
    Ok((secret.reveal().to_owned(), link))
}

/// What the books say, and what the machines say.
fn count(
    report: &mut Report,
    fleet: &Fleet,
    office: &Office,
    tally: &replay::Tally,
    loaded: u64,
) -> Result<(), Failure> {
    let books = tokio::task::block_in_place(|| office.books())?;
    let summary = tokio::task::block_in_place(|| office.summary())?;
    let usd = books
        .iter()
        .find(|line| line.currency.ends_with("USD"))
        .ok_or("no books in USD")?;
    let held = fleet.held();
    let rate = tally.bridge as f64 / tally.bridge_elapsed.as_secs_f64().max(0.001);
    report.row("sessions", tally.sessions);
    report.row("without energy, no payment", tally.without_energy);
    report.row("paid across the bridge", tally.bridge);
    report.row("paid offline, gateway killed", tally.offline);
    report.row("paid directly, gateway up", tally.direct);
    report.row("steps of energy paid as they flowed", tally.releases);
    report.row("paid", dollars(tally.paid_micro_usd));
    report.row(
        "payments per second across the bridge",
        format!("{rate:.0}"),
    );
    report.row("loaded minus redeemed", dollars(usd.issued_minus_redeemed));
    report.row("  in purses, by the postings", dollars(usd.purses));
    report.row("  in transit", dollars(usd.in_transit));
    report.row("  every other account", dollars(usd.others));
    report.row("  in purses, by the devices", dollars(held));
    report.row(
        "refused by the gateway",
        tally.refused + tokio::task::block_in_place(|| office.refused())?,
    );
    report.row("fraud cases", summary.fraud_cases);
    let all = usd.purses + usd.in_transit + usd.others;
    let sums = [usd.accounts_sum, all];
    report.check(
        "loaded minus redeemed = purses + in transit + others",
        usd.holds && sums == [usd.issued_minus_redeemed; 2],
    );
    report.check(
        "what was loaded is what the treasurer loaded",
        usd.issued_minus_redeemed == loaded,
    );
    report.check("the devices hold what the books say", held == usd.purses);
    report.check(
        "a stream went on after both sides lost their power in its middle",
        tally.power_cuts == 1,
    );
    report.check(
        "nothing is in transit",
        usd.in_transit == 0 && summary.in_transit == 0,
    );
    report.check(
        "every payment with energy was made",
        tally.payments() + tally.without_energy == tally.sessions,
    );
    Ok(())
}

/// Runs `onecode verify` as anybody would.
fn verify(proof: &Path, trust: &Path) -> Result<bool, Failure> {
    let mut command = std::process::Command::new(std::env::current_exe()?);
    Ok(command
        .arg("verify")
        .arg(proof)
        .arg("--trust")
        .arg(trust)
        .status()?
        .success())
}
