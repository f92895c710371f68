//! A gateway's data folder: which file is what, and a lock so that one gateway works on it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The files of one gateway.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// Held as long as the gateway runs; the system releases it when the process ends, however.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Folder {
    /// Names the folder; nothing is touched.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Keys, certificates and passes of root, issuer and gateway.
    pub fn authorities(&self) -> PathBuf {
        self.0.join("authorities")
    }

    /// Codes, purses, payments.
    pub fn ledger(&self) -> PathBuf {
        self.0.join("ledger.db")
    }

    /// Accounts of people.
    pub fn people(&self) -> PathBuf {
        self.0.join("people.db")
    }

    /// What things said lately, and what people told them.
    pub fn diary(&self) -> PathBuf {
        self.0.join("diary.db")
    }

    /// What MQTT sessions are owed, and what topics retain.
    pub fn sessions(&self) -> PathBuf {
        self.0.join("sessions.db")
    }

    /// The pass of the gateway above, where there is one.
    pub fn centre(&self) -> PathBuf {
        self.0.join("centre.cbor")
    }

    /// What waits for whoever is above.
    pub fn outbox(&self) -> PathBuf {
        self.0.join("outbox.db")
    }

    /// Who is told when something needs attention, and the letters about it.
    pub fn alerts(&self) -> PathBuf {
        self.0.join("alerts.db")
    }

    /// Who may read what of others' branches, and how many paid reads were taken.
    pub fn grants(&self) -> PathBuf {
        self.0.join("grants.db")
    }

    /// What things are given to trust this network.
    pub fn trust(&self) -> PathBuf {
        self.0.join("trust.toml")
    }

    /// Root and issuer certificates for TLS clients.
    pub fn trusted_certificates(&self) -> PathBuf {
        self.0.join("trusted.pem")
    }

    /// Lists of revoked authorities, one for each signer; public.
    pub fn withdrawn(&self) -> PathBuf {
        self.0.join("crl")
    }

    /// Manifests that people send wait here until they are read; empty after a start.
    pub fn spool(&self) -> PathBuf {
        self.0.join("uploads")
    }

    /// Whether a gateway has ever worked here.
    pub fn is_used(&self) -> bool {
        self.ledger().exists()
    }

    /// Creates the folder, for its owner only, and locks it.
    pub fn lock(&self) -> io::Result<Lock> {
        std::fs::create_dir_all(&self.0)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&self.0, std::fs::Permissions::from_mode(0o700))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.0.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "another gateway works on this folder; end it or name another one with --data",
            )),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_gateway_at_a_time() {
        let path = tempfile::tempdir().unwrap();
        let folder = Folder::new(&path.path().join("data"));
        let lock = folder.lock().unwrap();
        assert!(
            folder
                .lock()
                .unwrap_err()
                .to_string()
                .contains("another gateway")
        );
        drop(lock);
        folder.lock().unwrap();
    }
}
