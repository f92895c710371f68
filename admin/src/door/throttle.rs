//! Slows down guessing: of passwords by name and address together, by name, and by address; of codes
//! by name alone.

use protocol::Timestamp;
use std::collections::HashMap;

/// Keys remembered at once; the stalest give way.
const KEYS_MAX: usize = 4_096;
/// Failures older than this are forgotten.
const MEMORY_S: u32 = 3_600;

/// Free tries, then the first wait, doubled at every failure up to the longest.
struct Rule {
    free: u32,
    first_wait_s: u32,
    longest_wait_s: u32,
}

/// One address guessing one name.
const PAIR: Rule = Rule {
    free: 5,
    first_wait_s: 15,
    longest_wait_s: 900,
};
/// Many addresses guessing one name: never so long that its owner is kept out for good.
const NAME: Rule = Rule {
    free: 20,
    first_wait_s: 5,
    longest_wait_s: 60,
};
/// One address guessing many names.
const ADDRESS: Rule = Rule {
    free: 40,
    first_wait_s: 15,
    longest_wait_s: 900,
};

/// Whoever guesses codes knows the password, and may come from anywhere.
const CODE: Rule = Rule {
    free: 5,
    first_wait_s: 15,
    longest_wait_s: 900,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Code(String),
    Pair(String, String),
    Name(String),
    Address(String),
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Timestamp,
}

/// How long to wait before the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// At least this long.
    pub seconds: u32,
}

/// The table of failures.
#[derive(Debug, Default)]
pub struct Throttle {
    failures: HashMap<Key, Failures>,
}

impl Throttle {
    /// Counts a try before it is made, so that tries made at once are all counted; a refused one
    /// does not count.
    pub fn attempt(&mut self, name: &str, address: &str, now: Timestamp) -> Result<(), Wait> {
        self.attempt_all(&keys(name, address), now)
    }

    /// As [`Throttle::attempt`], for a code after the password.
    pub fn attempt_code(&mut self, name: &str, now: Timestamp) -> Result<(), Wait> {
        self.attempt_all(&[(Key::Code(name.to_owned()), CODE)], now)
    }

    /// As [`Throttle::attempt`], for who asks something of others through this house.
    pub fn attempt_from(&mut self, address: &str, now: Timestamp) -> Result<(), Wait> {
        self.attempt_all(&[(Key::Address(address.to_owned()), ADDRESS)], now)
    }

    /// It was answered as it should be.
    pub fn succeeded_from(&mut self, address: &str) {
        if let Some(failures) = self.failures.get_mut(&Key::Address(address.to_owned())) {
            failures.count = failures.count.saturating_sub(1);
        }
    }

    /// The code was right.
    pub fn succeeded_code(&mut self, name: &str) {
        self.failures.remove(&Key::Code(name.to_owned()));
    }

    fn attempt_all(&mut self, keys: &[(Key, Rule)], now: Timestamp) -> Result<(), Wait> {
        let longest = keys
            .iter()
            .filter_map(|(key, rule)| rule.wait(self.failures.get(key)?, now))
            .max();
        if let Some(seconds) = longest {
            return Err(Wait { seconds });
        }
        for (key, _) in keys {
            self.count(key.clone(), now);
        }
        Ok(())
    }

    /// The try was right: the name is forgotten. The address only gets this one try back, or an
    /// account of one's own would be enough to go on guessing from it.
    pub fn succeeded(&mut self, name: &str, address: &str) {
        for (key, _) in keys(name, address) {
            if !matches!(key, Key::Address(_)) {
                self.failures.remove(&key);
            } else if let Some(failures) = self.failures.get_mut(&key) {
                failures.count = failures.count.saturating_sub(1);
            }
        }
    }

    fn count(&mut self, key: Key, now: Timestamp) {
        if self.failures.len() >= KEYS_MAX && !self.failures.contains_key(&key) {
            self.make_room(now);
        }
        let entry = self.failures.entry(key).or_insert(Failures {
            count: 0,
            last: now,
        });
        if now.0.saturating_sub(entry.last.0) > MEMORY_S {
            entry.count = 0;
        }
        entry.count = entry.count.saturating_add(1);
        entry.last = now;
    }

    /// Drops what is forgotten anyway, else the quarter with the fewest failures: a flood of new
    /// names must not wash out the one being guessed.
    fn make_room(&mut self, now: Timestamp) {
        self.failures
            .retain(|_, failures| now.0.saturating_sub(failures.last.0) <= MEMORY_S);
        if self.failures.len() < KEYS_MAX {
            return;
        }
        let mut by_count: Vec<(u32, u32, Key)> = self
            .failures
            .iter()
            .map(|(key, failures)| (failures.count, failures.last.0, key.clone()))
            .collect();
        by_count.sort_by_key(|(count, last, _)| (*count, *last));
        for (_, _, key) in by_count.into_iter().take(KEYS_MAX / 4) {
            self.failures.remove(&key);
        }
    }
}

impl Rule {
    /// Seconds left to wait, `None` when there is nothing to wait for.
    fn wait(&self, failures: &Failures, now: Timestamp) -> Option<u32> {
        if now.0.saturating_sub(failures.last.0) > MEMORY_S {
            return None;
        }
        let beyond = failures.count.checked_sub(self.free)?;
        let wait_s = self
            .first_wait_s
            .saturating_mul(1 << beyond.min(16))
            .min(self.longest_wait_s);
        let until = failures.last.plus_s(wait_s);
        until.0.checked_sub(now.0).filter(|left| *left > 0)
    }
}

fn keys(name: &str, address: &str) -> [(Key, Rule); 3] {
    let name = name.trim().to_lowercase();
    [
        (Key::Pair(name.clone(), address.to_owned()), PAIR),
        (Key::Name(name), NAME),
        (Key::Address(address.to_owned()), ADDRESS),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    #[test]
    fn guessing_one_name_from_one_address_gets_slower() {
        let mut throttle = Throttle::default();
        for _ in 0..PAIR.free {
            assert_eq!(throttle.attempt("ada", "10.0.0.1", NOW), Ok(()));
        }
        let wait = Wait { seconds: 15 };
        assert_eq!(throttle.attempt(" ADA ", "10.0.0.1", NOW), Err(wait));
        // Somebody else's address is not kept out.
        assert_eq!(throttle.attempt("ada", "10.0.0.2", NOW), Ok(()));
        let later = NOW.plus_s(15);
        assert_eq!(throttle.attempt("ada", "10.0.0.1", later), Ok(()));
        let wait = Wait { seconds: 30 };
        assert_eq!(throttle.attempt("ada", "10.0.0.1", later), Err(wait));
    }

    #[test]
    fn many_addresses_guessing_one_name_get_slower() {
        let mut throttle = Throttle::default();
        for i in 0..NAME.free {
            assert_eq!(throttle.attempt("ada", &i.to_string(), NOW), Ok(()));
        }
        let wait = Wait { seconds: 5 };
        assert_eq!(throttle.attempt("ada", "new", NOW), Err(wait));
        assert_eq!(throttle.attempt("bob", "new", NOW), Ok(()));
    }

    #[test]
    fn one_address_guessing_many_names_gets_slower() {
        let mut throttle = Throttle::default();
        for i in 0..ADDRESS.free {
            assert_eq!(throttle.attempt(&i.to_string(), "10.0.0.1", NOW), Ok(()));
        }
        assert!(throttle.attempt("new", "10.0.0.1", NOW).is_err());
    }

    #[test]
    fn ten_thousand_guesses_take_weeks() {
        let mut throttle = Throttle::default();
        let (mut now, mut tried) = (NOW, 0);
        while tried < 100 {
            match throttle.attempt("ada", "10.0.0.1", now) {
                Ok(()) => tried += 1,
                Err(wait) => now = now.plus_s(wait.seconds),
            }
        }
        assert!(now.0 - NOW.0 > 80 * 800, "{}", now.0 - NOW.0);
    }

    #[test]
    fn guessing_codes_gets_slower_wherever_it_comes_from_and_apart_from_passwords() {
        let mut throttle = Throttle::default();
        for _ in 0..CODE.free {
            assert_eq!(throttle.attempt_code("ada", NOW), Ok(()));
        }
        let wait = Wait { seconds: 15 };
        assert_eq!(throttle.attempt_code("ada", NOW), Err(wait));
        assert_eq!(throttle.attempt("ada", "a", NOW), Ok(()));
        // Knowing the password forgives no code.
        throttle.succeeded("ada", "a");
        assert_eq!(throttle.attempt_code("ada", NOW), Err(wait));
        throttle.succeeded_code("ada");
        assert_eq!(throttle.attempt_code("ada", NOW), Ok(()));
    }

    #[test]
    fn success_and_time_forget() {
        let mut throttle = Throttle::default();
        for _ in 0..PAIR.free {
            throttle.attempt("ada", "a", NOW).unwrap();
        }
        throttle.succeeded("Ada", "a");
        assert_eq!(throttle.attempt("ada", "a", NOW), Ok(()));
        for _ in 1..PAIR.free {
            throttle.attempt("ada", "a", NOW).unwrap();
        }
        assert!(throttle.attempt("ada", "a", NOW).is_err());
        assert_eq!(
            throttle.attempt("ada", "a", NOW.plus_s(MEMORY_S + 1)),
            Ok(())
        );
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_one_being_guessed() {
        let mut throttle = Throttle::default();
        for _ in 0..PAIR.free {
            throttle.attempt("ada", "a", NOW).unwrap();
        }
        for i in 0..20_000 {
            let _ = throttle.attempt(&format!("n{i}"), &format!("a{i}"), NOW);
            assert!(throttle.failures.len() <= KEYS_MAX);
        }
        assert!(throttle.attempt("ada", "a", NOW).is_err());
    }
}
