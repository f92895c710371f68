//! `onecode root`: where the keys of the authorities lie, and what only they can do. The gateway
//! must not be running: these commands work on its folder themselves.

use super::{Outcome, config, read};
use crate::config::Config;
use crate::folder::Folder;
use crate::house::{Failure, plan, random, server_names};
use crate::wallet::now;
use crate::withdrawn::{self, Withdrawn};
use clap::{Args, Subcommand, ValueEnum};
use issuer::{Authorities, Authority, ListOrder, Plan, Revoked, Role, request_pem, safe};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zeroize::Zeroizing;

pub(super) const DAY_S: u32 = 86_400;

/// What to do with the root.
#[derive(Subcommand)]
pub enum Command {
    /// Put the keys into one encrypted file and take them out of the box.
    Export(Export),
    /// Put the keys of such a file back, for a ceremony.
    Import(Import),
    /// Ask a company's authority to sign the root, so that its clients trust this gateway.
    Request(Request),
    /// Check what that authority signed, and show it to clients from now on.
    Adopt(Adopt),
    /// Let a new root take over; the old one counts for a while.
    Rotate(Rotate),
    /// Sign the root's list of revoked issuers.
    Crl(Crl),
    /// The box is lost: make a new gateway under the same root, in an empty folder.
    Restore(Restore),
}

/// What to do with the issuer.
#[derive(Subcommand)]
pub enum IssuerCommand {
    /// Let a new issuer take over; the old one counts for a while.
    Rotate(Rotate),
    /// Sign the issuer's list of revoked stations.
    Crl(Crl),
}

/// Which gateway.
#[derive(Args)]
pub struct Place {
    /// Folder of keys and books. Its gateway must not be running.
    #[arg(long)]
    pub(super) data: Option<PathBuf>,
    /// The settings file.
    #[arg(long)]
    pub(super) config: Option<PathBuf>,
}

/// Whose keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Whose {
    /// Signs issuers.
    Root,
    /// Signs gateways, stations, and the certificates of servers.
    Issuer,
}

impl Whose {
    const fn role(self) -> Role {
        match self {
            Self::Root => Role::Root,
            Self::Issuer => Role::Issuer,
        }
    }

    fn of(self, authorities: &Authorities) -> &Authority {
        match self {
            Self::Root => &authorities.root,
            Self::Issuer => &authorities.issuer,
        }
    }
}

/// Where the keys go.
#[derive(Args)]
pub struct Export {
    /// The file, on something that can be taken away.
    #[arg(long)]
    to: PathBuf,
    /// A file whose first line is the passphrase.
    #[arg(long)]
    passphrase_file: PathBuf,
    /// Whose keys.
    #[arg(long, value_enum, default_value = "root")]
    of: Whose,
    #[command(flatten)]
    place: Place,
}

/// Keys that were taken out of a box.
#[derive(Args)]
struct Bundle {
    /// The file that `onecode root export` wrote.
    #[arg(long)]
    bundle: PathBuf,
    /// A file whose first line is the passphrase.
    #[arg(long)]
    passphrase_file: PathBuf,
}

/// Where the keys come from.
#[derive(Args)]
pub struct Import {
    #[command(flatten)]
    keys: Bundle,
    /// Whose keys.
    #[arg(long, value_enum, default_value = "root")]
    of: Whose,
    #[command(flatten)]
    place: Place,
}

/// A new box.
#[derive(Args)]
pub struct Restore {
    #[command(flatten)]
    keys: Bundle,
    #[command(flatten)]
    place: Place,
}

/// Signs with an authority where it is: in the box, or in its bundle without being put back.
#[derive(Args)]
pub struct Signing {
    /// The file that `onecode root export` wrote; not needed while the keys that sign are in the box.
    #[arg(long, requires = "passphrase_file")]
    bundle: Option<PathBuf>,
    /// A file whose first line is the passphrase of the bundle.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

/// A request for a cross-certificate.
#[derive(Args)]
pub struct Request {
    #[command(flatten)]
    signing: Signing,
    /// Where the request goes; to the terminal without it.
    #[arg(long)]
    to: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// A cross-certificate.
#[derive(Args)]
pub struct Adopt {
    /// PEM: the root as the other authority signed it, then those above it up to, and without, the
    /// one that clients trust.
    certificates: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// New keys.
#[derive(Args)]
pub struct Rotate {
    #[command(flatten)]
    signing: Signing,
    /// For how many days the old one counts as well: longer than any thing stays away.
    #[arg(long, default_value_t = 365)]
    days: u32,
    #[command(flatten)]
    place: Place,
}

/// A revocation list.
#[derive(Args)]
pub struct Crl {
    #[command(flatten)]
    signing: Signing,
    /// Serial numbers of certificates to revoke: 32 hexadecimal digits each. Those of the list
    /// before stay on it.
    #[arg(long, value_delimiter = ',')]
    serials: Vec<String>,
    /// For how many days the list is good.
    #[arg(long, default_value_t = 365)]
    days: u32,
    /// Where else it goes, DER; the gateway's folder has it in any case.
    #[arg(long)]
    to: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// Does it.
pub fn run(command: Command) -> Outcome {
    match command {
        Command::Export(options) => export(&options),
        Command::Import(options) => import(&options),
        Command::Request(options) => request(&options),
        Command::Adopt(options) => adopt(&options),
        Command::Rotate(options) => rotate(&options, Role::Root),
        Command::Crl(options) => crl(&options, Role::Root),
        Command::Restore(options) => restore(&options),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Does it.
pub fn run_issuer(command: IssuerCommand) -> Outcome {
    match command {
        IssuerCommand::Rotate(options) => rotate(&options, Role::Issuer),
        IssuerCommand::Crl(options) => crl(&options, Role::Issuer),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// What stands in the folder, locked.
pub(super) struct Opened {
    pub(super) config: Config,
    pub(super) folder: PathBuf,
    pub(super) authorities: Authorities,
    _lock: crate::folder::Lock,
}

pub(super) fn open(place: &Place) -> Result<Opened, Failure> {
    let config = config(place.config.as_deref(), place.data.as_deref())?;
    let files = Folder::new(&config.data);
    if !files.is_used() {
        let data = config.data.display();
        return Err(format!("{data} holds no gateway; name its folder with --data").into());
    }
    let lock = files
        .lock()
        .map_err(|error| format!("{}: {error}", config.data.display()))?;
    let folder = files.authorities();
    let authorities = issuer::load(&folder, &plan(&config)?)?;
    Ok(Opened {
        config,
        folder,
        authorities,
        _lock: lock,
    })
}

impl Opened {
    /// The root with its keys.
    fn root(&self, signing: &Signing) -> Result<Authority, Failure> {
        signing.signer(&self.authorities.root)
    }
}

impl Signing {
    /// This authority with its keys, wherever they are.
    pub(super) fn signer(&self, authority: &Authority) -> Result<Authority, Failure> {
        match (&self.bundle, &self.passphrase_file) {
            (Some(bundle), Some(file)) => Ok(safe::read(bundle, authority, &passphrase(file)?)?),
            _ => Ok(authority.clone()),
        }
    }
}

fn passphrase(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = Zeroizing::new(read(file)?);
    let line = text.lines().next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}

fn export(options: &Export) -> Result<(), Failure> {
    let opened = open(&options.place)?;
    let authority = options.of.of(&opened.authorities);
    let word = options.of.role().word();
    let passphrase = passphrase(&options.passphrase_file)?;
    safe::export(
        &opened.folder,
        authority,
        &options.to,
        &passphrase,
        &mut random,
    )?;
    println!(
        "The keys of the {word} {:#} are in {}, and no longer in this box. Make a second copy, keep the passphrase elsewhere, and try it: `onecode root import`",
        authority.code(),
        options.to.display()
    );
    Ok(())
}

fn import(options: &Import) -> Result<(), Failure> {
    let opened = open(&options.place)?;
    let authority = options.of.of(&opened.authorities);
    let passphrase = passphrase(&options.keys.passphrase_file)?;
    safe::import(&opened.folder, authority, &options.keys.bundle, &passphrase)?;
    println!(
        "The keys of the {} {:#} are in this box again. Take them out when you are done: `onecode root export`",
        options.of.role().word(),
        authority.code()
    );
    Ok(())
}

fn restore(options: &Restore) -> Result<(), Failure> {
    let config = config(
        options.place.config.as_deref(),
        options.place.data.as_deref(),
    )?;
    if config.station == Plan::FIRST_STATION {
        return Err("the lost gateway had station 1, and its numbers must not be issued again: set gateway.station to one that no gateway or station of this issuer had, 4094 for the first new box, 4093 for the next".into());
    }
    let files = Folder::new(&config.data);
    let _lock = files
        .lock()
        .map_err(|error| format!("{}: {error}", config.data.display()))?;
    let passphrase = passphrase(&options.keys.passphrase_file)?;
    let (folder, plan) = (files.authorities(), plan(&config)?);
    let bundle = &options.keys.bundle;
    let made = issuer::restore(&folder, &plan, bundle, &passphrase, now(), &mut random)?;
    println!(
        "A new gateway {:#} under the root {:#}, station {}. Keep gateway.station so, and start it: `onecode up`",
        made.gateway.code(),
        made.root.code(),
        config.station
    );
    Ok(())
}

fn request(options: &Request) -> Result<(), Failure> {
    let opened = open(&options.place)?;
    let pem = request_pem(&opened.root(&options.signing)?.cross_request()?);
    let Some(to) = &options.to else {
        print!("{pem}");
        return Ok(());
    };
    fs::write(to, pem)?;
    println!(
        "Have {} signed as a subordinate authority, subject and key as they are, then: `onecode root adopt`",
        to.display()
    );
    Ok(())
}

fn adopt(options: &Adopt) -> Result<(), Failure> {
    let mut opened = open(&options.place)?;
    let pem = read(&options.certificates)?;
    let names = server_names(&opened.config)?;
    opened
        .authorities
        .adopt(&opened.folder, &pem, &names, now())?;
    println!(
        "Adopted: from the next start, servers show {} certificates more, and clients of that authority reach them",
        opened.authorities.cross.len()
    );
    Ok(())
}

fn rotate(options: &Rotate, role: Role) -> Result<(), Failure> {
    let opened = open(&options.place)?;
    let root = opened.root(&options.signing)?;
    let (folder, plan, time) = (&opened.folder, plan(&opened.config)?, now());
    let span = (time, time.plus_s(options.days.saturating_mul(DAY_S)));
    let all = &opened.authorities;
    match role {
        Role::Root => all.rotate_root(folder, &plan, &root, span, &mut random)?,
        _ => all.rotate_issuer(folder, &plan, &root, span, &mut random)?,
    }
    let new = issuer::load(folder, &plan)?;
    let new = match role {
        Role::Root => &new.root,
        _ => &new.issuer,
    };
    let word = role.word();
    println!(
        "The new {word} is {:#}; the old one counts for {} days more.",
        new.code(),
        options.days
    );
    println!("Start the gateway: things hear of it when they synchronise.");
    if role == Role::Root {
        println!(
            "The new root's keys are in this box: `onecode root export`. The old root's are not; keep its bundle until its end. Whatever is made from now on wants the new trust.toml."
        );
    }
    Ok(())
}

/// The gateway may be running: nothing of its authorities changes, and its doors take the list up.
fn crl(options: &Crl, role: Role) -> Result<(), Failure> {
    let config = config(
        options.place.config.as_deref(),
        options.place.data.as_deref(),
    )?;
    let files = Folder::new(&config.data);
    let all = issuer::load(&files.authorities(), &plan(&config)?)?;
    let signer = match role {
        Role::Root => &all.root,
        _ => &all.issuer,
    };
    let withdrawn = Withdrawn::load(&files.withdrawn())?;
    let before = withdrawn.of(&signer.code());
    let before = before.map(|list| signer.read_list(list)).transpose()?;
    let time = now();
    let mut revoked = before.map(|list| list.revoked).unwrap_or_default();
    for text in &options.serials {
        let serial = u128::from_str_radix(text, 16).ok();
        let serial = serial.filter(|_| text.len() == 32);
        let serial = serial.ok_or_else(|| format!("{text}: no 32 hexadecimal digits"))?;
        revoked.push(Revoked {
            serial: serial.to_be_bytes(),
            at: time,
        });
    }
    let order = ListOrder {
        number: u64::from(time.0),
        this_update: time,
        next_update: time.plus_s(options.days.saturating_mul(DAY_S)),
    };
    let list = options.signing.signer(signer)?;
    let list = list.revocation_list(&order, &revoked)?;
    withdrawn::keep(&files.withdrawn(), &signer.code(), &list)?;
    if let Some(to) = &options.to {
        fs::write(to, &list)?;
    }
    println!(
        "{}: {} revoked, good for {} days; the doors go by it at once",
        withdrawn::place(&files.withdrawn(), &signer.code()).display(),
        signer.read_list(&list)?.revoked.len(),
        options.days
    );
    Ok(())
}
