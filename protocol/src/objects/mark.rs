//! What a signed label says beside its code: nothing, but whose word the code is.

use crate::code::base32::{self, TextError};
use crate::code::{Code, grid::GridCode};
use crate::cose::{self, Network, SIGNED_MAX, SealError};
use crate::field::object;
use crate::keys::{Algorithm, Signature, Signer};
use crate::objects::{Pass, Rights};
use crate::rules::trust::{may_issue, may_name};
use crate::status::Status;

/// Bytes of a label's signature in print: the algorithm, then R and S.
const MARK_BYTES: usize = 65;
/// Characters of a label's signature, check symbols included.
pub const MARK_CHARS: usize = 106;

object! {
    /// An issuer or a station stands for a label. A label prints the signature alone: everything
    /// else is in the code beside it and in the pass of whoever signed.
    pub struct Mark: "label" {
        /// Whose signature it is.
        1 => by: Code,
        /// The thing it is fixed to.
        2 => thing: Option<Code>,
        /// The place, instead of a thing.
        3 => place: Option<GridCode>,
    }
}

/// What a label is fixed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labelled {
    /// A thing.
    Thing(Code),
    /// A place.
    Place(GridCode),
}

/// The signature as it stands on a label, 106 characters with check symbols.
pub type MarkText = base32::Text<MARK_CHARS>;

impl Labelled {
    fn mark(self, by: Code) -> Mark {
        match self {
            Self::Thing(code) => Mark {
                by,
                thing: Some(code),
                place: None,
            },
            Self::Place(place) => Mark {
                by,
                thing: None,
                place: Some(place),
            },
        }
    }

    /// Signs a label. `by` is who holds the key; the same label always gets the same signature.
    pub fn sign<S: Signer + ?Sized>(
        self,
        by: Code,
        network: &Network,
        signer: &S,
    ) -> Result<MarkText, SealError> {
        let mut sealed = [0; SIGNED_MAX];
        let (len, _) = cose::seal(&self.mark(by), network, signer, &mut sealed)?;
        // The signature is what a signed object ends with.
        let signature = sealed.get(..len).and_then(|bytes| bytes.last_chunk::<64>());
        let signature = signature.ok_or(SealError::BufferTooSmall)?;
        let mut bytes = [signer.public_key().algorithm().cose().unsigned_abs(); MARK_BYTES];
        for (to, from) in bytes.iter_mut().skip(1).zip(signature) {
            *to = *from;
        }
        Ok(base32::encode(&bytes))
    }

    /// Whether `pass`, which somebody has verified, is of the one who made this label, and may.
    pub fn is_marked(self, mark: &str, pass: &Pass, network: &Network) -> Result<(), Status> {
        let (algorithm, signature) = read(mark).map_err(|_| Status::Malformed)?;
        let mut bytes = [0; SIGNED_MAX];
        let object = self.mark(pass.subject.0);
        let len = cose::assemble(&object, algorithm, &signature, &mut bytes)
            .map_err(|_| Status::Malformed)?;
        cose::open::<Mark>(bytes.get(..len).unwrap_or_default(), network)?.verify(&pass.key.0)?;
        let within = match self {
            Self::Thing(code) => may_issue(pass, &code),
            Self::Place(place) => may_name(pass, &place),
        };
        match within && pass.rights.permits(Rights::ISSUE_CODES) {
            true => Ok(()),
            false => Err(Status::NotPermitted),
        }
    }
}

fn read(mark: &str) -> Result<(Algorithm, Signature), TextError> {
    let [algorithm, signature @ ..] = base32::decode::<MARK_BYTES>(mark)?;
    let algorithm = i8::try_from(algorithm).ok().map(|number| -number);
    let algorithm = algorithm.and_then(Algorithm::from_cose);
    Ok((algorithm.ok_or(TextError::NotACode)?, signature))
}
