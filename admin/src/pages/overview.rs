//! The house at a glance.

use super::frame::{Frame, page};
use super::parts::{PaymentLine, exponents, payment_lines};
use crate::desk::AuthorityCard;
use crate::door::Visitor;
use crate::evidence::Exponents;
use crate::portal::Shared;
use crate::refusal::Refusal;
use crate::routes::{ISSUES, MOVES_MONEY, SEES_MONEY};
use crate::show;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use ledger::views::{self, Conservation, PaymentQuery};
use protocol::Timestamp;

/// Payments shown here.
const NEWEST: u32 = 8;
/// Authorities that end sooner than this need attention.
const EXPIRES_SOON_S: u32 = 90 * 86_400;
/// More messages than this waiting in inboxes need attention.
const MANY_WAITING: u64 = 1_000;

/// One line of what needs attention.
struct Attention {
    class: &'static str,
    word: &'static str,
    sentence: String,
    path: &'static str,
    link: &'static str,
}

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

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    sees_money: bool,
    counts: views::Overview,
    connected: usize,
    up: String,
    lists_age: Option<String>,
    attention: Vec<Attention>,
    money: Vec<Circulation>,
    lines: Vec<PaymentLine>,
    authorities: Vec<AuthorityCard>,
}

/// The page.
pub async fn show(State(portal): State<Shared>, visitor: Visitor) -> Result<Response, Refusal> {
    let counts = portal.ledger.overview().await?;
    let exponents = exponents(&portal.ledger).await?;
    let sees_money = visitor.roles().meets(SEES_MONEY);
    let lines = match sees_money {
        true => {
            let newest = views::Page::first(NEWEST);
            let rows = portal
                .ledger
                .payments(&PaymentQuery::default(), &newest)
                .await?
                .rows;
            payment_lines(&portal, &exponents, rows).await?
        }
        false => Vec::new(),
    };
    let frame = Frame::new(&portal, Some(&visitor), "/");
    let authorities = portal.desk.authorities();
    let up_s = visitor.now.0.saturating_sub(portal.live.started().0);
    page(&Overview {
        sees_money,
        attention: attention(&frame, &counts, &authorities, &exponents, visitor.now),
        money: counts
            .conservation
            .iter()
            .map(|c| circulation(c, &exponents))
            .collect(),
        connected: portal.live.connected_count(),
        up: show::duration(u64::from(up_s)),
        lists_age: portal.live.lists_made().map(|made| {
            let age_s = visitor.now.0.saturating_sub(made.0);
            show::duration(u64::from(age_s))
        }),
        frame,
        counts,
        lines,
        authorities,
    })
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

fn attention(
    frame: &Frame,
    counts: &views::Overview,
    authorities: &[AuthorityCard],
    exponents: &Exponents,
    now: Timestamp,
) -> Vec<Attention> {
    let mut list = Vec::new();
    let mut add = |class, word, sentence, path, link| {
        list.push(Attention {
            class,
            word,
            sentence,
            path,
            link,
        });
    };
    for c in counts.conservation.iter().filter(|c| !c.holds) {
        let sentence = format!(
            "The books of {} do not add up. Stop the gateway and run its check.",
            c.currency
        );
        add("bad", "books", sentence, "/money", "Money");
    }
    if counts.fraud_cases > 0 && frame.may(SEES_MONEY) {
        let sentence = match counts.fraud_cases {
            1 => "One fraud case, with its proof.".to_owned(),
            cases => format!("{} fraud cases, each with its proof.", show::count(cases)),
        };
        add("bad", "fraud", sentence, "/frauds", "Fraud cases");
    }
    if counts.things_stopped > 0 {
        let sentence = match counts.things_stopped {
            1 => "One code is frozen or revoked.".to_owned(),
            codes => format!("{} codes are frozen or revoked.", show::count(codes)),
        };
        add(
            "warn",
            "stopped",
            sentence,
            "/codes?state=frozen",
            "Frozen codes",
        );
    }
    for card in authorities {
        if card.not_after < now.plus_s(EXPIRES_SOON_S) {
            let sentence = format!(
                "The certificate of the {} ends {}.",
                card.role,
                show::time(card.not_after)
            );
            add("warn", "expiry", sentence, "/", "Authorities");
        }
    }
    if counts.inbox_entries > MANY_WAITING {
        let sentence = format!(
            "{} messages wait for things to collect them.",
            show::count(counts.inbox_entries)
        );
        add("info", "inboxes", sentence, "/codes", "Codes");
    }
    if counts.things == 0 && frame.may(ISSUES) {
        let sentence = "No thing has a code yet.".to_owned();
        add("info", "begin", sentence, "/issue", "Issue the first one");
    }
    if exponents.0.is_empty() && frame.may(MOVES_MONEY) {
        let sentence = "No currency is declared yet.".to_owned();
        add("info", "begin", sentence, "/money", "Declare one");
    }
    list
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
