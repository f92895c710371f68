//! One-time enrolment secrets: shown once to whoever makes them, kept as SHA-256 of their text.

use crate::door::{Actor, secret};
use crate::portal::{Portal, Random};
use crate::refusal::Refusal;
use protocol::code::base32;
use protocol::{Kind, Timestamp};

/// Longest life of a secret.
pub const LIFE_MAX_S: u32 = 90 * 86_400;
/// Random bytes in a secret; its text has two check symbols more.
const SECRET_BYTES: usize = 20;

/// Secrets to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How many; whoever asks has bounded it.
    pub count: u32,
    /// What the codes name that are got with them.
    pub kind: Kind,
    /// How long they are good.
    pub life_s: u32,
}

/// Secrets that were made.
pub struct Made {
    /// To be handed on; nobody can show them again.
    pub secrets: Vec<String>,
    /// Good until then.
    pub expires: Timestamp,
}

/// Makes and keeps them, and writes down who did.
pub async fn make(
    portal: &Portal,
    wanted: &Wanted,
    actor: &Actor,
    random: &Random,
) -> Result<Made, Refusal> {
    let now = actor.now;
    let draw = |_| {
        let mut bytes = [0; SECRET_BYTES];
        random(&mut bytes);
        let text: base32::Text<34> = base32::encode(&bytes);
        text.to_string()
    };
    let secrets: Vec<String> = (0..wanted.count).map(draw).collect();
    let hashes = secrets.iter().map(|text| secret::hash(text)).collect();
    let expires = now.plus_s(wanted.life_s);
    portal
        .ledger
        .add_secrets(hashes, wanted.kind, expires)
        .await?;
    let about = format!(
        "{} for {}, good for {}",
        wanted.count,
        wanted.kind.word(),
        crate::show::duration(u64::from(wanted.life_s))
    );
    let act = actor.act("enrolment secrets made", &about);
    portal.people.record(&act, now).await?;
    Ok(Made { secrets, expires })
}
