//! What is relayed, and how it is called on the other side: pure.
//!
//! A rule is a `topic` line of Mosquitto's bridges, because operators know those:
//!
//! ```text
//! PATTERN out|in QOS LOCAL-PREFIX REMOTE-PREFIX        "" for no prefix; rules separated by ;
//! +/t/#   out    1   oc/1/        plant/7/
//! +/c/+   in     1   oc/1/        plant/7/
//! ```
//!
//! The first rule that takes a topic counts.

use crate::tree::{Leaf, Topic};
use std::fmt;
use std::str::FromStr;

/// Rules of one gateway.
pub const RULES_MAX: usize = 64;
/// Bytes of a topic on the other side.
pub const REMOTE_TOPIC_MAX: usize = 512;

/// Which way a rule goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From things to the broker.
    Out,
    /// From the broker to things.
    In,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pattern: String,
    way: Way,
    /// 1 or 2.
    qos: u8,
    local: String,
    remote: String,
}

/// All rules, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

/// Why something from above has no place here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misplaced {
    /// No rule takes it.
    NoRule,
    /// It becomes no topic of the tree.
    NoTopic,
    /// What is there is not said from above.
    NotFromAbove,
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRule => "no rule takes it",
            Self::NoTopic => "it becomes no topic of the tree, which are oc/1/CODE/t/NAME and so on",
            Self::NotFromAbove => {
                "only t/, e/, c/ and twin/desired are said from above; wallet messages and what a thing alone says are not"
            }
        })
    }
}

/// Where something goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outward<'r> {
    /// As it is called there.
    pub topic: String,
    /// 1 or 2.
    pub qos: u8,
    /// By which rule.
    pub rule: &'r Rule,
}

impl Rules {
    /// How a topic of the tree is called above; `None` when no rule takes it there.
    pub fn outward(&self, topic: &str) -> Option<Outward<'_>> {
        let mut out = self.0.iter().filter(|rule| rule.way == Way::Out);
        out.find_map(|rule| {
            let topic = exchanged(topic, &rule.local, &rule.remote, &rule.pattern)?;
            (topic.len() <= REMOTE_TOPIC_MAX).then_some(Outward {
                topic,
                qos: rule.qos,
                rule,
            })
        })
    }

    /// Where something from above has its place here, and by which rule.
    pub fn inward(&self, topic: &str) -> Result<(Topic, &Rule), Misplaced> {
        let mut into = self.0.iter().filter(|rule| rule.way == Way::In);
        let found = into.find_map(|rule| {
            let topic = exchanged(topic, &rule.remote, &rule.local, &rule.pattern)?;
            Some((topic, rule))
        });
        let (topic, rule) = found.ok_or(Misplaced::NoRule)?;
        let topic = Topic::parse(&topic).map_err(|_| Misplaced::NoTopic)?;
        match topic.leaf {
            Leaf::Telemetry(_) | Leaf::Event(_) | Leaf::Command(_) | Leaf::Desired => {
                Ok((topic, rule))
            }
            _ => Err(Misplaced::NotFromAbove),
        }
    }

    /// What is subscribed to above.
    pub fn filters(&self) -> Vec<String> {
        let into = self.0.iter().filter(|rule| rule.way == Way::In);
        into.map(|rule| format!("{}{}", rule.remote, rule.pattern))
            .collect()
    }

    /// One after another.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }
}

/// The topic under another prefix, if it has this one and the pattern takes the rest.
fn exchanged(topic: &str, from: &str, to: &str, pattern: &str) -> Option<String> {
    let rest = topic.strip_prefix(from)?;
    takes(pattern, rest).then(|| format!("{to}{rest}"))
}

/// Whether a filter takes a topic, level by level.
fn takes(filter: &str, topic: &str) -> bool {
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    loop {
        match (filter.next(), topic.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(wanted), Some(level)) if wanted == level => {}
            // `a/#` takes `a` as well.
            (Some(_), None) | (None, Some(_)) | (Some(_), Some(_)) => {
                return false;
            }
        }
    }
}

/// `#` stands at the end and wildcards stand alone.
fn is_filter(text: &str) -> bool {
    let levels: Vec<&str> = text.split('/').collect();
    let sound = levels.iter().enumerate().all(|(at, level)| match *level {
        "#" => at + 1 == levels.len(),
        "+" => true,
        level => !level.contains(['+', '#']),
    });
    sound && !text.is_empty() && is_plain(text)
}

fn is_plain(text: &str) -> bool {
    text.len() <= REMOTE_TOPIC_MAX
        && text
            .chars()
            .all(|character| !character.is_control() && character != ';')
}

impl FromStr for Rule {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [pattern, way, qos, local, remote] = words.as_slice() else {
            return Err(());
        };
        let prefix = |text: &str| match text {
            "\"\"" => Some(String::new()),
            text if is_plain(text) && !text.contains(['+', '#']) => Some(text.to_owned()),
            _ => None,
        };
        Ok(Self {
            pattern: is_filter(pattern)
                .then(|| (*pattern).to_owned())
                .ok_or(())?,
            way: match *way {
                "out" => Way::Out,
                "in" => Way::In,
                _ => return Err(()),
            },
            // Without an acknowledgement nothing could be forgotten.
            qos: match *qos {
                "1" => 1,
                "2" => 2,
                _ => return Err(()),
            },
            local: prefix(local).ok_or(())?,
            remote: prefix(remote).ok_or(())?,
        })
    }
}

impl FromStr for Rules {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let rules = text
            .split(';')
            .map(str::trim)
            .filter(|rule| !rule.is_empty());
        let rules: Vec<Rule> = rules.map(str::parse).collect::<Result<_, _>>()?;
        (rules.len() <= RULES_MAX).then_some(Self(rules)).ok_or(())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.way {
            Way::Out => "out",
            Way::In => "in",
        };
        let prefix = |text: &str| match text {
            "" => "\"\"".to_owned(),
            text => text.to_owned(),
        };
        let (local, remote) = (prefix(&self.local), prefix(&self.remote));
        write!(f, "{} {way} {} {local} {remote}", self.pattern, self.qos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::topic;

    fn rules(text: &str) -> Rules {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_rule_that_takes_a_topic_gives_its_name_above() {
        let rules = rules("+/t/secret/# out 2 oc/1/ vault/; +/t/# out 1 oc/1/ plant/7/");
        let name = |topic: &str| rules.outward(topic).map(|out| (out.topic, out.qos));
        assert_eq!(name("oc/1/A/t/room"), Some(("plant/7/A/t/room".into(), 1)));
        assert_eq!(
            name("oc/1/A/t/secret"),
            Some(("vault/A/t/secret".into(), 2))
        );
        assert_eq!(name("oc/1/A/t/secret/x").unwrap().1, 2);
        assert_eq!(name("oc/1/A/e/door"), None);
        assert_eq!(name("oc/1/A/t"), Some(("plant/7/A/t".into(), 1)));
        let long = format!("oc/1/A/t/{}", "x".repeat(REMOTE_TOPIC_MAX));
        assert_eq!(name(&long), None, "too long above");
    }

    #[test]
    fn from_above_only_what_is_said_to_things_or_measured_elsewhere_comes_in() {
        let place = topic("oc/1/A/s").code;
        let rules = rules("# in 1 oc/1/ plant/7/");
        assert_eq!(rules.filters(), ["plant/7/#"]);
        let comes = |rest: &str| {
            let comes = rules.inward(&format!("plant/7/{place}/{rest}"));
            comes.map(|(topic, _)| topic.leaf.to_string())
        };
        for rest in ["t/room", "e/door", "c/open", "twin/desired"] {
            assert_eq!(comes(rest), Ok(rest.to_owned()));
        }
        for rest in ["w/out/gateway", "w/in", "s", "twin/reported", "r/1"] {
            assert_eq!(comes(rest), Err(Misplaced::NotFromAbove), "{rest}");
        }
        assert_eq!(comes("x"), Err(Misplaced::NoTopic));
        assert_eq!(rules.inward("other"), Err(Misplaced::NoRule));
    }

    #[test]
    fn rules_are_written_as_they_are_read_and_nothing_else_is_one() {
        let text = "+/t/# out 1 oc/1/ \"\"";
        let shown: Vec<String> = rules(text).iter().map(Rule::to_string).collect();
        assert_eq!(shown, [text]);
        assert_eq!(rules(" ; "), Rules::default());
        for wrong in [
            "t out 1 a",
            "t out 0 a b",
            "t both 1 a b",
            "a/#/b out 1 a b",
            "a# out 1 a b",
            "t out 1 a/+ b",
        ] {
            assert!(wrong.parse::<Rules>().is_err(), "{wrong}");
        }
        let many = "t out 1 a b;".repeat(RULES_MAX + 1);
        assert!(many.parse::<Rules>().is_err());
    }
}
