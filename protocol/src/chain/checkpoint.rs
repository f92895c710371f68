//! What a log signs: whose it is, how long, and the hash over all of it (c2sp.org/tlog-checkpoint).

use super::merkle::Head;
use super::note::Base64Digest;
use crate::code::Code;
use crate::cose::Network;
use core::fmt;

/// The longest text of a checkpoint that is read.
pub const CHECKPOINT_MAX: usize = 1024;

/// The name of a gateway's log, made from what its pass says, so that who holds the pass needs to be
/// told nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its network.
    pub network: Network,
    /// The gateway.
    pub gateway: Code,
}

impl Origin {
    /// Between network and code.
    const MIDDLE: &'static str = "/chain/";

    /// Whether this is the text of the origin.
    pub fn is(&self, text: &str) -> bool {
        let code = text
            .strip_prefix(self.network.as_str())
            .and_then(|rest| rest.strip_prefix(Self::MIDDLE));
        code == Some(self.gateway.text().as_str())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (network, gateway) = (self.network.as_str(), self.gateway);
        write!(f, "{network}{}{gateway}", Self::MIDDLE)
    }
}

/// The text of a checkpoint. Not to be believed before the note around it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint<'a> {
    /// Whose log.
    pub origin: &'a str,
    /// Its size and root.
    pub head: Head,
}

impl<'a> Checkpoint<'a> {
    /// Reads the text of a note. Lines after the third say nothing to us.
    pub fn read(text: &'a str) -> Option<Self> {
        if text.len() > CHECKPOINT_MAX {
            return None;
        }
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let whole = !origin.is_empty() && lines.all(|line| !line.is_empty());
        let head = Head {
            size: decimal(size)?,
            root: Base64Digest::read(root)?,
        };
        whole.then_some(Self { origin, head })
    }
}

/// Its text, with the last newline.
impl fmt::Display for Checkpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = Base64Digest(self.head.root);
        writeln!(f, "{}\n{}\n{root}", self.origin, self.head.size)
    }
}

/// A decimal number in its one spelling.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|digit| digit.is_ascii_digit());
    let shortest = text == "0" || !text.starts_with('0');
    text.parse().ok().filter(|_| digits && shortest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Digest;
    use std::format;
    use std::string::ToString;

    const TEXT: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_example_of_the_standard_reads_back() {
        let read = Checkpoint::read(TEXT).unwrap();
        assert_eq!(read.origin, "example.com/behind-the-sofa");
        assert_eq!(read.head.size, 20_852_163);
        assert_eq!(read.to_string(), TEXT);
        let more = format!("{TEXT}extension\n");
        assert_eq!(Checkpoint::read(&more), Some(read));
    }

    #[test]
    fn other_spellings_are_refused() {
        let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        for wrong in [
            String::new(),
            format!("a\n1\n{root}"),
            format!("\n1\n{root}\n"),
            format!("a\n01\n{root}\n"),
            format!("a\n+1\n{root}\n"),
            format!("a\n\n{root}\n"),
            format!("a\n18446744073709551616\n{root}\n"),
            "a\n1\nAAAA\n".to_owned(),
            format!("a\n1\n{root}\n\n"),
            format!("a\n1\n{root}\n{}\n", "x".repeat(CHECKPOINT_MAX)),
        ] {
            assert_eq!(Checkpoint::read(&wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn an_origin_names_network_and_gateway() {
        let code = "2000-0080-2000-0001-DGQK-QDBC-G3P7-ECY7-7E";
        let origin = Origin {
            network: Network::new("test").unwrap(),
            gateway: code.parse().unwrap(),
        };
        let text = origin.to_string();
        assert_eq!(
            text,
            "test/chain/20000080200000 01DGQKQDBCG3P7ECY77E".replace(' ', "")
        );
        assert!(origin.is(&text));
        assert!(!origin.is(&text.replace("test/", "prod/")));
        assert!(!origin.is(&text.to_lowercase()));
        let head = Head {
            size: 1,
            root: Digest([0; 32]),
        };
        let text = Checkpoint {
            origin: &text,
            head,
        };
        assert_eq!(Checkpoint::read(&text.to_string()), Some(text));
    }

    use std::borrow::ToOwned;
    use std::string::String;
}
