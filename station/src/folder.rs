//! The station's folder: which file is what, and a lock so that one station works on it.
//!
//! ```text
//! ca.key.pem  pass.key.pem  inside.key.pem    private keys; readable by their owner only
//! token.txt                                   or where they are, when a token holds them
//! request.pem                                 for the issuer
//! grant.txt                                   from the issuer
//! journal                                     every step
//! orders/  labels/  manifests/
//! ```

use crate::items::Seed;
use crate::journal::{Journal, JournalError};
use crate::panel::Station;
use crate::token::{Token, TokenError, TokenPlace, Which};
use issuer::{FolderError, Grant, GrantFault, RandomFailed, key_file};
use protocol::keys::SoftwareKey;
use protocol::{Algorithm, Network};
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Longest file read whole.
const FILE_BYTES_MAX: u64 = 64 * 1024;
const CA_KEY: &str = "ca.key.pem";
const PASS_KEY: &str = "pass.key.pem";
const INSIDE_KEY: &str = "inside.key.pem";
const TOKEN: &str = "token.txt";

/// The files of one station.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// A locked folder.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held open, the lock is held")] File);

/// Why a station cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The operating system said no.
    Io(PathBuf, io::Error),
    /// Another process works here.
    Busy(PathBuf),
    /// A key file.
    Key(FolderError),
    /// The token with the keys.
    Token(TokenError),
    /// What the issuer gave.
    Grant(PathBuf, GrantFault),
    /// The journal.
    Journal(JournalError),
    /// A sentence for the operator.
    Other(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Busy(path) => write!(
                f,
                "{}: another station works on this folder; end it or name another folder",
                path.display()
            ),
            Self::Key(error) => error.fmt(f),
            Self::Token(error) => error.fmt(f),
            Self::Grant(path, fault) => write!(f, "{}: {fault}", path.display()),
            Self::Journal(error) => error.fmt(f),
            Self::Other(sentence) => f.write_str(sentence),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<FolderError> for OpenError {
    fn from(error: FolderError) -> Self {
        Self::Key(error)
    }
}

impl From<TokenError> for OpenError {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<JournalError> for OpenError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

fn random(bytes: &mut [u8]) -> Result<(), RandomFailed> {
    getrandom::fill(bytes).map_err(|_| RandomFailed)
}

impl Folder {
    /// Names the folder; nothing is touched.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// A file or folder in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Its journal.
    pub fn journal(&self) -> PathBuf {
        self.path("journal")
    }

    /// A folder in it, made when it is not there.
    pub fn inner(&self, name: &str) -> Result<PathBuf, OpenError> {
        let path = self.path(name);
        make_folder(&path)?;
        Ok(path)
    }

    /// Locks it; makes it when it is not there.
    pub fn lock(&self) -> Result<Lock, OpenError> {
        make_folder(&self.0)?;
        let path = self.path("lock");
        let io = |error| OpenError::Io(path.clone(), error);
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(OpenError::Busy(self.0.clone())),
            Err(TryLockError::Error(error)) => Err(io(error)),
        }
    }

    /// Makes the station's keys and the request for its issuer; finds them when they are there.
    pub fn init(&self, network: &Network, passphrase: Option<&str>) -> Result<PathBuf, OpenError> {
        for (name, algorithm) in [
            (CA_KEY, Algorithm::P256),
            (PASS_KEY, Algorithm::Ed25519),
            (INSIDE_KEY, Algorithm::Ed25519),
        ] {
            let path = self.path(name);
            if !path.exists() {
                let key = key_file::generate(algorithm, &mut random);
                let key = key.map_err(|_| OpenError::Other("no random bytes".to_owned()))?;
                key_file::write(&path, &key, passphrase, &mut random)?;
            }
        }
        self.request(network, passphrase)
    }

    /// Makes the station's keys in a token and the request for its issuer; finds them when they are
    /// there.
    pub fn init_in_token(
        &self,
        network: &Network,
        (module, which): (&Path, &Which),
        pin: &str,
    ) -> Result<PathBuf, OpenError> {
        let place = match self.token()? {
            Some(place) => place,
            None => {
                let mut id = [0; 8];
                random(&mut id).map_err(|_| OpenError::Other("no random bytes".to_owned()))?;
                let place = TokenPlace::choose(module, which, id)?;
                // Durable before there are keys: after a crash the same ones are found, or made.
                write(&self.path(TOKEN), place.to_string().as_bytes(), 0o600)?;
                place
            }
        };
        Token::open(&place, pin)?.make_keys()?;
        self.request(network, Some(pin))
    }

    fn request(&self, network: &Network, passphrase: Option<&str>) -> Result<PathBuf, OpenError> {
        let (ca, pass) = self.keys(passphrase)?;
        let request = issuer::authority_request(network, &ca, &pass)
            .map_err(|error| OpenError::Other(error.to_string()))?;
        let path = self.path("request.pem");
        write(&path, issuer::request_pem(&request).as_bytes(), 0o644)?;
        Ok(path)
    }

    /// Where the keys are, when a token holds them.
    pub fn token(&self) -> Result<Option<TokenPlace>, OpenError> {
        let path = self.path(TOKEN);
        if !path.exists() {
            return Ok(None);
        }
        let place = TokenPlace::read(&read(&path)?);
        let damaged = || OpenError::Other(format!("{}: damaged", path.display()));
        place.map(Some).ok_or_else(damaged)
    }

    fn open_token(&self, pin: Option<&str>) -> Result<Option<Token>, OpenError> {
        let wanted = || OpenError::Other("the token wants its PIN".to_owned());
        match self.token()? {
            None => Ok(None),
            Some(place) => Ok(Some(Token::open(&place, pin.ok_or_else(wanted)?)?)),
        }
    }

    /// The key for certificates, the key for passes.
    fn keys(&self, passphrase: Option<&str>) -> Result<(issuer::Key, issuer::Key), OpenError> {
        if let Some(token) = self.open_token(passphrase)? {
            return Ok(token.keys()?);
        }
        let read = |name, algorithm| key_file::read(&self.path(name), algorithm, passphrase);
        let ca = read(CA_KEY, Algorithm::P256)?;
        let pass = read(PASS_KEY, Algorithm::Ed25519)?;
        Ok((Arc::new(ca), Arc::new(pass)))
    }

    /// Whether its keys are there.
    pub fn has_keys(&self) -> bool {
        self.path(CA_KEY).exists() || self.path(TOKEN).exists()
    }

    /// Whether its keys are in files that want a passphrase.
    pub fn is_encrypted(&self) -> Result<bool, OpenError> {
        Ok(key_file::is_encrypted(&self.path(CA_KEY))?)
    }

    /// What the secrets inside things without keys are worked out from.
    pub fn seed(&self, passphrase: Option<&str>) -> Result<Seed, OpenError> {
        if let Some(token) = self.open_token(passphrase)? {
            return Ok(Seed::new(token.inside()?));
        }
        let path = self.path(INSIDE_KEY);
        match key_file::read(&path, Algorithm::Ed25519, passphrase)? {
            SoftwareKey::Ed25519(key) => Ok(Seed::new(Zeroizing::new(key.to_bytes()))),
            SoftwareKey::P256(_) => Err(OpenError::Other("not such a key".to_owned())),
        }
    }

    /// Takes what the issuer gave, if it is for these keys.
    pub fn install(&self, text: &str, passphrase: Option<&str>) -> Result<Station, OpenError> {
        let path = self.path("grant.txt");
        let station = self.station(text, passphrase, &path)?;
        write(&path, text.as_bytes(), 0o644)?;
        Ok(station)
    }

    /// The installed station.
    pub fn open(&self, passphrase: Option<&str>) -> Result<Station, OpenError> {
        let path = self.path("grant.txt");
        if !path.exists() {
            return Err(OpenError::Other(format!(
                "{}: no grant yet; give request.pem to the issuer (`onecode station admit`), then `onecode-station install` what comes back",
                self.0.display()
            )));
        }
        self.station(&read(&path)?, passphrase, &path)
    }

    fn station(
        &self,
        text: &str,
        passphrase: Option<&str>,
        path: &Path,
    ) -> Result<Station, OpenError> {
        let wrong = |fault| OpenError::Grant(path.to_owned(), fault);
        let grant = Grant::read(text).map_err(wrong)?;
        let (ca, pass) = self.keys(passphrase)?;
        let authority = grant.station(ca, pass).map_err(wrong)?;
        Ok(Station { grant, authority })
    }

    /// Its journal, read from the beginning.
    pub fn open_journal(&self, station: &Station) -> Result<Journal<File>, OpenError> {
        Ok(Journal::open(&self.journal(), station.fresh())?)
    }
}

fn make_folder(path: &Path) -> Result<(), OpenError> {
    let mut builder = fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(path);
    made.map_err(|error| OpenError::Io(path.to_owned(), error))
}

/// Reads a text of bounded length.
pub fn read(path: &Path) -> Result<String, OpenError> {
    let io = |error| OpenError::Io(path.to_owned(), error);
    let length = fs::metadata(path).map_err(io)?.len();
    if length > FILE_BYTES_MAX {
        return Err(io(io::ErrorKind::FileTooLarge.into()));
    }
    fs::read_to_string(path).map_err(io)
}

/// Writes a file whole or not at all; durable when it returns.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), OpenError> {
    let write = || {
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(mode);
        let mut file = options.open(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
            _ => Ok(()),
        }
    };
    write().map_err(|error: io::Error| OpenError::Io(path.to_owned(), error))
}
