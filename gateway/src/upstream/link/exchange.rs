//! What either side does with a frame, and what it sends: the ledger decides, this signs and checks
//! acknowledgements.

use super::carrier::Stream;
use super::frame::{FRAME_MAX, Frame};
use crate::house::Failure;
use crate::tree::{Leaf, Manner, Topic, Tree};
use ledger::Ledger;
use ledger::bounds::COPY_MOST;
use ledger::federation::{Block, Parcel, Taken};
use ledger::outbox::Outbox;
use protocol::cose::{SIGNED_MAX, open, seal};
use protocol::objects::Acknowledgement;
use protocol::{Code, KeyEpoch, Network, Signer, Status, Timestamp};
use std::sync::{Arc, Weak};

/// Letters on their way at once.
const LETTERS_WINDOW: u64 = 32;
/// Entries of the journal on their way at once.
const ENTRIES_WINDOW: u64 = COPY_MOST as u64;
/// Telemetry on its way at once.
const TELEMETRY_WINDOW: u64 = 64;

/// What is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Letters = 0,
    Journal = 1,
    Telemetry = 2,
}

/// This side of a link.
#[derive(Clone)]
pub struct Exchange {
    /// The books.
    pub ledger: Ledger,
    /// Telemetry that waits, and how far others' has come.
    pub outbox: Outbox,
    /// Where telemetry from below is said.
    pub tree: Weak<Tree>,
    /// This gateway.
    pub me: Code,
    /// Which network this is.
    pub network: Network,
    /// Signs acknowledgements.
    pub signer: Arc<dyn Signer + Send + Sync>,
    /// What time it is.
    pub clock: fn() -> Timestamp,
}

/// What goes to one peer.
#[derive(Clone, Copy, Debug)]
pub struct Carrier {
    pub(super) letters: Stream,
    pub(super) journal: Stream,
    pub(super) telemetry: Stream,
    /// Nothing of the journal leaves before the peer has said how far it knows it.
    journal_known: bool,
}

impl Carrier {
    pub(super) const fn new() -> Self {
        Self {
            letters: Stream::new(LETTERS_WINDOW),
            journal: Stream::new(ENTRIES_WINDOW),
            telemetry: Stream::new(TELEMETRY_WINDOW),
            journal_known: false,
        }
    }

    pub(super) const fn begin_anew(&mut self) {
        self.letters.begin_anew();
        self.journal.begin_anew();
        self.telemetry.begin_anew();
        self.journal_known = false;
    }
}

impl Exchange {
    /// Takes a frame; gives the frames that answer it. What is refused for now answers nothing and
    /// comes again.
    pub(super) async fn take(
        &self,
        from: &Code,
        carrier: &mut Carrier,
        frame: &[u8],
        now_ms: u64,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let frame = Frame::read(frame).ok_or("no frame")?;
        let said = match frame {
            Frame::Parcel {
                epoch,
                first,
                number,
                letter,
            } => {
                let parcel = Parcel {
                    from: *from,
                    epoch,
                    first,
                    number,
                    bytes: letter.to_vec(),
                };
                let taken = self.ledger.deliver(parcel, (self.clock)()).await;
                let Taken { epoch, up_to } = match taken {
                    Ok(taken) => taken,
                    Err(Status::Busy) => return Ok(Vec::new()),
                    Err(status) => return Err(status.sentence().into()),
                };
                (Kind::Letters, epoch, up_to)
            }
            Frame::Block(block) => {
                let block = Block::read(block).map_err(|status| status.sentence())?;
                let epoch = block.epoch;
                let copied = self.ledger.copy_block(from, block).await;
                let up_to = copied.map_err(|status| status.sentence())?;
                (Kind::Journal, epoch, up_to)
            }
            Frame::Telemetry { epoch, number, .. } => {
                self.telemetry(from, &frame).await?;
                (Kind::Telemetry, KeyEpoch(epoch.0), number)
            }
            Frame::Acknowledgement(signed) => {
                self.acknowledged(from, carrier, signed, now_ms).await?;
                return Ok(Vec::new());
            }
            Frame::Hello => {
                let copied = self.ledger.copied(from).await?;
                (Kind::Journal, KeyEpoch(0), copied.height)
            }
        };
        Ok(vec![self.acknowledge(from, said)?])
    }

    fn acknowledge(
        &self,
        to: &Code,
        (kind, epoch, up_to): (Kind, KeyEpoch, u64),
    ) -> Result<Vec<u8>, Failure> {
        let said = Acknowledgement {
            by: self.me,
            to: *to,
            kind: kind as u32,
            epoch,
            up_to,
        };
        let mut bytes = vec![0; SIGNED_MAX];
        let sealed = seal(&said, &self.network, &*self.signer, &mut bytes);
        let (len, _) = sealed.map_err(|_| "an acknowledgement cannot be signed")?;
        bytes.truncate(len);
        Ok(Frame::Acknowledgement(&bytes).write())
    }

    /// Only what the other side has signed that it has is forgotten here.
    async fn acknowledged(
        &self,
        from: &Code,
        carrier: &mut Carrier,
        signed: &[u8],
        now_ms: u64,
    ) -> Result<(), Failure> {
        let key = self.ledger.gateway_key(from).await?;
        let key = key.ok_or("an acknowledgement by a stranger")?;
        let sealed = open::<Acknowledgement>(signed, &self.network);
        let said = sealed.and_then(|sealed| sealed.verify(&key));
        let said = *said.map_err(|status| status.sentence())?.get();
        if said.by != *from || said.to != self.me {
            return Err("an acknowledgement for somebody else".into());
        }
        let kinds = [Kind::Letters, Kind::Journal, Kind::Telemetry];
        let kind = kinds.into_iter().find(|kind| *kind as u32 == said.kind);
        match kind.ok_or("an acknowledgement of nothing that is sent")? {
            Kind::Letters => {
                let taken = Taken {
                    epoch: said.epoch,
                    up_to: said.up_to,
                };
                let forgotten = self.ledger.delivered(from, taken).await;
                forgotten.map_err(|status| status.sentence())?;
                if said.epoch == self.ledger.epoch() {
                    carrier.letters.acknowledged(said.up_to, now_ms);
                }
            }
            Kind::Journal => {
                carrier.journal_known = true;
                carrier.journal.acknowledged(said.up_to, now_ms);
            }
            Kind::Telemetry if said.epoch.0 == self.outbox.standing().epoch.0 => {
                self.outbox.gone_up_to(said.up_to).await;
                carrier.telemetry.acknowledged(said.up_to, now_ms);
            }
            Kind::Telemetry => {}
        }
        Ok(())
    }

    /// Says here what a thing of that gateway said there, once.
    async fn telemetry(&self, from: &Code, frame: &Frame<'_>) -> Result<(), Failure> {
        let Frame::Telemetry {
            epoch,
            number,
            retain,
            topic,
            payload,
        } = *frame
        else {
            return Ok(());
        };
        if number <= self.outbox.brought(from, epoch).await? {
            return Ok(());
        }
        let place = Topic::parse(topic).ok();
        let station = self.ledger.gateway_station(from).await?;
        let speaks = |topic: &Topic| {
            let said = matches!(
                topic.leaf,
                Leaf::Telemetry(_) | Leaf::Event(_) | Leaf::Status | Leaf::Reported
            );
            said && station == Some(u32::from(topic.code.issued_by().station))
        };
        match place.filter(speaks) {
            Some(place) => {
                let tree = self.tree.upgrade().ok_or("the house is closing")?;
                let how = Manner {
                    retain,
                    assured: true,
                    ..Manner::default()
                };
                tree.bring(&place, payload.to_vec().into(), how).await?;
            }
            None => tracing::warn!(%from, topic, "a gateway speaks for things of others"),
        }
        // A crash before this: it is said here once more.
        Ok(self.outbox.bring(from, epoch, number).await?)
    }

    /// Letters that are to leave now.
    pub(super) async fn letters(
        &self,
        to: &Code,
        stream: &mut Stream,
        now_ms: u64,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let Some((after, most)) = stream.due(now_ms) else {
            return Ok(Vec::new());
        };
        let mut frames = Vec::new();
        for parcel in self.ledger.parcels(to, after, most).await? {
            stream.sent(parcel.number, now_ms);
            let frame = Frame::Parcel {
                epoch: parcel.epoch,
                first: parcel.first,
                number: parcel.number,
                letter: &parcel.bytes,
            };
            frames.push(frame.write());
        }
        Ok(frames)
    }

    /// All that is to leave for the gateway above now, letters first.
    pub(super) async fn upward(
        &self,
        centre: &Code,
        carrier: &mut Carrier,
        now_ms: u64,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let mut frames = self.letters(centre, &mut carrier.letters, now_ms).await?;
        if carrier.journal_known
            && let Some((after, most)) = carrier.journal.due(now_ms)
        {
            let block = self.block(after, most).await?;
            if !block.entries.is_empty() {
                let height = after + block.entries.len() as u64;
                carrier.journal.sent(height, now_ms);
                frames.push(Frame::Block(&block.write()).write());
            }
        }
        if let Some((after, most)) = carrier.telemetry.due(now_ms) {
            let epoch = self.outbox.standing().epoch;
            for (number, leaving) in self.outbox.next(after, most).await? {
                carrier.telemetry.sent(number, now_ms);
                let frame = Frame::Telemetry {
                    epoch,
                    number,
                    retain: leaving.retain,
                    topic: &leaving.topic,
                    payload: &leaving.payload,
                };
                frames.push(frame.write());
            }
        }
        Ok(frames)
    }

    /// As much of the journal as one frame holds.
    async fn block(&self, after: u64, most: u32) -> Result<Block, Failure> {
        let mut block = self.ledger.journal_block(after, most).await?;
        let size = |block: &Block| {
            block
                .entries
                .iter()
                .map(|entry| entry.len() + 2)
                .sum::<usize>()
        };
        while size(&block) > FRAME_MAX - 64 {
            block.entries.truncate(block.entries.len() / 2);
        }
        Ok(block)
    }
}
