//! `trust.toml`: what a thing is born knowing. Network, the root's pass key, the root certificate.

use device_sdk::identity_file::{key_text, parse_key};
use protocol::rules::Trust;
use protocol::{Network, PublicKey, Timestamp};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The file as it stands on disk; public, but it must reach a thing by a trusted way.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    network: String,
    root_key: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    other_root_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    other_root_ends: Option<u32>,
    root_certificate: String,
}

/// The checked content.
#[derive(Clone, Debug)]
pub struct TrustFile {
    trust: Trust,
    other_ends: Option<Timestamp>,
    root_certificate_pem: String,
}

impl TrustFile {
    /// From the network's own root.
    pub fn new(trust: Trust, root_certificate_pem: String) -> Self {
        Self {
            trust,
            other_ends: None,
            root_certificate_pem,
        }
    }

    /// Until when the other root counts, where there is one.
    pub fn until(self, other_ends: Option<Timestamp>) -> Self {
        Self { other_ends, ..self }
    }

    /// The other root, and until when it counts.
    pub fn other_root(&self) -> Option<(PublicKey, Timestamp)> {
        Some((self.trust.other_root?, self.other_ends?))
    }

    /// What objects are judged by.
    pub fn trust(&self) -> Trust {
        self.trust
    }

    /// What TLS is judged by, PEM.
    pub fn root_certificate_pem(&self) -> &str {
        &self.root_certificate_pem
    }

    /// Reads the file, as it counts at this time.
    pub fn load(path: &Path, now: Timestamp) -> Result<Self, String> {
        let wrong = |what: String| format!("{}: {what}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| {
            wrong(format!(
                "{error}; a gateway writes trust.toml into its data folder"
            ))
        })?;
        let form: Form = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let network =
            Network::new(&form.network).ok_or_else(|| wrong("no name of a network".into()))?;
        let root_key = parse_key(&form.root_key).ok_or_else(|| {
            wrong("root_key wants ed25519: or p256: and hexadecimal digits".into())
        })?;
        let other_root = match form.other_root_key.as_deref().map(parse_key) {
            Some(None) => {
                return Err(wrong(
                    "other_root_key wants ed25519: or p256: and hexadecimal digits".into(),
                ));
            }
            key => key.flatten(),
        };
        let other_ends = form.other_root_ends.map(Timestamp);
        let other_root = other_root.filter(|_| other_ends.is_none_or(|ends| now < ends));
        Ok(Self {
            trust: Trust {
                other_root,
                ..Trust::new(network, root_key)
            },
            other_ends,
            root_certificate_pem: form.root_certificate,
        })
    }

    /// The text of the file.
    pub fn text(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(&Form {
            network: self.trust.network.as_str().to_owned(),
            root_key: key_text(&self.trust.root_key),
            other_root_key: self.trust.other_root.as_ref().map(key_text),
            other_root_ends: self.other_ends.map(|ends| ends.0),
            root_certificate: self.root_certificate_pem.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_writes() {
        let trust = Trust {
            other_root: Some(PublicKey::Ed25519([4; 32])),
            ..Trust::new(Network::new("test").unwrap(), PublicKey::P256([3; 33]))
        };
        let file = TrustFile::new(trust, "-----BEGIN".to_owned()).until(Some(Timestamp(7)));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trust.toml");
        std::fs::write(&path, file.text().unwrap()).unwrap();
        let ended = TrustFile::load(&path, Timestamp(7)).unwrap();
        assert_eq!(ended.trust().other_root, None);
        assert_eq!(ended.other_root(), None);
        let read = TrustFile::load(&path, Timestamp(6)).unwrap();
        assert_eq!(read.trust().root_key, trust.root_key);
        let other = trust.other_root.map(|key| (key, Timestamp(7)));
        assert_eq!(read.other_root(), other);
        assert_eq!(read.root_certificate_pem(), "-----BEGIN");
        std::fs::write(
            &path,
            "network = \"test\"\nroot_key = \"ed25519:zz\"\nroot_certificate = \"\"\n",
        )
        .unwrap();
        assert!(
            TrustFile::load(&path, Timestamp(6))
                .unwrap_err()
                .contains("root_key")
        );
    }
}
