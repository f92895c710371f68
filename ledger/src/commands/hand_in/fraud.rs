//! What is handed in contradicts what stands.

use super::{Handing, answer};
use crate::books::EntryKind;
use crate::commands::accuse::{self, Accused};
use crate::commands::{Answer, FraudId};
use crate::crash::{CrashPoint, here};
use crate::error::Damage;
use crate::rules::settle::{Fate, Step};
use crate::store::payments::Standing;
use crate::store::things::{ThingState, thing};
use crate::store::{covers, payments, stations};
use crate::writer::{Desk, Failure};
use protocol::cose::open;
use protocol::objects::Pass;
use protocol::rules::Contradiction;
use protocol::rules::proof::Charge;
use protocol::{AmountMinor, Digest, Status};

impl Handing<'_> {
    /// It contradicts what stands: on record, no money moved, the payer frozen, the proof kept.
    pub(super) async fn claim(
        &self,
        desk: &mut Desk,
        stands: &Digest,
        how: Contradiction,
        payer_state: ThingState,
    ) -> Result<Answer, Failure> {
        let (id, payer) = (self.id(), self.payment().payer);
        let step = Step {
            fate: Fate::OpenClaim,
            shares: Default::default(),
            units: self.payment().stream.map(|_| 0),
            funded: AmountMinor::ZERO,
            missing: AmountMinor::ZERO,
            paid: AmountMinor::ZERO,
        };
        self.insert(desk, step.fate).await?;
        self.write(desk, &step).await?;
        here(CrashPoint::PaymentRecorded);
        let proof = self.proof(desk, stands).await?;
        let pair = (stands, &id);
        let connection = &mut desk.connection;
        let number =
            payments::insert_fraud(connection, &payer, pair, how, &proof, self.now).await?;
        // A crash here, as before: neither claim nor proof nor freeze; the same payment, handed in
        // again, finds the same contradiction.
        here(CrashPoint::FraudRecorded);
        let why = "two payments contradict each other";
        accuse::freeze(desk, &payer, payer_state, why, self.now).await?;
        let statement = self.say(desk, &step, EntryKind::Claim, &[], &[]).await?;
        let told = self.tell_all(desk, step.fate, &statement).await?;
        answer(&statement, told, Some(FraudId(number)))
    }

    async fn proof(&self, desk: &mut Desk, stands: &Digest) -> Result<Vec<u8>, Failure> {
        let (allowance, payment) = evidence(desk, stands).await?;
        let objects = [
            allowance.as_slice(),
            &payment,
            self.evidence.allowance().bytes(),
            self.evidence.payment().bytes(),
        ];
        // A proof that fits a payment without covers also fits things that know nothing of them.
        let covered = covers::of(&mut desk.connection, stands).await?;
        if covered.is_empty() && self.evidence.covers().is_empty() {
            accuse::proof(desk, objects)
        } else {
            accuse::accusation(desk, Charge::Payments, None, &objects)
        }
    }

    /// The payee has signed two things that cannot both be true. What stands, stands.
    pub(super) async fn accuse(
        &self,
        desk: &mut Desk,
        charge: Charge,
        standing: Option<&Standing>,
    ) -> Result<(), Failure> {
        if let Some(receipt) = self.receipt {
            let connection = &mut desk.connection;
            payments::keep_contrary(connection, &self.id(), receipt, self.now).await?;
            here(CrashPoint::ContraryKept);
        }
        let stands = standing.and_then(|standing| standing.receipt.clone());
        let receipt = self.receipt.map(|receipt| receipt.bytes().to_vec());
        let proof = match charge {
            Charge::Receipts => self.two_receipts(desk, stands, receipt).await?,
            _ => {
                self.used_otherwise(desk, charge, receipt.or(stands))
                    .await?
            }
        };
        let accused = Accused {
            code: self.payment().payee,
            charge,
            subject: self.id(),
        };
        accuse::keep(desk, &accused, &proof, self.now).await
    }

    async fn two_receipts(
        &self,
        desk: &mut Desk,
        stands: Option<Vec<u8>>,
        receipt: Option<Vec<u8>>,
    ) -> Result<Vec<u8>, Failure> {
        let missing = || Damage::new("payment", self.id(), "has no receipt");
        let (stands, receipt) = stands.zip(receipt).ok_or_else(missing)?;
        let payee = thing(&mut desk.connection, &self.payment().payee).await?;
        let pass = payee.ok_or(Status::UnknownCode)?.pass;
        let signer = self.signer_pass(desk, &pass).await?;
        let objects = [stands.as_slice(), &receipt];
        accuse::accusation(desk, Charge::Receipts, Some([&signer, &pass]), &objects)
    }

    /// The pass of whoever gave this one: of a station that was admitted here, or this gateway's.
    async fn signer_pass(&self, desk: &mut Desk, pass: &[u8]) -> Result<Vec<u8>, Failure> {
        let read = open::<Pass>(pass, &desk.bearings.network);
        let by = read.map(|pass| pass.peek().issuer.0);
        let station = match by {
            Ok(by) => stations::pass_of(&mut desk.connection, &by).await?,
            Err(_) => None,
        };
        Ok(station.unwrap_or_else(|| desk.bearings.gateway_pass.clone()))
    }

    /// The receipt against the payment that counts more of this one than it says.
    async fn used_otherwise(
        &self,
        desk: &mut Desk,
        charge: Charge,
        receipt: Option<Vec<u8>>,
    ) -> Result<Vec<u8>, Failure> {
        let missing = || Damage::new("payment", self.id(), "has no receipt");
        let receipt = receipt.ok_or_else(missing)?;
        let (allowance, payment, list) = match self.used {
            Some((_, by)) => (
                by.allowance().bytes().to_vec(),
                by.payment().bytes().to_vec(),
                by.covers().to_vec(),
            ),
            None => {
                let by = covers::used(&mut desk.connection, &self.id()).await?;
                let (by, _) = by.ok_or_else(|| Damage::new("cover", self.id(), "missing"))?;
                let (allowance, payment) = evidence(desk, &by).await?;
                let list = covers::of(&mut desk.connection, &by).await?;
                (allowance, payment, list)
            }
        };
        let list = accuse::cover_list(list);
        let objects = [allowance.as_slice(), &payment, &list, &receipt];
        accuse::accusation(desk, charge, None, &objects)
    }
}

async fn evidence(desk: &mut Desk, id: &Digest) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let evidence = payments::evidence_bytes(&mut desk.connection, id).await?;
    Ok(evidence.ok_or_else(|| Damage::new("payment", id, "has no allowance"))?)
}
