//! What is true now, for each rule: lines of [`crate::attention`], and what the rule says of things.

use crate::attention::{Around, Attention, Rooms, attention};
use crate::evidence::Exponents;
use crate::pages::parts::exponents_of;
use crate::pulse::Reading;
use crate::show;
use ledger::alerts::{Fact, Kind, Rule};
use ledger::{Error, Thing};
use protocol::{Code, Timestamp};

/// What was found out once for all rules of one look.
pub struct Look {
    lines: Vec<Attention>,
    started: Timestamp,
    exponents: Exponents,
    now: Timestamp,
}

impl Look {
    /// Of the house at this moment.
    pub async fn at(reading: &Reading, rooms: &Rooms<'_>) -> Result<Self, Error> {
        let around = Around::gather(rooms, reading.at).await?;
        Ok(Self {
            lines: attention(reading, &around),
            started: around.started,
            exponents: exponents_of(&rooms.ledger.currencies().await?),
            now: reading.at,
        })
    }

    /// What is true now of what this rule watches.
    pub async fn facts(&self, rule: &Rule, rooms: &Rooms<'_>) -> Result<Vec<Fact>, Error> {
        if !rule.kind.names_things() {
            return Ok(self
                .lines
                .iter()
                .filter_map(|line| of(line, rule.kind))
                .collect());
        }
        let mut facts = Vec::new();
        for code in &rule.codes {
            let thing = rooms.ledger.thing(code).await?;
            // Nobody waits for a thing whose life is over.
            let Some(thing) = thing.filter(|thing| !thing.state.is_over()) else {
                continue;
            };
            facts.extend(match rule.kind {
                Kind::Silent => self.silence(rule, &thing, rooms).await?,
                _ => self.purse(rule, &thing, rooms).await?,
            });
        }
        Ok(facts)
    }

    async fn silence(
        &self,
        rule: &Rule,
        thing: &Thing,
        rooms: &Rooms<'_>,
    ) -> Result<Option<Fact>, Error> {
        let heard = rooms.diary.last_heard(&thing.code).await?;
        // While nobody listened, nobody was silent.
        let since = heard.unwrap_or_default().max(rule.made).max(self.started);
        let is_silent = since.plus_s(rule.after_s) <= self.now;
        Ok(is_silent.then(|| {
            let name = called(&thing.code, &thing.name);
            let words = match heard {
                Some(at) => format!("{name} has measured nothing since {}.", show::time(at)),
                None => format!("{name} has measured nothing so far."),
            };
            about(
                &thing.code,
                words,
                format!("/codes/{}/messages", thing.code),
            )
        }))
    }

    async fn purse(
        &self,
        rule: &Rule,
        thing: &Thing,
        rooms: &Rooms<'_>,
    ) -> Result<Option<Fact>, Error> {
        let Some((currency, bound)) = rule.bound else {
            return Ok(None);
        };
        let held = rooms.ledger.held(&thing.code, &currency).await?;
        let (is_past, than) = match rule.kind {
            Kind::PurseBelow => (held < bound, "less than"),
            _ => (held > bound, "more than"),
        };
        Ok(is_past.then(|| {
            let name = called(&thing.code, &thing.name);
            let [held, bound] =
                [held, bound].map(|money| self.exponents.money(money.get(), &currency));
            let words = format!("{name} holds {held}, {than} {bound}.");
            about(&thing.code, words, format!("/purses/{}", thing.code))
        }))
    }
}

fn of(line: &Attention, kind: Kind) -> Option<Fact> {
    let cause = line.cause.as_ref().filter(|cause| cause.kind == kind)?;
    Some(Fact {
        subject: cause.subject.clone(),
        level: cause.level,
        words: line.sentence.to_string(),
        path: line.path.to_owned(),
    })
}

fn called(code: &Code, name: &str) -> String {
    match name.is_empty() {
        true => code.to_string(),
        false => format!("{name} ({code})"),
    }
}

fn about(code: &Code, words: String, path: String) -> Fact {
    Fact {
        subject: code.to_string(),
        level: 1,
        words,
        path,
    }
}
