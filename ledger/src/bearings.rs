use protocol::{AmountMinor, AssuranceClass, Code, KeyEpoch, Network, Signer};
use std::sync::Arc;

/// What a ledger is told about the gateway it works for.
#[derive(Clone)]
pub struct Bearings {
    /// Objects of other networks mean nothing here.
    pub network: Network,
    /// The gateway whose books these are.
    pub gateway: Code,
    /// Raised whenever the gateway was restored.
    pub gateway_epoch: KeyEpoch,
    /// The gateway's pass key. Statements and allowances are signed inside the transaction that
    /// causes them, stored, and repeated byte for byte.
    pub signer: Arc<dyn Signer + Send + Sync>,
    /// The issuer's pass, signed by the root; part of every fraud proof.
    pub issuer_pass: Vec<u8>,
    /// The gateway's pass, signed by the issuer; part of every fraud proof.
    pub gateway_pass: Vec<u8>,
    /// How generous the gateway is.
    pub policy: Policy,
}

impl std::fmt::Debug for Bearings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bearings")
            .field("network", &self.network)
            .field("gateway", &self.gateway)
            .field("gateway_epoch", &self.gateway_epoch)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// How far a purse may go while nobody can be asked. The three numbers are for the assurance
/// classes 0, 1, 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The most one allowance lets a purse spend.
    pub class_limits: [AmountMinor; 3],
    /// The most in one payment.
    pub most_per_payment: [AmountMinor; 3],
    /// How many sequence numbers one allowance opens.
    pub most_payments: u32,
    /// How long an allowance is good.
    pub allowance_life_s: u32,
    /// Longest isolation of this gateway, as in its pass.
    pub grace_s: u32,
}

impl Policy {
    pub(crate) const fn class_limit(&self, class: AssuranceClass) -> AmountMinor {
        by_class(self.class_limits, class)
    }

    pub(crate) const fn most_per_payment(&self, class: AssuranceClass) -> AmountMinor {
        by_class(self.most_per_payment, class)
    }
}

const fn by_class(limits: [AmountMinor; 3], class: AssuranceClass) -> AmountMinor {
    let [software, isolated, element] = limits;
    match class {
        AssuranceClass::Software => software,
        AssuranceClass::Isolated => isolated,
        AssuranceClass::SecureElement => element,
    }
}
