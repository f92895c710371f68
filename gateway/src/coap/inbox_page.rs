//! A page of the wallet inbox as CBOR: an array of `[number, message]`.

use bytes::Bytes;

/// Major types of CBOR.
pub(crate) const UNSIGNED: u8 = 0;
pub(crate) const BYTES: u8 = 2;
pub(crate) const ARRAY: u8 = 4;

/// As many entries, in order, as fit into `most_bytes`, but at least one.
pub(crate) fn page(entries: &[(u64, Bytes)], most_bytes: usize) -> Vec<u8> {
    let mut taken = 0;
    let mut items = Vec::new();
    for (number, message) in entries {
        let mut item = Vec::with_capacity(message.len() + 16);
        head(&mut item, ARRAY, 2);
        head(&mut item, UNSIGNED, *number);
        head(&mut item, BYTES, message.len() as u64);
        item.extend_from_slice(message);
        if taken > 0 && items.len() + item.len() > most_bytes {
            break;
        }
        items.append(&mut item);
        taken += 1;
    }
    let mut page = Vec::with_capacity(items.len() + 9);
    head(&mut page, ARRAY, taken);
    page.append(&mut items);
    page
}

/// A single number, the newest of the inbox.
pub(super) fn number(number: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(9);
    head(&mut out, UNSIGNED, number);
    out
}

/// Type and value in the shortest spelling.
pub(crate) fn head(out: &mut Vec<u8>, major: u8, value: u64) {
    let major = major << 5;
    let bytes = value.to_be_bytes();
    let (info, length) = match value {
        0..24 => return out.push(major | value as u8),
        24..0x100 => (24, 1),
        0x100..0x1_0000 => (25, 2),
        0x1_0000..0x1_0000_0000 => (26, 4),
        _ => (27, 8),
    };
    out.push(major | info);
    out.extend(bytes.iter().skip(8 - length));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_the_shortest() {
        for (value, bytes) in [
            (0, &[0x00][..]),
            (23, &[0x17]),
            (24, &[0x18, 24]),
            (256, &[0x19, 1, 0]),
            (65_536, &[0x1a, 0, 1, 0, 0]),
            (1 << 32, &[0x1b, 0, 0, 0, 1, 0, 0, 0, 0]),
        ] {
            assert_eq!(number(value), bytes);
        }
    }

    #[test]
    fn a_page_is_bounded_but_never_empty_handed() {
        let entry = |number, length| (number, Bytes::from(vec![7; length]));
        assert_eq!(page(&[], 100), [0x80]);
        assert_eq!(
            page(&[entry(1, 2), entry(2, 1)], 100),
            [0x82, 0x82, 1, 0x42, 7, 7, 0x82, 2, 0x41, 7]
        );
        assert_eq!(page(&[entry(1, 200), entry(2, 1)], 100)[0], 0x81);
        assert_eq!(page(&[entry(1, 50), entry(2, 50)], 100)[0], 0x81);
    }
}
