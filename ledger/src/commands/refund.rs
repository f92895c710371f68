//! A payer asks for its money back, and an operator answers. No money moves by either: what is paid
//! back is a payment like any other.

use super::printable;
use crate::crash::{CrashPoint, here};
use crate::evidence::Owned;
use crate::store::refunds::{self, RefundDecision, RefundRow};
use crate::writer::{Command, Desk, Failure};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{RefundAnswer, RefundRequest, Text};
use protocol::{Digest, Status, Timestamp};

/// A request may be so much ahead of this gateway's clock.
const EARLY_S: u32 = 300;

pub(crate) struct AskBack {
    pub request: Owned<RefundRequest>,
    pub now: Timestamp,
}

impl Command for AskBack {
    type Answer = ();

    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        let (asked, connection) = (self.request.get(), &mut desk.connection);
        if let Some(known) = refunds::of_payment(connection, &asked.payment).await? {
            // A payment is asked back once; the same request again changes nothing.
            let same = known.id == self.request.id();
            return same.then_some(()).ok_or(Status::Full.into());
        }
        let paid = refunds::sides(connection, &asked.payment).await?;
        if paid.is_none_or(|(payer, ..)| payer != asked.payer) {
            return Err(Status::NotPermitted.into());
        }
        if asked.time > self.now.plus_s(EARLY_S) {
            return Err(Status::Expired.into());
        }
        let row = RefundRow {
            number: 0,
            id: self.request.id(),
            payment: asked.payment,
            payer: asked.payer,
            words: asked.words.as_str().to_owned(),
            at: self.now,
            decision: None,
        };
        refunds::insert(connection, &row, self.request.bytes()).await?;
        // A crash before the commit: nothing is kept, and the same request comes again. After it:
        // the request waits, and the same one changes nothing.
        here(CrashPoint::AskedBack);
        Ok(())
    }
}

pub(crate) struct AnswerRefund {
    pub number: u64,
    pub decision: RefundDecision,
}

impl Command for AnswerRefund {
    type Answer = RefundRow;

    async fn execute(&self, desk: &mut Desk) -> Result<RefundRow, Failure> {
        let decision = &self.decision;
        printable(&decision.by)?;
        let words = match decision.words.as_str() {
            "" => None,
            words => Some(Text::new(words).ok_or(Status::Malformed)?),
        };
        let known = refunds::by_number(&mut desk.connection, self.number).await?;
        let mut row = known.ok_or(Status::NotPermitted)?;
        if let Some(before) = &row.decision {
            let same = (before.paid_back, &before.words) == (decision.paid_back, &decision.words);
            return same.then_some(row).ok_or(Status::NotPermitted.into());
        }
        if let Some(back) = &decision.paid_back {
            is_way_back(desk, &row.payment, back).await?;
        }
        refunds::decide(&mut desk.connection, self.number, decision).await?;
        // A crash here, and up to the commit: it is not decided, and nobody has heard.
        here(CrashPoint::RefundDecided);
        let (answer, _) = desk.seal(&RefundAnswer {
            gateway: desk.bearings.gateway,
            request: row.id,
            paid_back: decision.paid_back,
            words,
            time: decision.at,
        })?;
        let mut message = [0; MESSAGE_MAX];
        let len = Message::RefundAnswer { answer: &answer }.write(&mut message);
        let message = message.get(..len.ok_or(Status::Malformed)?);
        if !desk.tell(&row.payer, message.unwrap_or_default()).await? {
            return Err(Status::Full.into());
        }
        row.decision = Some(decision.clone());
        Ok(row)
    }
}

/// Whether `back` is a payment from who was paid by `there` to who paid, in the same currency.
async fn is_way_back(desk: &mut Desk, there: &Digest, back: &Digest) -> Result<(), Failure> {
    let there = refunds::sides(&mut desk.connection, there).await?;
    let back = refunds::sides(&mut desk.connection, back).await?;
    let turned = there.map(|(payer, payee, currency)| (payee, payer, currency));
    match back.is_some() && turned == back {
        true => Ok(()),
        false => Err(Status::WrongReference.into()),
    }
}
