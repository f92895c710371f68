//! COSE_Sign1 (RFC 9052) around one object, with its context as external data.

use crate::field::{Decoder, Encoder};
use crate::keys::{Algorithm, PublicKey, Signature, Signer, SignerFailed};
use crate::objects::Object;
use crate::status::Status;
use crate::units::{Digest, Reference};
use minicbor::data::Tag;
use minicbor::encode::write::Cursor;
use sha2::Digest as _;

/// The largest payload of any object.
pub const PAYLOAD_MAX: usize = 384;
/// The largest signed object: payload, signature and 15 bytes of frame.
pub const SIGNED_MAX: usize = PAYLOAD_MAX + 80;
/// What is signed: payload, context and the frame of Sig_structure.
const TO_BE_SIGNED_MAX: usize = PAYLOAD_MAX + 96;
const COSE_SIGN1: u64 = 18;

/// The name of a network. Objects of one network mean nothing in another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Network {
    name: [u8; Self::MAX],
    len: u8,
}

impl Network {
    /// Longest name.
    pub const MAX: usize = 24;

    /// 1 to 24 of `a-z0-9.-`.
    pub fn new(name: &str) -> Option<Self> {
        let legal = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
        if name.is_empty() || name.len() > Self::MAX || !name.as_bytes().iter().all(legal) {
            return None;
        }
        let mut network = Self {
            name: [0; Self::MAX],
            len: name.len() as u8,
        };
        for (to, from) in network.name.iter_mut().zip(name.bytes()) {
            *to = from;
        }
        Some(network)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        let name = self.name.get(..usize::from(self.len)).unwrap_or_default();
        core::str::from_utf8(name).unwrap_or_default()
    }
}

impl core::fmt::Debug for Network {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A well-formed signed object whose signature nobody has checked yet.
#[derive(Clone, Debug)]
pub struct Sealed<'b, T> {
    bytes: &'b [u8],
    object: T,
    algorithm: Algorithm,
    signature: Signature,
    to_be_signed: ToBeSigned,
}

/// The same with its identifier, worked out once for whoever asks for it more than once.
#[derive(Clone, Debug)]
pub struct Named<'b, T> {
    sealed: Sealed<'b, T>,
    id: Digest,
}

/// A signed object whose signature fits the key it was checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<'b, T> {
    bytes: &'b [u8],
    object: T,
    id: Digest,
}

#[derive(Clone)]
struct ToBeSigned {
    bytes: [u8; TO_BE_SIGNED_MAX],
    len: usize,
}

impl core::fmt::Debug for ToBeSigned {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} bytes", self.len)
    }
}

impl ToBeSigned {
    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn id(&self) -> Digest {
        Digest(sha2::Sha256::digest(self.as_bytes()).into())
    }
}

/// Why nothing could be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// The output buffer is too small: [`SIGNED_MAX`] always suffices.
    BufferTooSmall,
    /// The key store could not sign.
    Signer,
}

impl From<SignerFailed> for SealError {
    fn from(_: SignerFailed) -> Self {
        Self::Signer
    }
}

impl<'b, T: Object> Sealed<'b, T> {
    /// What it says, not to be believed yet.
    pub fn peek(&self) -> &T {
        &self.object
    }

    /// Its identifier, worked out anew each time: most objects are only peeked at.
    pub fn id(&self) -> Digest {
        self.to_be_signed.id()
    }

    /// The same with its identifier.
    pub fn named(self) -> Named<'b, T> {
        Named {
            id: self.id(),
            sealed: self,
        }
    }

    /// Takes the signature as checked: only for bytes that were verified before they were stored
    /// where nobody else writes.
    pub fn verified_before(self) -> Verified<'b, T> {
        Verified {
            bytes: self.bytes,
            id: self.id(),
            object: self.object,
        }
    }

    /// Checks the signature.
    pub fn verify(self, key: &PublicKey) -> Result<Verified<'b, T>, Status> {
        // First the signature: nobody is made to hash what is not signed.
        self.check(key)?;
        Ok(self.verified_before())
    }

    fn check(&self, key: &PublicKey) -> Result<(), Status> {
        let fits = key.algorithm() == self.algorithm
            && key.verifies(self.to_be_signed.as_bytes(), &self.signature);
        fits.then_some(()).ok_or(Status::BadSignature)
    }
}

impl<'b, T: Object> Named<'b, T> {
    /// What it says, not to be believed yet.
    pub fn peek(&self) -> &T {
        &self.sealed.object
    }

    /// Its identifier.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// Checks the signature.
    pub fn verify(self, key: &PublicKey) -> Result<Verified<'b, T>, Status> {
        self.sealed.check(key)?;
        Ok(Verified {
            bytes: self.sealed.bytes,
            object: self.sealed.object,
            id: self.id,
        })
    }
}

impl<'b, T: Object> Verified<'b, T> {
    /// What it says.
    pub fn get(&self) -> &T {
        &self.object
    }

    /// Its identifier.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// How other objects refer to it.
    pub fn reference(&self) -> Reference {
        self.id.reference()
    }

    /// The whole signed object.
    pub fn bytes(&self) -> &'b [u8] {
        self.bytes
    }
}

/// Reads one signed object, strictly: exact bytes, exact fields, nothing behind it.
pub fn open<'b, T: Object>(bytes: &'b [u8], network: &Network) -> Result<Sealed<'b, T>, Status> {
    let (algorithm, payload, signature) = parse(bytes).map_err(|_| Status::Malformed)?;
    let mut from = Decoder::new(payload);
    let object = T::read(&mut from).map_err(|_| Status::Malformed)?;
    let mut again = [0; PAYLOAD_MAX];
    let len = write_payload(&object, &mut again).map_err(|_| Status::Malformed)?;
    if again.get(..len) != Some(payload) {
        return Err(Status::Malformed);
    }
    let to_be_signed =
        to_be_signed::<T>(algorithm, network, payload).map_err(|_| Status::Malformed)?;
    let sealed = Sealed {
        bytes,
        object,
        algorithm,
        signature,
        to_be_signed,
    };
    let mut frame = [0; SIGNED_MAX];
    let len =
        write_frame(&mut frame, algorithm, payload, &signature).map_err(|_| Status::Malformed)?;
    if frame.get(..len) != Some(bytes) {
        return Err(Status::Malformed);
    }
    Ok(sealed)
}

/// Signs `object` into `out`; returns the length written and the identifier.
pub fn seal<T: Object, S: Signer + ?Sized>(
    object: &T,
    network: &Network,
    signer: &S,
    out: &mut [u8],
) -> Result<(usize, Digest), SealError> {
    let (len, signed) = seal_only(object, network, signer, out)?;
    Ok((len, signed.id()))
}

/// Signs `object` into `out`; returns the length written, for whoever needs no identifier.
pub fn sign<T: Object, S: Signer + ?Sized>(
    object: &T,
    network: &Network,
    signer: &S,
    out: &mut [u8],
) -> Result<usize, SealError> {
    seal_only(object, network, signer, out).map(|(len, _)| len)
}

fn seal_only<T: Object, S: Signer + ?Sized>(
    object: &T,
    network: &Network,
    signer: &S,
    out: &mut [u8],
) -> Result<(usize, ToBeSigned), SealError> {
    let algorithm = signer.public_key().algorithm();
    let mut payload = [0; PAYLOAD_MAX];
    let len = write_payload(object, &mut payload)?;
    let payload = payload.get(..len).unwrap_or_default();
    let to_be_signed = to_be_signed::<T>(algorithm, network, payload)?;
    let signature = signer.sign(to_be_signed.as_bytes())?;
    let len = write_frame(out, algorithm, payload, &signature)?;
    Ok((len, to_be_signed))
}

/// The signed object whose signature has travelled alone, into `out`: nothing is checked yet.
pub fn assemble<T: Object>(
    object: &T,
    algorithm: Algorithm,
    signature: &Signature,
    out: &mut [u8],
) -> Result<usize, SealError> {
    let mut payload = [0; PAYLOAD_MAX];
    let len = write_payload(object, &mut payload)?;
    let payload = payload.get(..len).unwrap_or_default();
    Ok(write_frame(out, algorithm, payload, signature)?)
}

/// The identifier `object` has when signed with `algorithm`, without signing it.
pub fn identify<T: Object>(
    object: &T,
    network: &Network,
    algorithm: Algorithm,
) -> Result<Digest, SealError> {
    let mut payload = [0; PAYLOAD_MAX];
    let len = write_payload(object, &mut payload)?;
    let to_be_signed =
        to_be_signed::<T>(algorithm, network, payload.get(..len).unwrap_or_default())?;
    Ok(to_be_signed.id())
}

fn parse(bytes: &[u8]) -> Result<(Algorithm, &[u8], Signature), minicbor::decode::Error> {
    let wrong = || minicbor::decode::Error::message("not a COSE_Sign1");
    let mut from = Decoder::new(bytes);
    if from.tag()? != Tag::new(COSE_SIGN1) || from.array()? != Some(4) {
        return Err(wrong());
    }
    let algorithm = match from.bytes()? {
        [0xa1, 0x01, 0x27] => Algorithm::Ed25519,
        [0xa1, 0x01, 0x26] => Algorithm::P256,
        _ => return Err(wrong()),
    };
    if from.map()? != Some(0) {
        return Err(wrong());
    }
    let payload = from.bytes()?;
    let signature = from.bytes()?.try_into().map_err(|_| wrong())?;
    if payload.len() > PAYLOAD_MAX || from.position() != bytes.len() {
        return Err(wrong());
    }
    Ok((algorithm, payload, signature))
}

const fn protected(algorithm: Algorithm) -> [u8; 3] {
    match algorithm {
        Algorithm::Ed25519 => [0xa1, 0x01, 0x27],
        Algorithm::P256 => [0xa1, 0x01, 0x26],
    }
}

type CborError = minicbor::encode::Error<minicbor::encode::write::EndOfSlice>;

impl From<CborError> for SealError {
    fn from(_: CborError) -> Self {
        Self::BufferTooSmall
    }
}

fn write_payload<T: Object>(object: &T, out: &mut [u8]) -> Result<usize, CborError> {
    let mut to = Encoder::new(Cursor::new(out));
    object.write(&mut to)?;
    Ok(to.writer().position())
}

fn write_frame(
    out: &mut [u8],
    algorithm: Algorithm,
    payload: &[u8],
    signature: &Signature,
) -> Result<usize, CborError> {
    let mut to = Encoder::new(Cursor::new(out));
    to.tag(Tag::new(COSE_SIGN1))?
        .array(4)?
        .bytes(&protected(algorithm))?
        .map(0)?;
    to.bytes(payload)?.bytes(signature)?;
    Ok(to.writer().position())
}

/// Sig_structure: `["Signature1", protected, "onecode/1/" network "/" object, payload]`.
fn to_be_signed<T: Object>(
    algorithm: Algorithm,
    network: &Network,
    payload: &[u8],
) -> Result<ToBeSigned, CborError> {
    let mut context = [0; 64];
    let mut len = 0;
    let parts = ["onecode/1/", network.as_str(), "/", T::NAME];
    for (to, from) in context
        .iter_mut()
        .zip(parts.iter().flat_map(|part| part.bytes()))
    {
        *to = from;
        len += 1;
    }
    let mut bytes = [0; TO_BE_SIGNED_MAX];
    let mut to = Encoder::new(Cursor::new(bytes.as_mut_slice()));
    to.array(4)?
        .str("Signature1")?
        .bytes(&protected(algorithm))?;
    to.bytes(context.get(..len).unwrap_or_default())?
        .bytes(payload)?;
    let len = to.writer().position();
    Ok(ToBeSigned { bytes, len })
}
