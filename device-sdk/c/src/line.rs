//! Messages on a serial line, as COBS frames.

use crate::{OcStatus, bytes, writing};
use core::mem::{align_of, size_of};
use device_sdk::links::serial::{self, Line};
use protocol::Status;

/// What a buffer for a frame on a serial line must hold.
pub const OC_FRAME_BYTES: usize = 4090;
/// What is set aside for a line, in words of 8 bytes.
pub const OC_LINE_WORDS: usize = 520;

const _: () = assert!(OC_FRAME_BYTES == serial::FRAME_MAX_BYTES);
const _: () = assert!(size_of::<Line>() <= size_of::<OcLine>());
const _: () = assert!(align_of::<Line>() <= align_of::<OcLine>());

/// What was heard on a serial line, up to the end of the next message.
#[repr(C)]
pub struct OcLine {
    opaque: [u64; OC_LINE_WORDS],
}

/// Writes a message as a frame for a serial line; `out` holds `OC_FRAME_BYTES`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_frame(
    message: *const u8,
    message_len: usize,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    unsafe {
        writing((out, out_len), written, |out| {
            let message = bytes(message, message_len)?;
            serial::frame(message, out).ok_or(Status::Full)
        })
    }
}

/// Makes a line of which nothing was heard. To be called before anything else with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_line_begin(line: *mut OcLine) {
    if !line.is_null() {
        // SAFETY: the place is large enough and aligned, which is checked above.
        unsafe { line.cast::<Line>().write(Line::new()) }
    }
}

/// Takes the next byte. When it ends a message, that is returned, `*message_len` bytes of it, until
/// the next byte is taken; otherwise null. What is noise is passed over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_line_push(
    line: *mut OcLine,
    byte: u8,
    message_len: *mut usize,
) -> *const u8 {
    // SAFETY: `oc_line_begin` has put a line there.
    let (line, len) = unsafe { (line.cast::<Line>().as_mut(), message_len.as_mut()) };
    let (Some(line), Some(len)) = (line, len) else {
        return core::ptr::null();
    };
    let message = line.push(byte);
    *len = message.map_or(0, <[u8]>::len);
    message.map_or(core::ptr::null(), <[u8]>::as_ptr)
}
