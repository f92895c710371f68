//! Signed objects and messages read and written a second time, by field numbers alone, so that the
//! reference model shares no decoder with what it watches and an adversary can sign anything.

use protocol::keys::SoftwareKey;
use protocol::{Code, Currency, Digest, Signer};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The network of every world.
pub(crate) const NETWORK: &str = "world";

/// One CBOR item of those this protocol uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Int(i64),
    Bytes(Vec<u8>),
    Text(String),
    List(Vec<Item>),
    Map(Vec<(Item, Item)>),
    Bool(bool),
    Tag(u64, Box<Item>),
}

/// Deepest nesting that is read.
const DEPTH: u32 = 8;

fn head(major: u8, value: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    match value {
        0..24 => out.push(major | value as u8),
        24..0x100 => out.extend([major | 24, value as u8]),
        0x100..0x1_0000 => {
            out.push(major | 25);
            out.extend((value as u16).to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(major | 26);
            out.extend((value as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend(value.to_be_bytes());
        }
    }
}

impl Item {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Int(n) if *n >= 0 => head(0, n.unsigned_abs(), out),
            Self::Int(n) => head(1, !*n as u64, out),
            Self::Bytes(bytes) => {
                head(2, bytes.len() as u64, out);
                out.extend(bytes);
            }
            Self::Text(text) => {
                head(3, text.len() as u64, out);
                out.extend(text.bytes());
            }
            Self::List(items) => {
                head(4, items.len() as u64, out);
                items.iter().for_each(|item| item.write(out));
            }
            Self::Map(entries) => {
                head(5, entries.len() as u64, out);
                for (key, value) in entries {
                    key.write(out);
                    value.write(out);
                }
            }
            Self::Tag(tag, item) => {
                head(6, *tag, out);
                item.write(out);
            }
            Self::Bool(is) => out.push(0xf4 + u8::from(*is)),
        }
    }

    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Exactly one item.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut from = bytes;
        let item = Self::take(&mut from, DEPTH)?;
        from.is_empty().then_some(item)
    }

    fn take(from: &mut &[u8], depth: u32) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        let (first, rest) = from.split_first()?;
        *from = rest;
        let (major, low) = (first >> 5, first & 31);
        if major == 7 {
            return match low {
                20 => Some(Self::Bool(false)),
                21 => Some(Self::Bool(true)),
                _ => None,
            };
        }
        let value = match low {
            0..24 => u64::from(low),
            24 => u64::from(take::<1>(from)?[0]),
            25 => u64::from(u16::from_be_bytes(take(from)?)),
            26 => u64::from(u32::from_be_bytes(take(from)?)),
            27 => u64::from_be_bytes(take(from)?),
            _ => return None,
        };
        let len = usize::try_from(value).ok()?;
        Some(match major {
            0 => Self::Int(i64::try_from(value).ok()?),
            1 => Self::Int(!i64::try_from(value).ok()?),
            2 | 3 => {
                let (taken, rest) = from.split_at_checked(len)?;
                *from = rest;
                match major {
                    2 => Self::Bytes(taken.to_vec()),
                    _ => Self::Text(String::from_utf8(taken.to_vec()).ok()?),
                }
            }
            4 => {
                let mut items = Vec::new();
                for _ in 0..len {
                    items.push(Self::take(from, depth)?);
                }
                Self::List(items)
            }
            5 => {
                let mut entries = Vec::new();
                for _ in 0..len {
                    entries.push((Self::take(from, depth)?, Self::take(from, depth)?));
                }
                Self::Map(entries)
            }
            _ => Self::Tag(value, Box::new(Self::take(from, depth)?)),
        })
    }

    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            _ => None,
        }
    }

    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(*taken)
}

/// A signed object: which one it is, its fields, and its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paper {
    pub(crate) kind: &'static str,
    protected: Vec<u8>,
    pub(crate) fields: BTreeMap<i64, Item>,
    pub(crate) signature: Vec<u8>,
}

impl Paper {
    /// Reads a COSE_Sign1 that stands where an object of this kind is expected.
    pub(crate) fn read(kind: &'static str, bytes: &[u8]) -> Option<Self> {
        let Item::Tag(18, item) = Item::read(bytes)? else {
            return None;
        };
        let Item::List(parts) = *item else {
            return None;
        };
        let [protected, _, payload, signature] = parts.as_slice() else {
            return None;
        };
        let Item::Map(entries) = Item::read(payload.bytes()?)? else {
            return None;
        };
        let fields = entries
            .into_iter()
            .map(|(key, value)| Some((key.int()?, value)));
        Some(Self {
            kind,
            protected: protected.bytes()?.to_vec(),
            fields: fields.collect::<Option<_>>()?,
            signature: signature.bytes()?.to_vec(),
        })
    }

    fn payload(&self) -> Vec<u8> {
        // Deterministic order: the positive keys ascending, then the negative ones descending.
        let (negative, positive): (Vec<_>, Vec<_>) = self.fields.iter().partition(|(k, _)| **k < 0);
        let ordered = positive.into_iter().chain(negative.into_iter().rev());
        Item::Map(ordered.map(|(k, v)| (Item::Int(*k), v.clone())).collect()).to_vec()
    }

    pub(crate) fn to_be_signed(&self) -> Vec<u8> {
        let context = format!("onecode/1/{NETWORK}/{}", self.kind);
        Item::List(vec![
            Item::Text("Signature1".into()),
            Item::Bytes(self.protected.clone()),
            Item::Bytes(context.into_bytes()),
            Item::Bytes(self.payload()),
        ])
        .to_vec()
    }

    /// SHA-256 over what is signed.
    pub(crate) fn id(&self) -> Digest {
        Digest(Sha256::digest(self.to_be_signed()).into())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let parts = vec![
            Item::Bytes(self.protected.clone()),
            Item::Map(Vec::new()),
            Item::Bytes(self.payload()),
            Item::Bytes(self.signature.clone()),
        ];
        Item::Tag(18, Box::new(Item::List(parts))).to_vec()
    }

    /// The same object with other content, signed by whoever holds the key.
    pub(crate) fn signed(mut self, key: &SoftwareKey) -> Self {
        if let Ok(signature) = key.sign(&self.to_be_signed()) {
            self.signature = signature.to_vec();
        }
        self
    }

    /// A new object, not signed yet.
    pub(crate) fn draft(kind: &'static str, fields: &[(i64, Item)]) -> Self {
        Self {
            kind,
            protected: vec![0xa1, 0x01, 0x27],
            fields: fields.iter().cloned().collect(),
            signature: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, field: i64, value: Item) -> Self {
        self.fields.insert(field, value);
        self
    }

    pub(crate) fn int(&self, field: i64) -> Option<u64> {
        u64::try_from(self.fields.get(&field)?.int()?).ok()
    }

    pub(crate) fn bytes_at<const N: usize>(&self, field: i64) -> Option<[u8; N]> {
        self.fields.get(&field)?.bytes()?.try_into().ok()
    }

    pub(crate) fn code(&self, field: i64) -> Option<Code> {
        Code::from_bytes(self.bytes_at(field)?).ok()
    }

    pub(crate) fn currency(&self, field: i64) -> Option<Currency> {
        Currency::from_bytes(self.bytes_at(field)?)
    }
}

/// A message: its kind and its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) kind: i64,
    pub(crate) parts: Vec<Item>,
}

pub(crate) const EVIDENCE: i64 = 1;
pub(crate) const CLAIM: i64 = 2;
pub(crate) const RECEIPT: i64 = 3;
pub(crate) const RENEWAL: i64 = 4;
pub(crate) const GRANT: i64 = 5;
pub(crate) const STATEMENT: i64 = 6;
pub(crate) const REFUSAL: i64 = 7;
pub(crate) const PROOF: i64 = 8;
pub(crate) const INVOICE: i64 = 9;
pub(crate) const UNIT: i64 = 10;
pub(crate) const STREAM_CLAIM: i64 = 11;
pub(crate) const COVERED: i64 = 12;
pub(crate) const PAYMENT: i64 = 13;
pub(crate) const BEACON: i64 = 14;
pub(crate) const AREA: i64 = 17;
pub(crate) const CLOSING: i64 = 19;
pub(crate) const VOID: i64 = 20;

impl Letter {
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let Item::List(mut parts) = Item::read(bytes)? else {
            return None;
        };
        if parts.is_empty() {
            return None;
        }
        let kind = parts.remove(0).int()?;
        Some(Self { kind, parts })
    }

    pub(crate) fn new(kind: i64, parts: &[Vec<u8>]) -> Self {
        Self {
            kind,
            parts: parts.iter().cloned().map(Item::Bytes).collect(),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut items = vec![Item::Int(self.kind)];
        items.extend(self.parts.iter().cloned());
        Item::List(items).to_vec()
    }

    /// The signed object in this part.
    pub(crate) fn paper(&self, part: usize, kind: &'static str) -> Option<Paper> {
        Paper::read(kind, self.parts.get(part)?.bytes()?)
    }

    /// The payment it shows: of evidence with covers, the covered one.
    pub(crate) fn payment(&self) -> Option<Paper> {
        match self.kind {
            PAYMENT => self.paper(0, "payment"),
            COVERED => {
                let Item::List(items) = Item::read(self.parts.first()?.bytes()?)? else {
                    return None;
                };
                let Item::List(parts) = items.last()? else {
                    return None;
                };
                Paper::read("payment", parts.get(1)?.bytes()?)
            }
            _ => self.paper(1, "payment"),
        }
    }

    /// A number in this part.
    pub(crate) fn number(&self, part: usize) -> Option<u64> {
        u64::try_from(self.parts.get(part)?.int()?).ok()
    }

    /// One word for the log.
    pub(crate) const fn word(&self) -> &'static str {
        match self.kind {
            EVIDENCE => "evidence",
            CLAIM => "claim",
            RECEIPT => "receipt",
            RENEWAL => "renewal",
            GRANT => "grant",
            STATEMENT => "statement",
            REFUSAL => "refusal",
            PROOF => "proof",
            INVOICE => "invoice",
            UNIT => "unit",
            STREAM_CLAIM => "stream claim",
            COVERED => "covered",
            PAYMENT => "payment",
            BEACON => "beacon",
            AREA => "area",
            CLOSING => "closing",
            VOID => "void",
            _ => "message",
        }
    }
}
