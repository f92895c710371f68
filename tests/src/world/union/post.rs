//! Letters between the gateways and their centre, over links that lose, repeat, reorder and delay
//! them, and fall apart; copies of journals the same way.

use super::super::links::Party;
use super::cast::CENTRE;
use super::{Happening, Union, sabotage};
use ledger::federation::{Block, Parcel, Taken};
use protocol::Status;

/// Letters that leave at one time.
const LETTERS_AT_ONCE: u32 = 12;
/// Journal entries that leave at one time.
const ENTRIES_AT_ONCE: u32 = 64;
/// Between two letters of one round: they leave in order, and may still overtake each other.
const APART_MS: u64 = 4_000;
/// Between two rounds of one office.
pub(crate) const ROUND_MS: u64 = 5 * 60_000;
/// Rounds until everything that waited has come, when nothing is lost.
const ROUNDS_MOST: u32 = 200;

/// What travels between offices.
#[derive(Clone, Debug)]
pub(crate) enum Mail {
    /// A letter.
    Parcel(Parcel),
    /// How far the letters of the one it is for were taken.
    Taken(Taken),
    /// Part of a journal.
    Block(Block),
    /// How far a journal is copied.
    Copied(u64),
}

impl Union {
    /// An office sends everything that waits.
    pub(crate) fn posts(&mut self, office: usize) {
        let in_ms = self.chance.between(ROUND_MS / 2, ROUND_MS * 3 / 2);
        self.schedule.plan(in_ms, Happening::Posts(office));
        if self.is_away(office) {
            return;
        }
        self.notes_letters(office);
        for peer in self.peers(office) {
            let code = self.offices[peer].code;
            let waiting = self.offices[office].parcels(&code, LETTERS_AT_ONCE);
            for (parcel, place) in waiting.into_iter().zip(0..) {
                self.mail(office, peer, place * APART_MS, Mail::Parcel(parcel));
            }
        }
        if office != CENTRE {
            let block = self.offices[office].block(self.offices[office].copied, ENTRIES_AT_ONCE);
            if !block.entries.is_empty() {
                self.mail(office, CENTRE, 0, Mail::Block(block));
            }
        }
    }

    /// With whom an office exchanges letters.
    pub(crate) fn peers(&self, office: usize) -> Vec<usize> {
        match office {
            CENTRE => (1..self.offices.len()).collect(),
            _ => vec![CENTRE],
        }
    }

    fn mail(&mut self, from: usize, to: usize, after_ms: u64, mail: Mail) {
        let arrivals = self.links.carry(Party::Gateway(from), Party::Gateway(to));
        match arrivals.len() {
            0 => self.tally.count("letters lost"),
            1 => {}
            _ => self.tally.count("letters repeated"),
        }
        for in_ms in arrivals {
            let happening = Happening::Arrives(from, to, mail.clone());
            self.schedule.plan(after_ms + in_ms, happening);
        }
    }

    /// Something arrives at an office.
    pub(crate) fn arrives(&mut self, from: usize, to: usize, mail: Mail) {
        // Whoever is away hears nothing; a link that fell apart meanwhile carries nothing.
        let joined = self.links.joined(Party::Gateway(from), Party::Gateway(to));
        if self.is_away(to) || !joined {
            return;
        }
        if let Some(answer) = self.takes(from, to, mail) {
            self.mail(to, from, 0, answer);
        }
    }

    /// What the office does with it, and what it answers.
    pub(crate) fn takes(&mut self, from: usize, to: usize, mail: Mail) -> Option<Mail> {
        let now = self.now();
        let office = &mut self.offices[to];
        match mail {
            Mail::Parcel(parcel) => {
                let (number, letter) = (parcel.number, parcel.bytes.clone());
                let taken = office.deliver(parcel, now);
                match taken {
                    Ok(taken) => {
                        self.tally.count("letters delivered");
                        if taken.up_to >= number {
                            self.was_taken((from, to), number, &letter);
                        }
                        Some(Mail::Taken(taken))
                    }
                    Err(Status::Busy) => {
                        self.tally.count("letters put off");
                        None
                    }
                    Err(status) => {
                        let (from, to) = (self.offices[from].name(), self.offices[to].name());
                        let what = format!("letter {number} of {from} to {to}: {status}");
                        self.fail("a letter is taken", what);
                        None
                    }
                }
            }
            Mail::Taken(taken) => {
                let by = self.offices[from].code;
                let done = self.offices[to].delivered(&by, taken);
                if let Err(status) = done {
                    self.fail("a receipt of letters is taken", status.to_string());
                }
                None
            }
            Mail::Block(block) => {
                let by = self.offices[from].code;
                match self.offices[to].copy(&by, block) {
                    Ok(height) => Some(Mail::Copied(height)),
                    Err(status) => {
                        self.fail("a journal is copied", status.to_string());
                        None
                    }
                }
            }
            Mail::Copied(height) => {
                office.copied = height;
                None
            }
        }
    }

    /// A letter has been carried out; it may be a repeated one.
    fn was_taken(&mut self, (from, to): (usize, usize), number: u64, letter: &[u8]) {
        let now_ms = self.schedule.now_ms();
        self.delays.taken(from, to, number, now_ms);
        if from == CENTRE {
            self.witness.hears_of_centre(to, now_ms);
        }
        sabotage::taken(self, to, letter);
    }

    /// Everything between all offices that are there, with nothing lost.
    pub(crate) fn exchange(&mut self) {
        for gateway in 1..self.offices.len() {
            for (from, to) in [(gateway, CENTRE), (CENTRE, gateway)] {
                if self.is_away(from) || self.is_away(to) {
                    continue;
                }
                self.carries(from, to);
                if to == CENTRE {
                    self.copy_all(gateway);
                }
            }
        }
    }

    fn carries(&mut self, from: usize, to: usize) {
        let code = self.offices[to].code;
        for _ in 0..ROUNDS_MOST {
            let waiting = self.offices[from].parcels(&code, 1_000);
            if waiting.is_empty() || self.broken.is_some() {
                return;
            }
            for parcel in waiting {
                match self.takes(from, to, Mail::Parcel(parcel)) {
                    Some(answer) => self.takes(to, from, answer),
                    None => return,
                };
            }
        }
    }

    fn copy_all(&mut self, gateway: usize) {
        loop {
            let block = self.offices[gateway].block(self.offices[gateway].copied, ENTRIES_AT_ONCE);
            let last = block.entries.is_empty();
            if let Some(answer) = self.takes(gateway, CENTRE, Mail::Block(block)) {
                self.takes(CENTRE, gateway, answer);
            }
            if last || self.broken.is_some() {
                return;
            }
        }
    }
}
