//! Alerts: where letters go, and what is watched.

use crate::alerts::{ReachError, secret_text, shown_address};
use crate::door::Actor;
use crate::language::{Say, say};
use crate::portal::{Portal, Random};
use crate::refusal::Refusal;
use ledger::alerts::{
    Address, CODES_PER_RULE_MAX, DESTINATIONS_MAX, DestinationId, Kind, LetterId, RULES_MAX, Rule,
    RuleId, Unkept, WEBHOOK_SECRET_BYTES,
};
use ledger::bounds::NAME_BYTES_MOST;
use protocol::{AmountMinor, Code, Currency};

/// Longest address of mail (RFC 5321).
const MAIL_BYTES_MAX: usize = 254;
/// The shortest silence that is watched, and the longest.
pub const AFTER_S: std::ops::RangeInclusive<u32> = 60..=366 * 86_400;
/// The longest quiet time.
pub const QUIET_S_MAX: u32 = 30 * 86_400;

const NO_DESTINATION: Refusal = Refusal::NotFound(say(
    "There is no such destination; it was taken away, or never was.",
));
const NO_RULE: Refusal =
    Refusal::NotFound(say("There is no such rule, or it was taken away before."));

fn unfit(sentence: Say) -> Refusal {
    Refusal::Unfit(sentence)
}

fn broken(error: ledger::Error) -> Refusal {
    error.into()
}

fn name(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let fits = (1..=NAME_BYTES_MOST).contains(&text.len()) && !text.chars().any(char::is_control);
    match fits {
        true => Ok(text.to_owned()),
        false => Err(unfit(say(
            "Give it a name of up to 128 bytes that people will know it by.",
        ))),
    }
}

/// Which way letters go, as somebody wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To a URL.
    Webhook,
    /// To an address of mail.
    Mail,
}

/// A destination somebody wants.
pub struct DestinationWish<'a> {
    /// What people will call it.
    pub name: &'a str,
    /// Which way.
    pub way: Way,
    /// Where.
    pub address: &'a str,
}

/// One that was made.
pub struct MadeDestination {
    /// Which.
    pub id: DestinationId,
    /// Where, as everybody may read it.
    pub shown: String,
    /// Of a webhook: what its receiver is given, now and never again.
    pub secret: Option<String>,
}

fn webhook(portal: &Portal, url: &str) -> Result<(), Refusal> {
    let checked = portal.post.courier().reach().check(url);
    checked.map_err(|error| {
        unfit(match error {
            ReachError::Spelling => say(
                "Write the address of the webhook in full, such as https://hooks.example.com/onecode, without a name, password or # in it.",
            ),
            ReachError::Plain => {
                say("A webhook beyond this machine wants https: letters are nobody else's to read.")
            }
            ReachError::Closed => say(
                "Webhooks may not lead there. Who runs the gateway opens networks of its own with the setting alerts.networks; link-local addresses and those of clouds stay closed.",
            ),
        })
    })
}

fn mail(portal: &Portal, address: &str) -> Result<(), Refusal> {
    if !portal.post.courier().has_mail() {
        return Err(unfit(say(
            "This gateway sends no mail: who runs it names a relay with the setting mail.relay.",
        )));
    }
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"<>()[],;:\\\"".contains(&byte);
    let fits = address.len() <= MAIL_BYTES_MAX && address.bytes().all(plain);
    let parts = address.split_once('@').filter(|_| fits);
    match parts {
        Some((local, host)) if !local.is_empty() && !host.is_empty() && !host.contains('@') => {
            Ok(())
        }
        _ => Err(unfit(say(
            "Write one address of mail, such as duty@example.com.",
        ))),
    }
}

/// Makes a destination. What a webhook's letters are signed with is drawn here.
pub async fn add_destination(
    portal: &Portal,
    actor: &Actor,
    wish: DestinationWish<'_>,
    draw: &Random,
) -> Result<MadeDestination, Refusal> {
    let (name, text) = (name(wish.name)?, wish.address.trim());
    let (address, secret) = match wish.way {
        Way::Mail => {
            mail(portal, text)?;
            (Address::Mail(text.to_owned()), None)
        }
        Way::Webhook => {
            webhook(portal, text)?;
            let mut secret = [0; WEBHOOK_SECRET_BYTES];
            draw(&mut secret);
            let address = Address::Webhook(text.to_owned(), secret);
            (address, Some(secret_text(&secret)))
        }
    };
    let id = DestinationId::draw(draw);
    let kept = portal
        .alerts
        .add_destination(id, &name, &address, &actor.name, actor.now);
    kept.await.map_err(|refused| match refused {
        Unkept::Store(error) => broken(error),
        _ => unfit(
            say("There are {most} destinations already; take one away first.")
                .put("most", DESTINATIONS_MAX),
        ),
    })?;
    let shown = shown_address(&address);
    let about = format!("{name}: {} {shown}", address.way());
    let act = actor.act("alert destination made", &about);
    portal.people.record(&act, actor.now).await?;
    Ok(MadeDestination { id, shown, secret })
}

/// Takes a destination away that no rule writes to.
pub async fn remove_destination(
    portal: &Portal,
    actor: &Actor,
    id: DestinationId,
) -> Result<(), Refusal> {
    let known = portal.alerts.destination(id).await?.ok_or(NO_DESTINATION)?;
    let removed = portal.alerts.remove_destination(id, actor.now).await;
    removed.map_err(|refused| match refused {
        Unkept::InUse => unfit(say("Rules write to it: take those away first.")),
        Unkept::Store(error) => broken(error),
        _ => NO_DESTINATION,
    })?;
    let about = format!("{}: {}", known.name, shown_address(&known.address));
    let act = actor.act("alert destination taken away", &about);
    portal.people.record(&act, actor.now).await?;
    Ok(())
}

/// Sends a letter that tries the way to a destination.
pub async fn try_destination(
    portal: &Portal,
    actor: &Actor,
    id: DestinationId,
    draw: &Random,
) -> Result<LetterId, Refusal> {
    let known = portal.alerts.destination(id).await?.ok_or(NO_DESTINATION)?;
    let letter = LetterId::draw(draw);
    let words = format!("{} tries whether letters arrive here.", actor.name);
    let written = portal
        .alerts
        .try_destination(letter, id, &words, actor.now)
        .await;
    written.map_err(|refused| match refused {
        Unkept::Full => Refusal::Busy(say(
            "As many letters wait for it as are kept. It takes none: look at what came of the last one.",
        )),
        Unkept::Store(error) => broken(error),
        _ => NO_DESTINATION,
    })?;
    portal.post.wake();
    let act = actor.act("alert destination tried", &known.name);
    portal.people.record(&act, actor.now).await?;
    Ok(letter)
}

/// A rule somebody wants.
pub struct RuleWish {
    /// What people will call it.
    pub name: String,
    /// What is watched.
    pub kind: Kind,
    /// Of which things.
    pub codes: Vec<Code>,
    /// Of silence: how long.
    pub after_s: Option<u32>,
    /// Of purses: the bound.
    pub bound: Option<(Currency, AmountMinor)>,
    /// Who is told.
    pub destination: DestinationId,
    /// Between two letters about one thing lies at least so long.
    pub quiet_s: u32,
    /// Whether there is a letter, too, when it is over.
    pub says_over: bool,
}

/// What a rule names has to fit its kind, and exist.
async fn fits(portal: &Portal, wish: &RuleWish) -> Result<(), Refusal> {
    let kind = wish.kind;
    if kind.names_things() == wish.codes.is_empty() || wish.codes.len() > CODES_PER_RULE_MAX {
        return Err(unfit(say(
            "Name the codes it is about, 1 to 100, where it is about things; none where it is about the house.",
        )));
    }
    let after_fits = match wish.after_s {
        Some(after_s) => kind == Kind::Silent && AFTER_S.contains(&after_s),
        None => kind != Kind::Silent,
    };
    if !after_fits {
        return Err(unfit(say(
            "Say after how long somebody is told of silence, one minute to 366 days; nothing of the kind elsewhere.",
        )));
    }
    if kind.has_bound() != wish.bound.is_some() {
        return Err(unfit(say(
            "Say currency and bound where it is about a purse; nothing of the kind elsewhere.",
        )));
    }
    if wish.quiet_s > QUIET_S_MAX {
        return Err(unfit(say("The quiet time is 30 days at most.")));
    }
    for code in &wish.codes {
        if portal.ledger.thing(code).await?.is_none() {
            return Err(unfit(
                say("{code} is not registered here.").put("code", code),
            ));
        }
    }
    if let Some((currency, _)) = wish.bound {
        let known = portal.ledger.currencies().await?;
        if !known.iter().any(|row| row.currency == currency) {
            return Err(unfit(say("No such currency is declared here.")));
        }
    }
    Ok(())
}

/// Makes a rule.
pub async fn add_rule(
    portal: &Portal,
    actor: &Actor,
    wish: RuleWish,
    draw: &Random,
) -> Result<Rule, Refusal> {
    let name = name(&wish.name)?;
    fits(portal, &wish).await?;
    let rule = Rule {
        id: RuleId::draw(draw),
        name,
        kind: wish.kind,
        codes: wish.codes,
        after_s: wish.after_s.unwrap_or_default(),
        bound: wish.bound,
        destination: wish.destination,
        quiet_s: wish.quiet_s,
        says_over: wish.says_over,
        by: actor.name.clone(),
        made: actor.now,
    };
    let kept = portal.alerts.add_rule(&rule).await;
    kept.map_err(|refused| match refused {
        Unkept::Unknown => NO_DESTINATION,
        Unkept::Store(error) => broken(error),
        _ => unfit(
            say("There are {most} rules already; take one away first.").put("most", RULES_MAX),
        ),
    })?;
    let about = format!(
        "{}: {}, to {}",
        rule.name,
        rule.kind.word(),
        rule.destination
    );
    let act = actor.act("alert rule made", &about);
    portal.people.record(&act, actor.now).await?;
    Ok(rule)
}

/// Takes a rule away.
pub async fn remove_rule(portal: &Portal, actor: &Actor, id: RuleId) -> Result<(), Refusal> {
    let rules = portal.alerts.rules().await?;
    let known = rules
        .into_iter()
        .find(|rule| rule.id == id)
        .ok_or(NO_RULE)?;
    let removed = portal.alerts.remove_rule(id).await;
    removed.map_err(|refused| match refused {
        Unkept::Store(error) => broken(error),
        _ => NO_RULE,
    })?;
    let about = format!("{}: {}", known.name, known.kind.word());
    let act = actor.act("alert rule taken away", &about);
    portal.people.record(&act, actor.now).await?;
    Ok(())
}
