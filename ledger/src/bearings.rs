use crate::bounds::CURRENCY_TERMS_MOST;
use crate::federation::terms::Upstream;
use crate::own_keys::FormerKeys;
use protocol::units::AMOUNT_MAX;
use protocol::{AmountMinor, AssuranceClass, Code, Currency, KeyEpoch, Network, Signer};
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
    /// The keys it signed with before.
    pub former_keys: FormerKeys,
    /// The issuer's pass, signed by the root; part of every fraud proof.
    pub issuer_pass: Vec<u8>,
    /// The gateway's pass, signed by the issuer; part of every fraud proof.
    pub gateway_pass: Vec<u8>,
    /// How generous the gateway is.
    pub policy: Policy,
    /// Whom the gateway answers to; none when it is its own centre.
    pub upstream: Option<Upstream>,
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

/// What a wallet class may do in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassTerms {
    /// The most that a load may bring its purse to.
    pub holding: AmountMinor,
    /// The most one allowance lets a purse spend.
    pub allowance: AmountMinor,
    /// The most in one payment.
    pub per_payment: AmountMinor,
    /// The most that renewals of one day put behind allowances.
    pub daily: AmountMinor,
    /// How many times its payments may be spent on before they are settled.
    pub hops: u32,
    /// The most the issuer pays for one allowance when its purse forked.
    pub guarantee: AmountMinor,
    /// The most that a signed closing sets free before its allowance has expired, at the issuer's
    /// risk.
    pub early_release: AmountMinor,
}

impl ClassTerms {
    /// Only the two limits that every allowance has: nothing is guaranteed, spent on or released
    /// early.
    pub const fn offline(allowance: AmountMinor, per_payment: AmountMinor) -> Self {
        let unlimited = match AmountMinor::new(AMOUNT_MAX) {
            Some(most) => most,
            None => AmountMinor::ZERO,
        };
        Self {
            holding: unlimited,
            allowance,
            per_payment,
            daily: unlimited,
            hops: 0,
            guarantee: AmountMinor::ZERO,
            early_release: AmountMinor::ZERO,
        }
    }
}

/// Terms by assurance class 0, 1, 2.
pub type Classes = [ClassTerms; 3];

/// How far a purse may go while nobody can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Where a currency has no terms of its own.
    pub usual: Classes,
    /// Currencies with terms of their own.
    pub currencies: [Option<(Currency, Classes)>; CURRENCY_TERMS_MOST],
    /// How many sequence numbers one allowance opens.
    pub most_payments: u32,
    /// How long an allowance is good.
    pub allowance_life_s: u32,
    /// Longest isolation of this gateway, as in its pass.
    pub grace_s: u32,
}

impl Policy {
    /// What a class may do in a currency.
    pub fn terms(&self, currency: &Currency, class: AssuranceClass) -> ClassTerms {
        let own = self.currencies.iter().flatten();
        let own = own.clone().find(|(of, _)| of == currency);
        let [software, isolated, element] = own.map_or(self.usual, |(_, classes)| *classes);
        match class {
            AssuranceClass::Software => software,
            AssuranceClass::Isolated => isolated,
            AssuranceClass::SecureElement => element,
        }
    }
}
