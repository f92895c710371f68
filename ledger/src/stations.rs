//! What callers ask about stations.

use crate::bounds::PAGE_MOST;
use crate::commands::stations::{
    BeginStation, BroughtManifest, DismissStation, GrantStation, KeepOrder, StationGrant,
    TakeManifest, Taken,
};
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::stations::{self, Dismissal, ItemRow, OrderRow, StationRow};
use protocol::{Code, Status, Timestamp};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Who wants to be a station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StationRequest {
    /// SHA-256 of its request.
    pub request: [u8; 32],
    /// Random serial number for its certificate, used if the request is new.
    pub serial: [u8; 16],
    /// What people shall call it.
    pub name: String,
    /// Who admits it.
    pub by: String,
    /// The first number it may use.
    pub first: u64,
}

impl Ledger {
    /// Numbers a station, durably, before anything is signed. The same request gets the same.
    pub async fn begin_station(
        &self,
        asked: StationRequest,
        now: Timestamp,
    ) -> Result<StationRow, Status> {
        self.submit(BeginStation {
            request: asked.request,
            serial: asked.serial,
            name: asked.name,
            by: asked.by,
            first: asked.first,
            now,
        })
        .await
    }

    /// Keeps what was signed for a station; a later grant replaces an earlier one.
    pub async fn grant_station(&self, grant: StationGrant, now: Timestamp) -> Result<(), Status> {
        self.submit(GrantStation { grant, now }).await
    }

    /// Takes nothing more from a station: no order is given to it, no manifest of it is taken, and
    /// it is not admitted again. What it handed in before stays as it is.
    pub async fn dismiss_station(&self, code: Code, dismissal: Dismissal) -> Result<(), Status> {
        self.submit(DismissStation { code, dismissal }).await
    }

    /// A manifest that was taken, as the station signed it.
    pub async fn manifest(&self, station: &Code, number: u32) -> Result<Option<Vec<u8>>, Error> {
        stations::manifest(&mut *self.reader().await?, station, number).await
    }

    /// The station with this code.
    pub async fn station(&self, code: &Code) -> Result<Option<StationRow>, Error> {
        stations::by_code(&mut *self.reader().await?, code).await
    }

    /// The station that has this number with the issuer.
    pub async fn station_numbered(&self, station: u16) -> Result<Option<StationRow>, Error> {
        stations::by_number(&mut *self.reader().await?, station).await
    }

    /// All stations.
    pub async fn stations(&self) -> Result<Vec<StationRow>, Error> {
        stations::all(&mut *self.reader().await?, PAGE_MOST).await
    }

    /// What was signed for each station whose things are to be trusted, by its code.
    pub async fn grants(&self) -> Result<Vec<(Code, String)>, Error> {
        stations::grants(&mut *self.reader().await?).await
    }

    /// Keeps an order to a station.
    pub async fn keep_order(&self, order: OrderRow) -> Result<(), Status> {
        self.submit(KeepOrder(order)).await
    }

    /// The newest orders.
    pub async fn orders(&self) -> Result<Vec<OrderRow>, Error> {
        stations::orders(&mut *self.reader().await?, PAGE_MOST).await
    }

    /// Takes a checked manifest, whole or not at all.
    pub async fn take_manifest(
        &self,
        brought: BroughtManifest,
        by: &str,
        now: Timestamp,
    ) -> Result<Taken, Status> {
        self.take_manifest_counting(brought, by, now, &Arc::default())
            .await
    }

    /// The same; `taken` counts the codes on the way, for whoever watches.
    pub async fn take_manifest_counting(
        &self,
        brought: BroughtManifest,
        by: &str,
        now: Timestamp,
        taken: &Arc<AtomicU64>,
    ) -> Result<Taken, Status> {
        self.submit(TakeManifest {
            brought,
            by: by.to_owned(),
            now,
            taken: Arc::clone(taken),
        })
        .await
    }

    /// The thing without a key that has this code.
    pub async fn item(&self, code: &Code) -> Result<Option<ItemRow>, Error> {
        stations::item(&mut *self.reader().await?, code).await
    }
}
