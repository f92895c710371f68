//! A payment is handed in, with or without its payee's receipt.

use super::{Answer, FraudId, holder};
use crate::books::{Account, Entry, EntryKind, Transfer};
use crate::crash::{CrashPoint, here};
use crate::error::Damage;
use crate::evidence::{Evidence, Owned};
use crate::rules::settle::{Case, Decision, Funding, Outcome, decide};
use crate::store::payments::Standing;
use crate::store::things::{ThingState, set_state};
use crate::store::{allowances, journal, payments};
use crate::writer::{Command, Desk, Failure};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Receipt, Statement};
use protocol::rules::Contradiction;
use protocol::{Code, Digest, Status, Timestamp};

/// Who is named when the ledger itself freezes a code.
const BY_LEDGER: &str = "ledger";

pub(crate) struct HandIn {
    pub evidence: Evidence,
    pub receipt: Option<Owned<Receipt>>,
    pub now: Timestamp,
}

impl Command for HandIn {
    type Answer = Answer;

    async fn execute(&self, desk: &mut Desk) -> Result<Answer, Failure> {
        let payment = self.evidence.payment().get();
        let (payer_state, ..) = holder(&mut desk.connection, &payment.payer).await?;
        holder(&mut desk.connection, &payment.payee).await?;
        self.allowance_is_ours(desk).await?;

        let id = self.id();
        let standing = payments::standing(&mut desk.connection, &id).await?;
        match self.decide(desk, standing.as_ref()).await? {
            Decision::Repeat => self.repeat(standing),
            Decision::Attach => self.attach(desk, standing).await,
            Decision::Collect => self.collect(desk).await,
            Decision::Claim { stands, how } => self.claim(desk, &stands, how, payer_state).await,
            Decision::Transit(funding) => self.record(desk, Outcome::InTransit, funding).await,
            Decision::Settle(funding) => self.record(desk, Outcome::Settled, funding).await,
        }
    }
}

impl HandIn {
    fn id(&self) -> Digest {
        self.evidence.payment().id()
    }

    /// The allowance must stand in these books, byte for byte the same object.
    async fn allowance_is_ours(&self, desk: &mut Desk) -> Result<(), Failure> {
        let allowance = self.evidence.allowance();
        if allowance.get().gateway != desk.bearings.gateway {
            return Err(Status::UnknownGateway.into());
        }
        match allowances::allowance(&mut desk.connection, &allowance.id()).await? {
            Some(_) => Ok(()),
            None => Err(Status::WrongAllowance.into()),
        }
    }

    async fn decide(
        &self,
        desk: &mut Desk,
        standing: Option<&Standing>,
    ) -> Result<Decision, Failure> {
        let spent = self.evidence.spent();
        let mut case = Case {
            spent,
            payee: self.evidence.payment().get().payee,
            receipt: self.receipt.as_ref().map(Owned::get),
            recorded: standing.map(|standing| standing.recorded),
            neighbours: &[],
            coverage: Default::default(),
            free: Default::default(),
        };
        let neighbours;
        if standing.is_none() {
            let connection = &mut desk.connection;
            neighbours = payments::neighbours(connection, spent).await?;
            case.neighbours = &neighbours;
            case.coverage =
                allowances::coverage(connection, &spent.payer, spent.key_epoch, &spent.currency)
                    .await?;
            let purse = Account::PurseFree(spent.payer);
            case.free = journal::balance(connection, &spent.currency, &purse).await?;
        }
        Ok(decide(&case)?)
    }

    /// Nothing is new: the bytes that were stored are the answer.
    fn repeat(&self, standing: Option<Standing>) -> Result<Answer, Failure> {
        let statement = standing.and_then(|standing| match self.receipt {
            Some(_) => standing.statement,
            None => standing.transit_statement.or(standing.statement),
        });
        let statement =
            statement.ok_or_else(|| Damage::new("payment", self.id(), "has no statement"))?;
        answer(&statement, Vec::new(), None)
    }

    async fn attach(&self, desk: &mut Desk, standing: Option<Standing>) -> Result<Answer, Failure> {
        if let Some(receipt) = &self.receipt {
            payments::attach(&mut desk.connection, &self.id(), receipt).await?;
        }
        self.repeat(standing)
    }

    /// New and funded: the money leaves the payer, and reaches the payee if it has signed for it.
    async fn record(
        &self,
        desk: &mut Desk,
        outcome: Outcome,
        funding: Funding,
    ) -> Result<Answer, Failure> {
        let (receipt, payment) = (self.receipt.as_ref(), self.evidence.payment().get());
        let connection = &mut desk.connection;
        payments::insert_payment(connection, &self.evidence, receipt, outcome, self.now).await?;
        // A crash here, as at every step before the commit: the payment was never handed in.
        here(CrashPoint::PaymentRecorded);
        let (kind, to) = match outcome {
            Outcome::Settled => (EntryKind::Settle, Account::PurseFree(payment.payee)),
            _ => (EntryKind::Transit, Account::InTransit(self.id())),
        };
        let reserve = Account::PurseReserved(payment.payer, payment.key_epoch);
        let pockets = [
            (reserve, funding.reserved),
            (Account::PurseFree(payment.payer), funding.free),
        ];
        let transfers = pockets
            .into_iter()
            .map(|(from, amount)| Transfer { from, to, amount })
            .collect();
        let statement = self.post(desk, outcome, kind, transfers).await?;
        let told = match outcome {
            Outcome::InTransit => self.tell_payee(desk).await?,
            _ => self.tell_statement(desk, &statement).await?,
        };
        answer(&statement, told, None)
    }

    /// It was in transit and its payee has signed for it.
    async fn collect(&self, desk: &mut Desk) -> Result<Answer, Failure> {
        let Some(receipt) = &self.receipt else {
            return Err(Status::WrongReceipt.into());
        };
        let payment = self.evidence.payment().get();
        payments::collect(&mut desk.connection, &self.id(), receipt, self.now).await?;
        here(CrashPoint::Collected);
        let transfer = Transfer {
            from: Account::InTransit(self.id()),
            to: Account::PurseFree(payment.payee),
            amount: payment.amount,
        };
        let statement = self
            .post(desk, Outcome::Settled, EntryKind::Settle, vec![transfer])
            .await?;
        let told = self.tell_statement(desk, &statement).await?;
        answer(&statement, told, None)
    }

    /// It contradicts what stands: on record, no money moved, the payer frozen, the proof kept.
    async fn claim(
        &self,
        desk: &mut Desk,
        stands: &Digest,
        how: Contradiction,
        payer_state: ThingState,
    ) -> Result<Answer, Failure> {
        let (id, payer) = (self.id(), self.evidence.payment().get().payer);
        let receipt = self.receipt.as_ref();
        let connection = &mut desk.connection;
        payments::insert_payment(
            connection,
            &self.evidence,
            receipt,
            Outcome::OpenClaim,
            self.now,
        )
        .await?;
        here(CrashPoint::PaymentRecorded);
        let proof = self.proof(desk, stands).await?;
        let pair = (stands, &id);
        let connection = &mut desk.connection;
        let number =
            payments::insert_fraud(connection, &payer, pair, how, &proof, self.now).await?;
        // A crash here, as before: neither claim nor proof nor freeze; the same payment, handed in
        // again, finds the same contradiction.
        here(CrashPoint::FraudRecorded);
        if payer_state == ThingState::Active {
            let why = "two payments contradict each other";
            let state = ThingState::Frozen;
            set_state(connection, &payer, state, (why, BY_LEDGER), self.now).await?;
        }
        here(CrashPoint::PayerFrozen);
        let statement = self
            .post(desk, Outcome::OpenClaim, EntryKind::Claim, Vec::new())
            .await?;
        let told = self.tell_statement(desk, &statement).await?;
        answer(&statement, told, Some(FraudId(number)))
    }

    async fn proof(&self, desk: &mut Desk, stands: &Digest) -> Result<Vec<u8>, Failure> {
        let (allowance, payment) = payments::evidence_bytes(&mut desk.connection, stands)
            .await?
            .ok_or_else(|| Damage::new("payment", stands, "has no allowance"))?;
        encode(&Message::Proof {
            issuer: &desk.bearings.issuer_pass,
            gateway: &desk.bearings.gateway_pass,
            allowances: [&allowance, self.evidence.allowance().bytes()],
            payments: [&payment, self.evidence.payment().bytes()],
        })
    }

    /// Writes the entry and the statement about it. The statement is signed once, stored, and
    /// repeated byte for byte.
    async fn post(
        &self,
        desk: &mut Desk,
        outcome: Outcome,
        kind: EntryKind,
        transfers: Vec<Transfer>,
    ) -> Result<Vec<u8>, Failure> {
        let head = desk
            .post(&Entry {
                kind,
                subject: self.id(),
                currency: self.evidence.payment().get().currency,
                at: self.now,
                transfers,
            })
            .await?;
        let (statement, _) = desk.seal(&Statement {
            gateway: desk.bearings.gateway,
            gateway_epoch: desk.bearings.gateway_epoch,
            payment: self.id(),
            outcome: outcome.status() as u32,
            height: head.height,
            root: head.root,
            time: self.now,
            units: None,
        })?;
        payments::keep_statement(&mut desk.connection, &self.id(), outcome, &statement).await?;
        here(CrashPoint::StatementStored);
        Ok(statement)
    }

    /// The payee learns that money waits for it. Without room to tell it, nothing is taken: what
    /// is in transit and unknown to its payee would only wait for its deadline.
    async fn tell_payee(&self, desk: &mut Desk) -> Result<Vec<Code>, Failure> {
        let payee = self.evidence.payment().get().payee;
        if self.evidence.bringer() == Some(payee) {
            return Ok(Vec::new());
        }
        let evidence = encode(&Message::Evidence {
            allowance: self.evidence.allowance().bytes(),
            payment: self.evidence.payment().bytes(),
        })?;
        match desk.tell(&payee, &evidence).await? {
            true => Ok(vec![payee]),
            false => Err(Status::Full.into()),
        }
    }

    /// The others learn what became of it. Somebody who never reads must not keep honest others
    /// from settling, so a full inbox is passed over: handing in again gives the same statement.
    async fn tell_statement(
        &self,
        desk: &mut Desk,
        statement: &[u8],
    ) -> Result<Vec<Code>, Failure> {
        let payment = self.evidence.payment().get();
        let message = encode(&Message::Statement { statement })?;
        // A payee without a receipt may never have heard of the payment.
        let payee = self.receipt.as_ref().map(|_| payment.payee);
        let mut told = Vec::new();
        for code in [Some(payment.payer), payee].into_iter().flatten() {
            if self.evidence.bringer() == Some(code) {
                continue;
            }
            if desk.tell(&code, &message).await? {
                told.push(code);
            } else if code == payment.payer {
                payments::forget_transit_statement(&mut desk.connection, &self.id()).await?;
            }
        }
        Ok(told)
    }
}

fn answer(statement: &[u8], told: Vec<Code>, fraud: Option<FraudId>) -> Result<Answer, Failure> {
    Ok(Answer {
        message: encode(&Message::Statement { statement })?,
        told,
        fraud,
    })
}

pub(super) fn encode(message: &Message<'_>) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; MESSAGE_MAX];
    // Every part is at most SIGNED_MAX long, the passes by the check when the books are opened.
    let len = message.write(&mut bytes).ok_or(Status::Malformed)?;
    bytes.truncate(len);
    Ok(bytes)
}
