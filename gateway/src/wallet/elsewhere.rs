//! What another gateway settles, and where a purse is at home.

use super::{Desk, written};
use crate::tree::{Caller, Peer};
use ledger::Answer;
use ledger::bounds::INBOX_READ_MOST;
use ledger::federation::{Moving, RelayOrder};
use protocol::cose::open;
use protocol::covers::Items;
use protocol::message::Message;
use protocol::objects::{Allowance, Payment};
use protocol::{Code, Digest, Status};

impl Desk {
    /// Hands on a payment with an allowance by another gateway that is known here; nothing where
    /// every allowance in it is by this one. The signatures are checked by the ledger.
    pub(super) async fn elsewhere(
        &self,
        caller: Option<Caller>,
        peer: Peer,
        message: &[u8],
    ) -> Result<Option<Answer>, Status> {
        let read = Message::read(message)?;
        if !self.is_by_another(&read).await? {
            return Ok(None);
        }
        let order = self.order(&read)?;
        match peer {
            Peer::Code(payee) if payee != order.payee => return Err(Status::NotForYou),
            _ => {}
        }
        let sides = [order.payer, order.payee];
        let by_a_side = caller.is_none_or(|caller| sides.contains(&caller.code));
        let alone = without_receipt(&read);
        if alone.is_none() && !by_a_side {
            return Err(Status::NotPermitted);
        }
        let pass = match alone {
            Some(_) => self.ledger.pass_of(&order.payee).await,
            None => Ok(None),
        };
        let pass = pass.map_err(|_| Status::Storage)?;
        let (message, pass) = match (alone, pass) {
            // The receipt of somebody who is not known here says nothing here.
            (Some(alone), None) if by_a_side => (written(&alone)?, Vec::new()),
            (_, pass) => (message.to_vec(), pass.unwrap_or_default()),
        };
        let order = RelayOrder {
            message,
            pass,
            bringer: caller.map(|caller| caller.code),
        };
        self.ledger.relay(order, (self.clock)()).await.map(Some)
    }

    /// Whether a known gateway other than this one gave one of the allowances.
    async fn is_by_another(&self, message: &Message<'_>) -> Result<bool, Status> {
        let mut others = Vec::new();
        for allowance in allowances(message)? {
            let allowance = open::<Allowance>(allowance, &self.trust.network)?;
            let gateway = allowance.peek().gateway;
            if gateway != self.gateway && !others.contains(&gateway) {
                others.push(gateway);
            }
        }
        for gateway in &others {
            let key = self.ledger.gateway_key(gateway).await;
            key.map_err(|_| Status::Storage)?
                .ok_or(Status::UnknownGateway)?;
        }
        Ok(!others.is_empty())
    }

    /// The payment a message is about, its signature not checked yet.
    fn order(&self, message: &Message<'_>) -> Result<Payment, Status> {
        let payment = match *message {
            Message::Evidence { payment, .. }
            | Message::Claim { payment, .. }
            | Message::StreamClaim { payment, .. } => payment,
            Message::Covered { items, .. } => {
                Items::read(items)?.last().ok_or(Status::Malformed)?.payment
            }
            _ => return Err(Status::NotForYou),
        };
        Ok(*open::<Payment>(payment, &self.trust.network)?.peek())
    }

    /// A receipt alone for what another gateway settles. The payment lies in the inbox of its payee
    /// until that has answered it.
    pub(super) async fn answered_elsewhere(
        &self,
        caller: Option<Caller>,
        receipt: &[u8],
    ) -> Result<Answer, Status> {
        let caller = caller.ok_or(Status::WrongReceipt)?;
        let network = &self.trust.network;
        let about = open::<protocol::objects::Receipt>(receipt, network)?;
        let about = about.peek().payment;
        let waiting = self.ledger.inbox(&caller.code, 0, INBOX_READ_MOST).await;
        for entry in waiting.map_err(|_| Status::Storage)? {
            let Ok(waits) = Message::read(&entry.bytes) else {
                continue;
            };
            let claim = match waits {
                Message::Evidence { allowance, payment } if self.is(payment, &about) => {
                    Message::Claim {
                        allowance,
                        payment,
                        receipt,
                    }
                }
                Message::Covered {
                    items,
                    receipt: None,
                } if self.is(last_payment(items)?, &about) => Message::Covered {
                    items,
                    receipt: Some(receipt),
                },
                _ => continue,
            };
            let claim = written(&claim)?;
            let answer = self.elsewhere(Some(caller), Peer::Gateway, &claim).await?;
            return answer.ok_or(Status::WrongReceipt);
        }
        Err(Status::WrongReceipt)
    }

    fn is(&self, payment: &[u8], about: &Digest) -> bool {
        let payment = open::<Payment>(payment, &self.trust.network);
        payment.is_ok_and(|payment| payment.id() == *about)
    }

    /// A thing asks for another home; the newest lease once it has moved. The same order again says
    /// how far it has come.
    pub(super) async fn moved(&self, order: &[u8]) -> Result<Option<Vec<u8>>, Status> {
        match self.ledger.move_home(order, &[], (self.clock)()).await? {
            Moving::Moved(lease) if !lease.is_empty() => {
                written(&Message::Lease { lease: &lease }).map(Some)
            }
            Moving::Moved(_) | Moving::Asked => Ok(None),
            Moving::Contradicts => {
                self.meters.count(Status::Contradiction);
                Err(Status::Contradiction)
            }
        }
    }

    /// Where a code is at home, once a centre has said so.
    pub(super) async fn lease(&self, code: &Code) -> Option<Vec<u8>> {
        let home = self.ledger.home(code).await.ok()??;
        let lease = home.lease.as_slice();
        match lease.is_empty() {
            true => None,
            false => written(&Message::Lease { lease }).ok(),
        }
    }
}

/// The allowances that a payment is handed in with.
fn allowances<'b>(message: &Message<'b>) -> Result<Vec<&'b [u8]>, Status> {
    Ok(match *message {
        Message::Evidence { allowance, .. }
        | Message::Claim { allowance, .. }
        | Message::StreamClaim { allowance, .. } => vec![allowance],
        Message::Covered { items, .. } => {
            let items = Items::read(items)?;
            items.iter().map(|item| item.allowance).collect()
        }
        _ => Vec::new(),
    })
}

fn last_payment(items: &[u8]) -> Result<&[u8], Status> {
    Ok(Items::read(items)?.last().ok_or(Status::Malformed)?.payment)
}

/// The same shown by the payer alone; nothing where there is no receipt in it.
fn without_receipt<'b>(message: &Message<'b>) -> Option<Message<'b>> {
    Some(match *message {
        Message::Claim {
            allowance, payment, ..
        } => Message::Evidence { allowance, payment },
        Message::StreamClaim {
            allowance,
            payment,
            units,
            value,
            receipt: Some(_),
        } => Message::StreamClaim {
            allowance,
            payment,
            units,
            value,
            receipt: None,
        },
        Message::Covered {
            items,
            receipt: Some(_),
        } => Message::Covered {
            items,
            receipt: None,
        },
        _ => return None,
    })
}
