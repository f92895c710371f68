//! A gateway that goes on under other pass keys, made up: its issuer says so each time.

use super::{World, network, sealed};
use ledger::{Bearings, FormerKey, FormerKeys, Ledger};
use protocol::cose::open;
use protocol::keys::SoftwareKey;
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Confirmation, Pass, Successor};
use protocol::{Signer, Timestamp, rules};
use std::sync::Arc;

/// One change of the key.
#[derive(Clone, Copy)]
pub struct Change {
    /// Of the next key.
    pub seed: u8,
    /// When.
    pub at: Timestamp,
    /// Until when the key before counts.
    pub ends: Timestamp,
}

impl Change {
    /// The key that takes over.
    pub fn key(&self) -> SoftwareKey {
        SoftwareKey::ed25519(&[self.seed; 32])
    }
}

/// As after these changes, the oldest first.
pub fn under_next_key(world: &World, changes: &[Change]) -> Bearings {
    let mut bearings = world.bearings();
    for change in changes {
        change_key(&mut bearings, change);
    }
    bearings
}

fn change_key(bearings: &mut Bearings, change: &Change) {
    let issuer = SoftwareKey::ed25519(&[2; 32]);
    let former = open::<Pass>(&bearings.gateway_pass, &network()).unwrap();
    let pass = Pass {
        issued: change.at,
        key: Confirmation(change.key().public_key()),
        ..*former.peek()
    };
    let gateway_pass = sealed(&pass, &issuer).0;
    let said = Successor {
        issuer: pass.issuer.0,
        gateway: bearings.gateway,
        former_key: bearings.signer.public_key(),
        key: change.key().public_key(),
        issued: change.at,
        ends: change.ends,
    };
    let message = Message::Successor {
        issuer: &bearings.issuer_pass,
        gateway: &gateway_pass,
        former: &bearings.gateway_pass,
        successor: &sealed(&said, &issuer).0,
        own: None,
    };
    let mut handover = vec![0; MESSAGE_MAX];
    let len = message.write(&mut handover).unwrap();
    handover.truncate(len);
    let FormerKeys { mut keys, .. } = std::mem::take(&mut bearings.former_keys);
    let key = rules::FormerKey {
        key: said.former_key,
        ends: change.ends,
    };
    keys.push(FormerKey { key, signer: None });
    bearings.former_keys = FormerKeys {
        keys,
        handover: Some(handover),
    };
    bearings.signer = Arc::new(change.key());
    bearings.gateway_pass = gateway_pass;
}

/// The same books, opened again after these changes.
pub async fn rotated(world: &World, ledger: &Ledger, changes: &[Change]) -> Ledger {
    ledger.close().await;
    let bearings = under_next_key(world, changes);
    Ledger::open(&world.path, bearings).await.unwrap()
}
