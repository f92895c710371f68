//! The issuing desk: a request becomes a code, a certificate and a pass, exactly once.

mod renewal;

use crate::wallet::now;
use der::Decode as _;
use issuer::{Authorities, CheckedRequest, IssueOrder};
use ledger::diary::{Asker, Diary, Standing};
use ledger::{IssueRequest, Ledger, NewKey, NewThing, Thing};
use protocol::objects::Rights;
use protocol::{AssuranceClass, Code, Digest, Kind, Network, Status};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::Arc;
use x509_cert::request::CertReq;

/// What may enrol by itself, the most frequent first.
const ENROLLED_KINDS: [Kind; 4] = [Kind::Device, Kind::Module, Kind::Person, Kind::Service];

/// The desk of one gateway.
pub struct Desk {
    /// Sign.
    pub authorities: Arc<Authorities>,
    /// Remembers.
    pub ledger: Ledger,
    /// Whose wallet proofs mean anything here.
    pub network: Network,
    /// Knows who asks and waits.
    pub diary: Diary,
    /// How long certificate and pass of a thing are good, while the gateway's own are.
    pub life_s: u32,
}

/// What is asked for beside the request itself.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Whoever enrols by itself shows a one-time secret; this is its SHA-256.
    pub secret_hash: Option<[u8; 32]>,
    /// What the code names.
    pub kind: Kind,
    /// What people call it.
    pub name: &'a str,
    /// What sort of product it is.
    pub product: &'a str,
    /// Who asks, for the registry.
    pub by: &'a str,
}

/// Why there is no code.
#[derive(Debug)]
pub enum IssueError {
    /// The request is wrong; the sentence says how.
    Request(String),
    /// The ledger refuses.
    Refused(Status),
    /// This side failed; nothing was answered, the same request may come again.
    Inside(String),
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(sentence) | Self::Inside(sentence) => f.write_str(sentence),
            Self::Refused(status) => f.write_str(status.sentence()),
        }
    }
}

/// What somebody without a secret gets.
#[derive(Debug)]
pub enum Asked {
    /// Its code: it was accepted.
    Issued(Box<Thing>),
    /// Nothing yet.
    Waiting,
    /// Nothing ever; the sentence says why.
    Rejected(String),
    /// Not even a place among those who wait.
    Full,
}

/// Bytes of what a device calls itself.
const SUBJECT_BYTES_MAX: usize = 120;

/// What a request says its subject is, as far as it prints. Nothing proves it.
fn subject(request: &[u8]) -> String {
    let subject = CertReq::from_der(request).map(|request| request.info.subject.to_string());
    let subject = subject.unwrap_or_default();
    let printable = subject.chars().filter(|c| !c.is_control());
    let mut kept = String::new();
    for c in printable {
        if kept.len() + c.len_utf8() > SUBJECT_BYTES_MAX {
            break;
        }
        kept.push(c);
    }
    kept
}

impl Desk {
    /// Root, issuer and gateway certificates, DER.
    pub fn authority_certificates(&self) -> Vec<Vec<u8>> {
        self.authorities.certificates()
    }

    /// A request with a one-time secret, as it comes by EST.
    pub async fn enrol(&self, secret: &str, request: &[u8]) -> Result<Thing, IssueError> {
        let mut answer = Err(IssueError::Refused(Status::NotPermitted));
        // The secret was made for one kind and lets only that one through; what is refused changes
        // nothing.
        for kind in ENROLLED_KINDS {
            let wanted = Wanted {
                secret_hash: Some(Sha256::digest(secret.as_bytes()).into()),
                kind,
                name: "",
                product: "",
                by: "one-time secret",
            };
            answer = self.issue(request, &wanted).await;
            if !matches!(answer, Err(IssueError::Refused(Status::NotPermitted))) {
                break;
            }
        }
        answer
    }

    /// A request without a secret, from somebody at this address: it waits until somebody has
    /// decided, and then gets what was decided.
    pub async fn ask(&self, request: &[u8], address: &str) -> Result<Asked, IssueError> {
        let checked = CheckedRequest::read(request, &self.network)
            .map_err(|error| IssueError::Request(error.to_string()))?;
        let asker = Asker {
            id: checked.hash(),
            request: request.to_vec(),
            fingerprint: Digest(Sha256::digest(checked.transport_spki()).into()),
            product: subject(request),
            address: address.to_owned(),
        };
        let inside = |error: ledger::Error| IssueError::Inside(error.to_string());
        let standing = self.diary.ask(&asker, now()).await.map_err(inside)?;
        Ok(match standing {
            Standing::Waiting => Asked::Waiting,
            Standing::Full => Asked::Full,
            Standing::Rejected(reason) => Asked::Rejected(reason),
            Standing::Accepted(code) => {
                let thing = self.ledger.thing(&code).await.map_err(inside)?;
                // What its code was issued for stands in the registry, state and all.
                let thing = thing.ok_or(IssueError::Refused(Status::UnknownCode))?;
                match thing.state.is_over() {
                    true => return Err(IssueError::Refused(Status::NotPermitted)),
                    false => Asked::Issued(Box::new(thing)),
                }
            }
        })
    }

    /// Issues, or repeats what the same request got before.
    pub async fn issue(&self, request: &[u8], wanted: &Wanted<'_>) -> Result<Thing, IssueError> {
        let checked = CheckedRequest::read(request, &self.network)
            .map_err(|error| IssueError::Request(error.to_string()))?;
        let mut serial = [0; 16];
        getrandom::fill(&mut serial).map_err(|error| IssueError::Inside(error.to_string()))?;
        let asked = IssueRequest {
            secret_hash: wanted.secret_hash,
            request_hash: checked.hash().0,
            kind: wanted.kind,
            name: wanted.name.to_owned(),
            by: wanted.by.to_owned(),
            serial,
        };
        // A crash after this line leaves a reserved number: the same request finds it again.
        let reserved = self
            .ledger
            .begin_issue(asked, now())
            .await
            .map_err(IssueError::Refused)?;
        if let Some(thing) = reserved.done {
            return Ok(thing);
        }
        let signer = &self.authorities.gateway;
        let order = IssueOrder {
            sequence: reserved.sequence,
            serial: reserved.serial,
            issued: reserved.issued,
            not_after: self.ends(reserved.issued),
            kind: reserved.kind,
            class: AssuranceClass::Software,
            rights: Rights::PAY.and(Rights::ACCEPT),
        };
        let issued = signer
            .issue_device(&order, &checked)
            .map_err(|error| IssueError::Inside(error.to_string()))?;
        let thing = NewThing {
            sequence: reserved.sequence,
            code: issued.code,
            kind: reserved.kind,
            name: wanted.name.to_owned(),
            product: wanted.product.to_owned(),
            transport_spki: checked.transport_spki().to_vec(),
            wallet_key: checked.wallet_key(),
            class: AssuranceClass::Software,
            certificate: issued.certificate,
            pass: issued.pass,
        };
        // A crash before this commit signs the same bytes again; after it, the thing is on record.
        self.ledger
            .finish_issue(thing, now())
            .await
            .map_err(IssueError::Refused)
    }

    /// Another wallet key, and a pass for it, for a thing whose key forked or whose journal is in
    /// doubt. The request proves both keys, the transport key being the one it always had.
    pub async fn replace_wallet_key(
        &self,
        code: &Code,
        request: &[u8],
        by: String,
    ) -> Result<Thing, IssueError> {
        let checked = CheckedRequest::read(request, &self.network)
            .map_err(|error| IssueError::Request(error.to_string()))?;
        let known = self.ledger.thing(code).await;
        let known = known.map_err(|error| IssueError::Inside(error.to_string()))?;
        let known = known.ok_or(IssueError::Refused(Status::UnknownCode))?;
        let signer = &self.authorities.gateway;
        let pass = signer
            .replace_wallet_key(&known.pass, &checked, now())
            .map_err(|error| match error {
                issuer::IssueError::Order(fault) => IssueError::Request(fault.to_string()),
                other => IssueError::Inside(other.to_string()),
            })?;
        let new = NewKey {
            code: *code,
            wallet_key: checked.wallet_key(),
            class: known.class,
            pass,
            by,
        };
        // A crash before this commit: nobody has seen the pass, and the next one takes its place.
        self.ledger
            .replace_wallet_key(new, now())
            .await
            .map_err(IssueError::Refused)
    }
}
