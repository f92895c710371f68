//! What a thing asks for in public, as its public page shows it: for wallets, as QR codes and as a
//! file.

use super::parts::{attachment, exponents};
use crate::draw::Qr;
use crate::language::{Say, say};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::show;
use axum::response::Response;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::{Asked, Invoice};
use protocol::{Code, Timestamp};

/// An open invoice (template `offer.html`).
pub struct Offered {
    /// How much, in words.
    pub(super) price: Say,
    /// Until when it is good.
    pub(super) until: String,
    /// Where the file is.
    pub(super) path: String,
    /// The wallet of this browser, with the invoice in its hand.
    pub(super) wallet: String,
    /// The invoice as pictures, in their order.
    pub(super) codes: Vec<Qr>,
}

/// What this thing asks for, if it asks for anything.
pub async fn of(portal: &Portal, code: &Code, now: Timestamp) -> Result<Option<Offered>, Refusal> {
    let Some(offer) = portal.things.offer(code, now) else {
        return Ok(None);
    };
    let Ok(Message::Invoice { invoice, .. }) = Message::read(&offer.message) else {
        return Ok(None);
    };
    let Ok(invoice) = open::<Invoice>(invoice, &portal.network) else {
        return Ok(None);
    };
    let invoice = invoice.peek();
    let Some(asked) = invoice.asked() else {
        return Ok(None);
    };
    let exponent = exponents(&portal.ledger).await?.of(&invoice.currency);
    let amount = |minor: u64| show::amount(i128::from(minor), exponent);
    let price = match asked {
        Asked::Amount(all) => say("{amount} {currency}").put("amount", amount(all.get())),
        Asked::Units { unit, most } => say("{amount} {currency} for each of up to {most} units")
            .put("amount", amount(unit.get()))
            .put("most", show::count32(most)),
    };
    let codes = offer.frames.into_iter().filter_map(Qr::draw);
    Ok(Some(Offered {
        price: price.put("currency", invoice.currency.name().to_owned()),
        until: show::time(invoice.expires),
        path: format!("/1/{code}/invoice"),
        wallet: format!(
            "/wallet#invoice={}",
            Base64UrlUnpadded::encode_string(&offer.message)
        ),
        codes: codes.collect(),
    }))
}

/// The invoice as a file.
pub fn file(portal: &Portal, code: &Code, now: Timestamp) -> Result<Response, Refusal> {
    let offer = portal.things.offer(code, now);
    let offer = offer.ok_or(Refusal::NotFound(say("This thing asks for nothing now.")))?;
    let name = format!("{code}.invoice");
    Ok(attachment("application/cbor", &name, offer.message))
}
