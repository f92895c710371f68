//! Alerts: destinations, rules, and the letters that were written.

use super::list::List;
use super::loads::read_currency;
use super::operation::{Call, Nothing, Shown, Told};
use super::words::{AlertKindWord, CodeText, Limit, Minor};
use crate::alerts::shown_address;
use crate::deeds::alerts::{self as deeds, DestinationWish, RuleWish, Way};
use crate::language::Say;
use crate::pages::money::currency_value;
use crate::refusal::Refusal;
use ledger::alerts::{Destination, DestinationId, Letter, Rule, RuleId};
use protocol::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which way letters go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertWay {
    /// To a URL.
    Webhook,
    /// To an address of mail.
    Mail,
}

impl From<AlertWay> for Way {
    fn from(way: AlertWay) -> Self {
        match way {
            AlertWay::Webhook => Self::Webhook,
            AlertWay::Mail => Self::Mail,
        }
    }
}

/// A destination of alerts.
#[derive(Serialize, ToSchema)]
pub struct DestinationShown {
    id: String,
    name: String,
    /// webhook or mail.
    way: &'static str,
    /// Of a webhook, no more than the host.
    address: String,
    /// Tries in a row that it did not take.
    failing: u32,
    /// It is not tried before; null: at once.
    next_try: Option<u32>,
    /// Letters that wait for it.
    waiting: u64,
    by: String,
    time: u32,
}

impl From<Destination> for DestinationShown {
    fn from(row: Destination) -> Self {
        Self {
            id: row.id.to_string(),
            way: row.address.way(),
            address: shown_address(&row.address),
            name: row.name,
            failing: row.failing,
            next_try: Some(row.next_try.0).filter(|at| *at > 0),
            waiting: row.waiting,
            by: row.by,
            time: row.made.0,
        }
    }
}

/// Destinations, by name.
pub async fn destinations(
    call: Call,
    _: Nothing,
    _: Nothing,
) -> Result<Shown<List<DestinationShown>>, Refusal> {
    let rows = call.portal.alerts.destinations().await?;
    let items = rows.into_iter().map(DestinationShown::from).collect();
    Ok(Shown(List::whole(items)))
}

/// A destination that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertDestinationWish {
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    way: AlertWay,
    /// https://… or an address of mail.
    #[schema(min_length = 1, max_length = 512)]
    address: String,
}

/// A destination that was made.
#[derive(Serialize, ToSchema)]
pub struct DestinationMade {
    id: String,
    /// Of a webhook, no more than the host.
    address: String,
    /// Of a webhook: its receiver checks letters with it. Nobody can show it again.
    secret: Option<String>,
}

/// Makes a destination.
pub async fn add_destination(
    call: Call,
    _: Nothing,
    Told(wish): Told<AlertDestinationWish>,
) -> Result<Shown<DestinationMade>, Refusal> {
    let wanted = DestinationWish {
        name: &wish.name,
        way: wish.way.into(),
        address: &wish.address,
    };
    let made = deeds::add_destination(&call.portal, &call.actor, wanted, &*call.draw).await?;
    Ok(Shown(DestinationMade {
        id: made.id.to_string(),
        address: made.shown,
        secret: made.secret,
    }))
}

/// Which destination.
#[derive(Deserialize, IntoParams)]
pub struct OfDestination {
    /// Its identifier: 32 hexadecimal digits.
    #[param(pattern = "^[0-9a-f]{32}$")]
    destination: String,
}

impl OfDestination {
    fn id(&self) -> Result<DestinationId, Refusal> {
        read_destination(&self.destination)
    }
}

fn read_destination(text: &str) -> Result<DestinationId, Refusal> {
    let sentence = "destination: 32 hexadecimal digits";
    text.parse()
        .map_err(|()| Refusal::Unfit(Say::plain(sentence)))
}

/// Nothing is said.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NothingMore {}

/// What was taken away.
#[derive(Serialize, ToSchema)]
pub struct Removed {
    id: String,
}

/// Takes a destination away.
pub async fn remove_destination(
    call: Call,
    of: OfDestination,
    Told(NothingMore {}): Told<NothingMore>,
) -> Result<Shown<Removed>, Refusal> {
    deeds::remove_destination(&call.portal, &call.actor, of.id()?).await?;
    let id = of.destination.to_ascii_lowercase();
    Ok(Shown(Removed { id }))
}

/// A letter that was written.
#[derive(Serialize, ToSchema)]
pub struct LetterWritten {
    /// Stands in the letter, too.
    letter: String,
}

/// Sends a letter that tries the way to a destination.
pub async fn try_destination(
    call: Call,
    of: OfDestination,
    Told(NothingMore {}): Told<NothingMore>,
) -> Result<Shown<LetterWritten>, Refusal> {
    let written = deeds::try_destination(&call.portal, &call.actor, of.id()?, &*call.draw);
    let letter = written.await?.to_string();
    Ok(Shown(LetterWritten { letter }))
}

/// A rule.
#[derive(Serialize, ToSchema)]
pub struct RuleShown {
    id: String,
    name: String,
    kind: AlertKindWord,
    /// The things it is about; none where it is about the house.
    codes: Vec<CodeText>,
    /// Of silence: how long.
    after_s: Option<u32>,
    /// Of purses, with the number of its issuer.
    currency: Option<String>,
    /// Of purses, in the smallest unit.
    bound_minor: Option<u64>,
    destination: String,
    quiet_s: u32,
    says_over: bool,
    /// What it has told of and is not over.
    standing: u64,
    by: String,
    time: u32,
}

impl RuleShown {
    fn new(rule: Rule, standing: u64) -> Self {
        Self {
            id: rule.id.to_string(),
            kind: AlertKindWord(rule.kind),
            codes: rule.codes.into_iter().map(CodeText).collect(),
            after_s: Some(rule.after_s).filter(|after_s| *after_s > 0),
            currency: rule.bound.map(|(currency, _)| currency_value(&currency)),
            bound_minor: rule.bound.map(|(_, minor)| minor.get()),
            destination: rule.destination.to_string(),
            quiet_s: rule.quiet_s,
            says_over: rule.says_over,
            standing,
            name: rule.name,
            by: rule.by,
            time: rule.made.0,
        }
    }
}

/// Rules, by name.
pub async fn rules(call: Call, _: Nothing, _: Nothing) -> Result<Shown<List<RuleShown>>, Refusal> {
    let told = call.portal.alerts.told_now().await?;
    let rows = call.portal.alerts.rules().await?;
    let shown = |rule: Rule| {
        let standing = told.get(&rule.id).copied().unwrap_or_default();
        RuleShown::new(rule, standing)
    };
    Ok(Shown(List::whole(rows.into_iter().map(shown).collect())))
}

/// How long a rule is quiet where nothing is said.
const fn quiet_s_usual() -> u32 {
    900
}

/// A rule that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertRuleWish {
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    kind: AlertKindWord,
    /// The things it is about, where its kind is silent, purse_below or purse_above.
    #[serde(default)]
    #[schema(max_items = 100)]
    codes: Vec<CodeText>,
    /// Where its kind is silent: after so long.
    #[schema(minimum = 60, maximum = 31622400)]
    after_s: Option<u32>,
    /// Of the bound of a purse: such as USD, or 1.USD with the number of its issuer.
    #[schema(example = "USD", min_length = 3, max_length = 14)]
    currency: Option<String>,
    /// Where its kind is purse_below or purse_above.
    bound_minor: Option<Minor>,
    /// Its identifier.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    destination: String,
    /// Between two letters about one thing lies at least so long.
    #[serde(default = "quiet_s_usual")]
    #[schema(maximum = 2592000)]
    quiet_s: u32,
    /// Whether there is a letter, too, when it is over.
    #[serde(default)]
    says_over: bool,
}

/// Makes a rule.
pub async fn add_rule(
    call: Call,
    _: Nothing,
    Told(wish): Told<AlertRuleWish>,
) -> Result<Shown<RuleShown>, Refusal> {
    let bound = match (wish.currency, wish.bound_minor) {
        (Some(currency), Some(minor)) => {
            let currency = read_currency(&currency, call.portal.station.issuer)?;
            Some((currency, minor.0))
        }
        (None, None) => None,
        _ => {
            let sentence = "currency and bound_minor: both, or neither";
            return Err(Refusal::Unfit(Say::plain(sentence)));
        }
    };
    let wanted = RuleWish {
        name: wish.name,
        kind: wish.kind.0,
        codes: wish.codes.into_iter().map(|code| code.0).collect(),
        after_s: wish.after_s,
        bound,
        destination: read_destination(&wish.destination)?,
        quiet_s: wish.quiet_s,
        says_over: wish.says_over,
    };
    let rule = deeds::add_rule(&call.portal, &call.actor, wanted, &*call.draw).await?;
    Ok(Shown(RuleShown::new(rule, 0)))
}

/// Which rule.
#[derive(Deserialize, IntoParams)]
pub struct OfRule {
    /// Its identifier: 32 hexadecimal digits.
    #[param(pattern = "^[0-9a-f]{32}$")]
    rule: String,
}

/// Takes a rule away.
pub async fn remove_rule(
    call: Call,
    of: OfRule,
    Told(NothingMore {}): Told<NothingMore>,
) -> Result<Shown<Removed>, Refusal> {
    let id: RuleId = of.rule.parse().map_err(|()| {
        let sentence = "rule: 32 hexadecimal digits";
        Refusal::Unfit(Say::plain(sentence))
    })?;
    deeds::remove_rule(&call.portal, &call.actor, id).await?;
    let id = id.to_string();
    Ok(Shown(Removed { id }))
}

/// Which letters.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct LettersAsked {
    /// What `next` said in the page before.
    #[param(pattern = "^[0-9]{1,18}$")]
    cursor: Option<String>,
    limit: Option<Limit>,
}

/// A letter, as it was written.
#[derive(Serialize, ToSchema)]
pub struct LetterShown {
    number: i64,
    /// The same however often it is sent.
    id: String,
    /// waiting, delivered or given_up.
    state: &'static str,
    /// Of a rule; or trial.
    kind: String,
    /// begins, more, over or trial.
    event: &'static str,
    /// The thing it is about, or what else tells it from others of its kind.
    subject: String,
    level: u64,
    words: String,
    /// What its rule was called then.
    rule: String,
    destination: String,
    /// What that was called then.
    going_to: String,
    written: u32,
    tries: u32,
    last_try: Option<u32>,
    /// What came of that, where it was not taken.
    problem: String,
}

impl From<Letter> for LetterShown {
    fn from(letter: Letter) -> Self {
        Self {
            number: letter.number,
            id: letter.id.to_string(),
            state: letter.state.word(),
            kind: letter.kind,
            event: letter.event.word(),
            subject: letter.fact.subject,
            level: letter.fact.level,
            words: letter.fact.words,
            rule: letter.rule,
            destination: letter.destination.to_string(),
            going_to: letter.going_to,
            written: letter.written.0,
            tries: letter.tries,
            last_try: letter.last.map(|Timestamp(at)| at),
            problem: letter.problem,
        }
    }
}

/// Letters, the newest first.
pub async fn letters(
    call: Call,
    _: Nothing,
    asked: LettersAsked,
) -> Result<Shown<List<LetterShown>>, Refusal> {
    let unfit = |_| Refusal::Unfit(Say::plain("cursor: what `next` said"));
    let before = asked.cursor.map(|text| text.parse::<i64>().map_err(unfit));
    let most = asked.limit.unwrap_or_default().0;
    let rows = call
        .portal
        .alerts
        .letters(before.transpose()?, most)
        .await?;
    let last = rows.last().map(|letter| letter.number);
    let next = last.filter(|number| *number > 1 && rows.len() == most as usize);
    Ok(Shown(List {
        items: rows.into_iter().map(LetterShown::from).collect(),
        next: next.map(|number| number.to_string()),
    }))
}
