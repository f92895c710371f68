//! Relays: what is handed in here and settled by another gateway.
//!
//! The gateway that is handed something makes it durable, notes that it saw it, answers a
//! provisional statement, and hands it on. Its books do not change. The arbiter settles, and its
//! word comes back and replaces the provisional one.

use super::handed::{Checked, Handed, check, spoken};
use super::letter::Letter;
use super::store::{homes, relays};
use super::terms::Place;
use super::{hooks, keys, leases, losses, moves, post};
use crate::books::{Entry, EntryKind};
use crate::commands::Answer;
use crate::commands::hand_in::{HandIn, HandInCovered};
use crate::crash::{CrashPoint, here};
use crate::evidence::{Evidence, Owned, Released};
use crate::store::payments;
use crate::store::things;
use crate::writer::{Command, Desk, Failure};
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::{Allowance, ClaimNote, Payment, Present, Statement};
use protocol::rules::proof::Charge;
use protocol::rules::{Spent, contradiction};
use protocol::{Code, Digest, Status, Timestamp};
use sha2::{Digest as _, Sha256};
use std::future::Future;
use std::pin::Pin;

/// Something is handed in here that another gateway settles.
pub(crate) struct Relay {
    pub message: Vec<u8>,
    pub pass: Vec<u8>,
    pub bringer: Option<Code>,
    pub now: Timestamp,
}

impl Command for Relay {
    type Answer = Answer;

    async fn execute(&self, desk: &mut Desk) -> Result<Answer, Failure> {
        let hash = Digest(Sha256::digest(&self.message).into());
        if desk.place == Place::Alone {
            return Err(Status::UnknownGateway.into());
        }
        let me = desk.bearings.gateway;
        let (mut settles, mut settles_last) = (false, false);
        for it in spoken(desk, &self.message)? {
            let of = (&it.gateway, &it.payer, it.issued);
            settles_last =
                it.gateway == me && !losses::settles_elsewhere(desk, &it.payment, of).await?;
            settles |= settles_last;
        }
        let known = relays::answer(&mut desk.connection, &hash).await?;
        if let Some(answer) = known.as_ref().filter(|_| !settles_last) {
            return Ok(answered(answer.clone()));
        }
        hooks::in_touch(desk, self.now).await?;
        let checked = check(desk, &self.message, &self.pass).await?;
        if known.is_some() {
            // The last word on it is given here, and may have changed since.
            let times = (self.now, self.now);
            return Ok(carry_out(desk, &checked, self.bringer, times).await??);
        }
        for evidence in checked.evidence.all() {
            if hooks::settles_elsewhere(desk, evidence).await? {
                see(desk, evidence, self.now).await?;
            }
        }
        let last = checked.evidence.last()?.payment().clone();
        let note = ClaimNote {
            gateway: me,
            gateway_epoch: desk.bearings.gateway_epoch,
            payment: last.id(),
            covers: checked.evidence.covers(),
            time: self.now,
        };
        let (note, _) = desk.seal(&note)?;
        let message = self.provisional(desk, &checked, &last).await?;
        let words = (note.as_slice(), message.as_slice());
        let connection = &mut desk.connection;
        relays::keep(connection, &hash, &last.id(), self.bringer, words, self.now).await?;
        // A crash here: nobody was promised anything, and it is handed in again.
        here(CrashPoint::RelayKept);
        let letter = Letter::Relay {
            origin: me,
            message: &self.message,
            pass: &self.pass,
            note: &note,
        };
        hand_on(desk, &letter, self.now).await?;
        pass_on(desk, &checked, &letter, self.now).await?;
        if !settles {
            // Where the lost home's purse is at home here, its word is given already.
            let word = relays::answer(&mut desk.connection, &hash).await?;
            return Ok(answered(word.unwrap_or(message)));
        }
        // Part of it is settled here, at once; what others have to bring is waited for.
        let times = (self.now, self.now);
        let own = carry_out(desk, &checked, self.bringer, times).await?;
        if own.is_ok() {
            wait_for_covers(desk, &checked, self.now).await?;
        }
        match own {
            Ok(own) if settles_last => {
                let word = (own.message.as_slice(), true);
                relays::answered(&mut desk.connection, &last.id(), word).await?;
                Ok(own)
            }
            _ => Ok(answered(message)),
        }
    }
}

impl Relay {
    /// What will become of it, as far as this gateway can say. Nothing moves.
    async fn provisional(
        &self,
        desk: &mut Desk,
        checked: &Checked,
        payment: &Owned<Payment>,
    ) -> Result<Vec<u8>, Failure> {
        let p = payment.get();
        let head = desk
            .post(&Entry {
                kind: EntryKind::Relay,
                subject: payment.id(),
                currency: p.currency,
                at: self.now,
                transfers: Vec::new(),
            })
            .await?;
        let released = checked.released.as_ref().map(Released::units);
        let receipt = checked.receipt.as_ref().map(Owned::get);
        let outcome = match receipt {
            Some(receipt) if receipt.declined.is_some() => Status::Declined,
            Some(_) => Status::Settled,
            None if p
                .stream
                .is_some_and(|stream| Some(stream.count) == released) =>
            {
                Status::Settled
            }
            None => Status::InTransit,
        };
        let units = receipt.and_then(|receipt| receipt.units).or(released);
        let (statement, _) = desk.seal(&Statement {
            gateway: desk.bearings.gateway,
            gateway_epoch: desk.bearings.gateway_epoch,
            payment: payment.id(),
            outcome: outcome as u32,
            height: head.height,
            root: head.root,
            time: self.now,
            units: p.stream.map(|_| units.unwrap_or(0)),
            provisional: Some(Present),
            paid: None,
        })?;
        hooks::encode(&Message::Statement {
            statement: &statement,
        })
    }
}

type Step<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// By way of the centre, which knows where each part goes.
fn hand_on<'a>(desk: &'a mut Desk, letter: &'a Letter<'_>, now: Timestamp) -> Step<'a> {
    Box::pin(async move {
        match desk.place {
            Place::Under(_) => post::report(desk, letter).await,
            Place::Alone | Place::Centre => fan_out(desk, letter, now).await,
        }
    })
}

/// At the centre: to everybody who settles part of it, except where it was handed in.
pub(crate) async fn fan_out(
    desk: &mut Desk,
    letter: &Letter<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let Letter::Relay {
        origin, message, ..
    } = *letter
    else {
        return Err(Status::Malformed.into());
    };
    let mut sent = Vec::new();
    for it in spoken(desk, message)? {
        losses::tell_home(desk, &it, now).await?;
        let Some(settler) = losses::settler(desk, &it).await? else {
            losses::passed(desk, &it.gateway, &letter.passed(it.payment)?, now).await?;
            continue;
        };
        let own = settler == origin && it.gateway == origin;
        if own || sent.contains(&settler) {
            continue;
        }
        sent.push(settler);
        if settler != desk.bearings.gateway {
            post::send(desk, &settler, letter).await?;
            continue;
        }
        let for_peer = std::mem::replace(&mut desk.for_peer, true);
        judge(desk, letter, now).await?;
        desk.for_peer = for_peer;
    }
    Ok(())
}

/// What these books would settle and do not, because they were lost, or because the payer has moved
/// on, goes to who does.
async fn pass_on(
    desk: &mut Desk,
    checked: &Checked,
    letter: &Letter<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    for evidence in checked.evidence.all() {
        let (id, gateway) = (evidence.payment().id(), evidence.allowance().get().gateway);
        if hooks::settles_elsewhere(desk, evidence).await?
            && losses::was_ours(desk, &id, &gateway).await?
        {
            losses::pass_on(desk, &id, letter, now).await?;
        }
    }
    Ok(())
}

/// Something is handed in at a home that was lost, and another one settles it.
pub(crate) fn instead<'a>(
    desk: &'a mut Desk,
    message: &'a Message<'_>,
    (payee, bringer): (Code, Option<Code>),
    now: Timestamp,
) -> Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send + 'a>> {
    Box::pin(async move {
        let pass = homes::pass_of(&mut desk.connection, &payee).await?;
        let relay = Relay {
            message: hooks::encode(message)?,
            pass: pass.unwrap_or_default(),
            bringer,
            now,
        };
        relay.execute(desk).await
    })
}

/// What is settled here stays open while others have not settled what it stands on; `false` when
/// that was known.
async fn wait_for_covers(
    desk: &mut Desk,
    checked: &Checked,
    now: Timestamp,
) -> Result<bool, Failure> {
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for evidence in checked.evidence.all() {
        match hooks::settles_elsewhere(desk, evidence).await? {
            true => others.push(evidence.payment().id()),
            false => own.extend(evidence.covers().iter().map(|(cover, _)| *cover)),
        }
    }
    let mut news = false;
    for cover in others.iter().filter(|id| own.contains(id)) {
        news |= relays::wait_for(&mut desk.connection, cover, now).await?;
    }
    Ok(news)
}

fn answered(message: Vec<u8>) -> Answer {
    Answer {
        message,
        told: Vec::new(),
        fraud: None,
    }
}

/// Hands it to these books, as far as they settle what is in it: who brought it, when it was seen
/// first, and when it came.
async fn carry_out(
    desk: &mut Desk,
    checked: &Checked,
    bringer: Option<Code>,
    (now, came): (Timestamp, Timestamp),
) -> Result<Result<Answer, Status>, Failure> {
    let receipt = checked.receipt.clone();
    match &checked.evidence {
        Handed::One(evidence) => {
            let evidence = match bringer {
                Some(bringer) => evidence.as_ref().clone().brought_by(bringer),
                None => evidence.as_ref().clone(),
            };
            let hand_in = HandIn {
                evidence,
                receipt,
                released: checked.released,
                now,
                came,
                relayed: true,
            };
            hand_in.execute(desk).await
        }
        Handed::Covered(covered) => {
            let covered = match bringer {
                Some(bringer) => covered.clone().brought_by(bringer),
                None => covered.clone(),
            };
            let hand_in = HandInCovered {
                covered,
                receipt,
                now,
                came,
                relayed: true,
            };
            hand_in.execute(desk).await
        }
    }
}

/// At the arbiter: what another gateway was handed and noted in time counts as if it had been
/// handed in here then.
pub(crate) async fn judge(
    desk: &mut Desk,
    letter: &Letter<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let Letter::Relay {
        origin,
        message,
        pass,
        note,
    } = *letter
    else {
        return Err(Status::Malformed.into());
    };
    let note = keys::by_gateway::<ClaimNote>(desk, note, |note| note.gateway).await?;
    let checked = check(desk, message, pass).await?;
    let last = checked.evidence.last()?.payment().id();
    let seen = note.get().time.min(now);
    if note.get().gateway != origin || note.get().payment != last {
        return Err(Status::NotForYou.into());
    }
    let mut mine = Vec::new();
    for evidence in checked.evidence.all() {
        if !hooks::settles_elsewhere(desk, evidence).await? {
            let id = evidence.payment().id();
            relays::asked_from(&mut desk.connection, &id, &origin).await?;
            mine.push(id);
        }
    }
    pass_on(desk, &checked, letter, now).await?;
    if mine.is_empty() {
        return Ok(());
    }
    let part = desk.begin_part().await?;
    let done = carry_out(desk, &checked, None, (seen, now)).await;
    let answer = match done {
        Ok(answer) => {
            desk.end_part(part, true).await?;
            answer
        }
        Err(Failure::Refused(status)) => {
            desk.end_part(part, false).await?;
            if matches!(status, Status::Full | Status::Busy | Status::Storage) {
                return Err(status.into());
            }
            Err(status)
        }
        Err(failure) => return Err(failure),
    };
    here(CrashPoint::RelayJudged);
    if answer.is_ok() && wait_for_covers(desk, &checked, now).await? {
        ask_for_covers(desk, &checked, (message, pass), (seen, now)).await?;
    }
    for id in mine {
        // What waits for money is said once there is something to say.
        if losses::may_wait(desk, &id, now).await?
            && payments::standing(&mut desk.connection, &id)
                .await?
                .is_none()
        {
            continue;
        }
        // What is new was said already, and maybe more than this.
        if answer.is_ok() && relays::was_told(&mut desk.connection, &id, &origin).await? {
            continue;
        }
        let word = match &answer {
            Ok(answer) if id == last => answer.message.clone(),
            Ok(_) => stored(desk, &id).await?,
            Err(status) => refusal(&id, *status)?,
        };
        hooks::word(desk, &origin, &id, &word).await?;
    }
    Ok(())
}

/// Whoever settles on covers wants to hear of them itself, wherever they were handed in first.
async fn ask_for_covers(
    desk: &mut Desk,
    checked: &Checked,
    (message, pass): (&[u8], &[u8]),
    (seen, now): (Timestamp, Timestamp),
) -> Result<(), Failure> {
    let me = desk.bearings.gateway;
    let (note, _) = desk.seal(&ClaimNote {
        gateway: me,
        gateway_epoch: desk.bearings.gateway_epoch,
        payment: checked.evidence.last()?.payment().id(),
        covers: checked.evidence.covers(),
        time: seen,
    })?;
    let letter = Letter::Relay {
        origin: me,
        message,
        pass,
        note: &note,
    };
    hand_on(desk, &letter, now).await
}

/// What stands about a cover; one that its payer could not fund is on no record.
async fn stored(desk: &mut Desk, id: &Digest) -> Result<Vec<u8>, Failure> {
    let standing = payments::standing(&mut desk.connection, id).await?;
    match standing.and_then(|standing| standing.statement.or(standing.transit_statement)) {
        Some(statement) => hooks::encode(&Message::Statement {
            statement: &statement,
        }),
        None => refusal(id, Status::NotFunded),
    }
}

fn refusal(id: &Digest, status: Status) -> Result<Vec<u8>, Failure> {
    hooks::encode(&Message::refusal(status, Some(id.reference())))
}

/// Where it was handed in: the arbiter's word, instead of ours.
pub(crate) async fn heard(
    desk: &mut Desk,
    payment: &Digest,
    message: &[u8],
) -> Result<(), Failure> {
    let last = !waits(desk, message)?;
    let bringers = relays::answered(&mut desk.connection, payment, (message, last)).await?;
    // A crash here: the provisional word stands, and the letter comes again.
    here(CrashPoint::RelayAnswered);
    for code in bringers {
        // It was here when it handed in; a full inbox hears when it hands in again.
        desk.tell_here(&code, message).await?;
    }
    Ok(())
}

/// Whether its arbiter waits for something else before it says more.
fn waits(desk: &Desk, message: &[u8]) -> Result<bool, Failure> {
    let Message::Statement { statement } = Message::read(message)? else {
        return Ok(false);
    };
    let statement = open::<Statement>(statement, &desk.bearings.network)?;
    Ok(statement.peek().outcome == Status::WaitingForCover as u32)
}

/// A message for the inbox of a code at home here, or for wherever it has gone.
pub(crate) async fn notice(desk: &mut Desk, code: &Code, message: &[u8]) -> Result<(), Failure> {
    if leases::is_away(desk, code).await? {
        return hooks::told_elsewhere(desk, code, message).await.map(drop);
    }
    if things::holder(&mut desk.connection, code).await?.is_some() {
        desk.tell_here(code, message).await?;
    }
    Ok(())
}

/// A payment of a purse whose home is here, or beyond.
pub(crate) async fn shown(
    desk: &mut Desk,
    (allowance, payment): (&[u8], &[u8]),
    recorded: bool,
    now: Timestamp,
) -> Result<(), Failure> {
    let network = desk.bearings.network;
    let gateway = open::<Allowance>(allowance, &network)?.peek().gateway;
    let key = keys::gateway_key(desk, &gateway).await?;
    let allowance = Owned::from(open::<Allowance>(allowance, &network)?.verify(&key)?);
    let wallet_key = allowance.get().wallet_key;
    let payment = Owned::from(open::<Payment>(payment, &network)?.verify(&wallet_key)?);
    let payer = payment.get().payer;
    if leases::is_away(desk, &payer).await? {
        let letter = Letter::Shown {
            allowance: allowance.bytes(),
            payment: payment.bytes(),
            recorded,
        };
        let home = super::store::homes::home(&mut desk.connection, &payer).await?;
        return match (desk.place, home) {
            (Place::Centre, Some((homed, _))) => {
                post::send(desk, &homed.home, &letter).await.map(drop)
            }
            (Place::Centre, None) => Ok(()),
            _ => post::report(desk, &letter).await,
        };
    }
    match recorded {
        true => losses::theirs(desk, &payer, &payment.id(), now).await?,
        false => losses::put_aside(desk, allowance.get(), &payment, now).await?,
    }
    remember(desk, &allowance, &payment, now).await
}

async fn see(desk: &mut Desk, evidence: &Evidence, now: Timestamp) -> Result<(), Failure> {
    let (allowance, payment) = (evidence.allowance(), evidence.payment());
    losses::put_aside(desk, allowance.get(), payment, now).await?;
    remember(desk, allowance, payment, now).await
}

/// Keeps a payment that others settle, and accuses its payer where it contradicts what is known.
async fn remember(
    desk: &mut Desk,
    allowance: &Owned<Allowance>,
    payment: &Owned<Payment>,
    now: Timestamp,
) -> Result<(), Failure> {
    let (id, p) = (payment.id(), *payment.get());
    let bytes = (allowance.bytes(), payment.bytes());
    if !relays::show(&mut desk.connection, &id, &p, bytes).await? {
        return Ok(());
    }
    let spent = Spent::new(id, &p).ok_or(Status::OutOfInterval)?;
    for known in relays::neighbours(&mut desk.connection, &spent).await? {
        if contradiction(&known.spent, &spent).is_none() {
            continue;
        }
        let network = desk.bearings.network;
        let other = open::<Allowance>(&known.allowance, &network)?
            .peek()
            .gateway;
        let mut credentials = vec![desk.bearings.issuer_pass.clone()];
        for gateway in [other, allowance.get().gateway] {
            let pass = keys::gateway_pass(desk, &gateway).await?;
            if !credentials.contains(&pass) {
                credentials.push(pass);
            }
        }
        let passes: Vec<&[u8]> = credentials.iter().map(Vec::as_slice).collect();
        let objects = [
            known.allowance.as_slice(),
            &known.payment,
            allowance.bytes(),
            payment.bytes(),
        ];
        let accused = (&p.payer, Charge::Payments, &id);
        moves::convict(desk, accused, (&passes, &objects), now).await?;
        break;
    }
    Ok(())
}
