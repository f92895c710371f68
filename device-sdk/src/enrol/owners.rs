//! What an owner asks its gateway about things that change hands, and about its places.

use super::http::Desk;
use super::{EnrolError, named_issuer};
use protocol::objects::Rights;
use protocol::rules::Trust;
use protocol::rules::survey::judge;
use protocol::{Code, GridCode, PublicKey};

/// The number that the next transfer of a thing carries.
pub fn next_transfer(url: &str, code: &Code) -> Result<u32, EnrolError> {
    let text = Desk::new(url).next_transfer(code)?;
    let number = core::str::from_utf8(&text)
        .ok()
        .and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| EnrolError::Unreachable("no number came back".to_owned()))
}

/// The key by which a code of the same network signs, as far as its pass shows it.
pub fn key_of(url: &str, trust: &Trust, code: &Code) -> Result<PublicKey, EnrolError> {
    let desk = Desk::new(url);
    let pass = desk.pass(code)?;
    let by_pass = desk.pass(&named_issuer(trust, &pass)?)?;
    let issuer_pass = desk.pass(&named_issuer(trust, &by_pass)?)?;
    let issuer = trust.issuer(&issuer_pass)?;
    let by = trust.issued(&issuer, &by_pass)?;
    let pass = trust.issued(&by, &pass)?;
    let named = pass.get().subject.0 == *code && by.get().rights.permits(Rights::ISSUE_CODES);
    match named {
        true => Ok(pass.get().key.0),
        false => Err(protocol::Status::NotForYou.into()),
    }
}

/// Brings a transfer with its acceptance; says what the gateway says.
pub fn hand_over(url: &str, code: &Code, message: &[u8]) -> Result<String, EnrolError> {
    let said = Desk::new(url).hand_over(code, message)?;
    Ok(String::from_utf8_lossy(&said).trim().to_owned())
}

/// Brings an owner's survey of its place; gives the message in which the gateway stands for it.
pub fn bring_survey(
    url: &str,
    trust: &Trust,
    place: &GridCode,
    survey: &[u8],
) -> Result<Vec<u8>, EnrolError> {
    let message = Desk::new(url).survey(place, survey)?;
    let held = judge(trust, &message)?;
    match held.record.place == *place {
        true => Ok(message),
        false => Err(protocol::Status::NotForYou.into()),
    }
}
