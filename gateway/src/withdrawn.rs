//! Authorities that were revoked: lists that root and issuers sign with `onecode root crl` and
//! `onecode issuer crl`. They lie in the data folder, one file for each signer; both doors go by them
//! from the next handshake on, and anybody may fetch them.

use issuer::{Authorities, Authority, RevokedList, Role};
use protocol::Code;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Lists kept: of two roots and of issuers. What lies beside them is not read.
const LISTS_MAX: usize = 16;
/// The largest list of an authority of authorities.
const LIST_BYTES_MAX: u64 = 64 * 1024;

/// The lists of one folder, as they lie there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Withdrawn(BTreeMap<Code, Vec<u8>>);

/// What they say.
#[derive(Clone, Debug, Default)]
pub struct Named(BTreeMap<Code, RevokedList>);

/// Where the list of this authority lies.
pub fn place(folder: &Path, signer: &Code) -> PathBuf {
    folder.join(format!("{signer}.crl"))
}

/// Keeps a list. It gets its name when it is whole: a crash before leaves the one before it.
pub fn keep(folder: &Path, signer: &Code, list: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    device_sdk::links::file::write(&place(folder, signer), list)
}

impl Withdrawn {
    /// Reads the folder; one that is not there holds none.
    pub fn load(folder: &Path) -> io::Result<Self> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            entries => entries?,
        };
        let mut lists = BTreeMap::new();
        for entry in entries.take(LISTS_MAX) {
            let path = entry?.path();
            let signer = path.file_stem().and_then(|stem| stem.to_str());
            let signer = signer.and_then(|stem| stem.parse::<Code>().ok());
            let is_list = path.extension().is_some_and(|ending| ending == "crl");
            if let (Some(signer), true) = (signer, is_list)
                && fs::metadata(&path)?.len() <= LIST_BYTES_MAX
            {
                lists.insert(signer, fs::read(&path)?);
            }
        }
        Ok(Self(lists))
    }

    /// The list of one signer.
    pub fn of(&self, signer: &Code) -> Option<&[u8]> {
        self.0.get(signer).map(Vec::as_slice)
    }

    /// What the lists of these authorities say. One that is damaged or by nobody here is said and
    /// left out.
    pub fn read(&self, authorities: &Authorities) -> Named {
        let mut named = BTreeMap::new();
        for signer in signers(authorities) {
            let Some(list) = self.of(&signer.code()) else {
                continue;
            };
            match signer.read_list(list) {
                Ok(list) => drop(named.insert(signer.code(), list)),
                Err(error) => {
                    tracing::error!(by = %signer.code(), %error, "this list of revoked authorities does not count");
                }
            }
        }
        Named(named)
    }
}

impl Named {
    /// Whether the list of this authority names that certificate, DER. What cannot be read is named
    /// by every list.
    pub fn has(&self, signer: &Code, certificate: &[u8]) -> bool {
        let list = self.0.get(signer);
        list.is_some_and(|list| list.names(certificate).unwrap_or(true))
    }
}

/// Roots and issuers, those who were taken over from among them.
fn signers(authorities: &Authorities) -> impl Iterator<Item = &Authority> {
    let before = authorities.former.iter().map(|former| &former.authority);
    let issuers = before.filter(|one| one.role() == Role::Issuer);
    let issuers = issuers.chain(std::iter::once(&authorities.issuer));
    authorities.roots().chain(issuers)
}
