//! One gateway among several, or their centre: a real ledger on a file that lies in memory, and a
//! small desk that settles what is under its own allowances and relays the rest.

use super::super::authority::{network, sealed};
use super::cast::{CENTRE, Cast};
use super::sabotage::Sabotage;
use ledger::federation::{Block, Moving, Parcel, RelayOrder, Taken};
use ledger::rules::settle::Fate;
use ledger::views::{AccusationRow, FraudSummary, Page};
use ledger::{CoveredEvidence, Evidence, InboxEntry, Ledger, LoadOrder, Owned, Policy};
use protocol::cose::open;
use protocol::covers::Items;
use protocol::message::Message;
use protocol::objects::{Allowance, Object, Pass, Payment, Receipt, Renewal, Statement};
use protocol::{Code, Currency, Digest, PublicKey, Signer, Status, Timestamp};
use std::path::Path;
use std::rc::Rc;
use tokio::runtime::Runtime;

/// Inbox entries that one visit takes along.
const PAGE: u32 = 16;

/// A running office. While it is `away` nobody reaches it; its books are still looked into.
pub(crate) struct Office {
    pub(crate) number: usize,
    pub(crate) code: Code,
    /// Until when nobody reaches it, in milliseconds.
    pub(crate) away_until_ms: u64,
    /// How far the centre has copied its journal, as it was told.
    pub(crate) copied: u64,
    cast: &'static Cast,
    sabotage: Option<Sabotage>,
    policy: Policy,
    share_permille: u32,
    runtime: Rc<Runtime>,
    path: std::path::PathBuf,
    ledger: Ledger,
}

/// What an office says to a message: another message, or a refusal.
pub(crate) type Answer = Result<Vec<u8>, Status>;

impl Office {
    pub(crate) fn new(
        cast: &'static Cast,
        number: usize,
        (mut policy, share_permille, sabotage): (Policy, u32, Option<Sabotage>),
        runtime: &Rc<Runtime>,
        folder: &Path,
    ) -> Self {
        if let Some(sabotage) = sabotage {
            policy.grace_s = sabotage.grace_s(number, policy.grace_s);
        }
        let path = folder.join(format!("{number}.db"));
        cast.put_books(number, &path);
        let bearings = cast.bearings(number, &policy, share_permille, 1);
        let ledger = runtime.block_on(Ledger::open(&path, bearings)).unwrap();
        Self {
            number,
            code: cast.offices[number].code,
            away_until_ms: 0,
            copied: 0,
            cast,
            sabotage,
            policy,
            share_permille,
            runtime: runtime.clone(),
            path,
            ledger,
        }
    }

    /// For the log.
    pub(crate) fn name(&self) -> String {
        match self.number {
            CENTRE => "centre".into(),
            number => format!("g{number}"),
        }
    }

    pub(crate) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Falls down and is back at once, with what was committed.
    pub(crate) fn restart(&mut self) {
        self.runtime.block_on(self.ledger.close());
        let bearings = self
            .cast
            .bearings(self.number, &self.policy, self.share_permille, 1);
        let opened = Ledger::open(&self.path, bearings);
        self.ledger = self.runtime.block_on(opened).unwrap();
    }

    pub(crate) fn close(&self) {
        self.runtime.block_on(self.ledger.close());
    }

    // -------------------------------------------------------------------------- for the others

    /// What waits for another office, as it leaves this one.
    pub(crate) fn parcels(&self, to: &Code, most: u32) -> Vec<Parcel> {
        let waiting = self.letters(to, 0, most);
        let Some(sabotage) = self.sabotage else {
            return waiting;
        };
        let posted = waiting.into_iter().map(|p| sabotage.posted(self.number, p));
        posted.collect()
    }

    /// What waits for another office, behind a letter.
    pub(crate) fn letters(&self, to: &Code, after: u64, most: u32) -> Vec<Parcel> {
        let waiting = self.ledger.parcels(to, after, most);
        self.runtime.block_on(waiting).unwrap()
    }

    /// Signs an object with this office's key.
    pub(crate) fn signs<T: Object>(&self, object: &T) -> Vec<u8> {
        sealed(object, &self.cast.offices[self.number].key)
    }

    /// Whose home a purse is, and until when, as far as these books know.
    pub(crate) fn home_of(&self, code: &Code) -> Option<(Code, Timestamp)> {
        let home = self.runtime.block_on(self.ledger.home(code)).unwrap();
        home.map(|home| (home.home, home.ends))
    }

    pub(crate) fn deliver(&self, parcel: Parcel, now: Timestamp) -> Result<Taken, Status> {
        self.runtime.block_on(self.ledger.deliver(parcel, now))
    }

    pub(crate) fn delivered(&self, by: &Code, taken: Taken) -> Result<(), Status> {
        self.runtime.block_on(self.ledger.delivered(by, taken))
    }

    pub(crate) fn block(&self, after: u64, most: u32) -> Block {
        let block = self.ledger.journal_block(after, most);
        self.runtime.block_on(block).unwrap()
    }

    pub(crate) fn copy(&self, from: &Code, block: Block) -> Result<u64, Status> {
        self.runtime.block_on(self.ledger.copy_block(from, block))
    }

    pub(crate) fn sweep(&self, now: Timestamp) -> Result<(), Status> {
        self.runtime.block_on(self.ledger.sweep(now))
    }

    /// One turn of giving overdue money back; how many payments went back.
    pub(crate) fn return_overdue(&self, now: Timestamp) -> u32 {
        let returned = self.ledger.return_overdue(now, 64);
        self.runtime.block_on(returned).unwrap().0
    }

    // -------------------------------------------------------------------------------- for things

    /// A message that a thing brings. `pass_of` finds the pass that came along with a receipt.
    pub(crate) fn handle(
        &self,
        by: Code,
        message: &[u8],
        pass_of: &dyn Fn(&Code) -> Vec<u8>,
        now: Timestamp,
    ) -> Answer {
        let read = Message::read(message)?;
        let answer = match read {
            Message::Renewal { renewal } => {
                let key = key_in(&pass_of(&open::<Renewal>(renewal, &network())?.peek().code))?;
                let renewal = owned::<Renewal>(renewal, &key)?;
                self.runtime.block_on(self.ledger.renew(renewal, now))?
            }
            Message::Evidence { allowance, payment } if self.gave(allowance) => {
                let evidence = self.evidence(allowance, payment)?.brought_by(by);
                let handed_in = self.ledger.hand_in(evidence, None, now);
                self.runtime.block_on(handed_in)?
            }
            Message::Claim {
                allowance,
                payment,
                receipt,
            } if self.gave(allowance) => {
                let evidence = self.evidence(allowance, payment)?.brought_by(by);
                let receipt = signed_for(&evidence, receipt, pass_of)?;
                let handed_in = self.ledger.hand_in(evidence, Some(receipt), now);
                self.runtime.block_on(handed_in)?
            }
            Message::Covered { items, receipt } if self.gave_all(items)? => {
                let items = Items::read(items)?;
                let key = self.cast.offices[self.number].key.public_key();
                let key_of = |gateway: &Code| (*gateway == self.code).then_some(key);
                let covered = CoveredEvidence::check(&items, &network(), key_of, |_, _| Ok(()))?;
                let last = covered.last().ok_or(Status::Malformed)?.clone();
                let receipt = match receipt {
                    Some(receipt) => Some(signed_for(&last, receipt, pass_of)?),
                    None => None,
                };
                let covered = covered.brought_by(by);
                let handed_in = self.ledger.hand_in_covered(covered, receipt, now);
                self.runtime.block_on(handed_in)?
            }
            Message::Evidence { .. } | Message::Claim { .. } | Message::Covered { .. } => {
                let order = RelayOrder {
                    message: message.to_vec(),
                    pass: payee_of(&read)?.map_or_else(Vec::new, |payee| pass_of(&payee)),
                    bringer: Some(by),
                };
                self.runtime.block_on(self.ledger.relay(order, now))?
            }
            _ => return Err(Status::NotForYou),
        };
        Ok(match self.sabotage {
            Some(sabotage) => sabotage.answered(self, answer.message),
            None => answer.message,
        })
    }

    fn gave(&self, allowance: &[u8]) -> bool {
        open::<Allowance>(allowance, &network()).is_ok_and(|a| a.peek().gateway == self.code)
    }

    fn gave_all(&self, items: &[u8]) -> Result<bool, Status> {
        let items = Items::read(items)?;
        Ok(items.iter().all(|item| self.gave(item.allowance)))
    }

    fn evidence(&self, allowance: &[u8], payment: &[u8]) -> Result<Evidence, Status> {
        let key = self.cast.offices[self.number].key.public_key();
        let allowance = open::<Allowance>(allowance, &network())?.verify(&key)?;
        let payment = open::<Payment>(payment, &network())?.verify(&allowance.get().wallet_key)?;
        Evidence::new(&allowance, &payment)
    }

    pub(crate) fn inbox(&self, code: &Code) -> Vec<InboxEntry> {
        let inbox = self.ledger.inbox(code, 0, PAGE);
        self.runtime.block_on(inbox).unwrap()
    }

    pub(crate) fn acknowledge(&self, code: &Code, up_to: u64) {
        // Not every office has an inbox for it.
        let _ = self.runtime.block_on(self.ledger.acknowledge(code, up_to));
    }

    pub(crate) fn news(&self) -> Vec<Vec<u8>> {
        self.runtime.block_on(self.ledger.news()).unwrap()
    }

    pub(crate) fn move_home(
        &self,
        order: &[u8],
        pass: &[u8],
        now: Timestamp,
    ) -> Result<Moving, Status> {
        let moving = self.ledger.move_home(order, pass, now);
        self.runtime.block_on(moving)
    }

    // ----------------------------------------------------------------------------- the treasurer

    pub(crate) fn load(&self, order: LoadOrder, now: Timestamp) -> Result<(), Status> {
        let loaded = self.ledger.load(order, now);
        self.runtime.block_on(loaded).map(drop)
    }

    pub(crate) fn withdraw(
        &self,
        order: LoadOrder,
        now: Timestamp,
    ) -> Result<ledger::federation::WithdrawalState, Status> {
        self.runtime.block_on(self.ledger.withdraw(order, now))
    }

    // ------------------------------------------------------------------------------ for the checks

    /// What a code holds here in a currency: free, and behind allowances.
    pub(crate) fn holds(&self, code: &Code, currency: Currency) -> (u64, u64) {
        let views = self.runtime.block_on(self.ledger.purse(code)).unwrap();
        let of = views.iter().filter(|view| view.row.currency == currency);
        of.fold((0, 0), |(free, reserved), view| {
            let row = &view.row;
            (free + row.free.get(), reserved + row.reserved.get())
        })
    }

    /// What became of a payment here, and how much of it reached its payee.
    pub(crate) fn fate(&self, id: &Digest) -> Option<(Fate, u64)> {
        let detail = self.runtime.block_on(self.ledger.payment(id)).unwrap()?;
        let row = detail.row;
        let statement = detail.statement.unwrap_or_default();
        let paid = open::<Statement>(&statement, &network());
        let paid = paid.ok().and_then(|statement| statement.peek().paid);
        Some(match row.fate {
            Fate::Settled => (row.fate, paid.unwrap_or(row.amount).get()),
            _ => (row.fate, 0),
        })
    }

    pub(crate) fn frauds(&self) -> Vec<FraudSummary> {
        let page = Page::first(200);
        let cases = self.runtime.block_on(self.ledger.fraud_cases(&page));
        cases.unwrap().rows
    }

    pub(crate) fn accusations(&self) -> Vec<(AccusationRow, Vec<u8>)> {
        let page = Page::first(200);
        let cases = self.runtime.block_on(self.ledger.accusation_cases(&page));
        let cases = cases.unwrap().rows.into_iter();
        let proven = cases.map(|row| {
            let proof = self.ledger.accusation_proof(row.number);
            let proof = self.runtime.block_on(proof).unwrap();
            (row, proof.unwrap_or_default())
        });
        proven.collect()
    }

    pub(crate) fn letters_refused(&self) -> u64 {
        let refused = self.ledger.letters_refused();
        self.runtime.block_on(refused).unwrap()
    }

    pub(crate) fn relays_open(&self) -> u64 {
        self.runtime.block_on(self.ledger.relays_open()).unwrap()
    }

    /// The whole chain, all balances, all signatures.
    pub(crate) fn verify(&self) -> Result<(), String> {
        let verified = self.runtime.block_on(self.ledger.verify());
        verified.map(drop).map_err(|error| error.to_string())
    }
}

fn key_in(pass: &[u8]) -> Result<PublicKey, Status> {
    Ok(open::<Pass>(pass, &network())?.peek().key.0)
}

fn owned<T: Object>(bytes: &[u8], key: &PublicKey) -> Result<Owned<T>, Status> {
    Ok(Owned::from(open::<T>(bytes, &network())?.verify(key)?))
}

fn signed_for(
    evidence: &Evidence,
    receipt: &[u8],
    pass_of: &dyn Fn(&Code) -> Vec<u8>,
) -> Result<Owned<Receipt>, Status> {
    let payment = evidence.payment();
    let receipt = owned::<Receipt>(receipt, &key_in(&pass_of(&payment.get().payee))?)?;
    let said = receipt.get();
    match said.payment == payment.id() && said.payee == payment.get().payee {
        true => Ok(receipt),
        false => Err(Status::WrongReceipt),
    }
}

/// Who signed the receipt that came along, if one did.
fn payee_of(message: &Message<'_>) -> Result<Option<Code>, Status> {
    let receipt = match *message {
        Message::Claim { receipt, .. } => Some(receipt),
        Message::Covered { receipt, .. } => receipt,
        _ => None,
    };
    match receipt {
        Some(receipt) => Ok(Some(open::<Receipt>(receipt, &network())?.peek().payee)),
        None => Ok(None),
    }
}
