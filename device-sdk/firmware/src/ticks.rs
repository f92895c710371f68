//! Milliseconds since the board was switched on.

use core::sync::atomic::{AtomicU32, Ordering};
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;

const TICKS_A_MS: u32 = 25_000;

static ELAPSED_MS: AtomicU32 = AtomicU32::new(0);

/// Starts counting.
pub fn start(mut timer: SYST) {
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(TICKS_A_MS - 1);
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
}

#[exception]
fn SysTick() {
    ELAPSED_MS.fetch_add(1, Ordering::Relaxed);
}

/// Since `start`.
pub fn ms() -> u32 {
    ELAPSED_MS.load(Ordering::Relaxed)
}

/// Since `start`, for [`device_sdk::purse::Purse::time`].
pub fn seconds() -> u32 {
    ms() / 1_000
}
