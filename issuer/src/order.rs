//! Work orders: what a gateway wants made, signed, in one text file.

use crate::authority::{Authority, Role};
use crate::bundle;
use crate::error::{IssueError, OrderFault};
use protocol::cose::{self, SIGNED_MAX};
use protocol::objects::{Pass, Rights, WorkOrder};
use protocol::rules::Trust;
use protocol::rules::trust::current;
use protocol::{Kind, Reference, Status, Timestamp};
use std::fmt;

/// Longest file of an order.
pub const ORDER_BYTES_MAX: usize = 4 * 1024;
const PASS_LABEL: &str = "ONECODE PASS";
const ORDER_LABEL: &str = "ONECODE WORK ORDER";

/// A signed order with the pass of who signed it; nothing is checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedOrder {
    /// The signed order.
    pub order: Vec<u8>,
    /// The pass of the gateway that signed it.
    pub pass: Vec<u8>,
}

/// Why a station does not take an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderRefused {
    /// Not such a file, or damaged.
    Unreadable,
    /// Not signed by a gateway of the station's own issuer.
    Signature(Status),
    /// For another station.
    OtherStation,
    /// It has expired, or is not valid yet.
    Time,
    /// The station's quota does not cover the kind, or too few numbers are left.
    Quota,
    /// Nothing to make, or rights that such things never have.
    Empty,
}

impl fmt::Display for OrderRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => {
                f.write_str("not the file that `onecode station order` writes, or damaged")
            }
            Self::Signature(status) => write!(
                f,
                "not signed by a gateway under this station's issuer: {}",
                status.sentence()
            ),
            Self::OtherStation => f.write_str("for another station; take it there"),
            Self::Time => f.write_str(
                "it has expired or is not valid yet; check this machine's clock, or ask for a new one",
            ),
            Self::Quota => f.write_str(
                "beyond this station's quota of kinds and numbers; ask the issuer for a larger one",
            ),
            Self::Empty => f.write_str("it orders nothing, or what no thing may have"),
        }
    }
}

impl std::error::Error for OrderRefused {}

impl SignedOrder {
    /// Signs an order as the gateway it names.
    pub fn sign(gateway: &Authority, order: &WorkOrder) -> Result<Self, IssueError> {
        let (Role::Gateway, Some((_, pass))) = (gateway.role, &gateway.pass) else {
            return Err(OrderFault::Role.into());
        };
        if order.by != gateway.code {
            return Err(OrderFault::Role.into());
        }
        let mut out = [0; SIGNED_MAX];
        let sealed = cose::seal(order, &gateway.network, gateway.pass_key.as_ref(), &mut out);
        let (len, _) = sealed.map_err(|error| match error {
            cose::SealError::Signer => IssueError::KeyAbsent,
            cose::SealError::BufferTooSmall => IssueError::Encoding,
        })?;
        Ok(Self {
            order: out.get(..len).unwrap_or_default().to_vec(),
            pass: pass.clone(),
        })
    }

    /// The text file.
    pub fn text(&self) -> String {
        bundle::document(PASS_LABEL, &self.pass) + &bundle::document(ORDER_LABEL, &self.order)
    }

    /// Reads the text file.
    pub fn read(text: &str) -> Result<Self, OrderRefused> {
        let parts = match text.len() {
            0..=ORDER_BYTES_MAX => bundle::documents(text),
            _ => Vec::new(),
        };
        match parts.as_slice() {
            [(first, pass), (second, order)] if first == PASS_LABEL && second == ORDER_LABEL => {
                Ok(Self {
                    order: order.clone(),
                    pass: pass.clone(),
                })
            }
            _ => Err(OrderRefused::Unreadable),
        }
    }

    /// What it orders, if a gateway of this issuer signed it.
    pub fn check(&self, trust: &Trust, issuer_pass: &[u8]) -> Result<WorkOrder, OrderRefused> {
        let verified = || {
            let issuer = trust.issuer(issuer_pass)?;
            let by = trust.issued(&issuer, &self.pass)?;
            let order = cose::open::<WorkOrder>(&self.order, &trust.network)?;
            let order = *order.verify(&by.get().key.0)?.get();
            match order.by == by.get().subject.0 && by.get().rights.permits(Rights::ISSUE_CODES) {
                true => Ok((order, *by.get())),
                false => Err(Status::NotPermitted),
            }
        };
        let (order, by): (WorkOrder, Pass) = verified().map_err(OrderRefused::Signature)?;
        current(&by, order.issued).map_err(OrderRefused::Signature)?;
        Ok(order)
    }
}

/// Whether a station may begin something for an order now.
pub fn may_begin(
    station: &Authority,
    order: &WorkOrder,
    next_sequence: u64,
    wanted: u64,
    now: Timestamp,
) -> Result<(), OrderRefused> {
    if order.station != station.code {
        return Err(OrderRefused::OtherStation);
    }
    if order.count == 0 || !Rights::PAY.and(Rights::ACCEPT).permits(order.rights) {
        return Err(OrderRefused::Empty);
    }
    let quota = station.quota().ok_or(OrderRefused::Quota)?;
    let left = (quota.last + 1).saturating_sub(next_sequence.max(quota.first));
    if !quota.kinds.permits(Rights::kind(order.kind)) || left < wanted {
        return Err(OrderRefused::Quota);
    }
    const SKEW_S: u32 = 300;
    let early = order.issued > now.plus_s(SKEW_S);
    if early || order.expires <= now || station.not_after() <= now {
        return Err(OrderRefused::Time);
    }
    Ok(())
}

/// Whether things of this kind have keys; the others commit to a secret inside.
pub const fn has_keys(kind: Kind) -> bool {
    !matches!(kind, Kind::PassiveItem | Kind::Lot | Kind::Place)
}

/// The short name of an order in files and on screens.
pub fn short(id: &Reference) -> String {
    id.to_string().chars().take(8).collect()
}
