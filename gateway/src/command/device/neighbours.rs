//! Directly from thing to thing: the payee's answers, and what both tell each other afterwards.

use super::listed::Revoked;
use super::teller::DevicePurse;
use super::{apart, words};
use crate::house::Failure;
use crate::thing_folder::{explain, written};
use crate::wallet::now;
use device_sdk::links::neighbours::Conversation;
use device_sdk::links::udp::{AskError, Asker, Timing};
use protocol::message::Message;
use protocol::{Network, Reference, Status};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// How long a payee stays after its last payment: a payer repeats what was not answered, and has
/// something to tell.
pub const LINGER: Duration = Duration::from_millis(1_500);
/// Payments a payee remembers to have counted.
const COUNTED_MOST: usize = 64;

/// A payee on a local link.
pub struct Payee {
    purse: DevicePurse,
    network: Network,
    revoked: Revoked,
    conversation: Conversation,
    /// Said and counted already: the newest ones.
    counted: VecDeque<Reference>,
}

impl Payee {
    /// Nobody has asked yet.
    pub fn new(purse: DevicePurse, network: Network, revoked: Revoked) -> Self {
        Self {
            purse,
            network,
            revoked,
            conversation: Conversation::default(),
            counted: VecDeque::with_capacity(COUNTED_MOST),
        }
    }

    /// The answer to a message, and whether it was a payment that is taken now.
    pub fn answer(&mut self, message: &[u8]) -> (Option<Vec<u8>>, bool) {
        if Conversation::is_part(message) {
            return (self.converse(message), false);
        }
        if let Ok(Message::Ask { currency }) = Message::read(message) {
            let invoice = written(|out| self.purse.blank_invoice(currency, now(), out));
            let answer = invoice.or_else(|status| {
                written(|out| Message::refusal(status, None).write(out).ok_or(status))
            });
            return (answer.ok(), false);
        }
        let paid = apart::payment(message, &self.network);
        let accepted = match paid {
            Some(_) => self.accept(message),
            None => Err(Status::Malformed),
        };
        let about = paid.map(|(about, _)| about);
        match accepted {
            Ok(receipt) => {
                let is_new = about.is_some_and(|about| self.counts(about));
                if is_new {
                    // One payer after another.
                    self.conversation = Conversation::after_payment();
                    if let Some((_, paid)) = paid {
                        println!("{}: taken", words::payment(&paid));
                    }
                }
                (Some(receipt), is_new)
            }
            Err(status) => {
                match paid {
                    Some((_, paid)) => {
                        let why = self.revoked.refusal(&self.purse, status);
                        println!("{}: not taken, {why}", words::payment(&paid));
                    }
                    None => println!("not taken: {}", words::named(message)),
                }
                let refusal = Message::refusal(status, about);
                let refusal = written(|out| refusal.write(out).ok_or(status));
                (refusal.ok(), false)
            }
        }
    }

    fn accept(&mut self, evidence: &[u8]) -> Result<Vec<u8>, Status> {
        self.revoked.allows(&mut self.purse, evidence)?;
        written(|out| self.purse.accept(evidence, None, now(), out))
    }

    fn converse(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        hear(&mut self.conversation, &mut self.purse, message);
        let (conversation, purse) = (&mut self.conversation, &mut self.purse);
        written(|out| conversation.tell(purse, out)).ok()
    }

    /// Whether this payment was not counted before.
    fn counts(&mut self, about: Reference) -> bool {
        if self.counted.contains(&about) {
            return false;
        }
        if self.counted.len() == COUNTED_MOST {
            self.counted.pop_front();
        }
        self.counted.push_back(about);
        true
    }
}

/// After a payment: tells the payee which payments this purse took and which proofs it holds, and
/// hears the same. A payee that says nothing of that is no failure.
pub async fn converse(
    purse: &mut DevicePurse,
    own: SocketAddr,
    peer: SocketAddr,
) -> Result<(), Failure> {
    let asker = Asker::bind(own, now().0, Timing::BRIEF).await?;
    let mut conversation = Conversation::after_payment();
    let turn = |heard: &[u8]| {
        hear(&mut conversation, purse, heard);
        if conversation.is_over() {
            return None;
        }
        written(|out| conversation.tell(purse, out)).ok()
    };
    match asker.converse(peer, turn).await {
        Ok(()) | Err(AskError::NoAnswer) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn hear(conversation: &mut Conversation, purse: &mut DevicePurse, message: &[u8]) {
    match conversation.hear(purse, message, now()) {
        Ok(Some(event)) => {
            if let Some(words) = words::event(message, &event) {
                println!("{words}");
            }
        }
        Ok(None) => {}
        Err(status) => eprintln!("{}", explain(status)),
    }
}
