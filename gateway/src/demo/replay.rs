//! The sessions, one after another: a third across the bridge, a third with the gateway dead, a
//! third directly with the gateway up.

use super::child::Gateway;
use super::fleet::{Fleet, Place};
use super::links::{Car, LinkError};
use super::office::Office;
use super::progress::Progress;
use super::sessions::{PRICE_MICRO_USD_PER_WH, Session};
use super::thing::reference;
use crate::house::Failure;
use crate::wallet::now;
use device_sdk::links::neighbours::Conversation;
use device_sdk::purse::{InvoiceOrder, Seed};
use futures_util::{StreamExt, TryStreamExt, stream};
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::{Asked, Payment};
use protocol::{AmountMinor, AssuranceClass, Digest, Network, Reference, Status};
use std::time::{Duration, Instant};

/// How long one payment may take, whatever the way; more means that something is wrong.
const PAYMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long all machines together may take to synchronise.
const SYNC_TIMEOUT: Duration = Duration::from_secs(300);
/// How long an invoice on a charger's screen is good.
const INVOICE_LIFE_S: u32 = 600;
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
    /// Steps of energy paid for as they flowed.
    pub releases: u64,
    /// Streams in whose middle both sides lost their power.
    pub power_cuts: u64,
    /// All money paid, in millionths.
    pub paid_micro_usd: u64,
    /// What the gateway refused before it was killed.
    pub refused: u64,
    /// How long the payments across the bridge took.
    pub bridge_elapsed: Duration,
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
    step_wh: u32,
) -> Result<Tally, Failure> {
    let progress = Progress::start("sessions", sessions.len());
    let mut tally = Tally::default();
    let mut before = Way::Bridge;
    let cut_at = longest_offline(sessions);
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
        let flow = Flow {
            step_wh,
            cut: index == cut_at,
        };
        let done =
            tokio::time::timeout(PAYMENT_TIMEOUT, pay(fleet, session, way, flow, &mut tally)).await;
        done.map_err(|_| format!("session {}: no end after {PAYMENT_TIMEOUT:?}", session.id))?
            .map_err(|error| format!("session {}: {error}", session.id))?;
        if way == Way::Bridge {
            tally.bridge_elapsed += begun.elapsed();
        }
        tally.sessions += 1;
        progress.step();
    }
    // With very few sessions the last third is empty, and the gateway is still dead.
    if before == Way::Offline {
        change(fleet, gateway, Way::Direct, &progress, &mut tally).await?;
    }
    Ok(tally)
}

/// The session in whose middle the power is cut: the longest of those with the gateway dead.
fn longest_offline(sessions: &[Session]) -> usize {
    let offline = sessions.iter().enumerate();
    let offline = offline.filter(|(index, _)| Way::of(*index, sessions.len()) == Way::Offline);
    offline
        .max_by_key(|(_, session)| session.energy_wh)
        .map_or(usize::MAX, |(index, _)| index)
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

/// How energy flows in one session.
#[derive(Clone, Copy, Debug)]
struct Flow {
    /// The car pays whenever so much has flowed.
    step_wh: u32,
    /// Both sides lose their power halfway.
    cut: bool,
}

/// What a charger asks for.
#[derive(Clone, Copy, Debug)]
pub enum Priced {
    /// One amount, known beforehand.
    Whole(AmountMinor),
    /// By the Wh, as energy flows.
    ByTheWh(u32),
}

/// The invoice as the charger shows it on its screen.
pub fn invoice(
    fleet: &Fleet,
    place: &Place,
    priced: Priced,
    reference: Reference,
) -> Result<Vec<u8>, Failure> {
    let asked = match priced {
        Priced::Whole(amount) => Asked::Amount(amount),
        Priced::ByTheWh(most) => {
            let unit = AmountMinor::new(PRICE_MICRO_USD_PER_WH).ok_or("no price")?;
            Asked::Units { unit, most }
        }
    };
    let order = InvoiceOrder {
        currency: fleet.currency(),
        asked,
        reference,
        expires: now().plus_s(INVOICE_LIFE_S),
        least_class: AssuranceClass::Software,
    };
    Ok(place
        .charger
        .thing
        .invoice(&order)
        .map_err(LinkError::from)?)
}

async fn pay(
    fleet: &Fleet,
    session: &Session,
    way: Way,
    flow: Flow,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let amount =
        AmountMinor::new(session.amount_micro_usd()).ok_or("more than an amount can be")?;
    if amount == AmountMinor::ZERO {
        tally.without_energy += 1;
        return Ok(());
    }
    let car = fleet.car(session.driver).ok_or("no such car")?;
    let place = fleet.charger(session.station).ok_or("no such charger")?;
    match way {
        Way::Bridge => {
            let invoice = invoice(fleet, place, Priced::Whole(amount), reference(session.id))?;
            let evidence = car
                .thing
                .pay_invoice(&invoice, None)
                .map_err(LinkError::from)?;
            let payment = payment_id(&evidence, &fleet.network())?;
            car.send(place.charger.thing.code, &evidence).await?;
            car.thing.until(|thing| thing.has_settled(&payment)).await;
            tally.bridge += 1;
        }
        Way::Offline => {
            charge(fleet, car, place, session, flow, tally).await?;
            tally.offline += 1;
        }
        Way::Direct => {
            charge(fleet, car, place, session, flow, tally).await?;
            tokio::try_join!(car.synchronise(), place.charger.synchronise())?;
            tally.direct += 1;
        }
    }
    tally.paid_micro_usd += amount.get();
    Ok(())
}

/// Car and charger with nothing between them: a stream that pays for every step as energy flows.
/// With `cut`, both lose their power halfway and go on from what their journals hold.
async fn charge(
    fleet: &Fleet,
    car: &Car,
    place: &Place,
    session: &Session,
    flow: Flow,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let Flow { step_wh, cut } = flow;
    let units = u32::try_from(session.energy_wh).map_err(|_| "more than a stream can carry")?;
    let invoice = invoice(fleet, place, Priced::ByTheWh(units), reference(session.id))?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let evidence = car
        .thing
        .pay_invoice(&invoice, Some(Seed(Digest(seed))))
        .map_err(LinkError::from)?;
    let payment = payment_id(&evidence, &fleet.network())?;
    ask(fleet, place, &evidence).await?;
    let mut released = 0;
    let mut cut = cut.then_some(units / 2);
    while released < units {
        released = released.saturating_add(step_wh).min(units);
        if cut.is_some_and(|at| released > at) {
            cut = None;
            car.thing.power_cut()?;
            place.charger.thing.power_cut()?;
            tally.power_cuts += 1;
        }
        let unit = car
            .thing
            .release(payment, released)
            .map_err(LinkError::from)?;
        let answer = match ask(fleet, place, &unit).await {
            // The answer to the last units was lost: the stream is closed, its receipt is there.
            Err(_) if released == units => ask(fleet, place, &evidence).await?,
            answer => answer?,
        };
        tally.releases += 1;
        if released == units {
            car.thing.take(&answer).map_err(LinkError::from)?;
        }
    }
    let mut conversation = Conversation::after_payment();
    let turn = |heard: &[u8]| car.thing.converse(&mut conversation, heard);
    Ok(fleet.asker().converse(place.direct, turn).await?)
}

/// Asks the charger beside the car; a refusal is an error.
async fn ask(fleet: &Fleet, place: &Place, message: &[u8]) -> Result<Vec<u8>, Failure> {
    let answer = fleet.asker().ask(place.direct, message).await?;
    match Message::read(&answer) {
        Ok(Message::Refusal { status, .. }) => Err(LinkError::Purse(status).into()),
        _ => Ok(answer),
    }
}

/// Identifier of the payment in an evidence message.
pub fn payment_id(evidence: &[u8], network: &Network) -> Result<Digest, Status> {
    match Message::read(evidence)? {
        Message::Evidence { payment, .. } | Message::Payment { payment } => {
            Ok(open::<Payment>(payment, network)?.id())
        }
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
