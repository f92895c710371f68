//! Labels as files: sheets for office printers, ZPL for label printers.

use crate::desk::DeskRefusal;
use crate::draw::code_uri;
use crate::language::{Say, heard, say};
use crate::pages::parts::attachment;
use crate::portal::Portal;
use crate::refusal::Refusal;
use axum::response::Response;
use issuer::label::{Label, LabelError, Roll, Sheet, Words};
use protocol::Code;
use serde::Deserialize;

/// What labels come on: the word in an address, and in words.
pub const FORMS: [(&str, Say); 6] = [
    ("a4-21", say("A4, 3 × 7, PDF")),
    ("a4-65", say("A4, 5 × 13, PDF")),
    ("letter-30", say("Letter, 3 × 10, PDF")),
    ("letter-80", say("Letter, 4 × 20, PDF")),
    ("zpl-1", say("Label printer, one across, ZPL")),
    ("zpl-4", say("Label printer, four across, ZPL")),
];

/// Labels of a batch that an address asks for.
#[derive(Deserialize)]
pub struct Asked {
    /// One of [`FORMS`].
    #[serde(default)]
    pub on: String,
    #[serde(default)]
    signed: String,
    part: Option<u32>,
}

impl Asked {
    /// With a signature on each.
    pub fn signed(&self) -> bool {
        !self.signed.is_empty()
    }

    /// Which part of the batch, from 1 on.
    pub fn part(&self) -> u32 {
        self.part.unwrap_or(1)
    }
}

fn unfit(error: LabelError) -> Refusal {
    Refusal::Unfit(say("No labels: {reason}.").put("reason", heard(&error.to_string())))
}

/// Labels of these codes as one file, in their order. Signed ones are read with no network.
pub async fn file(
    portal: &Portal,
    codes: Vec<Code>,
    (product, batch): (&str, &str),
    on: &str,
    signed: bool,
    name: &str,
) -> Result<Response, Refusal> {
    let words = |text: &str| text.parse::<Words>().unwrap_or_default();
    let (product, batch) = (words(product), words(batch));
    let marks = match signed {
        false => Vec::new(),
        true => portal
            .stations
            .marks(codes.clone())
            .await
            .map_err(|refusal| match refusal {
                DeskRefusal::Request(sentence) => {
                    Refusal::Unfit(say("Not signed: {reason}.").put("reason", heard(&sentence)))
                }
                DeskRefusal::Status(status) => status.into(),
            })?,
    };
    let (on, resolver, name) = (on.to_owned(), portal.resolver.clone(), name.to_owned());
    // Drawing thousands takes a while: not on a thread of the doors.
    let drawing = tokio::task::spawn_blocking(move || {
        let mut marks = marks.into_iter();
        let label = |code: &Code| {
            let label = Label::new(code_uri(&resolver, code), code.text().as_str())?;
            let label = match marks.next() {
                Some(mark) => label.marked(&mark)?,
                None => label,
            };
            Ok(label.words(product.clone(), batch.clone()))
        };
        let labels: Result<Vec<Label>, LabelError> = codes.iter().map(label).collect();
        draw(&labels.map_err(unfit)?, &on, &name)
    });
    drawing.await.map_err(|_| Refusal::Broken)?
}

fn draw(labels: &[Label], on: &str, name: &str) -> Result<Response, Refusal> {
    const PDF: &str = "application/pdf";
    let sheet = |sheet: Sheet| {
        let bytes = sheet.pdf(labels, 0).map_err(unfit)?;
        Ok(attachment(PDF, &format!("{name}.pdf"), bytes))
    };
    let roll = |roll: Roll| {
        let text = roll.zpl(labels).map_err(unfit)?;
        Ok(attachment("application/zpl", &format!("{name}.zpl"), text))
    };
    match on {
        "" | "a4-21" => sheet(Sheet::A4_21),
        "a4-65" => sheet(Sheet::A4_65),
        "letter-30" => sheet(Sheet::LETTER_30),
        "letter-80" => sheet(Sheet::LETTER_80),
        "zpl-1" => roll(Roll::ONE_ACROSS),
        "zpl-4" => roll(Roll::FOUR_ACROSS),
        _ => Err(Refusal::Unfit(say("Choose what the labels come on."))),
    }
}
