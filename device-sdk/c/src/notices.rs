//! What a gateway is shown beside payments: voids, closings, proofs; and doubt.

use crate::{OcPurse, OcStatus, opened, status, writing};
use core::mem::{align_of, size_of};
use device_sdk::purse::NoticeCursor;
use protocol::Status;

/// What is set aside for a cursor, in words of 8 bytes.
pub const OC_NOTICE_CURSOR_WORDS: usize = 4;

const _: () = assert!(size_of::<NoticeCursor>() <= size_of::<OcNoticeCursor>());
const _: () = assert!(align_of::<NoticeCursor>() <= align_of::<OcNoticeCursor>());

/// Where a walk through the notices stands.
#[repr(C)]
pub struct OcNoticeCursor {
    opaque: [u64; OC_NOTICE_CURSOR_WORDS],
}

/// Puts a cursor before the oldest notice.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_notice_cursor_begin(cursor: *mut OcNoticeCursor) {
    if !cursor.is_null() {
        // SAFETY: the place is large enough and aligned, which is checked above.
        unsafe { cursor.cast::<NoticeCursor>().write(NoticeCursor::default()) }
    }
}

/// Writes the next notice for a gateway. At the end it writes nothing: `*written` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_notice(
    purse: *mut OcPurse,
    cursor: *mut OcNoticeCursor,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> OcStatus {
    // SAFETY: by the contract of this library; `oc_notice_cursor_begin` has put a cursor there.
    unsafe {
        writing((out, out_len), written, |out| {
            let cursor = cursor.cast::<NoticeCursor>().as_mut();
            let told = opened(purse)?.notices(cursor.ok_or(Status::Malformed)?, out);
            told.map(Option::unwrap_or_default)
        })
    }
}

/// The gateway has taken the notice that the cursor last gave.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_noticed(
    purse: *mut OcPurse,
    cursor: *const OcNoticeCursor,
) -> OcStatus {
    // SAFETY: as above.
    let noticed = unsafe {
        let cursor = cursor.cast::<NoticeCursor>().as_ref();
        opened(purse).and_then(|purse| purse.noticed(cursor.ok_or(Status::Malformed)?))
    };
    status(noticed)
}

/// To be called when the flash was lost or is an older copy, or may be: the purse pays nothing until
/// a gateway has given it a new key epoch, which its next renewal asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_distrust(purse: *mut OcPurse) -> OcStatus {
    // SAFETY: by the contract of this library.
    status(unsafe { opened(purse) }.and_then(|purse| purse.distrust()))
}
