//! Printers that need no command: a label printer's device or a file of ZPL, and lists of things
//! without keys.

use crate::items::{Item, ItemPrinter};
use crate::world::{Printer, Scanner, Trouble};
use issuer::Names;
use issuer::journal::Number;
use issuer::label::{Label, Roll};
use protocol::objects::WorkOrder;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// A label printer's device, or a file that collects what it would get.
#[derive(Clone, Debug)]
pub struct ZplPrinter {
    /// Where the ZPL goes; it is appended.
    pub path: PathBuf,
    /// The labels on the roll.
    pub roll: Roll,
}

impl Printer for ZplPrinter {
    fn print(&mut self, _: Number, label: &Label) -> Result<(), Trouble> {
        let zpl = self.roll.zpl(std::slice::from_ref(label));
        let zpl = zpl.map_err(Trouble::new)?;
        let write = || {
            let mut options = OpenOptions::new();
            let mut file = options.create(true).append(true).open(&self.path)?;
            file.write_all(zpl.as_bytes())
        };
        write().map_err(|error| Trouble(format!("{}: {error}", self.path.display())))
    }
}

/// A scanner that types like a keyboard: one line for each label.
#[derive(Debug)]
pub struct TypedScanner<R>(pub R);

impl<R: BufRead + Send> Scanner for TypedScanner<R> {
    fn scan(&mut self, number: Number) -> Result<String, Trouble> {
        let mut line = String::new();
        let most = issuer::journal::LINE_BYTES_MAX as u64;
        let mut from = std::io::Read::take(&mut self.0, most);
        match from.read_line(&mut line) {
            Ok(0) => Err(Trouble(format!("nobody scanned the label of {number}"))),
            Ok(_) => Ok(line),
            Err(error) => Err(Trouble::new(error)),
        }
    }
}

/// A list for each block, for whoever prints outside and inside of the things: number, code, what
/// the outer symbol says, and the secret inside. Only its owner may read it.
#[derive(Clone, Debug)]
pub struct ItemLists {
    /// Where the lists go.
    pub folder: PathBuf,
    /// What the symbols say.
    pub names: Names,
}

impl ItemPrinter for ItemLists {
    fn print(&mut self, _: &WorkOrder, items: &[Item]) -> Result<(), Trouble> {
        let (Some(first), Some(last)) = (items.first(), items.last()) else {
            return Ok(());
        };
        let mut text = String::from("number,code,symbol,inside\n");
        for item in items {
            let (code, inside) = (&item.code, item.inside.text());
            let uri = self.names.uri(code);
            text.push_str(&format!("{},{code},{uri},{inside}\n", item.number));
        }
        let name = format!("items-{}-{}.csv", first.number, last.number);
        let path = self.folder.join(name);
        let write = || {
            let partial = path.with_extension("partial");
            let mut options = OpenOptions::new();
            let options = options.write(true).create(true).truncate(true).mode(0o600);
            let mut file = options.open(&partial)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&partial, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error: std::io::Error| Trouble(format!("{}: {error}", path.display())))
    }
}
