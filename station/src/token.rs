//! Keys in a PKCS#11 token: made inside, never seen, named in the station's folder by a small file.
//!
//! A token has to offer P-256 keys with `CKM_ECDSA` for certificates, Ed25519 keys with `CKM_EDDSA`
//! for passes, and a generic secret with `CKM_SHA256_HMAC`, from which the secrets inside things
//! without keys are worked out. ECDSA in a token draws a random number for each signature; a station
//! never signs the same twice with consequences, because its journal holds all that it ever signed
//! before anybody else sees it.

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use issuer::Key;
use protocol::keys::SignerFailed;
use protocol::{Algorithm, PublicKey, Signature, Signer};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// Bytes by which the token knows the keys of one station.
const ID_BYTES: usize = 8;
/// prime256v1 and Ed25519, as the token wants them: OBJECT IDENTIFIER in DER.
const P256: [u8; 10] = [0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const ED25519: [u8; 5] = [0x06, 3, 0x2b, 0x65, 0x70];
/// What the secret of the things without keys is worked out from.
const INSIDE: &[u8] = b"onecode/1/inside-token";
const HEADER: &str = "onecode-token 1";

/// Where the keys are: what stands in `token.txt`. None of it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPlace {
    /// The library of the token's maker.
    pub module: PathBuf,
    /// The token's serial number: slots change, it does not.
    pub serial: String,
    /// By which the token knows this station's keys.
    pub id: [u8; ID_BYTES],
}

/// Which token to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one in this slot.
    Slot(u64),
    /// The one with this label.
    Label(String),
}

/// Why a token does not do what it should.
#[derive(Debug)]
pub enum TokenError {
    /// The module cannot be loaded or does not work.
    Module(PathBuf, Error),
    /// No such token is there; what is there instead.
    Absent(String, Vec<String>),
    /// More than one.
    Several(String),
    /// The PIN is wrong, or used up.
    Pin(RvError),
    /// It lacks what a station needs.
    Offers(&'static str),
    /// A key of this station is not in it.
    Key(&'static str),
    /// It failed at something else.
    Failed(Error),
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module(path, error) => write!(
                f,
                "{}: {error}; name the PKCS#11 library of the token's maker",
                path.display()
            ),
            Self::Absent(wanted, there) if there.is_empty() => {
                write!(
                    f,
                    "no token {wanted}, and no other; put it in, and run again"
                )
            }
            Self::Absent(wanted, there) => {
                write!(f, "no token {wanted}; there are: {}", there.join(", "))
            }
            Self::Several(wanted) => {
                write!(
                    f,
                    "several tokens are {wanted}; name one of them with --slot"
                )
            }
            Self::Pin(RvError::PinLocked) => f.write_str(
                "the token locked itself after too many wrong PINs; unlock it with its own tool",
            ),
            Self::Pin(_) => f.write_str(
                "the token does not take this PIN; it locks itself after a few wrong ones",
            ),
            Self::Offers(what) => write!(
                f,
                "this token offers no {what}; a station wants ECDSA P-256, EdDSA Ed25519 and HMAC-SHA-256"
            ),
            Self::Key(name) => write!(
                f,
                "this token does not hold the station's {name} key; put in the one that `init` was given"
            ),
            Self::Failed(error) => write!(f, "the token failed: {error}"),
        }
    }
}

impl std::error::Error for TokenError {}

impl From<Error> for TokenError {
    fn from(error: Error) -> Self {
        match error {
            Error::Pkcs11(
                fault @ (RvError::PinIncorrect
                | RvError::PinInvalid
                | RvError::PinLenRange
                | RvError::PinExpired
                | RvError::PinLocked),
                _,
            ) => Self::Pin(fault),
            other => Self::Failed(other),
        }
    }
}

impl fmt::Display for TokenPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id: String = self.id.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(f, "{HEADER}")?;
        writeln!(f, "module {}", self.module.display())?;
        writeln!(f, "serial {}", self.serial)?;
        writeln!(f, "id {id}")
    }
}

impl TokenPlace {
    /// Reads `token.txt`.
    pub fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        lines.next().filter(|line| *line == HEADER)?;
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let (module, serial, digits) = (value("module")?, value("serial")?, value("id")?);
        let id = u64::from_str_radix(digits, 16).ok()?;
        let place = Self {
            module: PathBuf::from(module),
            serial: serial.to_owned(),
            id: id.to_be_bytes(),
        };
        (digits.len() == 2 * ID_BYTES).then_some(place)
    }

    /// A place for the keys of a new station. Nothing is made yet, so that the file which names the
    /// keys can be durable before they are there.
    pub fn choose(module: &Path, which: &Which, id: [u8; ID_BYTES]) -> Result<Self, TokenError> {
        let context = load(module)?;
        let tokens = tokens(&context)?;
        let matches = |(slot, label, _): &&(Slot, String, String)| match which {
            Which::Slot(number) => slot.id() == *number,
            Which::Label(wanted) => label == wanted,
        };
        let wanted = match which {
            Which::Slot(number) => format!("in slot {number}"),
            Which::Label(label) => format!("labelled {label:?}"),
        };
        let mut found = tokens.iter().filter(matches);
        match (found.next(), found.next()) {
            (Some((slot, _, serial)), None) => {
                offers(&context, *slot)?;
                Ok(Self {
                    module: module.to_owned(),
                    serial: serial.clone(),
                    id,
                })
            }
            (None, _) => Err(TokenError::Absent(wanted, names(&tokens))),
            (Some(_), Some(_)) => Err(TokenError::Several(wanted)),
        }
    }
}

/// The module, ready. A module that was made ready before stays so.
fn load(module: &Path) -> Result<Pkcs11, TokenError> {
    let wrong = |error| TokenError::Module(module.to_owned(), error);
    let context = Pkcs11::new(module).map_err(wrong)?;
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(context),
        Err(error) => Err(wrong(error)),
    }
}

/// Slots with a token that was made ready: slot, label, serial number.
fn tokens(context: &Pkcs11) -> Result<Vec<(Slot, String, String)>, TokenError> {
    let mut tokens = Vec::new();
    for slot in context.get_slots_with_initialized_token()? {
        let info = context.get_token_info(slot)?;
        let [label, serial] = [info.label(), info.serial_number()];
        tokens.push((slot, label.trim().to_owned(), serial.trim().to_owned()));
    }
    Ok(tokens)
}

fn names(tokens: &[(Slot, String, String)]) -> Vec<String> {
    let name = |(slot, label, _): &(Slot, String, String)| format!("{label:?} in slot {slot}");
    tokens.iter().map(name).collect()
}

fn offers(context: &Pkcs11, slot: Slot) -> Result<(), TokenError> {
    let offered = context.get_mechanism_list(slot)?;
    let wanted = [
        (MechanismType::ECDSA, "ECDSA"),
        (MechanismType::EDDSA, "EdDSA"),
        (MechanismType::SHA256_HMAC, "HMAC-SHA-256"),
    ];
    match wanted.iter().find(|(kind, _)| !offered.contains(kind)) {
        Some((_, name)) => Err(TokenError::Offers(name)),
        None => Ok(()),
    }
}

/// An open token.
pub struct Token {
    session: Arc<Mutex<Session>>,
    id: [u8; ID_BYTES],
}

/// A key of a token.
struct TokenKey {
    session: Arc<Mutex<Session>>,
    private: ObjectHandle,
    public: PublicKey,
}

impl Token {
    /// Opens the token of a station.
    pub fn open(place: &TokenPlace, pin: &str) -> Result<Self, TokenError> {
        let context = load(&place.module)?;
        let tokens = tokens(&context)?;
        let found = tokens.iter().find(|(_, _, serial)| *serial == place.serial);
        let Some((slot, ..)) = found else {
            let wanted = format!("with serial number {}", place.serial);
            return Err(TokenError::Absent(wanted, names(&tokens)));
        };
        let session = context.open_rw_session(*slot)?;
        match session.login(UserType::User, Some(&AuthPin::from(pin.to_owned()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Self {
            session: Arc::new(Mutex::new(session)),
            id: place.id,
        })
    }

    /// Makes what is not there yet of the station's keys.
    pub fn make_keys(&self) -> Result<(), TokenError> {
        for algorithm in [Algorithm::P256, Algorithm::Ed25519] {
            // A crash in between leaves the first; the same `init` goes on.
            if self
                .find(&self.template(ObjectClass::PRIVATE_KEY, key_type(algorithm)))?
                .is_none()
            {
                self.make_pair(algorithm)?;
            }
        }
        let inside = self.template(ObjectClass::SECRET_KEY, KeyType::GENERIC_SECRET);
        if self.find(&inside)?.is_none() {
            let mut made = inside;
            made.extend(hidden("onecode inside"));
            made.push(Attribute::ValueLen(32.into()));
            self.with(|session| session.generate_key(&Mechanism::GenericSecretKeyGen, &made))?;
        }
        Ok(())
    }

    /// The key for certificates, the key for passes.
    pub fn keys(&self) -> Result<(Key, Key), TokenError> {
        Ok((self.key(Algorithm::P256)?, self.key(Algorithm::Ed25519)?))
    }

    /// What the secrets inside things without keys are worked out from.
    pub fn inside(&self) -> Result<Zeroizing<[u8; 32]>, TokenError> {
        let template = self.template(ObjectClass::SECRET_KEY, KeyType::GENERIC_SECRET);
        let key = self.find(&template)?.ok_or(TokenError::Key("inside"))?;
        let seed = self.with(|session| session.sign(&Mechanism::Sha256Hmac, key, INSIDE))?;
        let seed = Zeroizing::new(seed);
        let seed = seed.as_slice().try_into();
        Ok(Zeroizing::new(
            seed.map_err(|_| TokenError::Offers("HMAC-SHA-256"))?,
        ))
    }

    fn with<T>(&self, act: impl FnOnce(&Session) -> Result<T, Error>) -> Result<T, TokenError> {
        // A panic in between leaves nothing half done on our side of the session.
        let session = self.session.lock().unwrap_or_else(|held| held.into_inner());
        Ok(act(&session)?)
    }

    fn template(&self, class: ObjectClass, kind: KeyType) -> Vec<Attribute> {
        vec![
            Attribute::Class(class),
            Attribute::KeyType(kind),
            Attribute::Token(true),
            Attribute::Id(self.id.to_vec()),
        ]
    }

    fn find(&self, template: &[Attribute]) -> Result<Option<ObjectHandle>, TokenError> {
        Ok(self
            .with(|session| session.find_objects(template))?
            .first()
            .copied())
    }

    fn make_pair(&self, algorithm: Algorithm) -> Result<(), TokenError> {
        let (mechanism, curve, label) = match algorithm {
            Algorithm::P256 => (
                Mechanism::EccKeyPairGen,
                P256.as_slice(),
                "onecode certificates",
            ),
            Algorithm::Ed25519 => (
                Mechanism::EccEdwardsKeyPairGen,
                ED25519.as_slice(),
                "onecode passes",
            ),
        };
        let mut public = self.template(ObjectClass::PUBLIC_KEY, key_type(algorithm));
        public.extend([
            Attribute::Private(false),
            Attribute::Verify(true),
            Attribute::EcParams(curve.to_vec()),
            Attribute::Label(label.as_bytes().to_vec()),
        ]);
        let mut private = self.template(ObjectClass::PRIVATE_KEY, key_type(algorithm));
        private.extend(hidden(label));
        self.with(|session| session.generate_key_pair(&mechanism, &public, &private))?;
        Ok(())
    }

    fn key(&self, algorithm: Algorithm) -> Result<Key, TokenError> {
        let name = match algorithm {
            Algorithm::P256 => "certificate",
            Algorithm::Ed25519 => "pass",
        };
        let absent = || TokenError::Key(name);
        let handle = |class| self.find(&self.template(class, key_type(algorithm)));
        let private = handle(ObjectClass::PRIVATE_KEY)?.ok_or_else(absent)?;
        let public = handle(ObjectClass::PUBLIC_KEY)?.ok_or_else(absent)?;
        let wanted = [AttributeType::EcPoint];
        let told = self.with(|session| session.get_attributes(public, &wanted))?;
        let point = told.iter().find_map(|attribute| match attribute {
            Attribute::EcPoint(point) => public_key(algorithm, point),
            _ => None,
        });
        Ok(Arc::new(TokenKey {
            session: Arc::clone(&self.session),
            private,
            public: point.ok_or_else(absent)?,
        }))
    }
}

/// A key that signs, stays in the token, and is used by whoever knows the PIN.
fn hidden(label: &str) -> [Attribute; 5] {
    [
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Label(label.as_bytes().to_vec()),
    ]
}

fn key_type(algorithm: Algorithm) -> KeyType {
    match algorithm {
        Algorithm::P256 => KeyType::EC,
        Algorithm::Ed25519 => KeyType::EC_EDWARDS,
    }
}

/// `CKA_EC_POINT`: the point in an OCTET STRING; some tokens leave that out.
fn public_key(algorithm: Algorithm, told: &[u8]) -> Option<PublicKey> {
    let point = match told {
        [0x04, length, point @ ..] if usize::from(*length) == point.len() => point,
        bare => bare,
    };
    match algorithm {
        Algorithm::Ed25519 => PublicKey::from_slice(algorithm, point),
        Algorithm::P256 => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
            PublicKey::from_slice(algorithm, key.to_sec1_point(true).as_bytes())
        }
    }
}

impl Signer for TokenKey {
    fn public_key(&self) -> PublicKey {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerFailed> {
        let session = self.session.lock().unwrap_or_else(|held| held.into_inner());
        let signed = match self.public {
            PublicKey::Ed25519(_) => {
                let pure = EddsaParams::new(EddsaSignatureScheme::Ed25519);
                session.sign(&Mechanism::Eddsa(pure), self.private, message)
            }
            PublicKey::P256(_) => {
                let hash = Sha256::digest(message);
                session.sign(&Mechanism::Ecdsa, self.private, &hash)
            }
        };
        let raw = signed.map_err(|_| SignerFailed)?;
        let signature = match self.public {
            PublicKey::Ed25519(_) => raw.as_slice().try_into().map_err(|_| SignerFailed)?,
            // A token knows nothing of the rule of the lower S.
            PublicKey::P256(_) => p256::ecdsa::Signature::from_slice(&raw)
                .map_err(|_| SignerFailed)?
                .normalize_s()
                .to_bytes()
                .into(),
        };
        // What leaves this machine is right, whatever the token is.
        match self.public.verifies(message, &signature) {
            true => Ok(signature),
            false => Err(SignerFailed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_token_reads_back_and_nothing_else_is_one() {
        let place = TokenPlace {
            module: PathBuf::from("/usr/lib/softhsm/libsofthsm2.so"),
            serial: "9d3f0c0a".to_owned(),
            id: [1, 2, 3, 4, 5, 6, 7, 0],
        };
        let text = place.to_string();
        assert_eq!(TokenPlace::read(&text), Some(place));
        for bad in [
            "",
            "onecode-token 2",
            &text.replace("id 01", "id 1"),
            &text.replace("id", "ix"),
        ] {
            assert_eq!(TokenPlace::read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_point_is_read_in_both_spellings_and_refused_when_it_is_none() {
        let key = protocol::keys::SoftwareKey::p256(&[7; 32]).unwrap();
        let wanted = key.public_key();
        let point = p256::ecdsa::VerifyingKey::from_sec1_bytes(wanted.as_bytes()).unwrap();
        let whole = point.to_sec1_point(false).as_bytes().to_vec();
        let mut wrapped = vec![0x04, 65];
        wrapped.extend(&whole);
        for told in [whole.clone(), wrapped] {
            assert_eq!(public_key(Algorithm::P256, &told), Some(wanted));
        }
        assert_eq!(public_key(Algorithm::P256, &whole[1..]), None);
        let mut edwards = vec![0x04, 32];
        edwards.extend([9; 32]);
        let wanted = Some(PublicKey::Ed25519([9; 32]));
        assert_eq!(public_key(Algorithm::Ed25519, &edwards), wanted);
        assert_eq!(public_key(Algorithm::Ed25519, &edwards[1..]), None);
    }
}
