//! What a purse asks its C caller for: flash and signatures.

use core::ffi::{c_int, c_void};
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use protocol::keys::SignerFailed;
use protocol::{Algorithm, PublicKey, Signature, Signer};

/// Bytes of a sector, which are erased at once. Larger sectors will not do; of smaller ones, erase
/// several.
pub const OC_SECTOR_BYTES: usize = 4096;
/// Bytes that are written at once, at an offset divisible by them. Smaller words are written one
/// after the other.
pub const OC_WORD_BYTES: usize = 16;
/// Bytes of a signature.
pub const OC_SIGNATURE_BYTES: usize = 64;

/// NOR flash for the journal, and nothing else in it. Each function returns 0 when it is done and
/// anything else when it failed; offsets count from the beginning of the journal's area.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct OcFlash {
    /// Handed to each function.
    pub context: *mut c_void,
    /// Bytes of the area: a multiple of `OC_SECTOR_BYTES`, 184 KB (46 sectors) at least.
    pub len: u32,
    /// Reads `len` bytes at `offset`.
    pub read: Option<unsafe extern "C" fn(*mut c_void, u32, *mut u8, usize) -> c_int>,
    /// Writes `len` bytes, a multiple of `OC_WORD_BYTES`, at `offset`. No word is written twice
    /// between two erasures.
    pub write: Option<unsafe extern "C" fn(*mut c_void, u32, *const u8, usize) -> c_int>,
    /// Erases one sector, which begins at `offset`, to ones.
    pub erase: Option<unsafe extern "C" fn(*mut c_void, u32) -> c_int>,
}

/// The flash did not do it.
#[derive(Clone, Copy, Debug)]
pub struct Failed;

impl NorFlashError for Failed {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl ErrorType for OcFlash {
    type Error = Failed;
}

fn done(answer: c_int) -> Result<(), Failed> {
    match answer {
        0 => Ok(()),
        _ => Err(Failed),
    }
}

impl ReadNorFlash for OcFlash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Failed> {
        let read = self.read.ok_or(Failed)?;
        // SAFETY: the caller of `oc_purse_open` gave this function for this context; the buffer is
        // ours and as long as said.
        done(unsafe { read(self.context, offset, bytes.as_mut_ptr(), bytes.len()) })
    }

    fn capacity(&self) -> usize {
        self.len as usize
    }
}

impl NorFlash for OcFlash {
    const WRITE_SIZE: usize = OC_WORD_BYTES;
    const ERASE_SIZE: usize = OC_SECTOR_BYTES;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Failed> {
        let erase = self.erase.ok_or(Failed)?;
        for offset in (from..to).step_by(OC_SECTOR_BYTES) {
            // SAFETY: as in `read`.
            done(unsafe { erase(self.context, offset) })?;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failed> {
        let write = self.write.ok_or(Failed)?;
        // SAFETY: as in `read`.
        done(unsafe { write(self.context, offset, bytes.as_ptr(), bytes.len()) })
    }
}

/// Kinds of keys.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcAlgorithm {
    /// Ed25519 (RFC 8032): public keys of 32 bytes.
    Ed25519 = 0,
    /// ECDSA P-256 with SHA-256, low S and the nonces of RFC 6979: public keys of 33 bytes (SEC 1,
    /// compressed).
    P256 = 1,
}

/// The wallet key, wherever it is kept.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct OcSigner {
    /// Handed to `sign`.
    pub context: *mut c_void,
    /// A value of `oc_algorithm`.
    pub algorithm: u32,
    /// Its public half; of Ed25519 the first 32 bytes.
    pub public_key: [u8; 33],
    /// Signs `len` bytes into `OC_SIGNATURE_BYTES` at the last argument; returns 0 when it has. The
    /// same bytes must give the same signature.
    pub sign: Option<unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut u8) -> c_int>,
}

/// A key of C's whose public half was found to be one.
pub struct HookedKey {
    hook: OcSigner,
    public: PublicKey,
}

/// The key in so many of the bytes as it has.
pub fn public_key(algorithm: u32, bytes: &[u8; 33]) -> Option<PublicKey> {
    let (first, _) = bytes.split_last_chunk::<1>()?;
    match algorithm {
        of if of == OcAlgorithm::Ed25519 as u32 => PublicKey::from_slice(Algorithm::Ed25519, first),
        of if of == OcAlgorithm::P256 as u32 => PublicKey::from_slice(Algorithm::P256, bytes),
        _ => None,
    }
}

impl HookedKey {
    /// `None` when there is no such key.
    pub fn new(hook: OcSigner) -> Option<Self> {
        let public = public_key(hook.algorithm, &hook.public_key)?;
        Some(Self { hook, public })
    }
}

impl Signer for HookedKey {
    fn public_key(&self) -> PublicKey {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerFailed> {
        let sign = self.hook.sign.ok_or(SignerFailed)?;
        let mut signature = [0; OC_SIGNATURE_BYTES];
        let context = self.hook.context;
        // SAFETY: the caller of `oc_purse_open` gave this function for this context; it writes as
        // many bytes as there are.
        let answer = unsafe {
            sign(
                context,
                message.as_ptr(),
                message.len(),
                signature.as_mut_ptr(),
            )
        };
        match answer {
            0 => Ok(signature),
            _ => Err(SignerFailed),
        }
    }
}
