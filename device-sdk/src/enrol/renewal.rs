//! Certificate and pass once more, for the same keys and for longer.
//!
//! ```text
//! POST /.well-known/est/simplereenroll    request with the code as its subject  ->  certificate
//! POST coaps /.well-known/est/sren        the same                                  (RFC 9148)
//! GET  /1/<CODE>/pass                     own pass, the gateway's, the issuer's; by either door
//! ```
//!
//! The request proves the keys, so it does not matter whether the certificate that the thing has is
//! still good: whoever was off for months comes back by the same call, unless its code was revoked.
//! What is fetched is kept beside what the thing has ([`crate::renewed_file`]) until a gateway has
//! let it in with it.

use super::certificates::Certificates;
use super::http::Desk;
use super::{Authorities, Credentials, EnrolError, Keys, named_issuer};
use crate::coap::wire::{CERTIFICATE, PKCS10};
use crate::coap::{Answer, Client, Request};
use protocol::cose::open;
use protocol::objects::Pass;
use protocol::rules::Trust;
use protocol::{Code, Status, Timestamp};

/// The longest wait before a renewal that failed is tried again.
const AGAIN_MOST_S: u32 = 86_400;
/// The shortest.
const AGAIN_LEAST_S: u32 = 60;
/// The same once the credentials have ended and nothing is urgent any more.
const AGAIN_LATE_S: u32 = 3_600;

/// When credentials are renewed that were issued and end then: somewhere between two thirds and five
/// sixths of their life, so that a fleet that was made in one day does not come in one hour. `jitter`
/// is random, drawn once for these credentials.
pub const fn renew_at(issued: Timestamp, ends: Timestamp, jitter: u32) -> Timestamp {
    let life_s = ends.0.saturating_sub(issued.0);
    let spread_s = (life_s as u64 / 6 * jitter as u64) >> u32::BITS;
    issued
        .plus_s(life_s - life_s.div_ceil(3))
        .plus_s(spread_s as u32)
}

/// When a renewal that failed at `now` is tried again: after half to all of an eighth of the time
/// that is left, a minute at least and a day at most.
pub const fn again_at(ends: Timestamp, now: Timestamp, jitter: u32) -> Timestamp {
    let left_s = ends.0.saturating_sub(now.0);
    let most_s = match left_s / 8 {
        _ if left_s == 0 => AGAIN_LATE_S,
        eighth if eighth < AGAIN_LEAST_S => AGAIN_LEAST_S,
        eighth if eighth > AGAIN_MOST_S => AGAIN_MOST_S,
        eighth => eighth,
    };
    let spread_s = (most_s as u64 / 2 * jitter as u64) >> u32::BITS;
    now.plus_s(most_s - most_s / 2).plus_s(spread_s as u32)
}

impl Credentials {
    /// When they were issued and when they end.
    pub fn life(&self, trust: &Trust) -> Result<(Timestamp, Timestamp), EnrolError> {
        let pass = open::<Pass>(&self.pass, &trust.network)?;
        Ok((pass.peek().issued, pass.peek().expires))
    }

    /// When it is time to renew them, by [`renew_at`]. The certificate ends in a signature, whose
    /// last bytes are as good as drawn for it, so nothing has to be remembered.
    pub fn renew_at(&self, trust: &Trust) -> Result<Timestamp, EnrolError> {
        let (issued, ends) = self.life(trust)?;
        let jitter = self
            .certificate
            .last_chunk()
            .map(|last| u32::from_be_bytes(*last));
        Ok(renew_at(issued, ends, jitter.unwrap_or_default()))
    }
}

/// Asks the gateway at `url` for credentials that are good for longer than those the thing has.
/// `None` when there are none yet: a gateway gives others once half of their life is over. Blocks.
pub fn renew(
    url: &str,
    trust: &Trust,
    keys: &Keys,
    known: &Credentials,
    now: Timestamp,
) -> Result<Option<Credentials>, EnrolError> {
    let desk = Desk::new(url);
    let request = keys.request_as(&trust.network, &known.code)?;
    let certificates = Certificates::read(&desk.simplereenroll(&request)?)?;
    let (certificate, _) = certificates.of_thing(&keys.transport_spki()?)?;
    let pass = desk.pass(&known.code)?;
    let gateway_pass = desk.pass(&named_issuer(trust, &pass)?)?;
    let issuer_pass = desk.pass(&named_issuer(trust, &gateway_pass)?)?;
    let fetched = Fetched {
        offered: Certificates::read(&desk.cacerts()?)?,
        certificate,
        passes: [pass, gateway_pass, issuer_pass],
    };
    fetched.later_than(known, trust, keys, now)
}

/// The same over CoAP. A certificate that has ended opens a session for this, and for nothing else.
pub async fn renew_over_coap(
    client: &Client,
    trust: &Trust,
    keys: &Keys,
    known: &Credentials,
    now: Timestamp,
) -> Result<Option<Credentials>, EnrolError> {
    let request = keys.request_as(&trust.network, &known.code)?;
    let request = Request::post(".well-known/est/sren", PKCS10, request);
    let certificate = said(client.request(request.accepting(CERTIFICATE)).await)?;
    let offered = said(client.request(Request::get(".well-known/est/crts")).await)?;
    let pass = coap_pass(client, &known.code).await?;
    let gateway_pass = coap_pass(client, &named_issuer(trust, &pass)?).await?;
    let issuer_pass = coap_pass(client, &named_issuer(trust, &gateway_pass)?).await?;
    let fetched = Fetched {
        offered: Certificates::read(&offered)?,
        certificate,
        passes: [pass, gateway_pass, issuer_pass],
    };
    fetched.later_than(known, trust, keys, now)
}

async fn coap_pass(client: &Client, code: &Code) -> Result<Vec<u8>, EnrolError> {
    said(
        client
            .request(Request::get(&format!("1/{code}/pass")))
            .await,
    )
}

fn said(answer: Result<Answer, crate::coap::Error>) -> Result<Vec<u8>, EnrolError> {
    let answer = answer.map_err(|error| EnrolError::Unreachable(error.to_string()))?;
    match answer.code.is_success() {
        true => Ok(answer.payload),
        false => Err(EnrolError::Refused {
            // 4.03 is 403 in every respect.
            http_status: u16::from(answer.code.0 >> 5) * 100 + u16::from(answer.code.0 & 0x1f),
            sentence: String::from_utf8_lossy(&answer.payload).into_owned(),
        }),
    }
}

/// What a gateway gave, before anything of it is believed.
struct Fetched {
    offered: Certificates,
    certificate: Vec<u8>,
    /// The own pass, the gateway's, the issuer's.
    passes: [Vec<u8>; 3],
}

impl Fetched {
    fn later_than(
        self,
        known: &Credentials,
        trust: &Trust,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Option<Credentials>, EnrolError> {
        let [pass, gateway_pass, issuer_pass] = self.passes;
        if self.certificate == known.certificate {
            return Ok(None);
        }
        let gateway_code = named_issuer(trust, &pass)?;
        let issuer_code = named_issuer(trust, &gateway_pass)?;
        let offered = &self.offered;
        let root = offered.of_authority(&named_issuer(trust, &issuer_pass)?, None)?;
        let issuer = offered.of_authority(&issuer_code, Some(&root))?;
        let signer = offered.of_authority(&gateway_code, Some(&issuer))?;
        let others = offered.issuers_beside(&[&root, &issuer]);
        let renewed = Credentials {
            code: known.code,
            certificate: self.certificate,
            authorities: Authorities {
                root,
                issuer,
                signer,
                others,
            },
            pass,
            station_pass: None,
            gateway_pass,
            issuer_pass,
        };
        renewed.check(trust, keys, now)?;
        let (_, ends) = renewed.life(trust)?;
        match ends > known.life(trust)?.1 {
            true => Ok(Some(renewed)),
            // A pass of before beside a certificate of after: the gateway was asked in between.
            false => Err(Status::Expired.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: u32 = 1 << 31;

    #[test]
    fn renewal_begins_between_two_thirds_and_five_sixths_of_a_life() {
        let at = |jitter| renew_at(Timestamp(1_000), Timestamp(1_600), jitter).0;
        assert_eq!([0, HALF, u32::MAX].map(at), [1_400, 1_450, 1_499]);
        let ten_years = renew_at(Timestamp(0), Timestamp(315_360_000), u32::MAX).0;
        assert!(
            (262_799_000..262_800_000).contains(&ten_years),
            "{ten_years}"
        );
        // Lives of nothing, and ends before beginnings, are due at once.
        assert_eq!(renew_at(Timestamp(7), Timestamp(7), HALF), Timestamp(7));
        assert_eq!(renew_at(Timestamp(7), Timestamp(3), HALF), Timestamp(7));
        let last = Timestamp(u32::MAX);
        assert!(renew_at(Timestamp(0), last, u32::MAX) < last);
    }

    #[test]
    fn what_failed_is_tried_again_the_sooner_the_less_time_is_left() {
        let after = |left_s, jitter| {
            let now = Timestamp(1_000_000);
            again_at(now.plus_s(left_s), now, jitter).0 - now.0
        };
        assert_eq!([0, u32::MAX].map(|j| after(80_000, j)), [5_000, 9_999]);
        assert_eq!([0, u32::MAX].map(|j| after(10, j)), [30, 59]);
        assert_eq!(after(400 * 86_400, u32::MAX), 86_399);
        assert_eq!([0, u32::MAX].map(|j| after(0, j)), [1_800, 3_599]);
    }
}
