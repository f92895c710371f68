//! A page of the wallet inbox: a CBOR array of `[number, message]`.

use minicbor::Decoder;

/// More entries than a gateway puts into one page.
pub const PAGE_ENTRIES_MAX: u64 = 1024;

/// Reads a page as `GET oc/1/me/w/in?after=N` answers it; `None` when it is none.
pub fn read_page(payload: &[u8]) -> Option<Vec<(u64, Vec<u8>)>> {
    let mut from = Decoder::new(payload);
    let count = from.array().ok()??;
    if count > PAGE_ENTRIES_MAX {
        return None;
    }
    let mut entries = Vec::new();
    for _ in 0..count {
        if from.array().ok()? != Some(2) {
            return None;
        }
        entries.push((from.u64().ok()?, from.bytes().ok()?.to_vec()));
    }
    (from.position() == payload.len()).then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_whole_or_not_at_all() {
        let page = [0x82, 0x82, 1, 0x42, 7, 7, 0x82, 2, 0x41, 8];
        assert_eq!(read_page(&page), Some(vec![(1, vec![7, 7]), (2, vec![8])]));
        assert_eq!(read_page(&[0x80]), Some(Vec::new()));
        for cut in 0..page.len() {
            assert_eq!(read_page(&page[..cut]), None);
        }
        assert_eq!(read_page(&[page.as_slice(), &[0]].concat()), None);
        assert_eq!(
            read_page(&[0x9b, 255, 255, 255, 255, 255, 255, 255, 255]),
            None
        );
    }
}
