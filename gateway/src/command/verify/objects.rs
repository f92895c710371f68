//! Any signed object, alone or in a message: by whom it has to be signed, and whether it is.

use super::{Above, explain};
use protocol::cose::open;
use protocol::covers::Items;
use protocol::message::Message;
use protocol::objects::{
    Acceptance, Acknowledgement, Allowance, Area, Beacon, ClaimNote, Closing, ClosingBalance,
    Credit, Filter, FloatWarrant, Invoice, Lease, Move, Object, Pass, Payment, PlaceRecord,
    Receipt, RefundAnswer, RefundRequest, Release, Renewal, Statement, Successor, Survey, Tariff,
    Transfer, TrustUpdate, Void, WalletCall, Watermark,
};
use protocol::rules::trust::passes;
use protocol::rules::{Handover, Trust, covered};
use protocol::{Code, PublicKey, Status, Timestamp};
use std::fmt::Debug;

/// The keys of those whose passes came along.
struct Keys {
    known: Vec<(Code, PublicKey)>,
}

impl Keys {
    /// From the issuer's pass down, each judged by the one above it.
    fn under(trust: &Trust, above: &Above, shown: Option<&[u8]>) -> Result<Self, String> {
        let issuer = trust.issuer(&above.issuer).map_err(explain)?;
        let gateway = trust.issued(&issuer, &above.gateway).map_err(explain)?;
        let mut known = vec![key(issuer.get()), key(gateway.get())];
        let things = above.things.iter().map(Vec::as_slice);
        // Whoever warrants may be the issuer itself.
        for pass in things.chain(shown).filter(|pass| *pass != above.issuer) {
            // Behind the pass of what a station made stands the station's.
            let (pass, station) = passes(pass).map_err(explain)?;
            let by_issuer = trust.issued(&issuer, pass);
            let mut held = by_issuer.or_else(|_| trust.issued(&gateway, pass));
            if let (Err(_), Some(station)) = (&held, station) {
                let station = trust.issued(&issuer, station).map_err(explain)?;
                held = trust.issued(&station, pass);
            }
            known.push(key(held.map_err(explain)?.get()));
        }
        Ok(Self { known })
    }

    fn of(&self, code: &Code) -> Option<PublicKey> {
        let known = self.known.iter().find(|(known, _)| known == code);
        known.map(|(_, key)| *key)
    }
}

fn key(pass: &Pass) -> (Code, PublicKey) {
    (pass.subject.0, pass.key.0)
}

/// Every object but the pass and the payment, with the field that names its signer. A payment is
/// signed by the key in its allowance.
macro_rules! signers {
    ($($object:ty: $signer:ident),* $(,)?) => {
        /// `wanted` is the name of the type, where it is known. Some types have fields of the same
        /// kinds, and then only the signature tells them apart: without a name, each of them is
        /// tried, and a refusal speaks of all.
        fn object(
            trust: &Trust,
            keys: &Keys,
            wanted: Option<&str>,
            bytes: &[u8],
        ) -> Option<Result<String, String>> {
            let mut refusals: Vec<String> = Vec::new();
            $(if wanted.is_none_or(|wanted| wanted == <$object>::NAME)
                && let Ok(sealed) = open::<$object>(bytes, &trust.network)
            {
                match signed(trust, keys, sealed.peek().$signer, sealed.peek(), bytes) {
                    Ok(verdict) => return Some(Ok(verdict)),
                    Err(refusal) if refusals.contains(&refusal) => {}
                    Err(refusal) => refusals.push(refusal),
                }
            })*
            (!refusals.is_empty()).then(|| Err(refusals.join("; or ")))
        }

        /// Whether the bytes are of any of these types at all.
        pub(super) fn is_object(trust: &Trust, bytes: &[u8]) -> bool {
            open::<Payment>(bytes, &trust.network).is_ok()
                $(|| open::<$object>(bytes, &trust.network).is_ok())*
        }
    };
}

signers! {
    Allowance: gateway, Receipt: payee, Renewal: code, Statement: gateway, Invoice: payee,
    FloatWarrant: centre, Area: by, Closing: code, Void: code, Beacon: gateway, Filter: gateway,
    Move: code, Lease: centre, Release: centre, ClosingBalance: gateway, Credit: gateway,
    ClaimNote: gateway, Watermark: centre, Tariff: payee, Transfer: from, Acceptance: by,
    Survey: owner, PlaceRecord: by, Successor: issuer, WalletCall: code, RefundRequest: payer,
    RefundAnswer: gateway, Acknowledgement: by,
}

fn signed<T: Object + Debug>(
    trust: &Trust,
    keys: &Keys,
    by: Code,
    said: &T,
    bytes: &[u8],
) -> Result<String, String> {
    let name = T::NAME;
    let key = keys.of(&by).ok_or_else(|| {
        format!("a {name} that {by:#} should have signed: bring that pass with --passes")
    })?;
    let verified = open::<T>(bytes, &trust.network).and_then(|sealed| sealed.verify(&key));
    verified.map_err(explain)?;
    let article = match name.starts_with(['a', 'e', 'i', 'o', 'u']) {
        true => "an",
        false => "a",
    };
    Ok(format!(
        "genuine: {article} {name}, signed by {by:#}\n  {said:?}"
    ))
}

/// A signed part of a message, with the name of what it is.
type Part<'b> = (&'static str, &'b [u8]);

/// One object with nothing around it.
pub(super) fn alone(trust: &Trust, above: &Above, bytes: &[u8]) -> Result<String, String> {
    let keys = Keys::under(trust, above, None)?;
    let unknown = || {
        "a payment: whose key signed it stands in its allowance; bring both as evidence".to_owned()
    };
    object(trust, &keys, None, bytes).unwrap_or_else(|| Err(unknown()))
}

/// The objects of a message, each by its own signer.
pub(super) fn message(
    trust: &Trust,
    above: &Above,
    message: &Message<'_>,
) -> Result<String, String> {
    let (parts, pass): (Vec<Part<'_>>, Option<&[u8]>) = match *message {
        Message::Covered { items, receipt } => return covers(trust, above, items, receipt),
        Message::Receipt { receipt, pass } => (vec![(Receipt::NAME, receipt)], Some(pass)),
        Message::Invoice { invoice, pass } => (vec![(Invoice::NAME, invoice)], Some(pass)),
        Message::Tariff { tariff, pass } => (vec![(Tariff::NAME, tariff)], Some(pass)),
        Message::Renewal { renewal } => (vec![(Renewal::NAME, renewal)], None),
        Message::Grant { allowance } => (vec![(Allowance::NAME, allowance)], None),
        Message::Statement { statement } => (vec![(Statement::NAME, statement)], None),
        Message::Beacon { beacon } => (vec![(Beacon::NAME, beacon)], None),
        Message::Filter { filter } => (vec![(Filter::NAME, filter)], None),
        Message::Warrant { centre, warrant } => (vec![(FloatWarrant::NAME, warrant)], Some(centre)),
        Message::Area { area } => (vec![(Area::NAME, area)], None),
        Message::Closing { closing } => (vec![(Closing::NAME, closing)], None),
        Message::Void { void } => (vec![(Void::NAME, void)], None),
        Message::ClaimNote { note } => (vec![(ClaimNote::NAME, note)], None),
        Message::Move { order } => (vec![(Move::NAME, order)], None),
        Message::Lease { lease } => (vec![(Lease::NAME, lease)], None),
        Message::Release { release } => (vec![(Release::NAME, release)], None),
        Message::ClosingBalance { balance } => (vec![(ClosingBalance::NAME, balance)], None),
        Message::Credit { credit } => (vec![(Credit::NAME, credit)], None),
        Message::Watermark { watermark } => (vec![(Watermark::NAME, watermark)], None),
        Message::RefundRequest { request } => (vec![(RefundRequest::NAME, request)], None),
        Message::RefundAnswer { answer } => (vec![(RefundAnswer::NAME, answer)], None),
        Message::Transfer {
            transfer,
            acceptance,
        } => {
            let acceptance = acceptance.map(|acceptance| (Acceptance::NAME, acceptance));
            let transfer = Some((Transfer::NAME, transfer));
            (transfer.into_iter().chain(acceptance).collect(), None)
        }
        Message::Claim { receipt, .. } => (vec![(Receipt::NAME, receipt)], None),
        Message::StreamClaim { receipt, .. } => {
            let receipt = receipt.map(|receipt| (Receipt::NAME, receipt));
            (receipt.into_iter().collect(), None)
        }
        _ => return Err(explain(Status::NotForYou)),
    };
    let keys = Keys::under(trust, above, pass)?;
    let judge = |(name, part): &Part<'_>| {
        let verdict = object(trust, &keys, Some(name), part);
        verdict.unwrap_or_else(|| Err(explain(Status::Malformed)))
    };
    let verdicts: Result<Vec<String>, String> = parts.iter().map(judge).collect();
    Ok(verdicts?.join("\n"))
}

/// Who is above a gateway now, by the root, or by the one that it names its successor.
pub(super) fn authorities(
    trust: &Trust,
    [issuer, gateway]: [&[u8]; 2],
    update: Option<&[u8]>,
    now: Timestamp,
) -> Result<String, String> {
    let after = match update {
        Some(update) => trust.updated(update, now).map_err(explain)?,
        None => *trust,
    };
    let by_root = after.issuer(issuer).map_err(explain)?;
    let below = after.gateway(issuer, gateway).map_err(explain)?;
    let (issuer, gateway) = (by_root.get(), below.get());
    let mut verdict = format!(
        "genuine: {:#} gave {:#} its pass, and that one {:#}",
        issuer.issuer.0, issuer.subject.0, gateway.subject.0
    );
    if after.root_key != trust.root_key {
        let said = update.and_then(|update| open::<TrustUpdate>(update, &trust.network).ok());
        let said = said.map(|said| *said.peek());
        if let Some(TrustUpdate { next, ends, .. }) = said {
            let line = format!(
                "\n  the root names {next:#} its successor, and counts until {}",
                ends.0
            );
            verdict.push_str(&line);
        }
    }
    Ok(verdict)
}

/// Under which key a gateway goes on, by its issuer's word.
pub(super) fn succession(
    trust: &Trust,
    shown: &Handover<'_>,
    now: Timestamp,
) -> Result<String, String> {
    let said = trust.succession(shown, now).map_err(explain)?.said;
    let former = match said.ends > now {
        true => format!("counts until {}", said.ends.0),
        false if said.ends == Timestamp(0) => "counts no more".to_owned(),
        false => format!("counts no more since {}", said.ends.0),
    };
    Ok(format!(
        "genuine: {:#} names the next key of {:#}\n  what the key before signed {former}",
        said.issuer, said.gateway
    ))
}

fn covers(
    trust: &Trust,
    above: &Above,
    items: &[u8],
    receipt: Option<&[u8]>,
) -> Result<String, String> {
    let keys = Keys::under(trust, above, None)?;
    let items = Items::read(items).map_err(explain)?;
    let judged = covered(&items, &trust.network, |code| keys.of(code), |_, _| Ok(()));
    let judged = judged.map_err(explain)?;
    let mut verdict = "genuine: a payment and what covers it".to_owned();
    for link in judged.links() {
        let (spent, worth) = (&link.spent, link.worth);
        let line = format!(
            "\n  {:#} pays {worth} {} to {:#}, number {}",
            spent.payer, spent.currency, link.payee, spent.sequence.0
        );
        verdict.push_str(&line);
    }
    match receipt {
        Some(receipt) => Ok(format!("{verdict}\n{}", alone(trust, above, receipt)?)),
        None => Ok(verdict),
    }
}
