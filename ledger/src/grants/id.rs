//! Which grant, and what payments for it are called.

use protocol::Reference;
use std::fmt;
use std::str::FromStr;

/// Bytes of an identifier.
const BYTES: usize = 12;

/// Which grant: 96 random bits, printed as 24 hexadecimal digits.
///
/// A payment for its reads has as its reference these 12 bytes and 4 more, which its payer counts up
/// so that each purchase is a payment of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantId(pub [u8; BYTES]);

impl GrantId {
    /// Draws a new one.
    pub fn draw(random: &(dyn Fn(&mut [u8]) + Send + Sync)) -> Self {
        let mut bytes = [0; BYTES];
        random(&mut bytes);
        Self(bytes)
    }

    /// The reference of a purchase.
    pub fn reference(&self, purchase: u32) -> Reference {
        let mut bytes = [0; 16];
        let (grant, number) = bytes.split_at_mut(BYTES);
        grant.copy_from_slice(&self.0);
        number.copy_from_slice(&purchase.to_be_bytes());
        Reference(bytes)
    }

    pub(super) fn column(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for GrantId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let fits = text.len() == 2 * BYTES && text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).map_err(|_| ())?;
        let bytes = number.to_be_bytes();
        let (_, bytes) = bytes.split_last_chunk().ok_or(())?;
        fits.then_some(Self(*bytes)).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_read_back_and_their_purchases_lie_side_by_side() {
        let id = GrantId(*b"twelve bytes");
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in [
            "",
            "7477656c76652062797465",
            "+477656c7665206279746573",
            "zz77656c7665206279746573",
        ] {
            assert_eq!(bad.parse::<GrantId>(), Err(()), "{bad}");
        }
        assert_eq!(&id.reference(7).0, b"twelve bytes\0\0\0\x07");
    }
}
