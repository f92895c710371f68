//! A station and what it brings, made up: the ledger believes whoever checked the signatures.

use super::{NOW, network};
use ledger::{
    BroughtManifest, BroughtThing, Ledger, NewThing, OrderRow, StationGrant, StationRequest, Taken,
};
use protocol::code::IssuedBy;
use protocol::keys::SoftwareKey;
use protocol::{AssuranceClass, Code, Digest, Kind, Reference, Signer, Status};

/// The first number of every station here.
pub const FIRST: u64 = 100;

/// A station that was admitted.
pub struct Factory {
    pub code: Code,
    by: IssuedBy,
    seed: u8,
}

/// What a manifest is about.
#[derive(Clone, Copy)]
pub struct Batch {
    pub number: u32,
    pub before: Digest,
    pub first: u64,
    pub things: u64,
    pub items: u64,
    pub scrapped: u64,
}

impl Batch {
    /// A station's first one.
    pub fn first(things: u64, items: u64, scrapped: u64) -> Self {
        Self {
            number: 1,
            before: Digest::default(),
            first: FIRST,
            things,
            items,
            scrapped,
        }
    }

    /// The one after it.
    pub fn after(self, things: u64) -> Self {
        Self {
            number: self.number + 1,
            before: self.head(),
            first: self.next(),
            things,
            items: 0,
            scrapped: 0,
        }
    }

    pub fn next(&self) -> u64 {
        self.first + self.things + self.items + self.scrapped
    }

    pub fn head(&self) -> Digest {
        let mut head = [self.number as u8; 32];
        head[1] = self.things as u8;
        Digest(head)
    }
}

/// Which order it is for.
pub fn id(seed: u8) -> Reference {
    Reference([seed; 16])
}

impl Factory {
    pub async fn admit(ledger: &Ledger, seed: u8) -> Self {
        let asked = StationRequest {
            request: [seed; 32],
            serial: [seed; 16],
            name: format!("Line {seed}"),
            by: "test".into(),
            first: FIRST,
        };
        let row = ledger.begin_station(asked, NOW).await.unwrap();
        let above = IssuedBy {
            issuer: 1,
            station: 0,
        };
        let code = Code::derive(Kind::Issuer, above, row.number, &[seed; 91]).unwrap();
        let grant = StationGrant {
            number: row.number,
            code,
            granted: format!("grant of {seed} on {}", network().as_str()),
            certificate: Digest([seed; 32]),
            pass: vec![seed; 100],
        };
        ledger.grant_station(grant, NOW).await.unwrap();
        let station = row.station;
        Self {
            code,
            by: IssuedBy { issuer: 1, station },
            seed,
        }
    }

    pub async fn order(&self, ledger: &Ledger, seed: u8, count: u32) -> Result<(), Status> {
        let order = OrderRow {
            id: id(seed),
            station: self.code,
            bytes: vec![seed; 100],
            count,
            made: 0,
            product: "Meter 3".into(),
            batch: "B-17".into(),
            by: "test".into(),
            at: NOW,
        };
        ledger.keep_order(order).await
    }

    pub fn thing(&self, sequence: u64) -> Code {
        let spki = self.spki(sequence);
        Code::derive(Kind::Device, self.by, sequence, &spki).unwrap()
    }

    pub fn item(&self, sequence: u64) -> Code {
        Code::derive(Kind::PassiveItem, self.by, sequence, b"inside").unwrap()
    }

    fn spki(&self, sequence: u64) -> Vec<u8> {
        [vec![self.seed; 83], sequence.to_be_bytes().to_vec()].concat()
    }

    fn made(&self, sequence: u64) -> BroughtThing {
        let salt = [self.seed, sequence as u8];
        let mut serial = [1; 16];
        serial[..2].copy_from_slice(&salt);
        let mut seed = [9; 32];
        seed[..2].copy_from_slice(&salt);
        BroughtThing {
            request: Digest(seed),
            serial,
            issued: NOW,
            order: id(1),
            thing: NewThing {
                sequence,
                code: self.thing(sequence),
                kind: Kind::Device,
                name: format!("B-17 {sequence}"),
                product: "Meter 3".into(),
                transport_spki: self.spki(sequence),
                wallet_key: SoftwareKey::ed25519(&seed).public_key(),
                class: AssuranceClass::Software,
                certificate: [vec![7; 400], salt.to_vec()].concat(),
                pass: [vec![8; 150], salt.to_vec()].concat(),
            },
        }
    }

    /// Things for order 1, then items for order 2, then what was given up.
    pub fn manifest(&self, batch: Batch) -> BroughtManifest {
        let items_from = batch.first + batch.things;
        let scrap_from = items_from + batch.items;
        let mut orders = Vec::new();
        for (seed, made) in [(1, batch.things), (2, batch.items)] {
            if made > 0 {
                orders.push((id(seed), made as u32));
            }
        }
        let codes: Vec<Code> = (items_from..scrap_from).map(|n| self.item(n)).collect();
        BroughtManifest {
            station: self.code,
            number: batch.number,
            before: batch.before,
            head: batch.head(),
            first_sequence: batch.first,
            next_sequence: batch.next(),
            bytes: [&[self.seed; 120], batch.head().as_bytes().as_slice()].concat(),
            orders,
            things: (batch.first..items_from).map(|n| self.made(n)).collect(),
            items: match codes.is_empty() {
                true => Vec::new(),
                false => vec![(id(2), NOW, codes)],
            },
            scrapped: (scrap_from..batch.next())
                .map(|n| (n, "dropped".to_owned()))
                .collect(),
        }
    }

    pub async fn bring(&self, ledger: &Ledger, batch: Batch) -> Result<Taken, Status> {
        ledger
            .take_manifest(self.manifest(batch), "test", NOW)
            .await
    }
}
