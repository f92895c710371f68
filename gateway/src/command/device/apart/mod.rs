//! Two machines with no network at all: what one says reaches the other as QR codes on two screens,
//! or as files in a folder that is carried to and fro.

mod accept;
mod codes;
mod files;
mod pay;
mod picture;
mod symbol;
mod typed;

pub use accept::{Asking, Payee, accept, invoiced};
pub use pay::{ByRules, Ordered, Terms, offered, pay};

use super::Via;
use super::words::named;
use crate::house::Failure;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use codes::Codes;
use device_sdk::links::file::{Carried, Part};
use device_sdk::links::frames::PIECE_MAX_BYTES;
use files::Files;
use protocol::cose::open;
use protocol::covers::Items;
use protocol::message::Message;
use protocol::objects::{Invoice, Payment};
use protocol::{Network, Reference};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// Fewer would take more codes for the longest message than there may be.
const PIECE_MIN_BYTES: u64 = 128;

/// How messages are carried with --via qr and --via file.
#[derive(Args)]
pub struct Carrying {
    /// With --via file: the folder that is carried between the two machines, such as a USB stick's.
    #[arg(long, value_name = "FOLDER")]
    files: Option<PathBuf>,
    /// With --via qr: draw the codes into this picture as well, .png or .svg; several become
    /// NAME-1.png, NAME-2.png and so on.
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// With --via qr: read the other side's codes from this picture once it is there; may be
    /// repeated. Photographs want zbarimg (Debian package zbar-tools). What a scanner types is read
    /// in any case.
    #[arg(long, value_name = "FILE")]
    scan: Vec<PathBuf>,
    /// With --via qr: show several codes in turn, each for so many seconds, instead of on Enter.
    #[arg(long, value_name = "SECONDS", value_parser = RangedU64ValueParser::<u64>::new().range(1..=3_600))]
    every: Option<u64>,
    /// With --via qr: the most bytes of a message in one code, 128 to 616; fewer make smaller
    /// codes, and more of them.
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = PIECE_MAX_BYTES as u64,
        value_parser = RangedU64ValueParser::<u64>::new().range(PIECE_MIN_BYTES..=PIECE_MAX_BYTES as u64)
    )]
    code_bytes: u64,
    /// With --via qr or file: stop waiting for the other side after so many seconds; 0 only takes
    /// the files or pictures that are there. The same command goes on where it stopped. `pay` waits
    /// 600 if nothing is said, `accept` until it is ended.
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
}

impl Carrying {
    fn link(&self, via: Via) -> Result<Link, Failure> {
        if via == Via::File {
            let folder = self.files.as_deref();
            let folder = folder.ok_or("--via file wants --files FOLDER, such as a USB stick's")?;
            return Ok(Link::Files(Files::new(Carried::new(folder))));
        }
        Ok(Link::Codes(Codes::new(codes::Settings {
            picture: self.picture.clone(),
            scan: self.scan.clone(),
            every: self.every.map(Duration::from_secs),
            piece_bytes: usize::try_from(self.code_bytes)?,
        })))
    }

    /// When to stop waiting.
    fn until(&self, otherwise: Option<Duration>) -> Option<Instant> {
        let wait = self.wait.map(Duration::from_secs).or(otherwise);
        Instant::now().checked_add(wait?)
    }

    /// Whether nothing but what is there already is wanted.
    fn at_once(&self) -> bool {
        self.wait == Some(0)
    }
}

/// The way to the other machine.
pub enum Link {
    Codes(Codes),
    Files(Files),
}

impl Link {
    /// Shows a message or writes it. `by_code` and `by_file` say what to do with it.
    fn show(
        &mut self,
        part: Part,
        about: Reference,
        message: &[u8],
        [by_code, by_file]: [&str; 2],
    ) -> Result<(), Failure> {
        match self {
            Self::Codes(codes) => codes.show(message, by_code),
            Self::Files(files) => files.put(part, about, message, by_file),
        }
    }

    /// Asks the person at the keyboard.
    async fn confirms(&mut self, question: &str) -> bool {
        match self {
            Self::Codes(codes) => codes.confirms(question).await,
            Self::Files(files) => files.confirms(question).await,
        }
    }
}

/// A payment as its evidence shows it, whose signatures nobody has checked yet.
pub(super) fn payment(evidence: &[u8], network: &Network) -> Option<(Reference, Payment)> {
    let items;
    let payment = match Message::read(evidence).ok()? {
        Message::Evidence { payment, .. } | Message::Payment { payment } => payment,
        Message::Covered {
            items: covered,
            receipt: None,
        } => {
            items = Items::read(covered).ok()?;
            items.last()?.payment
        }
        _ => return None,
    };
    let payment = open::<Payment>(payment, network).ok()?;
    Some((payment.id().reference(), *payment.peek()))
}

/// An invoice as its message shows it, whose signature nobody has checked yet.
pub(super) fn invoice(message: &[u8], network: &Network) -> Option<(Reference, Invoice)> {
    let Message::Invoice { invoice, .. } = Message::read(message).ok()? else {
        return None;
    };
    let invoice = open::<Invoice>(invoice, network).ok()?;
    Some((invoice.id().reference(), *invoice.peek()))
}

/// What a person names on the command line: a message in a file, or in a picture of its code.
pub(super) async fn message_in(path: &Path) -> Result<Vec<u8>, Failure> {
    let named = |error: Failure| format!("{}: {error}", path.display());
    if let Ok(Some(bytes)) = device_sdk::links::file::read(path)
        && Message::read(&bytes).is_ok()
    {
        return Ok(bytes);
    }
    Ok(codes::picture_message(path).await.map_err(named)?)
}
