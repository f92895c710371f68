//! Another wallet key under the same code.

use crate::authority::Authority;
use crate::error::{IssueError, OrderFault};
use crate::request::CheckedRequest;
use protocol::objects::{Confirmation, Pass};
use protocol::{Timestamp, cose};

impl Authority {
    /// A pass like the one before, for another wallet key of the same thing: the request is signed
    /// by the transport key that the code was made for.
    pub fn replace_wallet_key(
        &self,
        before: &[u8],
        request: &CheckedRequest,
        issued: Timestamp,
    ) -> Result<Vec<u8>, IssueError> {
        let before = cose::open::<Pass>(before, &self.network)
            .and_then(|sealed| sealed.verify(&self.pass_key.public_key()))
            .map_err(|_| OrderFault::Role)?;
        let before = before.get();
        let (spki, wallet) = (request.transport_spki(), request.wallet_key());
        if !before.subject.0.commits_to(spki) {
            return Err(OrderFault::OtherThing.into());
        }
        let mine = [self.ca_key.public_key(), self.pass_key.public_key()];
        if mine.contains(&wallet) {
            return Err(OrderFault::Key.into());
        }
        if issued >= before.expires {
            return Err(OrderFault::Validity.into());
        }
        self.seal(&Pass {
            issued,
            key: Confirmation(wallet),
            ..*before
        })
    }
}
