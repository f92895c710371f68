//! Private keys in files, under a passphrase or not: PKCS#8, as common tools read it. Under a
//! passphrase it is PBES2 with scrypt and AES-256-CBC; whether the passphrase was right is known
//! when the key fits its certificate.

use crate::durable::{self, Readers};
use crate::key::{self, Random, draw};
use crate::problem::{At, FolderError, Problem};
use der::Decode;
use pkcs8::pkcs5::pbes2::Parameters;
use pkcs8::pkcs5::scrypt;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use protocol::Algorithm;
use protocol::keys::SoftwareKey;
use std::path::Path;
use zeroize::Zeroizing;

const ENCRYPTED_LABEL: &str = "ENCRYPTED PRIVATE KEY";
/// Over 16 MiB, four times: some tenths of a second, once for each start. OpenSSL takes no more.
/// Unit tests try the order of steps and not the strength.
const SCRYPT_LOG_N: u8 = if cfg!(test) { 4 } else { 14 };
const SCRYPT_R: u32 = 8;
const SCRYPT_P: u32 = 4;
const SALT_BYTES: usize = 16;

/// Makes a key that nobody else has seen.
pub fn generate(
    algorithm: Algorithm,
    random: &mut Random<'_>,
) -> Result<SoftwareKey, crate::key::RandomFailed> {
    key::generate(algorithm, random)
}

/// Writes a key for its owner only; with a passphrase it is encrypted.
pub fn write(
    path: &Path,
    secret: &SoftwareKey,
    passphrase: Option<&str>,
    random: &mut Random<'_>,
) -> Result<(), FolderError> {
    let pem = match passphrase {
        None => key::to_pem(secret),
        Some(passphrase) => encrypt(secret, passphrase, random),
    };
    let pem = pem
        .ok_or(Problem::Issue(crate::IssueError::Encoding))
        .at(path)?;
    durable::write(path, pem.as_bytes(), Readers::Owner).at(path)
}

pub(crate) fn encrypt(
    secret: &SoftwareKey,
    passphrase: &str,
    random: &mut Random<'_>,
) -> Option<Zeroizing<String>> {
    let salt = draw::<SALT_BYTES>(random).ok()?;
    let iv = draw::<16>(random).ok()?;
    let cost = scrypt::Params::new(SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P).ok()?;
    let parameters = Parameters::generate_scrypt_aes256cbc(cost, salt.as_slice(), *iv).ok()?;
    let plain = key::to_pkcs8(secret)?;
    let info = PrivateKeyInfoRef::from_der(&plain).ok()?;
    let locked = info.encrypt_with_params(parameters, passphrase).ok()?;
    der::pem::encode_string(ENCRYPTED_LABEL, der::pem::LineEnding::LF, locked.as_bytes())
        .ok()
        .map(Zeroizing::new)
}

/// Whether the key in this file needs a passphrase.
pub fn is_encrypted(path: &Path) -> Result<bool, FolderError> {
    let pem = Zeroizing::new(durable::read(path).at(path)?);
    Ok(matches!(
        der::pem::decode_vec(&pem),
        Ok((ENCRYPTED_LABEL, _))
    ))
}

/// Reads a key that nobody else may read.
pub fn read(
    path: &Path,
    algorithm: Algorithm,
    passphrase: Option<&str>,
) -> Result<SoftwareKey, FolderError> {
    let mode = durable::open_to_others(path).at(path)?;
    if mode != 0 {
        return Err(Problem::OpenToOthers(mode)).at(path);
    }
    let pem = Zeroizing::new(durable::read(path).at(path)?);
    decode(&pem, algorithm, passphrase).at(path)
}

/// Reads a key from its PEM, encrypted or not.
pub(crate) fn decode(
    pem: &[u8],
    algorithm: Algorithm,
    passphrase: Option<&str>,
) -> Result<SoftwareKey, Problem> {
    let key = match der::pem::decode_vec(pem) {
        Ok((ENCRYPTED_LABEL, locked)) => {
            let passphrase = passphrase.ok_or(Problem::Passphrase)?;
            let plain = EncryptedPrivateKeyInfoRef::from_der(&locked)
                .map_err(|_| Problem::Unreadable)?
                .decrypt(passphrase)
                .map_err(|_| Problem::Passphrase)?;
            key::from_pkcs8(algorithm, plain.as_bytes())
        }
        _ => key::from_pem(algorithm, pem),
    };
    key.ok_or(Problem::Unreadable)
}
