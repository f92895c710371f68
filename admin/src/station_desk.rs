//! What the portal asks of the house about stations.

use crate::desk::{DeskRefusal, Pending};
use protocol::objects::MarkText;
use protocol::{AssuranceClass, Code, Kind, Reference, Timestamp};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Somebody admits a station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Its request, PEM.
    pub request: String,
    /// What people call it.
    pub name: String,
    /// What it may make.
    pub kinds: Vec<Kind>,
    /// Its first number; it stays.
    pub first: u64,
    /// Its last number; it may grow.
    pub last: u64,
    /// For how long.
    pub days: u32,
    /// Who admits it, for the registry.
    pub by: String,
}

/// Somebody orders codes from a station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StationWish {
    /// Who shall make them.
    pub station: Code,
    /// Of which kind.
    pub kind: Kind,
    /// How many good ones.
    pub count: u32,
    /// Which product; may be empty.
    pub product: String,
    /// Which batch; may be empty.
    pub batch: String,
    /// How long the credentials of things are good.
    pub life_days: u32,
    /// How long the station may work on it.
    pub days: u32,
    /// How well the things keep their keys.
    pub class: AssuranceClass,
    /// Who orders, for the registry.
    pub by: String,
}

/// What a manifest brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManifestTaken {
    /// Whose.
    pub station: Code,
    /// Which.
    pub number: u32,
    /// Codes in it.
    pub made: u32,
    /// Numbers given up.
    pub scrapped: u32,
    /// It was in the registry already, and nothing changed.
    pub before: bool,
}

/// How far the reading of a manifest is; whoever reads it tells, whoever shows it looks.
#[derive(Debug)]
pub struct Progress {
    bytes: u64,
    read: AtomicU64,
    checked: AtomicBool,
    codes: AtomicU64,
    taken: Arc<AtomicU64>,
}

impl Progress {
    /// Of a file of so many bytes.
    pub fn new(bytes: u64) -> Self {
        Self {
            bytes,
            read: AtomicU64::new(0),
            checked: AtomicBool::new(false),
            codes: AtomicU64::new(0),
            taken: Arc::default(),
        }
    }

    /// So many bytes more were read.
    pub fn read(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// All of it holds, so many codes; now they are written into the registry.
    pub fn checked(&self, codes: u64) {
        self.codes.store(codes, Ordering::Relaxed);
        self.checked.store(true, Ordering::Relaxed);
    }

    /// Counts codes on their way into the registry.
    pub const fn counter(&self) -> &Arc<AtomicU64> {
        &self.taken
    }

    /// How many codes were written, of how many. None of them counts before all of them are in.
    pub fn taken(&self) -> (u64, u64) {
        let [taken, codes] = [&*self.taken, &self.codes].map(|of| of.load(Ordering::Relaxed));
        (taken.min(codes), codes)
    }

    /// Whether all of it was checked.
    pub fn is_checked(&self) -> bool {
        self.checked.load(Ordering::Relaxed)
    }

    /// How much of it was read, of 1000.
    pub fn per_mille(&self) -> u64 {
        let read = self.read.load(Ordering::Relaxed).min(self.bytes);
        read.saturating_mul(1000) / self.bytes.max(1)
    }
}

/// Stations: who may be one, what they shall make, and what they bring.
pub trait StationsDesk: Send + Sync + 'static {
    /// Certifies a station; what it is given then stands in the registry. Its things come in at
    /// the doors without a restart.
    fn admit(&self, asked: Admission, now: Timestamp) -> Pending<Result<Code, DeskRefusal>>;

    /// Signs and keeps an order.
    fn order(&self, wish: StationWish, now: Timestamp) -> Pending<Result<Reference, DeskRefusal>>;

    /// Takes the manifest in a file, whole or not at all, once.
    fn import(
        &self,
        file: PathBuf,
        by: String,
        now: Timestamp,
        progress: Arc<Progress>,
    ) -> Pending<Result<ManifestTaken, DeskRefusal>>;

    /// Signatures for the labels of these codes, in their order.
    fn marks(&self, codes: Vec<Code>) -> Pending<Result<Vec<MarkText>, DeskRefusal>>;

    /// The folder where manifests wait until they are read.
    fn spool(&self) -> PathBuf;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_never_passes_its_end() {
        let progress = Progress::new(200);
        assert_eq!(progress.per_mille(), 0);
        progress.read(50);
        assert_eq!(progress.per_mille(), 250);
        progress.read(u64::from(u32::MAX));
        assert_eq!(progress.per_mille(), 1000);
        assert_eq!(Progress::new(0).per_mille(), 0);
        progress.checked(3);
        assert_eq!(progress.taken(), (0, 3));
        progress.counter().fetch_add(4, Ordering::Relaxed);
        assert_eq!(progress.taken(), (3, 3));
    }
}
