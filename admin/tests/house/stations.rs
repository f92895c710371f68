//! A desk for stations that really signs and keeps, with manifests of its own short form: `items N`
//! brings N codes for the newest order, anything else is refused.

use super::{RESOLVER, fill, network};
use admin::{Admission, DeskRefusal, ManifestTaken, Pending, Progress, StationWish, StationsDesk};
use issuer::order::SignedOrder;
use issuer::{Authorities, CheckedRequest, Grant, Names, Quota, StationOrder};
use ledger::{BroughtManifest, Ledger, OrderRow, StationGrant, StationRequest, Taken};
use protocol::code::IssuedBy;
use protocol::code::inside::{INSIDE_BYTES, InsideSecret};
use protocol::objects::{Labelled, Manifest, MarkText, Rights, Text, WorkOrder};
use protocol::{Code, Digest, Reference, Timestamp};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub struct Stations {
    pub authorities: Arc<Authorities>,
    pub ledger: Ledger,
    pub draws: Arc<AtomicU64>,
    pub spool: PathBuf,
}

/// The secret inside the thing without a key that has this number.
pub fn inside(number: u64) -> InsideSecret {
    InsideSecret([number as u8; INSIDE_BYTES])
}

impl Stations {
    fn draw<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        fill(&mut bytes, self.draws.fetch_add(1, Ordering::SeqCst));
        bytes
    }
}

impl StationsDesk for Stations {
    fn admit(&self, asked: Admission, now: Timestamp) -> Pending<Result<Code, DeskRefusal>> {
        let (authorities, ledger) = (Arc::clone(&self.authorities), self.ledger.clone());
        let serial = self.draw();
        Box::pin(async move {
            let request = CheckedRequest::read_pem(&asked.request, &network())
                .map_err(|error| DeskRefusal::Request(error.to_string()))?;
            let begun = StationRequest {
                request: request.hash().0,
                serial,
                name: asked.name,
                by: asked.by,
                first: asked.first,
            };
            let row = ledger.begin_station(begun, now).await?;
            let quota = Quota::new(row.station, &asked.kinds, asked.first, asked.last);
            let quota = quota.ok_or(DeskRefusal::Request("an empty quota".to_owned()))?;
            let order = StationOrder {
                number: row.number,
                serial,
                quota,
                issued: now,
                not_after: now.plus_s(asked.days * 86_400),
            };
            let issued = authorities.issuer.issue_station(&order, &request).unwrap();
            let grant = Grant {
                network: network(),
                root_key: authorities.root.pass_key(),
                names: Names::new("onecode.internal", RESOLVER).unwrap(),
                certificates: [
                    authorities.root.certificate().to_vec(),
                    authorities.issuer.certificate().to_vec(),
                    issued.certificate,
                ],
                passes: [authorities.issuer.pass().to_vec(), issued.pass],
            };
            let kept = StationGrant {
                number: row.number,
                code: issued.code,
                granted: grant.text(),
                certificate: Digest::default(),
                pass: Vec::new(),
            };
            ledger.grant_station(kept, now).await?;
            Ok(issued.code)
        })
    }

    fn order(&self, wish: StationWish, now: Timestamp) -> Pending<Result<Reference, DeskRefusal>> {
        let (authorities, ledger) = (Arc::clone(&self.authorities), self.ledger.clone());
        let id = Reference(self.draw());
        Box::pin(async move {
            let text = |text: &str| Text::new(text).filter(|_| !text.is_empty());
            let order = WorkOrder {
                id,
                by: authorities.gateway.code(),
                station: wish.station,
                kind: wish.kind,
                count: wish.count,
                issued: now,
                expires: now.plus_s(wish.days * 86_400),
                life_s: wish.life_days * 86_400,
                class: wish.class,
                rights: Rights::default(),
                product: text(&wish.product),
                batch: text(&wish.batch),
            };
            let row = OrderRow {
                id,
                station: wish.station,
                bytes: SignedOrder::sign(&authorities.gateway, &order)
                    .unwrap()
                    .order,
                count: wish.count,
                made: 0,
                product: wish.product,
                batch: wish.batch,
                by: wish.by,
                at: now,
            };
            ledger.keep_order(row).await?;
            Ok(id)
        })
    }

    fn import(
        &self,
        file: PathBuf,
        by: String,
        now: Timestamp,
        progress: Arc<Progress>,
    ) -> Pending<Result<ManifestTaken, DeskRefusal>> {
        let (ledger, authorities) = (self.ledger.clone(), Arc::clone(&self.authorities));
        Box::pin(async move {
            let text = std::fs::read_to_string(&file).unwrap();
            progress.read(text.len() as u64);
            let count = text.trim().strip_prefix("items ").map(str::parse::<u32>);
            let Some(Ok(count)) = count else {
                let sentence = "line 3 of its journal: it does not follow the line before it";
                return Err(DeskRefusal::Request(sentence.to_owned()));
            };
            progress.checked(u64::from(count));
            let order = ledger.orders().await.unwrap().remove(0);
            let row = ledger.station(&order.station).await.unwrap().unwrap();
            let by_station = IssuedBy {
                issuer: 1,
                station: row.station,
            };
            let next = row.next_sequence + u64::from(count);
            let codes = (row.next_sequence..next).map(|number| {
                let inside = inside(number).commitment();
                Code::derive(protocol::Kind::PassiveItem, by_station, number, &inside).unwrap()
            });
            let codes: Vec<Code> = codes.collect();
            let head = Digest([row.next_manifest as u8; 32]);
            let said = Manifest {
                station: order.station,
                number: row.next_manifest,
                before: row.head,
                head,
                lines: 3,
                first_sequence: row.next_sequence,
                next_sequence: next,
                made: count,
                scrapped: 0,
                time: now,
            };
            let mut bytes = [0; protocol::cose::SIGNED_MAX];
            let signer = authorities.gateway.signer();
            let sealed = protocol::cose::seal(&said, &network(), &*signer, &mut bytes);
            let (len, _) = sealed.unwrap();
            let brought = BroughtManifest {
                station: order.station,
                number: row.next_manifest,
                before: row.head,
                head,
                first_sequence: row.next_sequence,
                next_sequence: next,
                bytes: bytes[..len].to_vec(),
                orders: vec![(order.id, count)],
                things: Vec::new(),
                items: vec![(order.id, now, codes)],
                scrapped: Vec::new(),
            };
            let taken = ledger.take_manifest(brought, &by, now).await?;
            Ok(ManifestTaken {
                station: order.station,
                number: row.next_manifest,
                made: count,
                scrapped: 0,
                before: taken == Taken::Before,
            })
        })
    }

    fn marks(&self, codes: Vec<Code>) -> Pending<Result<Vec<MarkText>, DeskRefusal>> {
        let authorities = Arc::clone(&self.authorities);
        let issuer = move |code: &Code| {
            let (by, signer) = (authorities.issuer.code(), authorities.issuer.signer());
            Labelled::Thing(*code)
                .sign(by, &network(), &*signer)
                .unwrap()
        };
        let marks = codes.iter().map(issuer).collect();
        Box::pin(async move { Ok(marks) })
    }

    fn spool(&self) -> PathBuf {
        self.spool.clone()
    }
}
