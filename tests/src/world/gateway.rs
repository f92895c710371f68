//! A gateway: the real desk over the real ledger, on a file that lies in memory. It can fall down
//! between the commit and the answer, and comes back with what was committed.

use super::authority::{House, shelf};
use super::schedule::told;
use bytes::Bytes;
use gateway::tree::{Caller, Door, Peer, WalletDesk};
use gateway::wallet::{Desk, News};
use ledger::views::{AccusationRow, Conservation, FraudSummary, Page, PurseView};
use ledger::{
    AreaRow, ClaimOrder, Decided, FundOrder, InboxEntry, Ledger, LoadOrder, NewKey, Policy,
    ThingState, Way,
};
use protocol::code::grid::Cell;
use protocol::{Code, Currency, Reference, Signer, Status, Timestamp};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Fraud cases read at once; no world has more.
const CASES_MOST: u32 = 200;

/// A running gateway, or one that is down.
pub(crate) struct Gateway {
    pub(crate) code: Code,
    house: &'static House,
    office: usize,
    policy: Policy,
    runtime: Runtime,
    folder: tempfile::TempDir,
    running: Option<(Ledger, Desk)>,
}

/// What the gateway answers: a message, or a refusal.
pub(crate) type Answer = Result<Vec<u8>, Status>;

impl Gateway {
    pub(crate) fn new(house: &'static House, office: usize, policy: Policy) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let folder = tempfile::tempdir_in(shelf()).unwrap();
        house.put_books(&folder.path().join("books.db"));
        let mut gateway = Self {
            code: house.offices[office].code,
            house,
            office,
            policy,
            runtime,
            folder,
            running: None,
        };
        gateway.up();
        gateway
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("books.db")
    }

    /// Opens the books, if they are closed.
    pub(crate) fn up(&mut self) {
        if self.running.is_some() {
            return;
        }
        let (house, office) = (self.house, self.office);
        let bearings = house.bearings(office, &self.policy);
        let news = News::new(self.code, house.trust.network, bearings.signer.clone());
        let ledger = self
            .runtime
            .block_on(Ledger::open(&self.path(), bearings))
            .unwrap();
        let desk = Desk {
            ledger: ledger.clone(),
            trust: house.trust,
            gateway: self.code,
            gateway_key: house.offices[office].key.public_key(),
            news: Arc::new(news),
            offers: Default::default(),
            meters: Default::default(),
            clock: told,
        };
        self.running = Some((ledger, desk));
    }

    /// Falls down. What was committed stays.
    pub(crate) fn down(&mut self) {
        if let Some((ledger, _)) = self.running.take() {
            self.runtime.block_on(ledger.close());
        }
    }

    /// Another gateway of the same name, with a copy of these books.
    pub(crate) fn copy(&mut self) -> Self {
        self.down();
        let folder = tempfile::tempdir_in(shelf()).unwrap();
        // What is not yet moved out of the write-ahead log belongs to the books.
        for name in ["books.db", "books.db-wal"] {
            let from = self.folder.path().join(name);
            if from.exists() {
                std::fs::copy(from, folder.path().join(name)).unwrap();
            }
        }
        self.up();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let mut copy = Self {
            code: self.code,
            house: self.house,
            office: self.office,
            policy: self.policy,
            runtime,
            folder,
            running: None,
        };
        copy.up();
        copy
    }

    pub(crate) const fn is_up(&self) -> bool {
        self.running.is_some()
    }

    fn ledger(&self) -> &Ledger {
        &self.running.as_ref().unwrap().0
    }

    /// One message through the desk; `by` was authenticated at a door.
    pub(crate) fn handle(&self, by: Option<Code>, message: &[u8]) -> Answer {
        let desk = &self.running.as_ref().unwrap().1;
        let caller = by.map(|code| Caller {
            code,
            door: Door::Mqtt,
        });
        let message = Bytes::copy_from_slice(message);
        let answer = desk.handle(caller, Peer::Gateway, message);
        match self.runtime.block_on(answer) {
            Ok(answer) => Ok(answer.unwrap_or_default()),
            Err(declined) => Err(declined.status),
        }
    }

    pub(crate) fn inbox(&self, code: &Code, most: u32) -> Vec<InboxEntry> {
        let inbox = self.ledger().inbox(code, 0, most);
        self.runtime.block_on(inbox).unwrap()
    }

    pub(crate) fn acknowledge(&self, code: &Code, up_to: u64) {
        let done = self.ledger().acknowledge(code, up_to);
        self.runtime.block_on(done).unwrap();
    }

    /// One turn of giving overdue money back; how many payments went back.
    pub(crate) fn return_overdue(&self, now: Timestamp) -> u32 {
        let returned = self.ledger().return_overdue(now, 64);
        self.runtime.block_on(returned).unwrap().0
    }

    pub(crate) fn load(&self, order: LoadOrder, now: Timestamp) -> Result<(), Status> {
        let loaded = self.ledger().load(order, now);
        self.runtime.block_on(loaded).map(|_| ())
    }

    pub(crate) fn redeem(&self, order: LoadOrder, now: Timestamp) -> Result<(), Status> {
        let redeemed = self.ledger().redeem(order, now);
        self.runtime.block_on(redeemed).map(|_| ())
    }

    pub(crate) fn set_state(&self, code: &Code, state: ThingState, now: Timestamp) {
        let set = self.ledger().set_state(code, state, "world", "world", now);
        self.runtime.block_on(set).unwrap();
    }

    /// The code signs with another key from now on.
    pub(crate) fn replace_key(&self, new: NewKey, now: Timestamp) {
        let replaced = self.ledger().replace_wallet_key(new, now);
        self.runtime.block_on(replaced).unwrap();
    }

    /// What a dead thing held goes to its owner's new code.
    pub(crate) fn recover(&self, from: &Code, to: &Code, now: Timestamp) {
        let recovered = self.ledger().recover(from, to, "world", now);
        self.runtime.block_on(recovered).unwrap();
    }

    /// Puts money into what stands behind forks.
    pub(crate) fn fund(&self, order: FundOrder, now: Timestamp) {
        let funded = self.ledger().fund(order, Way::Load, now);
        self.runtime.block_on(funded).unwrap();
    }

    /// A person decides about a claim.
    pub(crate) fn decide_claim(
        &self,
        order: ClaimOrder,
        now: Timestamp,
    ) -> Result<Decided, Status> {
        let decided = self.ledger().decide_claim(order, now);
        self.runtime.block_on(decided)
    }

    pub(crate) fn set_owner(&self, code: &Code, owner: &Code, now: Timestamp) {
        let set = self.ledger().set_owner(code, owner, "world", now);
        self.runtime.block_on(set).unwrap();
    }

    pub(crate) fn enrol(&self, owner: &Code, now: Timestamp) {
        let enrolled = self.ledger().enrol_owner(owner, "somebody", "world", now);
        self.runtime.block_on(enrolled).unwrap();
    }

    /// A set of places that allowances may be good in.
    pub(crate) fn define_area(&self, cells: &[Cell], name: &str, now: Timestamp) -> AreaRow {
        let defined = self.ledger().define_area(cells, name, "world", now);
        self.runtime.block_on(defined).unwrap()
    }

    /// Where the next allowances of a thing are good.
    pub(crate) fn assign_area(&self, code: &Code, area: Option<Reference>) {
        let assigned = self.ledger().assign_area(code, area);
        self.runtime.block_on(assigned).unwrap();
    }

    /// What a code holds, by currency: free and reserved.
    pub(crate) fn holdings(&self, code: &Code) -> Vec<(Currency, u64, u64)> {
        let views = self.runtime.block_on(self.ledger().purse(code)).unwrap();
        let held = |view: &PurseView| {
            let row = &view.row;
            (row.currency, row.free.get(), row.reserved.get())
        };
        views.iter().map(held).collect()
    }

    pub(crate) fn conservation(&self) -> Vec<Conservation> {
        self.runtime.block_on(self.ledger().conservation()).unwrap()
    }

    pub(crate) fn frauds(&self) -> Vec<FraudSummary> {
        let page = Page::first(CASES_MOST);
        let cases = self.ledger().fraud_cases(&page);
        self.runtime.block_on(cases).unwrap().rows
    }

    pub(crate) fn proof(&self, case: &FraudSummary) -> Option<Vec<u8>> {
        let proof = self.ledger().fraud_proof(case.id);
        self.runtime.block_on(proof).unwrap()
    }

    /// Contradictions that are not two payments, with their proofs.
    pub(crate) fn accusations(&self) -> Vec<(AccusationRow, Option<Vec<u8>>)> {
        let page = Page::first(CASES_MOST);
        let cases = self.runtime.block_on(self.ledger().accusation_cases(&page));
        let with_proof = |case: AccusationRow| {
            let proof = self.ledger().accusation_proof(case.number);
            (case, self.runtime.block_on(proof).unwrap())
        };
        cases.unwrap().rows.into_iter().map(with_proof).collect()
    }

    /// The whole chain, all balances, all signatures.
    pub(crate) fn verify(&self) -> Result<(), String> {
        let verified = self.runtime.block_on(self.ledger().verify());
        verified.map(|_| ()).map_err(|error| error.to_string())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.down();
    }
}
