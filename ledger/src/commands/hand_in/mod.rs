//! A payment is handed in, with or without its payee's receipt, alone or with what covers it.

mod forgotten;
mod fraud;
mod record;

use super::{Answer, FraudId, credit, holder, promise};
use crate::books::Account;
use crate::bounds::TOP_UP_MOST;
use crate::error::Damage;
use crate::evidence::{CoveredEvidence, Evidence, Owned, Part, Released};
use crate::federation::{hooks, relays};
use crate::rules::coverage::Coverage;
use crate::rules::said::Said;
use crate::rules::settle::{Case, Decision, Fate, Recorded, decide};
use crate::store::coverage::{self, Purse};
use crate::store::payments::Standing;
use crate::store::{covers, journal, payments};
use crate::writer::{Command, Desk, Failure};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Allowance, Payment, Receipt};
use protocol::{AmountMinor, Code, Digest, Network, Status, Timestamp, cose};

pub(crate) struct HandIn {
    pub evidence: Evidence,
    pub receipt: Option<Owned<Receipt>>,
    pub released: Option<Released>,
    /// When it counts as handed in.
    pub now: Timestamp,
    /// When it came here.
    pub came: Timestamp,
    /// Whether another gateway relayed it; who settles it was seen to then.
    pub relayed: bool,
}

impl Command for HandIn {
    /// A refusal in here is durable: what it is about stays on record.
    type Answer = Result<Answer, Status>;

    async fn execute(&self, desk: &mut Desk) -> Result<Self::Answer, Failure> {
        hooks::in_touch(desk, self.now).await?;
        if !self.relayed && is_handed_over(desk, &self.evidence).await? {
            let whose = (self.evidence.payment().get().payee, self.evidence.bringer());
            return relays::instead(desk, &self.message(), whose, self.now)
                .await
                .map(Ok);
        }
        let handing = Handing {
            evidence: &self.evidence,
            receipt: self.receipt.as_ref(),
            released: self.released,
            used: None,
            items: None,
            beneath: None,
            now: self.now,
            came: self.came,
        };
        let answer = handing.hand(desk).await?;
        credit::top_up(desk, self.now, TOP_UP_MOST).await?;
        Ok(answer)
    }
}

impl HandIn {
    /// As it came.
    fn message(&self) -> Message<'_> {
        let allowance = self.evidence.allowance().bytes();
        let payment = self.evidence.payment().bytes();
        let receipt = self.receipt.as_ref().map(Owned::bytes);
        match (self.released, receipt) {
            (Some(released), receipt) => Message::StreamClaim {
                allowance,
                payment,
                units: released.units(),
                value: *released.value(),
                receipt,
            },
            (None, Some(receipt)) => Message::Claim {
                allowance,
                payment,
                receipt,
            },
            (None, None) => Message::Evidence { allowance, payment },
        }
    }
}

/// Whether these books gave its allowance, were lost, and another home settles under it now.
async fn is_handed_over(desk: &mut Desk, evidence: &Evidence) -> Result<bool, Failure> {
    let ours = evidence.allowance().get().gateway == desk.bearings.gateway;
    Ok(ours && hooks::settles_elsewhere(desk, evidence).await?)
}

pub(crate) struct HandInCovered {
    pub covered: CoveredEvidence,
    pub receipt: Option<Owned<Receipt>>,
    /// As those of [`HandIn`].
    pub now: Timestamp,
    pub came: Timestamp,
    pub relayed: bool,
}

impl Command for HandInCovered {
    /// As that of [`HandIn`], about the payment that everything else covers.
    type Answer = Result<Answer, Status>;

    /// Handing in a payment hands in its covers: they come first, and each is its payee's by the
    /// payment that stands on it.
    async fn execute(&self, desk: &mut Desk) -> Result<Self::Answer, Failure> {
        hooks::in_touch(desk, self.now).await?;
        let last = self.covered.last().ok_or(Status::Malformed)?;
        let mut elsewhere = false;
        for part in self.covered.parts().iter().filter(|_| !self.relayed) {
            elsewhere |= is_handed_over(desk, &part.evidence).await?;
        }
        if elsewhere {
            let whose = (last.payment().get().payee, last.bringer());
            let message = Message::Covered {
                items: self.covered.bytes(),
                receipt: self.receipt.as_ref().map(Owned::bytes),
            };
            return relays::instead(desk, &message, whose, self.now)
                .await
                .map(Ok);
        }
        let (mut told, mut fraud) = (Vec::new(), None);
        let (mut answered, mut last) = (Err(Status::Malformed), None);
        for (place, part) in self.covered.parts().iter().enumerate() {
            if hooks::settles_elsewhere(desk, &part.evidence).await? {
                continue;
            }
            let standing_on_it = self.covered.parts().iter().skip(place);
            let by = standing_on_it
                .map(|other| &other.evidence)
                .find(|other| names(other, &part.evidence));
            let handing = Handing {
                evidence: &part.evidence,
                receipt: self.receipt.as_ref().filter(|_| by.is_none()),
                released: part.released,
                used: part.used.zip(by),
                items: by.is_none().then_some(self.covered.bytes()),
                beneath: by.is_none().then(|| self.beneath()),
                now: self.now,
                came: self.came,
            };
            answered = match handing.hand(desk).await {
                // What a cover does not bring is missing above it, and whoever answers for that
                // does so there.
                Err(Failure::Refused(Status::NotFunded)) if by.is_some() => continue,
                answered => answered?,
            };
            last = Some(handing);
            if let Ok(answer) = &mut answered {
                told.append(&mut answer.told);
                fraud = fraud.or(answer.fraud);
            }
        }
        let looked = credit::top_up(desk, self.now, TOP_UP_MOST).await?;
        if let (Some(last), Ok(answer), 1..) = (last, &mut answered, looked) {
            // What was paid on since may be what this one waited for.
            let standing = payments::standing(&mut desk.connection, &last.id()).await?;
            answer.message = last.repeat(standing)?.message;
        }
        Ok(answered.map(|answer| Answer {
            told,
            fraud,
            ..answer
        }))
    }
}

impl HandInCovered {
    /// The hash over everything that covers the last payment, near or far.
    fn beneath(&self) -> Digest {
        let counts = |part: &Part| Some((part.evidence.payment().id(), part.used?));
        let mut all: Vec<_> = self.covered.parts().iter().filter_map(counts).collect();
        protocol::covers::hash(&mut all)
    }
}

fn names(by: &Evidence, cover: &Evidence) -> bool {
    let id = cover.payment().id();
    by.covers().iter().any(|(named, _)| *named == id)
}

/// One payment on its way into the books.
pub(super) struct Handing<'a> {
    pub evidence: &'a Evidence,
    pub receipt: Option<&'a Owned<Receipt>>,
    pub released: Option<Released>,
    /// Its payee spent it on: how many units count, and the payment that stands on it.
    pub used: Option<(u32, &'a Evidence)>,
    /// The list of items it came in, when others cover it.
    pub items: Option<&'a [u8]>,
    /// The hash over everything that covers it.
    pub beneath: Option<Digest>,
    /// When it counts as handed in.
    pub now: Timestamp,
    /// When it came here.
    pub came: Timestamp,
}

/// What decides about a payment that is new.
struct Ground {
    reach: protocol::Odometer,
    over: bool,
    coverage: Coverage,
    free: AmountMinor,
    neighbours: Vec<protocol::rules::Spent>,
}

impl Handing<'_> {
    fn id(&self) -> Digest {
        self.evidence.payment().id()
    }

    fn payment(&self) -> &Payment {
        self.evidence.payment().get()
    }

    fn allowance(&self) -> &Allowance {
        self.evidence.allowance().get()
    }

    fn purse(&self) -> Purse {
        let payment = self.payment();
        Purse {
            code: payment.payer,
            key_epoch: payment.key_epoch,
            currency: payment.currency,
        }
    }

    /// Its payee has spoken, or asks for it.
    fn claims(&self) -> bool {
        self.receipt.is_some()
            || self.used.is_some()
            || self.released.is_some()
            || self.evidence.bringer() == Some(self.payment().payee)
    }

    /// Decides and writes. A refusal on the outside has written nothing.
    pub(super) async fn hand(&self, desk: &mut Desk) -> Result<Result<Answer, Status>, Failure> {
        let (id, payment) = (self.id(), self.payment());
        if self
            .released
            .is_some_and(|released| *released.payment() != id)
        {
            return Err(Status::WrongUnit.into());
        }
        let (payer_state, ..) = holder(&mut desk.connection, &payment.payer).await?;
        hooks::payee(desk, &payment.payee).await?;
        let credits = self.credits(desk).await?;

        let standing = payments::standing(&mut desk.connection, &id).await?;
        let passed = hooks::passed_here(desk, &id, self.came).await?;
        let ground = match standing {
            Some(_) => None,
            None => Some(self.ground(desk, credits, passed.is_some()).await?),
        };
        let decision = self
            .decide(desk, standing.as_ref(), ground.as_ref())
            .await?;
        let answer = match decision {
            // What a lost home passed on lacks money that may be on its way.
            Decision::Record(_, step)
                if passed == Some(true)
                    && (step.missing > AmountMinor::ZERO || step.fate == Fate::Returned) =>
            {
                return Err(Status::NotFunded.into());
            }
            Decision::Repeat => self.repeat(standing),
            Decision::Attach => self.attach(desk, standing).await,
            Decision::Accuse(charge) => {
                self.accuse(desk, charge, standing.as_ref()).await?;
                // Its payer is not to blame, and waits for an answer.
                let payer = self.evidence.bringer() == Some(payment.payer);
                match standing.filter(|_| payer) {
                    Some(standing) => self.repeat(Some(standing)),
                    None => return Ok(Err(Status::Contradiction)),
                }
            }
            Decision::Claim { stands, how } => {
                let answer = self.claim(desk, &stands, how, payer_state).await?;
                promise::check(desk, self.evidence, self.now).await?;
                Ok(answer)
            }
            Decision::Record(funding, step) => {
                let coverage = ground.map(|ground| ground.coverage).unwrap_or_default();
                self.insert(desk, step.fate).await?;
                let answer = self.record(desk, funding, &step, coverage).await?;
                promise::check(desk, self.evidence, self.now).await?;
                Ok(answer)
            }
            Decision::Advance(step) => self.advance(desk, &step).await,
        };
        Ok(Ok(answer?))
    }

    /// What was settled that names its allowance, which must stand in these books.
    async fn credits(&self, desk: &mut Desk) -> Result<AmountMinor, Failure> {
        let allowance = self.evidence.allowance();
        if allowance.get().gateway != desk.bearings.gateway
            && !hooks::stands_for(desk, self.evidence).await?
        {
            return Err(Status::UnknownGateway.into());
        }
        match coverage::credits(&mut desk.connection, &allowance.id()).await? {
            Some(credits) => Ok(credits),
            None => self.remember(desk).await,
        }
    }

    async fn ground(
        &self,
        desk: &mut Desk,
        credits: AmountMinor,
        passed: bool,
    ) -> Result<Ground, Failure> {
        let (spent, purse) = (self.evidence.spent(), self.purse());
        // What others noted in time must have had its time to come here.
        let clock = hooks::clock(desk, self.came).await?;
        let due = self
            .payment()
            .settle_by
            .plus_s(desk.bearings.policy.grace_s);
        let connection = &mut desk.connection;
        let free = Account::PurseFree(purse.code);
        // Beyond the range of readings there is nothing to be above of; and what covered a payment that
        // was passed on is its payer's free money.
        let reach = self.allowance().limit.advance(credits);
        Ok(Ground {
            reach: reach.filter(|_| !passed).unwrap_or(spent.to),
            over: due <= clock,
            neighbours: payments::neighbours(connection, spent).await?,
            coverage: coverage::between(connection, &purse, spent.from, spent.to).await?,
            free: journal::balance(connection, &purse.currency, &free).await?,
        })
    }

    async fn decide(
        &self,
        desk: &mut Desk,
        standing: Option<&Standing>,
        ground: Option<&Ground>,
    ) -> Result<Decision, Failure> {
        let (spent, payment) = (self.evidence.spent(), self.payment());
        let recorded = match standing {
            Some(standing) => {
                let used = covers::used(&mut desk.connection, &spent.id).await?;
                let network = &desk.bearings.network;
                let used = used.map(|(_, units)| units);
                Some(recorded(standing, used, payment, network)?)
            }
            None => None,
        };
        let shown = [self.released, standing.and_then(|standing| standing.shown)];
        let nothing = Coverage::default();
        let case = Case {
            spent,
            payee: payment.payee,
            stream: payment.stream,
            receipt: self.receipt.map(Owned::get),
            used: self.used.map(|(units, _)| units),
            released: shown
                .iter()
                .flatten()
                .map(Released::units)
                .max()
                .unwrap_or(0),
            recorded,
            neighbours: ground.map_or(&[], |ground| &ground.neighbours),
            reach: ground.map_or(spent.to, |ground| ground.reach),
            over: ground.is_some_and(|ground| ground.over),
            coverage: ground.map_or(&nothing, |ground| &ground.coverage),
            free: ground.map_or(AmountMinor::ZERO, |ground| ground.free),
        };
        Ok(decide(&case)?)
    }

    /// Nothing is new: the bytes that were stored are the answer. An open stream has one that moves
    /// on with every claim; what went back is said to everybody.
    fn repeat(&self, standing: Option<Standing>) -> Result<Answer, Failure> {
        let statement = standing.and_then(|standing| match (standing.fate, self.receipt) {
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
        if let Some(receipt) = self.receipt {
            payments::attach(&mut desk.connection, &self.id(), receipt).await?;
        }
        self.repeat(standing)
    }
}

/// What stands, in the terms of the rules.
fn recorded(
    standing: &Standing,
    used: Option<u32>,
    payment: &Payment,
    network: &Network,
) -> Result<Recorded, Failure> {
    let said = |bytes: &[u8]| {
        let receipt = cose::open::<Receipt>(bytes, network)?;
        Said::read(receipt.peek(), payment.stream.as_ref())
    };
    let damaged = |_| Damage::new("payment", payment.sequence.0, "holds no receipt");
    let said = standing
        .receipt
        .as_deref()
        .map(|bytes| said(bytes).map_err(damaged))
        .transpose()?;
    let taken = used.filter(|_| payment.stream.is_none());
    Ok(Recorded {
        fate: standing.fate,
        said: said.or(taken.map(|_| Said::Takes)),
        used,
        posted: standing.posted,
        funded: standing.funded,
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
