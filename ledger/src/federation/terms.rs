use protocol::rules::Trust;
use protocol::{AmountMinor, AssuranceClass, Code};

/// Whom a gateway answers to. Without it a gateway is its own centre.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// From the root to every gateway.
    pub trust: Trust,
    /// The pass of the centre: it may issue money.
    pub centre_pass: Vec<u8>,
    /// Thousandths of one warrant that a single purse may take, for the assurance classes 0, 1, 2.
    pub float_share_permille: [u32; 3],
}

impl Upstream {
    pub(crate) const fn share_permille(&self, class: AssuranceClass) -> u32 {
        let [software, isolated, element] = self.float_share_permille;
        match class {
            AssuranceClass::Software => software,
            AssuranceClass::Isolated => isolated,
            AssuranceClass::SecureElement => element,
        }
    }
}

/// What a centre grants one of its gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How far a new warrant runs beyond what was granted before: enough for the renewals expected
    /// while the gateway is cut off.
    pub float: AmountMinor,
    /// How long a warrant is good.
    pub warrant_life_s: u32,
    /// How long a lease is good.
    pub lease_life_s: u32,
}

impl Terms {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.float.get().to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.warrant_life_s.to_be_bytes());
        bytes.extend_from_slice(&self.lease_life_s.to_be_bytes());
        bytes
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (float, rest) = bytes.split_first_chunk()?;
        let (warrant, rest) = rest.split_first_chunk()?;
        let (lease, rest) = rest.split_first_chunk()?;
        rest.is_empty().then_some(())?;
        Some(Self {
            float: AmountMinor::new(u64::from_be_bytes(*float))?,
            warrant_life_s: u32::from_be_bytes(*warrant),
            lease_life_s: u32::from_be_bytes(*lease),
        })
    }
}

/// A gateway's place among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// There are no others.
    Alone,
    /// Others answer to this one.
    Centre,
    /// It answers to this centre.
    Under(Code),
}
