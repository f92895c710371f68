//! The Chinese of every word, from the catalogue inside the program.

use polib::message::MessageView;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The catalogue as translators edit it.
const CHINESE: &str = include_str!("../../languages/zh_CN.po");

/// A catalogue that does not read leaves the portal in English; the tests see to it that it reads.
static WORDS: LazyLock<HashMap<String, String>> =
    LazyLock::new(|| read(CHINESE).unwrap_or_default());

/// The Chinese of English words; of a pair of forms, the first is the key.
pub fn chinese(english: &str) -> Option<&'static str> {
    WORDS.get(english).map(String::as_str)
}

fn read(catalogue: &str) -> Option<HashMap<String, String>> {
    let catalogue = polib::po_file::parse_from_reader(catalogue.as_bytes()).ok()?;
    Some(catalogue.messages().filter_map(pair).collect())
}

/// Chinese has one form for every number: the first of a plural entry.
fn pair(message: &dyn MessageView) -> Option<(String, String)> {
    let chinese = match message.msgstr_plural() {
        Ok(forms) => forms.first()?.clone(),
        Err(_) => message.msgstr().ok()?.to_owned(),
    };
    (!chinese.is_empty()).then(|| (message.msgid().to_owned(), chinese))
}
