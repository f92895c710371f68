//! What a label says beside its code: a signature, by which a label is told from one that anybody
//! printed, or the secret inside a thing without a key, by which the thing is told from a copy.

use crate::language::{Say, below, say};
use crate::portal::Portal;
use crate::refusal::Refusal;
use issuer::{Grant, Role};
use protocol::code::inside::{INSIDE_CHARS, InsideSecret};
use protocol::objects::{Labelled, MARK_CHARS, Pass};
use protocol::rules::Trust;
use protocol::{Code, Status};

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Signed by this role of the house.
    Ours(Role),
    /// Signed by nobody who may label this code here.
    NotOurs,
    /// The secret that the code was made from.
    Original,
    /// Another secret.
    NotOriginal,
    /// Damaged: neither a signature nor a secret.
    Unreadable,
    /// There was none.
    Nothing,
}

impl Word {
    /// Whether the label is not what it says.
    pub const fn is_forged(self) -> bool {
        matches!(self, Self::NotOurs | Self::NotOriginal)
    }

    /// For the person with the label in hand.
    pub fn sentence(self) -> Say {
        match self {
            Self::Ours(role) => say("The label was signed by the {role} of this network. A label can be copied: compare what it is fixed to.").put("role", below::authority(role)),
            Self::NotOurs => say("The signature on the label is of nobody who labels this code here: the label is forged, or it comes from another network."),
            Self::Original => say("This is the secret that the code was made from, and only the original has it inside. Once read it proves nothing more: whoever saw it can print it."),
            Self::NotOriginal => say("The secret inside is not the one that the code was made from: this is no original."),
            Self::Unreadable => say("What stands behind the code cannot be read; scan it again, the whole symbol."),
            Self::Nothing => say("Nothing but the code was scanned: it says how the code stands, not who printed the label."),
        }
    }
}

/// Whether this may stand behind a code in a symbol.
pub fn is_mark(text: &str) -> bool {
    text.len() == MARK_CHARS || is_inside(text)
}

fn is_inside(text: &str) -> bool {
    let symbols = text.chars().filter(|symbol| *symbol != '-');
    symbols.count() == INSIDE_CHARS
}

/// Judges what stands behind a code. While one root or issuer takes over from another, the word of
/// both counts.
pub async fn judge(portal: &Portal, labelled: Labelled, mark: &str) -> Result<Word, Refusal> {
    let by = match labelled {
        Labelled::Thing(code) if is_inside(mark) => return Ok(inside(&code, mark)),
        Labelled::Thing(code) => code.issued_by(),
        Labelled::Place(place) => place.issued_by(),
    };
    let cards = portal.desk.authorities();
    let of = |role: Role| cards.iter().filter(move |card| card.role == role);
    let station = station_pass(portal, by.station).await?;
    let says = |pass: &Pass| labelled.is_marked(mark, pass, &portal.network);
    for root in of(Role::Root) {
        let trust = Trust::new(portal.network, root.pass_key);
        for above in of(Role::Issuer) {
            let Ok(issuer) = trust.issuer(&above.pass) else {
                continue;
            };
            match says(issuer.get()) {
                Ok(()) => return Ok(Word::Ours(Role::Issuer)),
                Err(Status::Malformed) => return Ok(Word::Unreadable),
                Err(_) => {}
            }
            // What a key signed that was given up since is out there on labels, and stays.
            let gateways = of(Role::Gateway)
                .flat_map(|card| std::iter::once(&card.pass).chain(&card.former_passes))
                .map(|pass| (Role::Gateway, pass));
            for (role, pass) in gateways.chain(station.iter().map(|pass| (Role::Station, pass))) {
                let pass = trust.issued(&issuer, pass);
                if pass.is_ok_and(|pass| says(pass.get()).is_ok()) {
                    return Ok(Word::Ours(role));
                }
            }
        }
    }
    Ok(Word::NotOurs)
}

fn inside(code: &Code, text: &str) -> Word {
    match text.parse::<InsideSecret>() {
        Ok(secret) if secret.belongs_to(code) => Word::Original,
        Ok(_) => Word::NotOriginal,
        Err(_) => Word::Unreadable,
    }
}

/// The pass of the station with this number, if it is one of ours.
async fn station_pass(portal: &Portal, station: u16) -> Result<Option<Vec<u8>>, Refusal> {
    let row = portal.ledger.station_numbered(station).await?;
    let granted = row.and_then(|row| row.granted);
    let grant = granted.and_then(|(_, text)| Grant::read(&text).ok());
    Ok(grant.map(|grant| {
        let [_, own] = grant.passes;
        own
    }))
}
