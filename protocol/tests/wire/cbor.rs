//! A CBOR tree with a writer of its own and a hook for every head, so that a test can spell any part
//! of an object in any legal or illegal way.

use protocol::{Algorithm, Signer};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Unsigned(u64),
    /// -1 - n.
    Negative(u64),
    Bytes(Vec<u8>),
    Text(String),
    Array(Vec<Item>),
    Map(Vec<(Item, Item)>),
    Tag(u64, Box<Item>),
    Bool(bool),
    /// Bytes as they are, for what no tree expresses.
    Raw(Vec<u8>),
}

/// How the argument of one head is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    Shortest,
    /// In 1, 2, 4 or 8 bytes after the head, where that is longer than needed.
    Wide(u8),
    /// Indefinite length, for strings and containers.
    Indefinite,
}

impl Item {
    pub fn int(value: i64) -> Self {
        match u64::try_from(value) {
            Ok(value) => Self::Unsigned(value),
            Err(_) => Self::Negative(value.unsigned_abs() - 1),
        }
    }

    /// Deterministic encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.spelled(&mut |_| Spelling::Shortest)
    }

    /// `how` is asked once per head, in the order of writing.
    pub fn spelled(&self, how: &mut dyn FnMut(&Item) -> Spelling) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, how);
        out
    }

    /// How many heads there are to be asked about.
    pub fn heads(&self) -> usize {
        let mut heads = 0;
        self.spelled(&mut |_| {
            heads += 1;
            Spelling::Shortest
        });
        heads
    }

    fn write(&self, out: &mut Vec<u8>, how: &mut dyn FnMut(&Item) -> Spelling) {
        if let Self::Raw(bytes) = self {
            return out.extend(bytes);
        }
        let spelling = how(self);
        let (major, argument) = match self {
            Self::Unsigned(n) => (0, *n),
            Self::Negative(n) => (1, *n),
            Self::Bytes(bytes) => (2, bytes.len() as u64),
            Self::Text(text) => (3, text.len() as u64),
            Self::Array(items) => (4, items.len() as u64),
            Self::Map(entries) => (5, entries.len() as u64),
            Self::Tag(tag, _) => (6, *tag),
            Self::Bool(yes) => (7, 20 + u64::from(*yes)),
            Self::Raw(_) => unreachable!("written above"),
        };
        let open_ended = spelling == Spelling::Indefinite && (2..=5).contains(&major);
        if open_ended {
            out.push(major << 5 | 31);
        } else {
            head(out, major, argument, spelling);
        }
        match self {
            Self::Bytes(bytes) => chunk(out, major, bytes, open_ended),
            Self::Text(text) => chunk(out, major, text.as_bytes(), open_ended),
            Self::Array(items) => items.iter().for_each(|item| item.write(out, how)),
            Self::Map(entries) => entries.iter().for_each(|(key, value)| {
                key.write(out, how);
                value.write(out, how);
            }),
            Self::Tag(_, item) => item.write(out, how),
            _ => {}
        }
        if open_ended {
            out.push(0xff);
        }
    }

    /// Reads deterministic CBOR of the kinds above; the tests only read what the crate wrote.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut at = 0;
        let item = parse(bytes, &mut at);
        assert_eq!(at, bytes.len(), "bytes left over");
        item
    }
}

fn chunk(out: &mut Vec<u8>, major: u8, bytes: &[u8], open_ended: bool) {
    if open_ended {
        head(out, major, bytes.len() as u64, Spelling::Shortest);
    }
    out.extend(bytes);
}

fn head(out: &mut Vec<u8>, major: u8, argument: u64, spelling: Spelling) {
    let needed = match argument {
        0..24 => 0,
        24..0x100 => 1,
        0x100..0x1_0000 => 2,
        0x1_0000..0x1_0000_0000 => 4,
        _ => 8,
    };
    let width = match spelling {
        Spelling::Wide(width) => needed.max(usize::from(width)),
        _ => needed,
    };
    let bytes = argument.to_be_bytes();
    match width {
        0 => out.push(major << 5 | argument as u8),
        _ => {
            out.push(major << 5 | (24 + width.trailing_zeros() as u8));
            out.extend(&bytes[8 - width..]);
        }
    }
}

fn parse(bytes: &[u8], at: &mut usize) -> Item {
    let first = bytes[*at];
    *at += 1;
    let argument = match first & 31 {
        small @ 0..24 => u64::from(small),
        long => {
            let width = 1 << (long - 24);
            let argument = bytes[*at..*at + width]
                .iter()
                .fold(0, |n, byte| n << 8 | u64::from(*byte));
            *at += width;
            argument
        }
    };
    let len = argument as usize;
    match first >> 5 {
        0 => Item::Unsigned(argument),
        1 => Item::Negative(argument),
        2 => Item::Bytes(take(bytes, at, len)),
        3 => Item::Text(String::from_utf8(take(bytes, at, len)).unwrap()),
        4 => Item::Array((0..len).map(|_| parse(bytes, at)).collect()),
        5 => Item::Map(
            (0..len)
                .map(|_| (parse(bytes, at), parse(bytes, at)))
                .collect(),
        ),
        6 => Item::Tag(argument, Box::new(parse(bytes, at))),
        _ => Item::Bool(argument == 21),
    }
}

fn take(bytes: &[u8], at: &mut usize, len: usize) -> Vec<u8> {
    let taken = bytes[*at..*at + len].to_vec();
    *at += len;
    taken
}

pub fn protected(algorithm: Algorithm) -> Vec<u8> {
    Item::Map(vec![(Item::int(1), Item::int(i64::from(algorithm.cose())))]).to_bytes()
}

/// Sig_structure of RFC 9052, as `docs/protocol.md` says it.
pub fn to_be_signed(algorithm: Algorithm, network: &str, name: &str, payload: &[u8]) -> Vec<u8> {
    Item::Array(vec![
        Item::Text("Signature1".into()),
        Item::Bytes(protected(algorithm)),
        Item::Bytes(format!("onecode/1/{network}/{name}").into_bytes()),
        Item::Bytes(payload.to_vec()),
    ])
    .to_bytes()
}

/// COSE_Sign1 around any payload, signed under any context: well formed and properly signed, so
/// that nothing but the payload can be the reason of a refusal.
pub fn frame(signer: &impl Signer, network: &str, name: &str, payload: &[u8]) -> Item {
    let algorithm = signer.public_key().algorithm();
    frame_as(algorithm, signer, network, name, payload)
}

/// The same with a header that names any algorithm, whatever the signer's is.
pub fn frame_as(
    algorithm: Algorithm,
    signer: &impl Signer,
    network: &str,
    name: &str,
    payload: &[u8],
) -> Item {
    let signature = signer
        .sign(&to_be_signed(algorithm, network, name, payload))
        .unwrap();
    Item::Tag(
        18,
        Box::new(Item::Array(vec![
            Item::Bytes(protected(algorithm)),
            Item::Map(vec![]),
            Item::Bytes(payload.to_vec()),
            Item::Bytes(signature.to_vec()),
        ])),
    )
}

/// The payload inside a signed object.
pub fn payload(bytes: &[u8]) -> Vec<u8> {
    let Item::Tag(18, inner) = Item::parse(bytes) else {
        unreachable!("not a COSE_Sign1")
    };
    match *inner {
        Item::Array(parts) => match &parts[2] {
            Item::Bytes(payload) => payload.clone(),
            other => unreachable!("payload is {other:?}"),
        },
        other => unreachable!("COSE_Sign1 is {other:?}"),
    }
}
