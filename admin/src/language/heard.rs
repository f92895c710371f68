//! What the desks of the house say of a request, an order, a manifest or a label: sentences of other
//! crates, in English and with values in them. They are known again here and said in the language of
//! the page; what is not known stays English. A test finds every sentence of theirs.

use super::{Say, below, say};
use protocol::{Kind, Status};

/// How deep a sentence stands within others.
const NESTED_MAX: u32 = 3;

/// Sentences, those that say more first where one would fit the other.
static SENTENCES: &[Say] = &[
    say("line {line} of its journal: {fault}"),
    say("the order in line {line}: {fault}"),
    say("not a manifest, or cut short; copy it from the station again"),
    say("not a manifest, or cut short"),
    say("of another station"),
    say(
        "not the next manifest of this station: one before it is missing, or it was made from another journal",
    ),
    say(
        "number {number} lies outside the station's quota, or its credentials are not what was ordered",
    ),
    say("the station's signature does not fit what it says"),
    say("no order is named, or it cannot be read"),
    say("more than was ordered"),
    say("a number is left out, used twice or beyond all"),
    say("no such thing is open, or a step of it is left out"),
    say("something is still open; finish or scrap it first"),
    say("too many things are open or scrapped"),
    say("not the next manifest"),
    say("too long, or no text"),
    say("it does not continue the chain: a line is missing, changed or out of place"),
    say("no step of a station of this version"),
    say("not the file that `onecode station order` writes, or damaged"),
    say("not signed by a gateway under this station's issuer: {fault}"),
    say("for another station; take it there"),
    say("it has expired or is not valid yet; check this machine's clock, or ask for a new one"),
    say("beyond this station's quota of kinds and numbers; ask the issuer for a larger one"),
    say("it orders nothing, or what no thing may have"),
    say("not a request in PEM; it starts with -----BEGIN CERTIFICATE REQUEST-----"),
    say("the request is longer than 8 KiB"),
    say("not a PKCS#10 request in DER"),
    say("the request repeats an attribute or has too many"),
    say("the request's key: {fault}"),
    say(
        "the request proves no wallet key; add attribute {attribute}, as `onecode device init` does",
    ),
    say("the wallet key: {fault}"),
    say("the request asks for CA:TRUE; things are never authorities, leave it out"),
    say(
        "the request asks for extension {extension}; the issuer decides what stands in a certificate, leave it out",
    ),
    say("the request has attribute {attribute}, which means nothing here; leave it out"),
    say("no proof that it is held"),
    say("its proof is malformed; check the encoder against docs/protocol.md"),
    say("neither ECDSA P-256 with SHA-256 nor Ed25519; make another key"),
    say("not a point of its curve in the usual uncompressed form"),
    say("the signature does not fit the key, the network or the request"),
    say("one key for two uses; make a second key"),
    say("only an authority of another role does this"),
    say("this kind of thing gets no certificate from a gateway"),
    say("the sequence number lies outside what this authority may issue"),
    say("the serial number is zero"),
    say("the validity is empty or goes beyond the authority's own"),
    say("more rights than a thing may have"),
    say("the request repeats a key of the authority"),
    say("the request is not signed by the thing that has this code"),
    say("{character} cannot be printed: product and batch take Latin letters, digits and signs"),
    say("product and batch take {most} characters each"),
    say("product and batch: 48 bytes"),
    say(
        "the label is too small: the symbol alone needs {whole}.{tenths} mm; take larger labels, shorter words, or codes without signature",
    ),
    say("there is no label to print, or there are too many for one file: divide them"),
    say("no QR code holds this: upper-case letters, digits and ` $%*+-./:`, 300 at most"),
    say("the labels do not fit on the page: check columns, rows, margins and pitch"),
    say("no printer has this resolution, or the picture would be too large"),
    say("the domain is not a lower-case DNS name with room for codes"),
    say("the resolver is not a host with an optional port"),
    say("not a DNS name or an address"),
    say("no server name, or too many"),
    say("too many certificates, or something that is none"),
    say("an empty quota, or numbers that no code holds"),
    say("numbers that no code holds"),
    say("{code} is no station of this gateway"),
    say("this station may not make codes of kind {kind}"),
    say("nothing is ordered; the count is at least 1"),
    say(
        "another manifest {number} of this station was taken before: two copies of its journal were worked on, or its key is in other hands. Keep both files, find out which things carry numbers twice, and dismiss the station",
    ),
    say(
        "the issuer's key does not lie here, and only it may sign for stations; print labels without signature, or sign at the station",
    ),
    say(
        "this station was dismissed ({reason}): nothing more is taken from it, and it is not admitted again. Another one begins with new keys: `onecode-station init` in another folder",
    ),
    say("this station {why}. To end it, bring in its manifests and dismiss it"),
    say("was admitted from number {first}; the first stays, the last may grow"),
    say("was admitted up to number {last}; the last may only grow"),
    say("was admitted for more kinds than these; kinds may only be added"),
    say("was admitted for a longer time; the time may only grow"),
];

/// As it is said on a page, for the end of a sentence that says what did not happen.
pub fn heard(english: &str) -> Say {
    hear(english, NESTED_MAX)
}

fn hear(english: &str, nested: u32) -> Say {
    let is_status = |status: &&Status| status.sentence() == english;
    if let Some(known) = Status::ALL.iter().find(is_status) {
        return below::status(*known);
    }
    if let Some(known) = Kind::ALL.into_iter().find(|kind| kind.word() == english) {
        return below::kind(known);
    }
    let fitting = |sentence: &Say| Some((sentence.clone(), fits(sentence.one, english)?));
    let Some((sentence, values)) = SENTENCES.iter().find_map(fitting) else {
        return Say::plain(english);
    };
    let values = values.into_iter();
    values.fold(sentence, |sentence, (name, value)| match nested {
        0 => sentence.put(name, value),
        _ => sentence.put(name, hear(value, nested - 1)),
    })
}

/// What stands in a text in place of the names of a pattern, if the text is of that pattern.
fn fits<'a>(pattern: &'static str, text: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let Some((head, mut pattern)) = pattern.split_once('{') else {
        return (pattern == text).then(Vec::new);
    };
    let mut text = text.strip_prefix(head)?;
    let mut values = Vec::new();
    loop {
        let (name, after) = pattern.split_once('}')?;
        let Some((words, next)) = after.split_once('{') else {
            values.push((name, text.strip_suffix(after)?));
            return Some(values);
        };
        let (value, rest) = text.split_once(words)?;
        values.push((name, value));
        (text, pattern) = (rest, next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use issuer::manifest::ManifestFault;
    use issuer::order::OrderRefused;
    use issuer::replay::StepFault;

    #[test]
    fn sentences_within_sentences_are_known_and_their_english_is_what_was_heard() {
        for (fault, chinese) in [
            (
                ManifestFault::Step(7, StepFault::Count),
                "其日志第 7 行：超出订购的数量",
            ),
            (
                ManifestFault::Order(2, OrderRefused::Signature(Status::Expired)),
                "第 2 行的订单：不是本工站签发方下属网关签名的：授信额度或凭证已过期；请与网关同步。",
            ),
            (
                ManifestFault::Gap,
                "不是该工站的下一份清单：缺少前面的清单，或由另一份日志制成",
            ),
        ] {
            let english = fault.to_string();
            assert_eq!(heard(&english).to_string(), english);
            assert_eq!(heard(&english).text(Language::Chinese), chinese);
        }
    }

    #[test]
    fn what_is_not_known_stays_as_it_is() {
        for text in ["", "line 3", "{line}", "connection refused (os error 111)"] {
            assert_eq!(heard(text).text(Language::Chinese), text);
        }
    }

    #[test]
    fn a_text_fits_a_pattern_whole_or_not_at_all() {
        assert_eq!(
            fits("a {b} c {d}", "a 1 c 2"),
            Some(vec![("b", "1"), ("d", "2")])
        );
        assert_eq!(
            fits("{whole}.{tenths} mm", "12.5 mm"),
            Some(vec![("whole", "12"), ("tenths", "5")])
        );
        for (pattern, text) in [("a {b} c", "a 1 d"), ("a {b} c", "b 1 c"), ("ab", "abc")] {
            assert_eq!(fits(pattern, text), None);
        }
    }
}
