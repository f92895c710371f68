//! `labels` and `reprint`: labels of what was made, on sheets and rolls, one by one or many at once.

use super::{Outcome, Where};
use clap::{Args, ValueEnum};
use issuer::journal::{Line, Number, reason_is_good};
use issuer::label::{Label, ROLL_LABELS_MAX, Roll, SHEET_LABELS_MAX, Sheet};
use std::fs;
use std::path::PathBuf;

/// What labels are printed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// PDF, three by seven on A4.
    A4_21,
    /// PDF, five by thirteen on A4.
    A4_65,
    /// PDF, three by ten on letter.
    Letter30,
    /// PDF, four by twenty on letter.
    Letter80,
    /// ZPL, one after another.
    Zpl1,
    /// ZPL, four across.
    Zpl4,
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
    /// On what.
    #[arg(long, value_enum, default_value = "a4-21")]
    on: Form,
    /// The file to write.
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
    /// On what.
    #[arg(long, value_enum, default_value = "zpl1")]
    on: Form,
    /// The printer's device, or a file to write.
    #[arg(long)]
    to: PathBuf,
}

/// Writes the labels of a range.
pub fn labels(place: &Where, options: &Labels) -> Outcome {
    let count = options.last.saturating_sub(options.first).saturating_add(1);
    let most = match sheet(options.on) {
        Some(_) => SHEET_LABELS_MAX,
        None => ROLL_LABELS_MAX,
    };
    if count > most as u64 {
        return Err(format!("at most {most} labels in one file; name fewer numbers").into());
    }
    let labels = find(place, options.first, options.last)?;
    if labels.is_empty() {
        return Err("nothing was made with these numbers".into());
    }
    fs::write(&options.to, draw(options.on, &labels)?)?;
    println!("{}  {} labels", options.to.display(), labels.len());
    Ok(())
}

/// Prints one label again.
pub fn reprint(place: &Where, options: &Reprint) -> Outcome {
    if !reason_is_good(&options.reason) {
        return Err("--reason wants 1 to 128 bytes of text".into());
    }
    let labels = find(place, options.number, options.number)?;
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
    fs::write(&options.to, draw(options.on, std::slice::from_ref(label))?)?;
    println!("{}  {}", options.to.display(), label.uri());
    Ok(())
}

fn sheet(form: Form) -> Option<Sheet> {
    match form {
        Form::A4_21 => Some(Sheet::A4_21),
        Form::A4_65 => Some(Sheet::A4_65),
        Form::Letter30 => Some(Sheet::LETTER_30),
        Form::Letter80 => Some(Sheet::LETTER_80),
        Form::Zpl1 | Form::Zpl4 => None,
    }
}

fn draw(form: Form, labels: &[Label]) -> Result<Vec<u8>, issuer::label::LabelError> {
    match (sheet(form), form) {
        (Some(sheet), _) => sheet.pdf(labels, 0),
        (None, Form::Zpl4) => Roll::FOUR_ACROSS.zpl(labels).map(String::into_bytes),
        (None, _) => Roll::ONE_ACROSS.zpl(labels).map(String::into_bytes),
    }
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
