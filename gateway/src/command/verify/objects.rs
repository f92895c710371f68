//! Any signed object, alone or in a message: by whom it has to be signed, and whether it is.

use super::{Above, explain};
use protocol::cose::open;
use protocol::covers::Items;
use protocol::message::Message;
use protocol::objects::{
    Acceptance, Allowance, Area, Beacon, ClaimNote, Closing, ClosingBalance, Credit, Filter,
    FloatWarrant, Invoice, Lease, Move, Object, Pass, Payment, PlaceRecord, Receipt, Release,
    Renewal, Statement, Survey, Tariff, Transfer, Void, Watermark,
};
use protocol::rules::trust::passes;
use protocol::rules::{Trust, covered};
use protocol::{Code, PublicKey, Status};
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
        let others = [above.thing.as_deref(), shown].into_iter().flatten();
        // Whoever warrants may be the issuer itself.
        for pass in others.filter(|pass| *pass != above.issuer) {
            // Behind the pass of what a station made stands the station's.
            let (pass, station) = passes(pass).map_err(explain)?;
            let by_issuer = trust.issued(&issuer, pass);
            let mut held = by_issuer.or_else(|_| trust.issued(&gateway, pass));
            let station = station.or(above.station.as_deref());
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
        /// Some types have fields of the same kinds: only the signature tells them apart.
        fn object(trust: &Trust, keys: &Keys, bytes: &[u8]) -> Option<Result<String, String>> {
            let mut last = None;
            $(if let Ok(sealed) = open::<$object>(bytes, &trust.network) {
                match signed(trust, keys, sealed.peek().$signer, sealed.peek(), bytes) {
                    Ok(verdict) => return Some(Ok(verdict)),
                    wrong => last = last.or(Some(wrong)),
                }
            })*
            last
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
    Survey: owner, PlaceRecord: by,
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
    Ok(format!("genuine: a {name}, signed by {by:#}\n  {said:?}"))
}

/// One object with nothing around it.
pub(super) fn alone(trust: &Trust, above: &Above, bytes: &[u8]) -> Result<String, String> {
    let keys = Keys::under(trust, above, None)?;
    let unknown = || {
        "a payment: whose key signed it stands in its allowance; bring both as evidence".to_owned()
    };
    object(trust, &keys, bytes).unwrap_or_else(|| Err(unknown()))
}

/// The objects of a message, each by its own signer.
pub(super) fn message(
    trust: &Trust,
    above: &Above,
    message: &Message<'_>,
) -> Result<String, String> {
    let (parts, pass): (Vec<&[u8]>, Option<&[u8]>) = match *message {
        Message::Covered { items, receipt } => return covers(trust, above, items, receipt),
        Message::Receipt { receipt, pass } => (vec![receipt], Some(pass)),
        Message::Invoice { invoice, pass } => (vec![invoice], Some(pass)),
        Message::Tariff { tariff, pass } => (vec![tariff], Some(pass)),
        Message::Renewal { renewal } => (vec![renewal], None),
        Message::Grant { allowance } => (vec![allowance], None),
        Message::Statement { statement } => (vec![statement], None),
        Message::Beacon { beacon } => (vec![beacon], None),
        Message::Filter { filter } => (vec![filter], None),
        Message::Warrant { centre, warrant } => (vec![warrant], Some(centre)),
        Message::Area { area } => (vec![area], None),
        Message::Closing { closing } => (vec![closing], None),
        Message::Void { void } => (vec![void], None),
        Message::ClaimNote { note } => (vec![note], None),
        Message::Move { order } => (vec![order], None),
        Message::Lease { lease } => (vec![lease], None),
        Message::Release { release } => (vec![release], None),
        Message::ClosingBalance { balance } => (vec![balance], None),
        Message::Credit { credit } => (vec![credit], None),
        Message::Watermark { watermark } => (vec![watermark], None),
        Message::Transfer {
            transfer,
            acceptance,
        } => (
            [Some(transfer), acceptance].into_iter().flatten().collect(),
            None,
        ),
        Message::Claim { receipt, .. } => (vec![receipt], None),
        Message::StreamClaim { receipt, .. } => (receipt.into_iter().collect(), None),
        _ => return Err(explain(Status::NotForYou)),
    };
    let keys = Keys::under(trust, above, pass)?;
    let judge = |part: &&[u8]| {
        object(trust, &keys, part).unwrap_or_else(|| Err(explain(Status::Malformed)))
    };
    let verdicts: Result<Vec<String>, String> = parts.iter().map(judge).collect();
    Ok(verdicts?.join("\n"))
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
