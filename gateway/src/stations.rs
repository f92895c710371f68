//! The desk for stations: admits them, orders from them, and takes what they bring back. The
//! command `onecode station` and the portal both come here.

use crate::house::{Failure, random};
use crate::issuing::IssueError;
use admin::{Admission, ManifestTaken, Progress, StationWish};
use issuer::label::Words;
use issuer::manifest::{self, Checked, MadeThing, Position};
use issuer::order::{SignedOrder, has_keys};
use issuer::{Authorities, CheckedRequest, Grant, Names, Quota, StationOrder};
use ledger::{
    BroughtManifest, BroughtThing, Dismissal, Ledger, NewThing, OrderRow, StationGrant,
    StationRequest, StationRow, Taken,
};
use protocol::code::STATION_SEQUENCE_END;
use protocol::objects::{Labelled, MarkText, ORDER_TEXT, Rights, Text, WorkOrder};
use protocol::{Code, Digest, Network, Reference, Timestamp};
use sha2::{Digest as _, Sha256};
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const DAY_S: u32 = 86_400;
/// Longest first line of a manifest.
const FIRST_LINE_MAX: u64 = 128;

/// The desk of one gateway.
pub struct Desk {
    /// Sign.
    pub authorities: Arc<Authorities>,
    /// Remembers.
    pub ledger: Ledger,
    /// Which network this is.
    pub network: Network,
    /// Where names of things live.
    pub names: Names,
    /// Where manifests that people send wait until they are read.
    pub spool: PathBuf,
}

fn wrong(error: impl Display) -> IssueError {
    IssueError::Request(error.to_string())
}

fn inside(error: impl Display) -> IssueError {
    IssueError::Inside(error.to_string())
}

impl Desk {
    /// Certifies a station for a quota. The same request with a larger one replaces its grant.
    pub async fn admit(&self, asked: Admission, now: Timestamp) -> Result<Code, IssueError> {
        let request = CheckedRequest::read_pem(&asked.request, &self.network).map_err(wrong)?;
        // Said before a number is taken; the station's own is not known yet and changes nothing.
        Quota::new(1, &asked.kinds, asked.first, asked.last)
            .ok_or_else(|| wrong("an empty quota, or numbers that no code holds"))?;
        let mut serial = [0; 16];
        random(&mut serial).map_err(|_| inside("no random bytes"))?;
        let begun = StationRequest {
            request: request.hash().0,
            serial,
            name: asked.name,
            by: asked.by,
            first: asked.first,
        };
        // A crash after this line leaves two numbers that stay with this request.
        let row = self.ledger.begin_station(begun, now).await;
        let row = row.map_err(IssueError::Refused)?;
        let quota = Quota::new(row.station, &asked.kinds, asked.first, asked.last)
            .ok_or_else(|| wrong("numbers that no code holds"))?;
        works_on(&row)?;
        let signer = &self.authorities.issuer;
        let not_after = now.plus_s(asked.days.saturating_mul(DAY_S));
        let not_after = not_after.min(signer.not_after());
        only_grows(&row, &quota, not_after)?;
        let order = StationOrder {
            number: row.number,
            serial: match row.granted {
                Some(_) => serial,
                None => row.serial,
            },
            quota,
            // What it made before it was admitted again was made in its time, too.
            issued: row.at,
            not_after,
        };
        let issued = signer.issue_station(&order, &request).map_err(wrong)?;
        let certificate = Digest(Sha256::digest(&issued.certificate).into());
        let pass = issued.pass.clone();
        let grant = Grant {
            network: self.network,
            root_key: self.authorities.root.pass_key(),
            names: self.names.clone(),
            certificates: [
                self.authorities.root.certificate().to_vec(),
                signer.certificate().to_vec(),
                issued.certificate,
            ],
            passes: [signer.pass().to_vec(), issued.pass],
        };
        let kept = StationGrant {
            number: row.number,
            code: issued.code,
            granted: grant.text(),
            certificate,
            pass,
        };
        let granted = self.ledger.grant_station(kept, now).await;
        granted.map_err(IssueError::Refused)?;
        Ok(issued.code)
    }

    /// Takes nothing more from a station; what it handed in stays as it is.
    pub async fn dismiss(
        &self,
        code: Code,
        (reason, by): (String, String),
        now: Timestamp,
    ) -> Result<(), IssueError> {
        let dismissal = Dismissal {
            at: now,
            reason,
            by,
        };
        let dismissed = self.ledger.dismiss_station(code, dismissal).await;
        dismissed.map_err(IssueError::Refused)
    }

    /// A station with what it was granted.
    pub async fn station(&self, code: &Code) -> Result<(StationRow, Grant), IssueError> {
        let row = self.ledger.station(code).await.map_err(inside)?;
        let row = row.ok_or_else(|| wrong(format!("{code} is no station of this gateway")))?;
        let text = row.granted.as_ref().map(|(_, text)| text.as_str());
        let grant = Grant::read(text.unwrap_or_default()).map_err(inside)?;
        Ok((row, grant))
    }

    /// Signs an order and keeps it.
    pub async fn order(&self, wish: StationWish, now: Timestamp) -> Result<Reference, IssueError> {
        let (row, grant) = self.station(&wish.station).await?;
        works_on(&row)?;
        let station = grant.view().map_err(inside)?;
        let quota = station.quota().ok_or_else(|| inside("no quota"))?;
        if !quota.covers(wish.kind) {
            let kind = wish.kind.word();
            let sentence = format!("this station may not make codes of kind {kind}");
            return Err(wrong(sentence));
        }
        if wish.count == 0 || u64::from(wish.count) >= STATION_SEQUENCE_END {
            return Err(wrong("nothing is ordered; the count is at least 1"));
        }
        let mut id = Reference::default();
        random(&mut id.0).map_err(|_| inside("no random bytes"))?;
        let rights = match has_keys(wish.kind) {
            true => Rights::PAY.and(Rights::ACCEPT),
            false => Rights::default(),
        };
        let order = WorkOrder {
            id,
            by: self.authorities.gateway.code(),
            station: wish.station,
            kind: wish.kind,
            count: wish.count,
            issued: now,
            expires: now.plus_s(wish.days.saturating_mul(DAY_S)),
            life_s: wish.life_days.saturating_mul(DAY_S),
            class: wish.class,
            rights,
            product: label_words(&wish.product)?,
            batch: label_words(&wish.batch)?,
        };
        let signed = SignedOrder::sign(&self.authorities.gateway, &order).map_err(inside)?;
        let row = OrderRow {
            id,
            station: wish.station,
            bytes: signed.order,
            count: wish.count,
            made: 0,
            product: wish.product,
            batch: wish.batch,
            by: wish.by,
            at: now,
        };
        // An order that nobody remembers would not be taken back.
        let kept = self.ledger.keep_order(row).await;
        kept.map_err(IssueError::Refused)?;
        Ok(id)
    }

    /// Takes a manifest, whole or not at all, once.
    pub async fn import(
        &self,
        path: &Path,
        by: &str,
        now: Timestamp,
        progress: Arc<Progress>,
    ) -> Result<ManifestTaken, IssueError> {
        let code = first_line(path).map_err(inside)?;
        let code = code.ok_or_else(|| wrong("not a manifest, or cut short"))?;
        let (row, grant) = self.station(&code).await?;
        if let Some(number) = self.taken_before(&row, &code, path).await? {
            return Ok(ManifestTaken {
                station: code,
                number,
                made: 0,
                scrapped: 0,
                before: true,
            });
        }
        works_on(&row)?;
        let (issuer_pass, from) = (self.authorities.issuer.pass().to_vec(), path.to_owned());
        // Every line and signature is checked, which takes a while: not on a thread of the doors.
        let shown = Arc::clone(&progress);
        let checked = tokio::task::spawn_blocking(move || {
            let position = Position {
                head: row.head,
                next_sequence: row.next_sequence,
                number: row.next_manifest,
            };
            let file = File::open(from).map_err(inside)?;
            let counted = Counted { file, shown };
            let (station, trust) = (grant.view().map_err(inside)?, grant.trust());
            let mut from = BufReader::new(counted);
            manifest::read(&mut from, &station, &trust, &issuer_pass, &position).map_err(wrong)
        });
        let checked = checked.await.map_err(inside)??;
        progress.checked(u64::from(checked.manifest.made));
        let said = checked.manifest;
        let taken = self
            .ledger
            .take_manifest_counting(brought(checked), by, now, progress.counter())
            .await
            .map_err(IssueError::Refused)?;
        Ok(ManifestTaken {
            station: code,
            number: said.number,
            made: said.made,
            scrapped: said.scrapped,
            before: taken == Taken::Before,
        })
    }

    /// The number of a manifest that was taken, when this file is one: its signed end says which.
    async fn taken_before(
        &self,
        row: &StationRow,
        station: &Code,
        path: &Path,
    ) -> Result<Option<u32>, IssueError> {
        let mut file = File::open(path).map_err(inside)?;
        let said = manifest::peek(&mut file, &self.authorities.issuer).map_err(inside)?;
        let Some((number, signed)) = said.filter(|(number, _)| *number < row.next_manifest) else {
            return Ok(None);
        };
        let kept = self
            .ledger
            .manifest(station, number)
            .await
            .map_err(inside)?;
        if kept.is_some_and(|kept| kept == signed) {
            return Ok(Some(number));
        }
        Err(wrong(format!(
            "another manifest {number} of this station was taken before: two copies of its journal \
             were worked on, or its key is in other hands. Keep both files, find out which things \
             carry numbers twice, and dismiss the station"
        )))
    }

    /// Signatures for labels: the gateway's for what it issued itself, else the issuer's, who
    /// stands above every station.
    pub fn marks(&self, codes: &[Code]) -> Result<Vec<MarkText>, IssueError> {
        let Authorities {
            issuer, gateway, ..
        } = &*self.authorities;
        let mark = |code: &Code| {
            let by = if gateway.covers(code) {
                gateway
            } else {
                issuer
            };
            let mark = Labelled::Thing(*code).sign(by.code(), &self.network, &*by.signer());
            mark.map_err(|_| {
                wrong(
                    "the issuer's key does not lie here, and only it may sign for stations; print \
                     labels without signature, or sign at the station",
                )
            })
        };
        codes.iter().map(mark).collect()
    }

    /// Makes the folder for manifests, and throws away what a stop left there: nothing of it was
    /// taken, and people send it again.
    pub fn clear_spool(&self) -> Result<(), Failure> {
        match std::fs::remove_dir_all(&self.spool) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        std::fs::create_dir_all(&self.spool)?;
        Ok(())
    }
}

/// Says how far a manifest was read.
struct Counted {
    file: File,
    shown: Arc<Progress>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.shown.read(read as u64);
        Ok(read)
    }
}

/// What stands on labels has to be printable there.
fn label_words(text: &str) -> Result<Option<Text<ORDER_TEXT>>, IssueError> {
    let words: Words = text.parse().map_err(wrong)?;
    let text = || Text::new(words.as_str()).ok_or_else(|| wrong("product and batch: 48 bytes"));
    match words.is_empty() {
        true => Ok(None),
        false => text().map(Some),
    }
}

/// Nothing more is taken from a station that was dismissed.
fn works_on(row: &StationRow) -> Result<(), IssueError> {
    match &row.dismissed {
        None => Ok(()),
        Some(dismissal) => Err(wrong(format!(
            "this station was dismissed ({}): nothing more is taken from it, and it is not admitted \
             again. Another one begins with new keys: `onecode-station init` in another folder",
            dismissal.reason
        ))),
    }
}

/// What a station may do only grows: what it made and did not hand in yet would be refused
/// otherwise, and its journal counts from its first number.
fn only_grows(row: &StationRow, quota: &Quota, not_after: Timestamp) -> Result<(), IssueError> {
    let Some((_, text)) = &row.granted else {
        return Ok(());
    };
    let grant = Grant::read(text).and_then(|grant| grant.view());
    let grant = grant.map_err(inside)?;
    let before = grant.quota().ok_or_else(|| inside("no quota"))?;
    let why = if before.first != quota.first {
        format!(
            "was admitted from number {}; the first stays, the last may grow",
            before.first
        )
    } else if quota.last < before.last {
        format!(
            "was admitted up to number {}; the last may only grow",
            before.last
        )
    } else if !quota.kinds.permits(before.kinds) {
        "was admitted for more kinds than these; kinds may only be added".to_owned()
    } else if not_after < grant.not_after() {
        "was admitted for a longer time; the time may only grow".to_owned()
    } else {
        return Ok(());
    };
    Err(wrong(format!(
        "this station {why}. To end it, bring in its manifests and dismiss it"
    )))
}

fn first_line(path: &Path) -> io::Result<Option<Code>> {
    let mut first = Vec::new();
    let head = File::open(path)?.take(FIRST_LINE_MAX);
    BufReader::new(head).read_until(b'\n', &mut first)?;
    Ok(manifest::station_of(&String::from_utf8_lossy(&first)))
}

fn brought(checked: Checked) -> BroughtManifest {
    let said = &checked.manifest;
    let items = checked.items.into_iter();
    BroughtManifest {
        station: said.station,
        number: said.number,
        before: said.before,
        head: said.head,
        first_sequence: said.first_sequence,
        next_sequence: said.next_sequence,
        bytes: checked.signed,
        orders: checked
            .orders
            .iter()
            .map(|(order, made)| (order.id, *made))
            .collect(),
        things: checked.things.into_iter().map(thing).collect(),
        items: items
            .map(|made| (made.order.id, made.issued, made.codes))
            .collect(),
        scrapped: checked.scrapped,
    }
}

fn thing(made: MadeThing) -> BroughtThing {
    let words = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let order = &made.order;
    let batch = words(order.batch.as_ref().map(|text| text.as_str()));
    BroughtThing {
        request: made.request_hash,
        serial: made.serial,
        issued: made.issued,
        order: order.id,
        thing: NewThing {
            sequence: made.sequence,
            code: made.code,
            kind: order.kind,
            name: format!("{batch} {}", made.sequence).trim_start().to_owned(),
            product: words(order.product.as_ref().map(|text| text.as_str())),
            transport_spki: made.transport_spki,
            wallet_key: made.wallet_key,
            class: order.class,
            certificate: made.certificate,
            pass: made.pass,
        },
    }
}
