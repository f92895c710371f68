//! `onecode label`: labels of what stands in the registry, on sheets, rolls and as pictures.

use super::{Outcome, config};
use crate::config::Config;
use crate::folder::Folder;
use crate::house::{Failure, House, plan};
use clap::Args;
use clap::builder::PossibleValuesParser;
use issuer::Names;
use issuer::label::{Form, Label, Size, Words};
use ledger::views::LabelRow;
use protocol::Code;
use protocol::code::IssuedBy;
use protocol::objects::MarkText;
use std::path::PathBuf;
use std::process::ExitCode;

/// Which labels, on what.
#[derive(Args)]
pub struct Options {
    /// Codes, as they are printed or typed.
    codes: Vec<Code>,
    /// Everything of this batch.
    #[arg(long, conflicts_with = "codes")]
    batch: Option<String>,
    /// Everything from this number on.
    #[arg(long, conflicts_with_all = ["codes", "batch"], requires = "to")]
    from: Option<u64>,
    /// The last number.
    #[arg(long, requires = "from")]
    to: Option<u64>,
    /// Whose numbers: 1 is this gateway; stations have theirs from `onecode station list`.
    #[arg(long, default_value_t = 1, requires = "from")]
    station: u16,
    /// On what: sheets of PDF, one PDF page for each, ZPL one or four across, or pictures.
    #[arg(long, default_value = "a4-21", value_parser = PossibleValuesParser::new(Form::NAMES))]
    on: String,
    /// Width and height of one label in mm, where --on does not say it.
    #[arg(long, value_name = "50x25")]
    size: Option<Size>,
    /// Labels that are gone from the first page or row already.
    #[arg(long, default_value_t = 0)]
    used: usize,
    /// Sign each label, so that it is checked with no network.
    #[arg(long)]
    signed: bool,
    /// The file to write, the printer's device, or a folder for several pictures.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Folder of keys and books. Its gateway must not be running.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The settings file.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Opens the house, draws, closes it.
pub fn run(options: Options) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let config = config(options.config.as_deref(), options.data.as_deref())?;
        if !Folder::new(&config.data).ledger().exists() {
            return Err(format!(
                "{}: no registry there; name the gateway's folder with --data",
                config.data.display()
            )
            .into());
        }
        let house = House::open(&config).await?;
        let done = labels(&house, &config, &options).await;
        house.close().await;
        done.map(|()| ExitCode::SUCCESS)
    })
}

async fn labels(house: &House, config: &Config, options: &Options) -> Result<(), Failure> {
    let form = Form::named(&options.on, options.size).ok_or("--on names no such labels")?;
    let rows = find(house, options, form.most()).await?;
    let (over, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.state.is_over());
    if let Some(row) = over.first() {
        eprintln!(
            "left out: {} that are over, such as {} ({})",
            over.len(),
            row.code,
            row.state.word()
        );
    }
    if rows.is_empty() {
        return Err("nothing in the registry is left to be labelled; `onecode station import` brings what a station made".into());
    }
    let codes: Vec<Code> = rows.iter().map(|row| row.code).collect();
    let marks = match options.signed {
        true => house.stations_desk(config)?.marks(&codes),
        false => Ok(Vec::new()),
    };
    let marks = marks.map_err(|error| error.to_string())?;
    let names = plan(config)?.names;
    let label = |(index, row): (usize, &LabelRow)| drawn(&names, row, marks.get(index));
    let labels = rows.iter().enumerate().map(label);
    let labels = labels.collect::<Result<Vec<_>, _>>()?;
    let out = match (&options.out, labels.as_slice()) {
        (Some(out), _) => out.clone(),
        (None, [_]) => PathBuf::from(format!("label.{}", form.ending())),
        (None, _) if matches!(form, Form::Svg(_) | Form::Png(_)) => PathBuf::from("labels"),
        (None, _) => PathBuf::from(format!("labels.{}", form.ending())),
    };
    form.write(&labels, options.used, &out)?;
    println!("{}  {} labels", out.display(), labels.len());
    Ok(())
}

/// What is asked for, in order; more than fits is refused.
async fn find(house: &House, options: &Options, most: usize) -> Result<Vec<LabelRow>, Failure> {
    let ledger = &house.ledger;
    let bound = u32::try_from(most).unwrap_or(u32::MAX).saturating_add(1);
    let rows = match (&options.batch, options.from.zip(options.to)) {
        (Some(batch), _) => ledger.labels_of_batch(batch, bound).await?,
        (None, Some(numbers)) => {
            let by = IssuedBy {
                issuer: house.authorities.issuer.code().issued_by().issuer,
                station: options.station,
            };
            ledger.labels_between(by, numbers, bound).await?
        }
        (None, None) if options.codes.is_empty() => {
            return Err("name codes, or --batch, or --from and --to".into());
        }
        (None, None) => {
            let mut rows = Vec::new();
            for code in options.codes.iter().take(most.saturating_add(1)) {
                let row = ledger.label(code).await?;
                rows.push(row.ok_or_else(|| {
                    format!(
                        "{code} is not in this registry; look it up at the gateway that issued it"
                    )
                })?);
            }
            rows
        }
    };
    if rows.len() > most {
        return Err(format!(
            "more than {most} labels, which is the most of one file; divide them with --from and --to"
        )
        .into());
    }
    if rows.is_empty() {
        return Err(match (&options.batch, options.from) {
            (Some(batch), _) => format!("no batch {batch:?} in this registry; `onecode station list` shows the orders"),
            (None, _) => format!("station {} has nothing with these numbers here; `onecode station list` shows stations and their next number", options.station),
        }
        .into());
    }
    Ok(rows)
}

fn drawn(names: &Names, row: &LabelRow, mark: Option<&MarkText>) -> Result<Label, Failure> {
    let label = Label::thing(names, &row.code)?;
    // What people wrote in the portal may have letters that no label printer has.
    let words = |text: &str| text.parse::<Words>().unwrap_or_default();
    let label = label.words(words(&row.product), words(&row.batch));
    Ok(match mark {
        Some(mark) => label.marked(mark)?,
        None => label,
    })
}
