//! Certificate and pass of a code once more, for the same keys and for longer.
//!
//! What proves that a thing may have them is its request: it is signed by the transport key that the
//! code commits to, and by the wallet key. So it counts whatever the certificate that the thing shows,
//! or showed until it ended; and whoever repeats somebody else's request gets what is public.

use super::{Desk, IssueError};
use crate::wallet::now;
use der::Decode as _;
use issuer::{CheckedRequest, IssueOrder};
use ledger::{NewCredentials, Thing};
use protocol::cose::open;
use protocol::objects::Pass;
use protocol::{Code, Status, Timestamp};
use x509_cert::request::CertReq;

/// Whether half of a life is over: before that, whoever asks gets what is on record.
const fn is_due(issued: Timestamp, ends: Timestamp, now: Timestamp) -> bool {
    now.0 >= issued.0 + ends.0.saturating_sub(issued.0) / 2
}

impl Desk {
    /// Until when what is issued now is good.
    pub(super) fn ends(&self, issued: Timestamp) -> Timestamp {
        let last = self.authorities.gateway.not_after();
        issued.plus_s(self.life_s).min(last)
    }

    /// Credentials for the code that a request names as its subject, or else for the one that this
    /// very request was answered with. `None` when there is none, or it commits to another key.
    pub async fn renew_named(&self, request: &[u8]) -> Result<Option<Thing>, IssueError> {
        let checked = CheckedRequest::read(request, &self.network)
            .map_err(|error| IssueError::Request(error.to_string()))?;
        let inside = |error: ledger::Error| IssueError::Inside(error.to_string());
        let thing = match named(request) {
            Some(code) => self.ledger.thing(&code).await.map_err(inside)?,
            None => {
                let known = self.ledger.thing_of_request(&checked.hash().0).await;
                known.map_err(inside)?
            }
        };
        match thing {
            Some(thing) => self.renew_for(thing, &checked).await,
            None => Ok(None),
        }
    }

    /// The same for a thing that has shown its certificate.
    pub async fn renew(&self, code: &Code, request: &[u8]) -> Result<Option<Thing>, IssueError> {
        let checked = CheckedRequest::read(request, &self.network)
            .map_err(|error| IssueError::Request(error.to_string()))?;
        let thing = self.ledger.thing(code).await;
        let thing = thing.map_err(|error| IssueError::Inside(error.to_string()))?;
        let thing = thing.ok_or(IssueError::Refused(Status::UnknownCode))?;
        self.renew_for(thing, &checked).await
    }

    /// The pass of a thing that is known here, of the gateway, or of its issuer.
    pub async fn pass(&self, code: &Code) -> Result<Option<Vec<u8>>, ledger::Error> {
        let above = [&self.authorities.gateway, &self.authorities.issuer];
        if let Some(one) = above.into_iter().find(|one| one.code() == *code) {
            return Ok(Some(one.pass().to_vec()));
        }
        let thing = self.ledger.thing(code).await?;
        Ok(thing.map(|thing| thing.pass))
    }

    async fn renew_for(
        &self,
        thing: Thing,
        checked: &CheckedRequest,
    ) -> Result<Option<Thing>, IssueError> {
        if !thing.code.commits_to(checked.transport_spki()) {
            return Ok(None);
        }
        if thing.state.is_over() || thing.wallet_key != checked.wallet_key() {
            return Err(IssueError::Refused(Status::NotPermitted));
        }
        let now = now();
        let before = open::<Pass>(&thing.pass, &self.network)
            .map_err(|status| IssueError::Inside(status.sentence().to_owned()))?;
        let before = before.peek();
        let ends = self.ends(now);
        if !is_due(before.issued, before.expires, now) || ends <= before.expires {
            return Ok(Some(thing));
        }
        let signer = &self.authorities.gateway;
        if signer.issues_as().ok() != Some(thing.code.issued_by()) {
            // A station's things end when its period does: nobody else may sign for its numbers.
            return match now < before.expires {
                true => Ok(Some(thing)),
                false => Err(IssueError::Request(
                    "a station made this thing, and its credentials ended with the station's; a station whose period was extended gives it new ones".to_owned(),
                )),
            };
        }
        let mut serial = [0; 16];
        getrandom::fill(&mut serial).map_err(|error| IssueError::Inside(error.to_string()))?;
        let order = IssueOrder {
            sequence: thing.sequence,
            serial,
            issued: now,
            not_after: ends,
            kind: thing.kind,
            class: thing.class,
            rights: before.rights,
        };
        let issued = signer
            .issue_device(&order, checked)
            .map_err(|error| IssueError::Inside(error.to_string()))?;
        let new = NewCredentials {
            code: thing.code,
            before: thing.certificate,
            before_ends: before.expires,
            certificate: issued.certificate,
            pass: issued.pass,
        };
        // A crash before this commit: nobody has seen these, and the next request gets others.
        let renewed = self.ledger.renew_credentials(new, now).await;
        renewed.map(Some).map_err(IssueError::Refused)
    }
}

/// The code that a request has as its common name (RFC 7030, 4.2.2: the subject is that of the
/// certificate).
fn named(request: &[u8]) -> Option<Code> {
    let request = CertReq::from_der(request).ok()?;
    let name = request.info.subject.common_name().ok()??;
    name.value().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_due_from_half_of_their_life_on() {
        let at = |now| is_due(Timestamp(1_000), Timestamp(2_000), Timestamp(now));
        assert_eq!(
            [999, 1_499, 1_500, 9_000].map(at),
            [false, false, true, true]
        );
        assert!(is_due(Timestamp(7), Timestamp(3), Timestamp(7)));
    }
}
