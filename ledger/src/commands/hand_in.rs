//! A payment is handed in, with or without its payee's receipt.

use super::word::{Word, tell};
use super::{Answer, FraudId, holder};
use crate::books::{Account, EntryKind, Transfer};
use crate::crash::{CrashPoint, here};
use crate::error::Damage;
use crate::evidence::{Evidence, Owned, Released};
use crate::rules::said::Said;
use crate::rules::settle::{Case, Decision, Fate, Funding, Recorded, Step, decide};
use crate::store::payments::{Progress, Standing};
use crate::store::things::{ThingState, set_state};
use crate::store::{allowances, journal, payments};
use crate::writer::{Command, Desk, Failure};
use protocol::cose;
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Payment, Receipt};
use protocol::rules::Contradiction;
use protocol::{AmountMinor, Code, Digest, Network, Status, Timestamp};

/// Who is named when the ledger itself freezes a code.
const BY_LEDGER: &str = "ledger";

pub(crate) struct HandIn {
    pub evidence: Evidence,
    pub receipt: Option<Owned<Receipt>>,
    pub released: Option<Released>,
    pub now: Timestamp,
}

impl Command for HandIn {
    /// A refusal in here is durable: what it is about stays on record.
    type Answer = Result<Answer, Status>;

    async fn execute(&self, desk: &mut Desk) -> Result<Self::Answer, Failure> {
        let (id, payment) = (self.id(), self.payment());
        if self
            .released
            .is_some_and(|released| *released.payment() != id)
        {
            return Err(Status::WrongUnit.into());
        }
        let (payer_state, ..) = holder(&mut desk.connection, &payment.payer).await?;
        holder(&mut desk.connection, &payment.payee).await?;
        self.allowance_is_ours(desk).await?;

        let standing = payments::standing(&mut desk.connection, &id).await?;
        let answer = match self.decide(desk, standing.as_ref()).await? {
            Decision::Repeat => self.repeat(standing),
            Decision::Attach => self.attach(desk, standing).await,
            Decision::KeepContrary => return self.keep_contrary(desk).await,
            Decision::Claim { stands, how } => self.claim(desk, &stands, how, payer_state).await,
            Decision::Record(funding, step) => self.record(desk, funding, &step).await,
            Decision::Advance(step) => self.advance(desk, &step).await,
        };
        Ok(Ok(answer?))
    }
}

impl HandIn {
    fn id(&self) -> Digest {
        self.evidence.payment().id()
    }

    fn payment(&self) -> &Payment {
        self.evidence.payment().get()
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
        let (spent, payment) = (self.evidence.spent(), self.payment());
        let network = &desk.bearings.network;
        let recorded = standing
            .map(|standing| recorded(standing, payment, network))
            .transpose()?;
        let shown = [self.released, standing.and_then(|standing| standing.shown)];
        let mut case = Case {
            spent,
            payee: payment.payee,
            stream: payment.stream,
            receipt: self.receipt.as_ref().map(Owned::get),
            released: shown
                .iter()
                .flatten()
                .map(Released::units)
                .max()
                .unwrap_or(0),
            recorded,
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

    /// Nothing is new: the bytes that were stored are the answer. An open stream has one that moves
    /// on with every claim; what went back is said to everybody.
    fn repeat(&self, standing: Option<Standing>) -> Result<Answer, Failure> {
        let statement = standing.and_then(|standing| match (standing.fate, &self.receipt) {
            (Fate::InTransit, _) => standing.transit_statement,
            (Fate::Settled, None) if self.payment().stream.is_none() => {
                standing.transit_statement.or(standing.statement)
            }
            _ => standing.statement,
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

    /// The payee has signed two things that cannot both be true. What stands, stands.
    async fn keep_contrary(&self, desk: &mut Desk) -> Result<Result<Answer, Status>, Failure> {
        if let Some(receipt) = &self.receipt {
            let connection = &mut desk.connection;
            payments::keep_contrary(connection, &self.id(), receipt, self.now).await?;
            here(CrashPoint::ContraryKept);
        }
        Ok(Err(Status::Contradiction))
    }

    /// New: the money leaves the payer, to wherever the payee's word and the payer's values say.
    async fn record(
        &self,
        desk: &mut Desk,
        funding: Funding,
        step: &Step,
    ) -> Result<Answer, Failure> {
        let payment = self.payment();
        let connection = &mut desk.connection;
        payments::insert_payment(connection, &self.evidence, step.fate, self.now).await?;
        self.write(desk, step).await?;
        // A crash here, as at every step before the commit: the payment was never handed in.
        here(CrashPoint::PaymentRecorded);
        let transit = Account::InTransit(self.id());
        let shares = self.shares(step);
        // With one goal the money goes there at once, else by way of transit.
        let (goal, onwards) = match shares.as_slice() {
            [] => (transit, Vec::new()),
            [(goal, _)] => (*goal, Vec::new()),
            _ => (transit, self.out_of_transit(step)),
        };
        let pockets = [
            (
                Account::PurseReserved(payment.payer, payment.key_epoch),
                funding.reserved,
            ),
            (Account::PurseFree(payment.payer), funding.free),
        ];
        let transfers = pockets
            .into_iter()
            .filter(|(from, _)| *from != goal)
            .map(|(from, amount)| Transfer {
                from,
                to: goal,
                amount,
            })
            .chain(onwards)
            .collect();
        let kind = match (step.fate, step.units) {
            (Fate::Declined, _) => EntryKind::Decline,
            (Fate::Settled, _) => EntryKind::Settle,
            (_, Some(1..)) => EntryKind::Units,
            _ => EntryKind::Transit,
        };
        let statement = self.say(desk, step, kind, transfers).await?;
        let told = match step.fate {
            Fate::InTransit => self.tell_payee(desk, step.units.unwrap_or(0)).await?,
            _ => self.tell_statement(desk, &statement).await?,
        };
        answer(&statement, told, None)
    }

    /// It was in transit: its payee has signed for it or declines it, or units were released.
    async fn advance(&self, desk: &mut Desk, step: &Step) -> Result<Answer, Failure> {
        self.write(desk, step).await?;
        let kind = match step.fate {
            Fate::Settled => {
                here(CrashPoint::Collected);
                EntryKind::Settle
            }
            Fate::Declined => {
                here(CrashPoint::Declined);
                EntryKind::Decline
            }
            _ => {
                here(CrashPoint::UnitsShown);
                EntryKind::Units
            }
        };
        let statement = self
            .say(desk, step, kind, self.out_of_transit(step))
            .await?;
        let told = match step.fate {
            // Whoever wants to know how far an open stream is asks: an inbox is no meter.
            Fate::InTransit => Vec::new(),
            _ => self.tell_statement(desk, &statement).await?,
        };
        answer(&statement, told, None)
    }

    /// Who gets something, and what stays in transit.
    fn shares(&self, step: &Step) -> Vec<(Account, AmountMinor)> {
        let (payment, shares) = (self.payment(), step.shares);
        let all = [
            (Account::PurseFree(payment.payee), shares.payee),
            (Account::PurseFree(payment.payer), shares.back),
            (Account::InTransit(self.id()), shares.waits),
        ];
        let moved = |share: &(Account, AmountMinor)| share.1 > AmountMinor::ZERO;
        all.into_iter().filter(moved).collect()
    }

    fn out_of_transit(&self, step: &Step) -> Vec<Transfer> {
        let from = Account::InTransit(self.id());
        self.shares(step)
            .into_iter()
            .filter(|(to, _)| *to != from)
            .map(|(to, amount)| Transfer { from, to, amount })
            .collect()
    }

    async fn write(&self, desk: &mut Desk, step: &Step) -> Result<(), Failure> {
        let shown = self.released.filter(|released| {
            // An older value than the one that stands proves nothing new.
            step.units.is_some_and(|units| released.units() >= units)
        });
        let progress = Progress {
            fate: step.fate,
            receipt: self.receipt.as_ref(),
            waits: step.shares.waits,
            settle_by: self.payment().settle_by,
            units: step.units,
            shown: shown.as_ref(),
            now: self.now,
        };
        payments::advance(&mut desk.connection, &self.id(), &progress).await?;
        Ok(())
    }

    async fn say(
        &self,
        desk: &mut Desk,
        step: &Step,
        kind: EntryKind,
        transfers: Vec<Transfer>,
    ) -> Result<Vec<u8>, Failure> {
        let word = Word {
            payment: self.id(),
            currency: self.payment().currency,
            fate: step.fate,
            units: step.units,
            now: self.now,
        };
        word.post(desk, kind, transfers).await
    }

    /// It contradicts what stands: on record, no money moved, the payer frozen, the proof kept.
    async fn claim(
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
        };
        let connection = &mut desk.connection;
        payments::insert_payment(connection, &self.evidence, step.fate, self.now).await?;
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
        if payer_state == ThingState::Active {
            let why = "two payments contradict each other";
            let state = ThingState::Frozen;
            set_state(connection, &payer, state, (why, BY_LEDGER), self.now).await?;
        }
        here(CrashPoint::PayerFrozen);
        let statement = self.say(desk, &step, EntryKind::Claim, Vec::new()).await?;
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

    /// The payee learns that money waits for it. Without room to tell it, nothing is taken: what
    /// is in transit and unknown to its payee would only wait for its deadline. A payee of units
    /// knows already, and nobody's full inbox keeps it from them.
    async fn tell_payee(&self, desk: &mut Desk, units: u32) -> Result<Vec<Code>, Failure> {
        let payee = self.payment().payee;
        if self.evidence.bringer() == Some(payee) {
            return Ok(Vec::new());
        }
        let evidence = encode(&Message::Evidence {
            allowance: self.evidence.allowance().bytes(),
            payment: self.evidence.payment().bytes(),
        })?;
        match (desk.tell(&payee, &evidence).await?, units) {
            (true, _) => Ok(vec![payee]),
            (false, 0) => Err(Status::Full.into()),
            (false, _) => Ok(Vec::new()),
        }
    }

    /// The others learn what became of it.
    async fn tell_statement(
        &self,
        desk: &mut Desk,
        statement: &[u8],
    ) -> Result<Vec<Code>, Failure> {
        let payment = self.payment();
        // A payee without a receipt or a unit may never have heard of the payment.
        let knows = self.receipt.is_some() || self.released.is_some();
        let both = (payment.payer, knows.then_some(payment.payee));
        let bringer = self.evidence.bringer();
        tell(desk, &self.id(), both, bringer, statement).await
    }
}

/// What stands, in the terms of the rules.
fn recorded(
    standing: &Standing,
    payment: &Payment,
    network: &Network,
) -> Result<Recorded, Failure> {
    let said = |bytes: &[u8]| {
        let receipt = cose::open::<Receipt>(bytes, network)?;
        Said::read(receipt.peek(), payment.stream.as_ref())
    };
    let damaged = |_| Damage::new("payment", payment.sequence.0, "holds no receipt");
    Ok(Recorded {
        fate: standing.fate,
        said: standing
            .receipt
            .as_deref()
            .map(|bytes| said(bytes).map_err(damaged))
            .transpose()?,
        posted: standing.posted,
    })
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
