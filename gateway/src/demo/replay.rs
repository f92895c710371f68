//! The sessions, one after another: a third across the bridge, a third with the gateway dead, a
//! third directly with the gateway up.

use super::child::Gateway;
use super::fleet::Fleet;
use super::links::{Car, LinkError};
use super::office::Office;
use super::progress::Progress;
use super::sessions::Session;
use super::thing::reference;
use crate::house::Failure;
use device_sdk::purse::Order;
use futures_util::{StreamExt, TryStreamExt, stream};
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::Payment;
use protocol::rules::Expected;
use protocol::{AmountMinor, Digest, Network, Status};
use std::time::{Duration, Instant};

/// How long one payment may take, whatever the way; more means that something is wrong.
const PAYMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long all machines together may take to synchronise.
const SYNC_TIMEOUT: Duration = Duration::from_secs(300);
/// Machines that synchronise at the same time.
const SYNC_AT_ONCE: usize = 16;

/// Which way a payment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Car on MQTT, charger on CoAP, the gateway between them.
    Bridge,
    /// Car and charger over UDP, the gateway killed.
    Offline,
    /// Car and charger over UDP, both synchronising at once.
    Direct,
}

impl Way {
    /// The way of the session at this place: three contiguous thirds.
    pub fn of(index: usize, count: usize) -> Self {
        let third = count.div_ceil(3);
        match index {
            i if i < third => Self::Bridge,
            i if i < 2 * third => Self::Offline,
            _ => Self::Direct,
        }
    }

    /// For the progress bar.
    pub fn words(self) -> &'static str {
        match self {
            Self::Bridge => "across the bridge",
            Self::Offline => "gateway killed",
            Self::Direct => "directly, gateway up",
        }
    }
}

/// What the replay counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Sessions replayed.
    pub sessions: u64,
    /// Sessions without energy, which pay nothing.
    pub without_energy: u64,
    /// Payments by way.
    pub bridge: u64,
    /// See `bridge`.
    pub offline: u64,
    /// See `bridge`.
    pub direct: u64,
    /// All money paid, in millionths.
    pub paid_micro_usd: u64,
    /// What the gateway refused before it was killed.
    pub refused: u64,
    /// How long the payments took, without starting and stopping the gateway.
    pub elapsed: Duration,
    /// How long it took to settle what was paid offline.
    pub catching_up: Duration,
}

impl Tally {
    /// Payments by all ways.
    pub fn payments(&self) -> u64 {
        self.bridge + self.offline + self.direct
    }
}

/// Replays all sessions.
pub async fn replay(
    fleet: &Fleet,
    office: &Office,
    gateway: &mut Gateway,
    sessions: &[Session],
) -> Result<Tally, Failure> {
    let progress = Progress::start("sessions", sessions.len());
    let mut tally = Tally::default();
    let mut before = Way::Bridge;
    for (index, session) in sessions.iter().enumerate() {
        let way = Way::of(index, sessions.len());
        if way != before {
            if way == Way::Offline {
                tally.refused = tokio::task::block_in_place(|| office.refused())?;
            }
            change(fleet, gateway, way, &progress, &mut tally).await?;
            before = way;
        }
        progress.now(way.words());
        let begun = Instant::now();
        let done =
            tokio::time::timeout(PAYMENT_TIMEOUT, pay(fleet, session, way, &mut tally)).await;
        done.map_err(|_| format!("session {}: no end after {PAYMENT_TIMEOUT:?}", session.id))?
            .map_err(|error| format!("session {}: {error}", session.id))?;
        tally.elapsed += begun.elapsed();
        tally.sessions += 1;
        progress.step();
    }
    // With very few sessions the last third is empty, and the gateway is still dead.
    if before == Way::Offline {
        change(fleet, gateway, Way::Direct, &progress, &mut tally).await?;
    }
    Ok(tally)
}

/// Between two thirds the gateway is killed, or comes back.
async fn change(
    fleet: &Fleet,
    gateway: &mut Gateway,
    to: Way,
    progress: &Progress,
    tally: &mut Tally,
) -> Result<(), Failure> {
    match to {
        Way::Bridge => {}
        Way::Offline => {
            synchronise(fleet).await?;
            tokio::task::block_in_place(|| gateway.kill())?;
            progress.say("the gateway is killed (SIGKILL); its ports refuse");
        }
        Way::Direct => {
            let waiting: usize = fleet.things().map(|thing| thing.unanswered()).sum();
            progress.say(&format!(
                "starting the gateway again; {waiting} records wait in purses"
            ));
            tokio::task::block_in_place(|| gateway.start())?;
            let begun = Instant::now();
            synchronise(fleet).await?;
            tally.catching_up = begun.elapsed();
            progress.say(&format!(
                "all of them are settled after {:.1} s",
                tally.catching_up.as_secs_f64()
            ));
        }
    }
    Ok(())
}

async fn pay(fleet: &Fleet, session: &Session, way: Way, tally: &mut Tally) -> Result<(), Failure> {
    let amount =
        AmountMinor::new(session.amount_micro_usd()).ok_or("more than an amount can be")?;
    if amount == AmountMinor::ZERO {
        tally.without_energy += 1;
        return Ok(());
    }
    let car = fleet.car(session.driver).ok_or("no such car")?;
    let place = fleet.charger(session.station).ok_or("no such charger")?;
    let reference = reference(session.id);
    place.charger.thing.bill(Expected { amount, reference });
    let order = Order {
        payee: place.charger.thing.code,
        currency: fleet.currency(),
        amount,
        reference,
    };
    let evidence = car.thing.pay(&order).map_err(LinkError::from)?;
    match way {
        Way::Bridge => {
            let payment = payment_id(&evidence, &fleet.network())?;
            car.send(order.payee, &evidence).await?;
            car.thing.until(|thing| thing.has_settled(&payment)).await;
            tally.bridge += 1;
        }
        Way::Offline => {
            directly(fleet, car, place.direct, &evidence).await?;
            tally.offline += 1;
        }
        Way::Direct => {
            directly(fleet, car, place.direct, &evidence).await?;
            tokio::try_join!(car.synchronise(), place.charger.synchronise())?;
            tally.direct += 1;
        }
    }
    tally.paid_micro_usd += amount.get();
    Ok(())
}

/// Car and charger with nothing between them.
async fn directly(
    fleet: &Fleet,
    car: &Car,
    charger: std::net::SocketAddr,
    evidence: &[u8],
) -> Result<(), Failure> {
    let answer = fleet.asker().ask(charger, evidence).await?;
    if let Ok(Message::Refusal { status, .. }) = Message::read(&answer) {
        return Err(LinkError::Purse(status).into());
    }
    car.thing.take(&answer).map_err(LinkError::from)?;
    Ok(())
}

/// Identifier of the payment in an evidence message.
pub fn payment_id(evidence: &[u8], network: &Network) -> Result<Digest, Status> {
    match Message::read(evidence)? {
        Message::Evidence { payment, .. } => Ok(open::<Payment>(payment, network)?.id()),
        _ => Err(Status::Malformed),
    }
}

/// Every machine hands in what no gateway has answered for.
pub async fn synchronise(fleet: &Fleet) -> Result<(), Failure> {
    let all = async {
        for car in fleet.cars() {
            car.mqtt.ready().await.map_err(LinkError::from)?;
        }
        let cars = stream::iter(fleet.cars()).map(Ok::<_, LinkError>);
        cars.try_for_each_concurrent(SYNC_AT_ONCE, Car::synchronise)
            .await?;
        let places = stream::iter(fleet.places()).map(Ok::<_, LinkError>);
        places
            .try_for_each_concurrent(SYNC_AT_ONCE, |place| place.charger.synchronise())
            .await
    };
    let done = tokio::time::timeout(SYNC_TIMEOUT, all).await;
    Ok(done.map_err(|_| format!("not everybody was answered within {SYNC_TIMEOUT:?}"))??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thirds_are_contiguous_and_of_one_size() {
        let ways: Vec<Way> = (0..2_037).map(|index| Way::of(index, 2_037)).collect();
        let count = |way| ways.iter().filter(|w| **w == way).count();
        assert_eq!(
            (count(Way::Bridge), count(Way::Offline), count(Way::Direct)),
            (679, 679, 679)
        );
        assert!(ways.is_sorted_by_key(|way| *way as u8));
    }
}
