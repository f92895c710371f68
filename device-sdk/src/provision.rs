//! A thing on a station's bench: it makes its keys when it is first asked, and keeps what it is
//! given only when all of it belongs together. The protocol is [`protocol::provision`].
//!
//! ```text
//! keys             both private keys, as everywhere
//! key.pem          the transport key once more, as other programs want it
//! certificate.pem  own certificate, then the station's
//! authorities.pem  root, issuer and station
//! root-key, *.der, *.pass, pass    the parts as they came
//! born             their hash; written last, so it is there only when all is
//! ```

use crate::durable;
use crate::enrol::{Authorities, Keys};
use crate::identity_file::{self, IdentityError, load_keys, save_keys};
use protocol::provision::{
    Call, Chunk, LINE_BYTES_MAX, PART_BYTES_MAX, PART_NAMES, PARTS_MAX, Parts, Reply, is_name,
};
use protocol::rules::Trust;
use protocol::{Code, Digest, Network, PublicKey};
use std::fs;
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};

/// Randomness for the keys.
pub type Random<'a> = &'a mut dyn FnMut(&mut [u8]) -> io::Result<()>;

#[cfg(test)]
mod tests;

const BORN: &str = "born";
/// Draws of a transport key before the source of randomness counts as broken.
const DRAWS_MAX: usize = 4;

/// A thing that can be given credentials.
pub struct Bench<'r> {
    folder: PathBuf,
    model: String,
    /// Fixed at birth in the firmware, or taken from the first station.
    root_key: Option<PublicKey>,
    random: Random<'r>,
    network: Option<Network>,
    parts: Vec<(String, Vec<u8>)>,
}

impl<'r> Bench<'r> {
    /// A thing whose files lie in `folder`. With a root key it takes credentials under that one
    /// only.
    pub fn new(
        folder: &Path,
        model: &str,
        root_key: Option<PublicKey>,
        random: Random<'r>,
    ) -> Self {
        let model = if is_name(model) { model } else { "thing" };
        Self {
            folder: folder.to_owned(),
            model: model.to_owned(),
            root_key,
            random,
            network: None,
            parts: Vec::new(),
        }
    }

    /// Answers lines until the other side closes.
    pub fn serve(&mut self, from: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let most = LINE_BYTES_MAX as u64;
            if from.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            if let Some(answer) = self.answer(&line) {
                to.write_all(&answer)?;
                to.flush()?;
            }
        }
    }

    /// The answer to a line, if it is a call.
    pub fn answer(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        let (tag, call) = Call::read(line)?;
        let model = self.model.clone();
        let reply = match call {
            Call::Hello { network } => {
                self.network = Some(network);
                Ok(Reply::Hello { model: &model })
            }
            Call::Ask { offset } => self.request().map(|request| data(&request, offset)),
            Call::Put {
                name,
                offset,
                total,
                chunk,
            } => self.put(name, offset, total, &chunk).map(|()| Reply::Ok),
            Call::Keep { digest } => self.keep(&digest).map(|()| Reply::Ok),
            Call::Get { name, offset } => self.kept(name).map(|content| data(&content, offset)),
        };
        let reply = reply.unwrap_or_else(|reason| Reply::No { reason });
        reply.line(tag).map(|line| line.as_bytes().to_vec())
    }

    /// Says which network the thing is asked for, to whoever calls it instead of sending it lines.
    pub fn meet(&mut self, network: Network) {
        self.network = Some(network);
    }

    /// Takes all parts at once and makes them durable, as lines would one by one.
    pub fn give(&mut self, parts: Vec<(String, Vec<u8>)>) -> Result<(), &'static str> {
        if parts.len() > PARTS_MAX || parts.iter().any(|(_, part)| part.len() > PART_BYTES_MAX) {
            return Err("length");
        }
        self.parts = parts;
        self.keep(&self.digest())
    }

    /// Its PKCS#10 request, DER. The same keys give the same one.
    pub fn request(&mut self) -> Result<Vec<u8>, &'static str> {
        let network = self.network.ok_or("no-hello")?;
        self.keys()?.request(&network).map_err(|_| "keys")
    }

    /// The keys, which are stored before anybody hears of them.
    fn keys(&mut self) -> Result<Keys, &'static str> {
        if let Some(keys) = load_keys(&self.folder).map_err(|_| "storage")? {
            return Ok(keys);
        }
        for _ in 0..DRAWS_MAX {
            let [mut transport, mut wallet] = [[0; 32]; 2];
            (self.random)(&mut transport).map_err(|_| "random")?;
            (self.random)(&mut wallet).map_err(|_| "random")?;
            if let Ok(keys) = Keys::from_random(&transport, &wallet) {
                save_keys(&self.folder, &keys).map_err(|_| "storage")?;
                return Ok(keys);
            }
        }
        Err("random")
    }

    fn put(
        &mut self,
        name: &str,
        offset: usize,
        total: usize,
        chunk: &Chunk,
    ) -> Result<(), &'static str> {
        if total > PART_BYTES_MAX || offset + chunk.as_bytes().len() > total {
            return Err("length");
        }
        // The first part, said from its beginning, begins all of them anew.
        if offset == 0 && name == "root-key" {
            self.parts.clear();
        }
        if !self.parts.iter().any(|(of, _)| of == name) {
            if offset > 0 {
                return Err("order");
            }
            if self.parts.len() >= PARTS_MAX {
                return Err("parts");
            }
            self.parts.push((name.to_owned(), Vec::new()));
        }
        let mut parts = self.parts.iter_mut();
        let (_, content) = parts.find(|(of, _)| of == name).ok_or("parts")?;
        // Said again: the piece is there already.
        if content.len() < offset {
            return Err("order");
        }
        content.truncate(offset);
        content.extend_from_slice(chunk.as_bytes());
        Ok(())
    }

    fn keep(&mut self, digest: &Digest) -> Result<(), &'static str> {
        if self.stored().as_ref() == Some(digest) {
            return Ok(());
        }
        if self.digest() != *digest {
            return Err("digest");
        }
        let network = self.network.ok_or("no-hello")?;
        let keys = self.keys()?;
        let birth = Birth::read(network, |name| self.part(name)).ok_or("parts")?;
        if self
            .root_key
            .is_some_and(|pinned| pinned != birth.trust.root_key)
        {
            return Err("root-key");
        }
        birth.check(&keys)?;
        // Whoever has the thing on a bench later may give it new credentials, but no other root.
        if self.stored().is_some() {
            let before = fs::read(self.folder.join("root-key")).map_err(|_| "storage")?;
            if before != birth.trust.root_key.as_bytes() {
                return Err("root-key");
            }
        }
        self.store(&keys, &birth, digest).map_err(|_| "storage")
    }

    fn digest(&self) -> Digest {
        let mut parts = Parts::default();
        for (name, content) in &self.parts {
            parts.add(name, content);
        }
        parts.digest()
    }

    fn part(&self, name: &str) -> Option<Vec<u8>> {
        let mut parts = self.parts.iter();
        parts
            .find(|(of, _)| of == name)
            .map(|(_, content)| content.clone())
    }

    fn store(&self, keys: &Keys, birth: &Birth, digest: &Digest) -> Result<(), IdentityError> {
        let write = |name: &str, bytes: &[u8], mode| {
            let path = self.folder.join(name);
            durable::write(&path, bytes, mode).map_err(|error| IdentityError::Io { path, error })
        };
        // From here to the last line the thing is not born: a power cut in between leaves one that
        // a station goes on with, never one with parts of two births.
        let born = self.folder.join(BORN);
        durable::remove(&born).map_err(|error| IdentityError::Io { path: born, error })?;
        for (name, content) in &self.parts {
            if PART_NAMES.contains(&name.as_str()) {
                write(name, content, 0o644)?;
            }
        }
        let [root, issuer, station] = birth.authorities.each_ref().map(Vec::as_slice);
        let own = identity_file::pem(&[&birth.certificate, station]);
        write("certificate.pem", own.as_bytes(), 0o644)?;
        let above = identity_file::pem(&[root, issuer, station]);
        write("authorities.pem", above.as_bytes(), 0o644)?;
        if let Some(key) = identity_file::transport_pem(keys) {
            write("key.pem", key.as_bytes(), 0o600)?;
        }
        let line = format!(
            "1 {} {} {digest}\n",
            birth.trust.network.as_str(),
            birth.code
        );
        write(BORN, line.as_bytes(), 0o644)
    }

    fn stored(&self) -> Option<Digest> {
        let line = fs::read_to_string(self.folder.join(BORN)).ok()?;
        let digits = line.trim_end().rsplit(' ').next()?;
        (digits.len() == 64).then(|| parse(digits)).flatten()
    }

    /// A part as it is kept.
    pub fn kept(&self, name: &str) -> Result<Vec<u8>, &'static str> {
        if !PART_NAMES.contains(&name) || self.stored().is_none() {
            return Err("not-kept");
        }
        fs::read(self.folder.join(name)).map_err(|_| "storage")
    }
}

fn parse(digits: &str) -> Option<Digest> {
    let (pairs, _) = digits.as_bytes().as_chunks::<2>();
    let mut bytes = [0; 32];
    for (to, pair) in bytes.iter_mut().zip(pairs) {
        *to = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Digest(bytes))
}

fn data(content: &[u8], offset: usize) -> Reply<'static> {
    Reply::Data {
        total: content.len(),
        chunk: Chunk::of(content, offset),
    }
}

/// What a station gave a thing. All of it is public.
#[derive(Clone, Debug)]
pub struct Birth {
    /// Network and root key.
    pub trust: Trust,
    /// Its name.
    pub code: Code,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// Certificates of root, issuer and station, DER.
    pub authorities: [Vec<u8>; 3],
    /// Passes: the issuer's, the station's, its own.
    pub passes: [Vec<u8>; 3],
}

impl Birth {
    fn read(network: Network, part: impl Fn(&str) -> Option<Vec<u8>>) -> Option<Self> {
        let root_key = PublicKey::Ed25519(part("root-key")?.try_into().ok()?);
        let pass = part("pass")?;
        let opened = protocol::cose::open::<protocol::objects::Pass>(&pass, &network).ok()?;
        Some(Self {
            trust: Trust::new(network, root_key),
            code: opened.peek().subject.0,
            certificate: part("certificate.der")?,
            authorities: [part("root.der")?, part("issuer.der")?, part("station.der")?],
            passes: [part("issuer.pass")?, part("station.pass")?, pass],
        })
    }

    /// Whether all of it belongs together, to these keys and under the root key.
    pub fn check(&self, keys: &Keys) -> Result<(), &'static str> {
        let [issuer, station, own] = &self.passes;
        let issuer = self.trust.issuer(issuer).map_err(|_| "issuer.pass")?;
        let station = self.trust.issued(&issuer, station);
        let station = station.map_err(|_| "station.pass")?;
        let own = self.trust.issued(&station, own).map_err(|_| "pass")?;
        if own.get().key.0 != keys.wallet_public() {
            return Err("pass");
        }
        let spki = keys.transport_spki().map_err(|_| "keys")?;
        let [root, middle, above] = &self.authorities;
        let names = [
            ("root.der", root, issuer.get().issuer.0),
            ("issuer.der", middle, issuer.get().subject.0),
            ("station.der", above, station.get().subject.0),
        ];
        for (name, certificate, code) in names {
            crate::enrol::commits(certificate, &code).map_err(|_| name)?;
        }
        let wrong = |_| "certificate.der";
        crate::enrol::is_of(&self.certificate, &self.code, &spki).map_err(wrong)?;
        // A thing on a bench has no clock: the chain held when the pass was given.
        let authorities = Authorities {
            root: root.clone(),
            issuer: middle.clone(),
            signer: above.clone(),
            others: Vec::new(),
        };
        let given = own.get().issued;
        crate::enrol::chain(&self.certificate, &authorities, given).map_err(wrong)
    }

    /// Reads what a thing was given into `folder`; `None` when it was not, or not to its end.
    pub fn load(folder: &Path) -> Result<Option<Self>, IdentityError> {
        let path = folder.join(BORN);
        let line = match fs::read_to_string(&path) {
            Ok(line) => line,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(IdentityError::Io { path, error }),
        };
        let network = line
            .strip_prefix("1 ")
            .and_then(|rest| rest.split(' ').next());
        let birth = network
            .and_then(Network::new)
            .and_then(|network| Self::read(network, |name| fs::read(folder.join(name)).ok()));
        birth.map(Some).ok_or(IdentityError::Unreadable { path })
    }
}
