//! What callers ask of a ledger among others.

use super::copies::{Block, TakeBlock};
use super::keys;
use super::moves::{MoveHome, Moving};
use super::post::{Deliver, Delivered, Parcel, Taken};
use super::relays::Relay;
use super::rules::Homed;
use super::store::{copies, floats, homes, peers, relays};
use super::sweep::Sweep;
use super::terms::{Place, Terms};
use super::withdrawals::{Withdraw, WithdrawalState};
use crate::bounds::{COPY_MOST, PARCELS_MOST};
use crate::commands::Answer;
use crate::error::{Error, OpenError};
use crate::handle::Ledger;
use crate::store::{self, treasury::LoadOrder};
use crate::writer::{Command, Desk, Failure};
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::{FloatWarrant, Pass};
use protocol::rules::Trust;
use protocol::{Code, PublicKey, Status, Timestamp};
use std::path::Path;

/// Something handed in that another gateway settles: `Evidence`, `Claim`, `StreamClaim` or
/// `Covered`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayOrder {
    /// The whole wallet message.
    pub message: Vec<u8>,
    /// The pass of the payee who signed in it, for the gateway that settles; empty where nobody
    /// did.
    pub pass: Vec<u8>,
    /// Who brings it: hears the arbiter's word by its inbox here.
    pub bringer: Option<Code>,
}

/// Where the home of a code is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The gateway.
    pub home: Code,
    /// Number of the lease; 0 while it is only asked for.
    pub number: u64,
    /// Until when.
    pub ends: Timestamp,
    /// The signed lease, if it is here.
    pub lease: Vec<u8>,
}

struct Admit {
    pass: Vec<u8>,
    code: Code,
    terms: Terms,
}

impl Command for Admit {
    type Answer = ();

    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        if matches!(desk.place, Place::Under(_)) || self.code == desk.bearings.gateway {
            return Err(Status::NotPermitted.into());
        }
        let others = peers::peers(&mut desk.connection).await?;
        let connection = &mut desk.connection;
        peers::keep(connection, &self.code, &self.pass, true, Some(&self.terms)).await?;
        desk.place = Place::Centre;
        // Everybody hears of everybody.
        for other in others.iter().filter(|other| other.code != self.code) {
            let (this, that) = (&self.pass, &other.pass);
            super::post::send(desk, &other.code, &super::Letter::Peer { pass: this }).await?;
            super::post::send(desk, &self.code, &super::Letter::Peer { pass: that }).await?;
        }
        Ok(())
    }
}

impl Ledger {
    /// Lets a gateway answer to this one, which thereby is a centre. The pass is checked from the
    /// root down; the same gateway again gets new terms.
    pub async fn admit(&self, trust: &Trust, pass: &[u8], terms: Terms) -> Result<(), Status> {
        let code = trust.gateway(self.issuer_pass(), pass)?.get().subject.0;
        let pass = pass.to_vec();
        self.submit(Admit { pass, code, terms }).await
    }

    /// Whose letters are carried: of a centre all its gateways, of a gateway its centre.
    pub async fn peers(&self) -> Result<Vec<Code>, Error> {
        let peers = peers::peers(&mut *self.reader().await?).await?;
        let linked = peers.into_iter().filter(|peer| peer.linked);
        Ok(linked.map(|peer| peer.code).collect())
    }

    /// Whether the books at this path know another gateway. They must not be open.
    pub async fn is_federated(path: &Path) -> Result<bool, OpenError> {
        if !path.exists() {
            return Ok(false);
        }
        let (mut connection, readers) = store::open(path).await?;
        readers.close().await;
        let known = peers::peers(&mut connection).await;
        sqlx::Connection::close(connection).await?;
        Ok(!known?.is_empty())
    }

    /// The key of another gateway that is known here, or of this one.
    pub async fn gateway_key(&self, code: &Code) -> Result<Option<PublicKey>, Error> {
        if *code == self.gateway() {
            return Ok(Some(self.own_key()));
        }
        let Some(peer) = peers::peer(&mut *self.reader().await?, code).await? else {
            return Ok(None);
        };
        let pass = open::<Pass>(&peer.pass, self.network());
        Ok(pass.ok().map(|pass| pass.peek().key.0))
    }

    /// The station number of another gateway that is known here.
    pub async fn gateway_station(&self, code: &Code) -> Result<Option<u32>, Error> {
        let peer = peers::peer(&mut *self.reader().await?, code).await?;
        let pass = peer.and_then(|peer| {
            let pass = open::<Pass>(&peer.pass, self.network()).ok()?;
            pass.peek().station
        });
        Ok(pass)
    }

    /// The newest pass of a thing that is registered or at home here.
    pub async fn pass_of(&self, code: &Code) -> Result<Option<Vec<u8>>, Error> {
        homes::pass_of(&mut *self.reader().await?, code).await
    }

    /// The pass of a thing by a station among the known gateways, checked.
    pub async fn thing_pass(&self, pass: &[u8]) -> Result<Pass, Status> {
        let network = self.network();
        let by = open::<Pass>(pass, network)?.peek().issuer.0;
        let mut reader = self.reader().await.map_err(|_| Status::Storage)?;
        let station = peers::peer(&mut reader, &by).await;
        let station = station.map_err(|_| Status::Storage)?;
        let station = station.ok_or(Status::UnknownGateway)?.pass;
        // Checked from the root down before it was kept.
        let station = *open::<Pass>(&station, network)?.peek();
        keys::given_by(&station, network, pass)
    }

    // ------------------------------------------------------------------------------------- post

    /// Letters that wait for a peer after number `after`, oldest first, at most
    /// [`PARCELS_MOST`](crate::bounds::PARCELS_MOST).
    pub async fn parcels(&self, to: &Code, after: u64, most: u32) -> Result<Vec<Parcel>, Error> {
        let mut reader = self.reader().await?;
        let mut snapshot = sqlx::Connection::begin(&mut *reader).await?;
        let Some(peer) = peers::peer(&mut snapshot, to).await? else {
            return Ok(Vec::new());
        };
        let (from, epoch) = (self.gateway(), self.gateway_epoch());
        let letters = peers::letters(&mut snapshot, to, after, most.min(PARCELS_MOST)).await?;
        let parcel = |(number, bytes)| Parcel {
            from,
            epoch,
            first: peer.taken.saturating_add(1),
            number,
            bytes,
        };
        Ok(letters.into_iter().map(parcel).collect())
    }

    /// Letters of peers that made no sense and were passed over.
    pub async fn letters_refused(&self) -> Result<u64, Error> {
        peers::refused(&mut *self.reader().await?).await
    }

    /// Takes a parcel, if it is the next one; whatever it is, says how far its writer's letters have
    /// come. [`Status::Busy`] changed nothing: it has to come again.
    pub async fn deliver(&self, parcel: Parcel, now: Timestamp) -> Result<Taken, Status> {
        self.submit(Deliver { parcel, now }).await
    }

    /// A peer said how far it has taken our letters: they are forgotten.
    pub async fn delivered(&self, by: &Code, taken: Taken) -> Result<(), Status> {
        let by = *by;
        self.submit(Delivered { by, taken }).await
    }

    /// Part of the journal for the centre, after a height.
    pub async fn journal_block(&self, after: u64, most: u32) -> Result<Block, Error> {
        let mut reader = self.reader().await?;
        let mut snapshot = sqlx::Connection::begin(&mut *reader).await?;
        let mut letters = 0;
        for peer in peers::peers(&mut snapshot).await? {
            letters += peers::written(&mut snapshot, &peer.code).await?;
        }
        Ok(Block {
            epoch: self.gateway_epoch(),
            after,
            letters,
            entries: copies::own_entries(&mut snapshot, after, most.min(COPY_MOST)).await?,
        })
    }

    /// At the centre: copies part of a gateway's journal; gives the height from which it goes on.
    pub async fn copy_block(&self, from: &Code, block: Block) -> Result<u64, Status> {
        let from = *from;
        self.submit(TakeBlock { from, block }).await
    }

    /// At the centre: how far a gateway's journal is copied.
    pub async fn copied(&self, gateway: &Code) -> Result<crate::books::JournalHead, Error> {
        Ok(copies::copy(&mut *self.reader().await?, gateway)
            .await?
            .head)
    }

    /// Asks the centre for leases and floats, gives up lost homes, signs watermarks, sends after
    /// purses what they left behind: whatever of it is this ledger's to do.
    pub async fn sweep(&self, now: Timestamp) -> Result<(), Status> {
        self.submit(Sweep { now }).await
    }

    // -------------------------------------------------------------------------------- for things

    /// Hands in what another gateway settles. The answer is provisional until the arbiter's word has
    /// come; the same message again gets the newest word.
    pub async fn relay(&self, order: RelayOrder, now: Timestamp) -> Result<Answer, Status> {
        let RelayOrder {
            message,
            pass,
            bringer,
        } = order;
        let relay = Relay {
            message,
            pass,
            bringer,
            now,
        };
        self.submit(relay).await
    }

    /// Relayed messages without a word of their arbiter.
    pub async fn relays_open(&self) -> Result<u64, Error> {
        relays::unanswered(&mut *self.reader().await?).await
    }

    /// A thing wants another home. `order` is its signed move; `pass` may be empty where the thing is
    /// registered. The same move again says how far it has come.
    pub async fn move_home(
        &self,
        order: &[u8],
        pass: &[u8],
        now: Timestamp,
    ) -> Result<Moving, Status> {
        let (order, pass) = (order.to_vec(), pass.to_vec());
        self.submit(MoveHome { order, pass, now }).await
    }

    /// Accusations against a code, oldest first: whole messages that anybody can judge.
    pub async fn accusations(&self, code: &Code) -> Result<Vec<Vec<u8>>, Error> {
        let most = crate::bounds::PAGE_MOST;
        homes::accusations(&mut *self.reader().await?, code, most).await
    }

    /// The newest lease of a code that is known here.
    pub async fn home(&self, code: &Code) -> Result<Option<Home>, Error> {
        let home = homes::home(&mut *self.reader().await?, code).await?;
        Ok(home.map(|(Homed { home, number, ends }, lease)| Home {
            home,
            number,
            ends,
            lease,
        }))
    }

    /// Whole wallet messages that every thing may be told: this gateway's warrants, and how far its
    /// journal is final everywhere.
    pub async fn news(&self) -> Result<Vec<Vec<u8>>, Error> {
        let (gateway, epoch) = (self.gateway(), self.gateway_epoch());
        let mut reader = self.reader().await?;
        let mut news = Vec::new();
        for warrant in floats::warrants(&mut reader, &gateway, epoch).await? {
            let Ok(opened) = open::<FloatWarrant>(&warrant, self.network()) else {
                continue;
            };
            let by = opened.peek().centre;
            let Some(peer) = peers::peer(&mut reader, &by).await? else {
                continue;
            };
            let (centre, warrant) = (peer.pass.as_slice(), warrant.as_slice());
            news.extend(super::hooks::encode(&Message::Warrant { centre, warrant }).ok());
        }
        if let Some((_, watermark)) = copies::watermark(&mut reader, epoch).await? {
            let watermark = &watermark;
            news.extend(super::hooks::encode(&Message::Watermark { watermark }).ok());
        }
        Ok(news)
    }

    // --------------------------------------------------------------------------------- treasurer

    /// At the centre: takes free money out of a purse at home elsewhere. The same order again says
    /// how far it has come.
    pub async fn withdraw(
        &self,
        order: LoadOrder,
        now: Timestamp,
    ) -> Result<WithdrawalState, Status> {
        self.submit(Withdraw { order, now }).await
    }
}
