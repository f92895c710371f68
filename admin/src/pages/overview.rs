//! The house at a glance, kept up to date by a stream.

use super::frame::{Frame, page};
use super::parts::{PaymentLine, Pill, exponents, payment_lines};
use crate::assets;
use crate::attention::{Around, Attention, DOORS_EXPIRE_SOON_S, EXPIRES_SOON_S, attention};
use crate::door::Visitor;
use crate::draw::Chart;
use crate::draw::chart::{Values, bars, lines};
use crate::evidence::Exponents;
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::pulse::{MINUTES_KEPT, Minute, Reading};
use crate::refusal::Refusal;
use crate::routes::{ISSUES, SEES_MONEY, STAFF};
use crate::show;
use crate::stream::{self, News};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use ledger::LogStanding;
use ledger::views::{self, Conservation, PaymentQuery};
use protocol::{Code, Timestamp};
use tokio::sync::watch;

/// Payments shown here.
const NEWEST: u32 = 8;

/// Money of one currency.
struct Circulation {
    unit: String,
    put_in: String,
    purses: String,
    in_transit: String,
    others: String,
    sum: String,
    holds: bool,
    /// Widths in the bar, of 1000.
    shares: [u64; 3],
}

/// Something that waits for somebody.
struct Queue {
    name: Say,
    waiting: u64,
    oldest: Option<Say>,
    path: &'static str,
}

/// Something that ends.
struct Ending {
    role: Say,
    code: Option<Code>,
    ends: String,
    state: Pill,
}

/// Everything on the page that changes.
struct Board {
    at: String,
    up: Say,
    lists_age: Option<Say>,
    sees_money: bool,
    counts: views::Overview,
    online: u64,
    rate: u64,
    witnesses: Say,
    log: LogStanding,
    log_age: Option<Say>,
    attention: Vec<Attention>,
    money: Vec<Circulation>,
    charts: Vec<Chart>,
    from: String,
    to: String,
    queues: Vec<Queue>,
    lines: Vec<PaymentLine>,
    endings: Vec<Ending>,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    board: Board,
    hours: usize,
}

#[derive(Template)]
#[template(path = "overview_board.html")]
struct Parts {
    board: Board,
    hours: usize,
}

impl Overview {
    fn script(&self) -> String {
        assets::LIVE.address()
    }
}

/// The page.
pub async fn show(State(portal): State<Shared>, visitor: Visitor) -> Result<Response, Refusal> {
    let frame = Frame::new(&portal, Some(&visitor), "/");
    let board = board(&portal, &frame, visitor.now).await?;
    page(
        &visitor.reader,
        &Overview {
            frame,
            board,
            hours: MINUTES_KEPT / 60,
        },
    )
}

/// What is new on it, again and again.
pub async fn live(State(portal): State<Shared>, visitor: Visitor) -> Result<Response, Refusal> {
    let news = Watched {
        frame: Frame::new(&portal, Some(&visitor), "/"),
        looks: portal.pulse.looks(),
        portal: portal.clone(),
    };
    stream::answer(&portal, &visitor, STAFF, news)
}

/// The overview of one visitor.
struct Watched {
    portal: Shared,
    frame: Frame,
    looks: watch::Receiver<u64>,
}

impl News for Watched {
    async fn next(&mut self) -> Option<Event> {
        loop {
            self.looks.changed().await.ok()?;
            let now = (self.portal.clock)();
            let board = board(&self.portal, &self.frame, now).await;
            let parts = board.and_then(|board| {
                let hours = MINUTES_KEPT / 60;
                Ok(Parts { board, hours }.render_with_values(&self.frame.language())?)
            });
            // What could not be read is in the log, and the next look may bring it.
            if let Ok(parts) = parts {
                return Some(Event::default().event("parts").data(parts));
            }
        }
    }
}

async fn board(portal: &Portal, frame: &Frame, now: Timestamp) -> Result<Board, Refusal> {
    let reading = portal.pulse.look(now).await?;
    let exponents = exponents(&portal.ledger).await?;
    let sees_money = frame.may(SEES_MONEY);
    let lines = match sees_money {
        true => {
            let (all, newest) = (PaymentQuery::default(), views::Page::first(NEWEST));
            let rows = portal.ledger.payments(&all, &newest).await?.rows;
            payment_lines(portal, &exponents, rows).await?
        }
        false => Vec::new(),
    };
    let around = Around::gather(&portal.rooms(), now).await?;
    let mut first = attention(&reading, &around);
    first.retain(|item| frame.may(item.roles));
    let since = |then: Timestamp| show::duration(u64::from(now.0.saturating_sub(then.0)));
    let minutes = portal.pulse.minutes();
    let edge = |minute: Option<&Minute>| show::minute(minute.map_or(0, |m| u64::from(m.number)));
    Ok(Board {
        at: show::time(now),
        up: since(portal.live.started()),
        lists_age: portal.live.lists_made().map(since),
        attention: first,
        money: (reading.counts.conservation.iter())
            .map(|c| circulation(c, &exponents))
            .collect(),
        online: reading.doors.iter().map(|door| door.online).sum(),
        rate: full_minute(&minutes).map_or(0, |minute| minute.payments),
        witnesses: cosigned(&reading),
        log_age: reading.log.signed.map(since),
        charts: charts(&minutes, &exponents, sees_money),
        from: edge(minutes.first()),
        to: edge(minutes.last()),
        queues: queues(&reading, around.pending, frame),
        endings: endings(&around, now),
        sees_money,
        lines,
        log: reading.log,
        counts: reading.counts,
    })
}

/// The newest minute that is over.
fn full_minute(minutes: &[Minute]) -> Option<&Minute> {
    minutes.iter().rev().nth(1)
}

fn cosigned(reading: &Reading) -> Say {
    let log = &reading.log;
    let up_to_date = log.witnesses.iter().filter(|w| w.size >= log.published);
    match log.witnesses.len() {
        0 => say("no witness"),
        all => say("{number} of one witness")
            .or_many("{number} of {count} witnesses", all)
            .put("number", up_to_date.count()),
    }
}

fn queues(
    reading: &Reading,
    (pending, pending_since): (u64, Option<Timestamp>),
    frame: &Frame,
) -> Vec<Queue> {
    let age = |since: Timestamp| {
        let age_s = reading.at.0.saturating_sub(since.0);
        show::duration(u64::from(age_s))
    };
    let mut queues = vec![Queue {
        name: say("Messages in inboxes"),
        waiting: reading.counts.inbox_entries,
        oldest: None,
        path: "/codes",
    }];
    if frame.may(ISSUES) {
        queues.push(Queue {
            name: say("Devices that ask for a code"),
            waiting: pending,
            oldest: pending_since.map(age),
            path: "/pending",
        });
    }
    if frame.may(SEES_MONEY) {
        let oldest = reading.due.map(|(due, recorded)| {
            say("{age}, due {time}")
                .put("age", age(recorded))
                .put("time", show::time(due))
        });
        queues.push(Queue {
            name: say("Payments in transit"),
            waiting: reading.counts.in_transit,
            oldest,
            path: "/payments",
        });
    }
    let log = &reading.log;
    queues.push(Queue {
        name: say("Acts not yet under a checkpoint"),
        waiting: log.leaves.saturating_sub(log.published),
        oldest: None,
        path: "/chain/checkpoint",
    });
    queues
}

fn endings(around: &Around, now: Timestamp) -> Vec<Ending> {
    let ending = |role, code, ends: Timestamp, soon_s| Ending {
        role,
        code,
        ends: show::time(ends),
        state: match ends {
            _ if ends < now => Pill {
                class: "bad",
                word: say("ended"),
            },
            _ if ends < now.plus_s(soon_s) => Pill {
                class: "warn",
                word: say("soon"),
            },
            _ => Pill {
                class: "good",
                word: say("good"),
            },
        },
    };
    let mut list: Vec<(Timestamp, Ending)> = (around.authorities.iter())
        .map(|card| {
            let (role, code, ends) = (below::authority(card.role), Some(card.code), card.not_after);
            (ends, ending(role, code, ends, EXPIRES_SOON_S))
        })
        .collect();
    if let Some(ends) = around.doors_end {
        let doors = ending(say("doors"), None, ends, DOORS_EXPIRE_SOON_S);
        list.push((ends, doors));
    }
    list.sort_by_key(|(ends, _)| *ends);
    list.into_iter().map(|(_, ending)| ending).collect()
}

fn charts(minutes: &[Minute], exponents: &Exponents, sees_money: bool) -> Vec<Chart> {
    let plain = |value: u64| show::count(value);
    let of = |name: Say, pick: &dyn Fn(&Minute) -> Option<u64>| Values {
        name,
        values: minutes.iter().map(pick).collect(),
    };
    let newest = minutes.last();
    let mut charts = Vec::new();
    if sees_money {
        let payments = of(say("payments"), &|minute| Some(minute.payments));
        charts.push(bars(
            say("Payments"),
            say("a minute"),
            vec![payments],
            &plain,
        ));
        for (currency, _) in newest.iter().flat_map(|minute| &minute.in_transit) {
            let waits = of(Say::plain(currency.name()), &|minute| {
                let found = minute
                    .in_transit
                    .iter()
                    .find(|(known, _)| known == currency);
                found.map(|(_, minor)| minor.max(&0).unsigned_abs())
            });
            let money = |value: u64| show::amount(i128::from(value), exponents.of(currency));
            let unit = Say::plain(currency.name());
            charts.push(lines(say("Value in transit"), unit, vec![waits], &money));
        }
    }
    let doors: Vec<&'static str> = (newest.iter())
        .flat_map(|minute| minute.doors.iter().map(|door| door.door))
        .collect();
    let by_door = |pick: fn(&crate::desk::DoorLoad) -> u64| -> Vec<Values> {
        let one = |door: &&'static str| {
            of(Say::plain(*door), &|minute| {
                let found = minute.doors.iter().find(|known| known.door == *door);
                found.map(pick)
            })
        };
        doors.iter().map(one).collect()
    };
    let online = by_door(|door| door.online);
    charts.push(lines(
        say("Things online"),
        say("connected"),
        online,
        &plain,
    ));
    let messages = by_door(|door| door.messages);
    charts.push(bars(
        say("Messages by door"),
        say("a minute"),
        messages,
        &plain,
    ));
    charts
}

fn circulation(c: &Conservation, exponents: &Exponents) -> Circulation {
    let text = |minor: i64| show::amount(i128::from(minor), exponents.of(&c.currency));
    let share = |part: i64| {
        let whole = c.accounts_sum.max(1).unsigned_abs();
        u128::from(part.max(0).unsigned_abs()) * 1000 / u128::from(whole)
    };
    Circulation {
        unit: c.currency.name().to_owned(),
        put_in: text(c.issued_minus_redeemed),
        purses: text(c.purses),
        in_transit: text(c.in_transit),
        others: text(c.others.saturating_add(c.funds)),
        sum: text(c.accounts_sum),
        holds: c.holds,
        shares: [c.purses, c.in_transit, c.others.saturating_add(c.funds)]
            .map(|part| share(part).min(1000) as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Currency;

    #[test]
    fn shares_of_a_currency_add_up_and_never_overflow() {
        let currency = Currency::new(1, *b"USD").unwrap();
        let row = Conservation {
            currency,
            issued_minus_redeemed: i64::MAX,
            accounts_sum: i64::MAX,
            purses: i64::MAX - 10,
            in_transit: 10,
            funds: 0,
            others: 0,
            holds: true,
        };
        let shown = circulation(&row, &Exponents(vec![(currency, 6)]));
        assert_eq!(shown.shares, [999, 0, 0]);
        assert_eq!(shown.in_transit, "0.000010");
        let empty = Conservation {
            issued_minus_redeemed: 0,
            accounts_sum: 0,
            purses: 0,
            in_transit: 0,
            ..row
        };
        assert_eq!(circulation(&empty, &Exponents::default()).shares, [0, 0, 0]);
    }
}
