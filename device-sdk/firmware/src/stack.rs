//! How deep the stack has been.

/// What unused stack is painted with.
const PAINT: u32 = 0xa5a5_5a5a;
/// Left unpainted below the frame that paints.
const CLEAR_BYTES: usize = 256;

unsafe extern "C" {
    static __ebss: u32;
}

fn bottom() -> usize {
    (&raw const __ebss) as usize
}

/// Paints what is not used now; returns where the stack stands.
#[inline(never)]
pub fn paint() -> usize {
    let top = cortex_m::register::msp::read() as usize;
    for at in (bottom()..top.saturating_sub(CLEAR_BYTES)).step_by(4) {
        // SAFETY: between the statics and the live stack there is nothing: there is no heap.
        unsafe { (at as *mut u32).write_volatile(PAINT) }
    }
    top
}

/// Bytes that were used below `top` since it was painted.
#[inline(never)]
pub fn deepest_bytes(top: usize) -> usize {
    let painted = |at: &usize| {
        // SAFETY: as in `paint`; reading is harmless anywhere in RAM.
        unsafe { (*at as *const u32).read_volatile() == PAINT }
    };
    let lowest = (bottom()..top).step_by(4).find(|at| !painted(at));
    top - lowest.unwrap_or(top)
}
