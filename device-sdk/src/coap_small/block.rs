//! The Block1 and Block2 option (RFC 7959), with block numbers of the full 20 bits.

/// Block numbers are below this.
pub const NUMBER_END: u32 = 1 << 20;

/// How many bytes a block carries: a power of two from 16 to 1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockSize(u8);

impl BlockSize {
    /// 16 bytes.
    pub const SMALLEST: Self = Self(0);
    /// 1024 bytes.
    pub const LARGEST: Self = Self(6);

    /// The size with this exponent: 0 means 16 bytes, 6 means 1024. 7 is reserved.
    pub const fn from_exponent(exponent: u8) -> Option<Self> {
        match exponent {
            0..=6 => Some(Self(exponent)),
            _ => None,
        }
    }

    /// The size in bytes.
    pub const fn bytes(self) -> usize {
        16 << self.0
    }

    /// The largest block that is not longer than `limit_bytes`.
    pub const fn fitting(limit_bytes: usize) -> Option<Self> {
        let mut exponent = Self::LARGEST.0;
        loop {
            if Self(exponent).bytes() <= limit_bytes {
                return Some(Self(exponent));
            }
            if exponent == 0 {
                return None;
            }
            exponent -= 1;
        }
    }
}

/// One value of a Block1 or Block2 option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Which block, counted in blocks of this size.
    pub number: u32,
    /// Whether more blocks follow.
    pub more: bool,
    /// How long each block is.
    pub size: BlockSize,
}

impl Block {
    /// The block that starts at `offset`, if that is a border of blocks.
    pub fn at(offset: usize, more: bool, size: BlockSize) -> Option<Self> {
        // Nothing is divided: a compiler cannot see that no size is zero.
        if offset & (size.bytes() - 1) != 0 {
            return None;
        }
        let number = u32::try_from(offset >> size.bytes().trailing_zeros()).ok()?;
        (number < NUMBER_END).then_some(Self { number, more, size })
    }

    /// Where the block starts in the body.
    pub const fn offset(self) -> usize {
        self.number as usize * self.size.bytes()
    }

    /// Reads an option value of up to three bytes.
    pub fn read(value: &[u8]) -> Option<Self> {
        if value.len() > 3 {
            return None;
        }
        let bits = super::message::read_uint(value)?;
        Some(Self {
            number: bits >> 4,
            more: bits & 8 != 0,
            size: BlockSize::from_exponent((bits & 7) as u8)?,
        })
    }

    /// The option's value as a number; its shortest spelling is what is sent.
    pub fn value(self) -> u32 {
        self.number << 4 | u32::from(self.more) << 3 | u32::from(self.size.0)
    }

    /// Writes the shortest option value.
    #[cfg(feature = "std")]
    pub fn write(self) -> Vec<u8> {
        crate::coap::wire::uint(self.value())
    }
}

#[cfg(test)]
#[cfg(feature = "std")]
mod tests {
    use super::*;

    #[test]
    fn every_value_reads_back_in_its_shortest_spelling() {
        for number in [0, 1, 15, 16, 4095, 4096, 65_535, NUMBER_END - 1] {
            for exponent in 0..7 {
                for more in [false, true] {
                    let size = BlockSize::from_exponent(exponent).unwrap();
                    let block = Block { number, more, size };
                    let value = block.write();
                    assert!(value.first() != Some(&0));
                    assert_eq!(Block::read(&value), Some(block));
                }
            }
        }
    }

    #[test]
    fn values_of_four_bytes_and_the_reserved_size_are_refused() {
        assert_eq!(Block::read(&[0, 0, 0, 0]), None);
        assert_eq!(Block::read(&[7]), None);
        assert_eq!(Block::read(&[]).map(|block| block.offset()), Some(0));
    }

    #[test]
    fn a_block_starts_only_on_a_border() {
        let size = BlockSize::fitting(100).unwrap();
        assert_eq!(size.bytes(), 64);
        assert_eq!(
            Block::at(128, true, size).map(|block| block.number),
            Some(2)
        );
        assert_eq!(Block::at(130, true, size), None);
        assert_eq!(Block::at(usize::MAX & !63, true, size), None);
        assert_eq!(BlockSize::fitting(15), None);
    }
}
