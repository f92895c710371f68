//! `labels` and `reprint`: labels of what was made, on sheets and rolls, one by one or many at once.

use super::{Outcome, Where};
use clap::Args;
use clap::builder::PossibleValuesParser;
use issuer::journal::{Line, Number, reason_is_good};
use issuer::label::{Form, Label, Size};
use std::path::PathBuf;

/// What labels are printed on.
#[derive(Args, Debug)]
struct Paper {
    /// On what: sheets of PDF, one PDF page for each, ZPL one or four across, or pictures.
    #[arg(long, value_parser = PossibleValuesParser::new(Form::NAMES))]
    on: Option<String>,
    /// Width and height of one label in mm, where --on does not say it.
    #[arg(long, value_name = "50x25")]
    size: Option<Size>,
    /// Labels that are gone from the first page or row already.
    #[arg(long, default_value_t = 0)]
    used: usize,
}

impl Paper {
    fn form(&self, usual: &str) -> Result<Form, &'static str> {
        Form::named(self.on.as_deref().unwrap_or(usual), self.size)
            .ok_or("--on names no such labels")
    }
}

/// Labels of many.
#[derive(Args, Debug)]
pub struct Labels {
    /// The first number.
    #[arg(long)]
    first: Number,
    /// The last number.
    #[arg(long)]
    last: Number,
    #[command(flatten)]
    paper: Paper,
    /// The file to write; a folder for several pictures.
    #[arg(long)]
    to: PathBuf,
}

/// A label once more.
#[derive(Args, Debug)]
pub struct Reprint {
    /// Whose.
    number: Number,
    /// Why; it stands in the journal.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    paper: Paper,
    /// The printer's device, or a file to write.
    #[arg(long)]
    to: PathBuf,
}

/// Writes the labels of a range.
pub fn labels(place: &Where, options: &Labels) -> Outcome {
    let count = options.last.saturating_sub(options.first).saturating_add(1);
    let form = options.paper.form("a4-21")?;
    let most = form.most();
    if count > most as u64 {
        return Err(format!("at most {most} labels in one file; name fewer numbers").into());
    }
    let labels = find(place, options.first, options.last)?;
    if labels.is_empty() {
        return Err("nothing was made with these numbers".into());
    }
    form.write(&labels, options.paper.used, &options.to)?;
    println!("{}  {} labels", options.to.display(), labels.len());
    Ok(())
}

/// Prints one label again.
pub fn reprint(place: &Where, options: &Reprint) -> Outcome {
    if !reason_is_good(&options.reason) {
        return Err("--reason wants 1 to 128 bytes of text".into());
    }
    let form = options.paper.form("zpl1")?;
    let labels = find(place, options.number, options.number)?;
    // Refused before it stands in the journal.
    form.draw(&labels, options.paper.used)?;
    let [label] = labels.as_slice() else {
        return Err(format!("number {} has no code", options.number).into());
    };
    let folder = place.open();
    let _lock = folder.lock()?;
    let passphrase = place.passphrase(&folder)?;
    let station = folder.open(passphrase.as_deref().map(String::as_str))?;
    let mut journal = folder.open_journal(&station)?;
    let recorded = journal.append(vec![Line::Reprint {
        sequence: options.number,
        reason: options.reason.clone(),
    }]);
    recorded.map_err(|error| {
        format!("{error}. Labels of what was handed over are printed in the portal")
    })?;
    form.write(std::slice::from_ref(label), options.paper.used, &options.to)?;
    println!("{}  {}", options.to.display(), label.uri());
    Ok(())
}

/// Labels need no key: what was made is in the journal.
fn find(
    place: &Where,
    first: Number,
    last: Number,
) -> Result<Vec<Label>, Box<dyn std::error::Error + Send + Sync>> {
    let folder = place.open();
    let grant = issuer::Grant::read(&crate::folder::read(&folder.path("grant.txt"))?)?;
    let authority = grant.view()?;
    let station = crate::panel::Station { grant, authority };
    let found = station.find(&folder.journal(), &(first..=last))?;
    let labels = found
        .iter()
        .map(|found| station.label(&found.code, &found.order));
    Ok(labels.collect::<Result<_, _>>()?)
}
