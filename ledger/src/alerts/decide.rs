//! What has to be told, from what a rule has told before and what is true now.

use protocol::Timestamp;

/// Things that one rule sees at once; what is beyond waits until others are over.
pub const SUBJECTS_MAX: usize = 256;

/// Something that is true now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What tells it from others of its kind: a code, a currency, a role; empty where there is but
    /// one.
    pub subject: String,
    /// How much of it there is, 1 where that says nothing: more is told, less is not.
    pub level: u64,
    /// What is the matter, in English.
    pub words: String,
    /// Where in the portal to look.
    pub path: String,
}

/// What a rule has told of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// As in [`Fact::subject`].
    pub subject: String,
    /// The level that was told, as far as it has not gone down since; 0 when it is over.
    pub mark: u64,
    /// When the last letter that it began was written.
    pub told: Timestamp,
    /// What that said.
    pub words: String,
    /// Where it led.
    pub path: String,
}

/// What a letter says of its cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is true, and was not.
    Begins,
    /// There is more of it.
    More,
    /// It is true no more.
    Over,
    /// Nothing happened: somebody tries the way to the destination.
    Trial,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Begins, Self::More, Self::Over, Self::Trial];

    /// The word in letters and columns.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Begins => "begins",
            Self::More => "more",
            Self::Over => "over",
            Self::Trial => "trial",
        }
    }

    /// The event of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.word() == word)
    }
}

/// What follows for one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A letter, and what it says is told up to the level of the fact.
    Write(Event, Fact),
    /// No letter; what was told counts up to this level. 0: it is over.
    Lower(String, u64),
    /// Over for so long that nothing has to be remembered of it.
    Forget(String),
}

/// What follows from `facts` for a rule that has told `standing`. The same condition is told once
/// until it was over, more of it is told again, and between two letters about one subject lie
/// `quiet_s`; what comes up meanwhile is told then, if it is still true.
pub fn decide(
    (quiet_s, says_over): (u32, bool),
    standing: &[Standing],
    facts: &[Fact],
    now: Timestamp,
) -> Vec<Step> {
    // A clock that was set back must not make a rule quiet for years.
    let is_quiet = |told: Timestamp| told <= now && now < told.plus_s(quiet_s);
    let known = |fact: &Fact| standing.iter().find(|one| one.subject == fact.subject);
    let is_true = |one: &Standing| facts.iter().any(|fact| fact.subject == one.subject);
    let mut steps = Vec::new();
    for one in standing.iter().filter(|one| !is_true(one)) {
        let subject = one.subject.clone();
        steps.extend(match one.mark {
            0 if is_quiet(one.told) => None,
            0 => Some(Step::Forget(subject)),
            level if says_over => {
                let (words, path) = (one.words.clone(), one.path.clone());
                let fact = Fact {
                    subject,
                    level,
                    words,
                    path,
                };
                Some(Step::Write(Event::Over, fact))
            }
            _ => Some(Step::Lower(subject, 0)),
        });
    }
    let mut room = SUBJECTS_MAX.saturating_sub(standing.len());
    for fact in facts {
        let Some(one) = known(fact) else {
            if room > 0 {
                room -= 1;
                steps.push(Step::Write(Event::Begins, fact.clone()));
            }
            continue;
        };
        if fact.level < one.mark {
            steps.push(Step::Lower(fact.subject.clone(), fact.level));
        } else if fact.level > one.mark && !is_quiet(one.told) {
            let event = match one.mark {
                0 => Event::Begins,
                _ => Event::More,
            };
            steps.push(Step::Write(event, fact.clone()));
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const QUIET_S: u32 = 100;

    fn fact(subject: &str, level: u64) -> Fact {
        Fact {
            subject: subject.to_owned(),
            level,
            words: format!("{level} of {subject}"),
            path: "/".to_owned(),
        }
    }

    /// A rule as the store keeps it: carries steps out and tells them.
    #[derive(Default)]
    struct Kept(BTreeMap<String, Standing>);

    impl Kept {
        fn look(&mut self, now: u32, says_over: bool, facts: &[(&str, u64)]) -> String {
            let facts: Vec<Fact> = facts.iter().map(|(of, level)| fact(of, *level)).collect();
            let standing: Vec<Standing> = self.0.values().cloned().collect();
            let now = Timestamp(now);
            let mut told = Vec::new();
            for step in decide((QUIET_S, says_over), &standing, &facts, now) {
                match step {
                    Step::Write(event, fact) => {
                        told.push(format!("{} {}", event.word(), fact.words));
                        let before = self.0.get(&fact.subject).map(|one| one.told);
                        let over = event == Event::Over;
                        let one = Standing {
                            mark: if over { 0 } else { fact.level },
                            told: before.filter(|_| over).unwrap_or(now),
                            words: fact.words,
                            path: fact.path,
                            subject: fact.subject.clone(),
                        };
                        self.0.insert(fact.subject, one);
                    }
                    Step::Lower(subject, level) => {
                        told.push(format!("[{subject} {level}]"));
                        self.0.get_mut(&subject).unwrap().mark = level;
                    }
                    Step::Forget(subject) => {
                        told.push(format!("[forget {subject}]"));
                        self.0.remove(&subject);
                    }
                }
            }
            told.join(", ")
        }
    }

    /// When, what is true then, and what follows.
    type Table<'a> = &'a [(u32, &'a [(&'a str, u64)], &'a str)];

    fn walk(says_over: bool, table: Table<'_>) {
        let mut kept = Kept::default();
        for (now, facts, expected) in table {
            assert_eq!(kept.look(*now, says_over, facts), *expected, "at {now}");
        }
    }

    #[test]
    fn a_condition_is_told_once_until_it_was_over() {
        walk(
            false,
            &[
                (1_000, &[("a", 1)], "begins 1 of a"),
                (1_002, &[("a", 1)], ""),
                (9_000, &[("a", 1)], ""),
                (9_002, &[], "[a 0]"),
                (9_004, &[], "[forget a]"),
                (9_006, &[("a", 1)], "begins 1 of a"),
            ],
        );
    }

    #[test]
    fn what_comes_and_goes_is_told_once_in_the_quiet_time() {
        walk(
            true,
            &[
                (1_000, &[("a", 1)], "begins 1 of a"),
                (1_010, &[], "over 1 of a"),
                (1_020, &[("a", 1)], ""),
                (1_030, &[], ""),
                (1_040, &[("a", 1)], ""),
                (1_099, &[("a", 1)], ""),
                (1_100, &[("a", 1)], "begins 1 of a"),
                (1_110, &[], "over 1 of a"),
                (1_199, &[], ""),
                (1_200, &[], "[forget a]"),
            ],
        );
    }

    #[test]
    fn more_is_told_after_the_quiet_time_and_less_is_not() {
        walk(
            false,
            &[
                (1_000, &[("a", 2)], "begins 2 of a"),
                (1_010, &[("a", 3)], ""),
                (1_050, &[("a", 5)], ""),
                (1_100, &[("a", 5)], "more 5 of a"),
                (1_300, &[("a", 4)], "[a 4]"),
                (1_302, &[("a", 5)], "more 5 of a"),
                (1_500, &[("a", 5)], ""),
            ],
        );
    }

    #[test]
    fn subjects_are_told_apart() {
        walk(
            true,
            &[
                (1_000, &[("a", 1), ("b", 1)], "begins 1 of a, begins 1 of b"),
                (1_010, &[("b", 1), ("c", 1)], "over 1 of a, begins 1 of c"),
            ],
        );
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_quiet() {
        walk(
            false,
            &[
                (9_000, &[("a", 1)], "begins 1 of a"),
                (1_000, &[("a", 2)], "more 2 of a"),
            ],
        );
    }

    #[test]
    fn a_rule_sees_only_so_many_subjects() {
        let facts: Vec<Fact> = (0..SUBJECTS_MAX + 9)
            .map(|number| fact(&number.to_string(), 1))
            .collect();
        let steps = decide((0, false), &[], &facts, Timestamp(1));
        assert_eq!(steps.len(), SUBJECTS_MAX);
    }
}
