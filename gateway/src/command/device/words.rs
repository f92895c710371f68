//! What a purse learned, in a person's words.

use super::teller::DevicePurse;
use crate::house::Failure;
use crate::thing_folder::{explain, identity, lease, place};
use crate::wallet::now;
use device_sdk::purse::Event;
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::{Pass, Payment};
use protocol::{Currency, Status, Timestamp};
use std::path::Path;

/// What somebody pays.
pub fn payment(payment: &Payment) -> String {
    format!(
        "{} {} from {:#}",
        payment.amount, payment.currency, payment.payer
    )
}

/// What a message changed; nothing where a person need not hear of it.
pub fn event(message: &[u8], event: &Event) -> Option<String> {
    Some(match *event {
        Event::Receipted { payment } => format!("payment {payment}: the payee's receipt came"),
        Event::Closed { payment, units } => {
            format!("payment {payment}: closed by its payee after {units} units")
        }
        Event::Declined { payment, reason } => format!(
            "payment {payment}: declined by its payee, {}; a gateway returns the money",
            explain(reason)
        ),
        Event::Stated {
            payment,
            outcome: Status::Settled,
        } => format!("payment {payment}: settled"),
        Event::Stated { payment, outcome } => format!("payment {payment}: {}", explain(outcome)),
        Event::Provisional { payment, outcome } => format!(
            "payment {payment}: {}; not final before the gateway of its allowance has spoken",
            explain(outcome)
        ),
        Event::Final { payments } if payments > 0 => {
            format!("{payments} payments are final everywhere")
        }
        Event::Granted { currency, .. } => format!("a new allowance in {currency}"),
        Event::Behind => "payments of this key are known that this purse does not remember: it \
                          pays nothing before it is given a new key epoch"
            .to_owned(),
        Event::Refused { status, .. } => format!("refused: {}", explain(status)),
        Event::Time {
            newer_filter: true, ..
        } => "the gateway has a newer list of codes to take nothing from".to_owned(),
        Event::Fraud { code } => {
            format!("{code:#} contradicted itself: nothing is taken from it any more")
        }
        Event::Learnt => format!("learnt {}", named(message)),
        Event::Final { .. }
        | Event::Time { .. }
        | Event::Ready { .. }
        | Event::Took(_)
        | Event::Known => return None,
    })
}

/// What a message is, for somebody who waited for another one.
pub fn named(message: &[u8]) -> &'static str {
    match Message::read(message) {
        Ok(Message::Invoice { .. }) => "an invoice",
        Ok(Message::Ask { .. }) => "a payer's question",
        Ok(Message::Evidence { .. } | Message::Covered { .. } | Message::Payment { .. }) => {
            "a payment"
        }
        Ok(Message::Receipt { .. }) => "a receipt",
        Ok(Message::Refusal { .. }) => "a refusal",
        Ok(Message::Tariff { .. }) => "a tariff",
        Ok(Message::Beacon { .. }) => "what time it is",
        Ok(Message::Filter { .. }) => "which codes to take nothing from",
        Ok(Message::Warrant { .. }) => "how far the allowances of a gateway count",
        Ok(Message::Area { .. }) => "which places an area is",
        Ok(Message::Lease { .. }) => "where a purse is at home",
        Ok(Message::Successor { .. }) => "the next key of a gateway",
        Ok(Message::Watermark { .. }) => "how far a gateway's word is final",
        Ok(Message::ClaimNote { .. }) => "a note that a payment was claimed in time",
        Ok(Message::Void { .. }) => "numbers given up",
        Ok(Message::Closing { .. }) => "an allowance given up",
        Ok(Message::Proof { .. } | Message::Accusation { .. }) => "a proof against a code",
        Ok(_) => "a message for a gateway or from one",
        Err(_) => "no wallet message of this version",
    }
}

/// How the gateway's time and this machine's differ.
pub fn time(said: Timestamp, here: Timestamp) -> String {
    match said.0.abs_diff(here.0) {
        0 => "the gateway's time is this machine's".to_owned(),
        apart_s if said < here => {
            format!("the gateway's time is {apart_s} s behind this machine's")
        }
        apart_s => format!("the gateway's time is {apart_s} s ahead of this machine's"),
    }
}

/// Where the thing stands, what areas it knows to stand in, and where its purse is at home.
pub fn whereabouts(purse: &DevicePurse, folder: &Path) -> Result<String, Failure> {
    let stands = match place(folder)? {
        Some(place) => format!("stands at {place:#}"),
        None => "stands nowhere".to_owned(),
    };
    let areas = match purse.areas().count() {
        0 => "in no area it knows of".to_owned(),
        1 => "in 1 area".to_owned(),
        count => format!("in {count} areas"),
    };
    let identity = identity(folder)?;
    let home = match lease(folder, &identity.trust.network)? {
        Some(lease) => format!(
            "at home at {:#} for another {} s",
            lease.home,
            lease.ends.0.saturating_sub(now().0)
        ),
        None => {
            let pass = open::<Pass>(&identity.credentials.gateway_pass, &identity.trust.network);
            let gateway = pass.map_err(explain)?.peek().subject.0;
            format!("at home at {gateway:#}")
        }
    };
    Ok(format!("{stands}, {areas}; {home}"))
}

/// What a purse holds in one currency. What can be spent here and now stands apart from what waits
/// for a gateway, of which it may be a part.
pub fn sums(purse: &DevicePurse, currency: Currency) -> String {
    let totals = purse.totals(currency);
    format!(
        "{} {currency} may be paid here and now, {} of it under the allowance; {} {currency} wait for a gateway, {} payments in all",
        purse.spendable_here(currency, now()),
        totals.spendable,
        totals.received_unsettled,
        purse.unanswered()
    )
}
