//! The serial lines of the board (CMSDK UARTs), read by asking, or by an interrupt.

const DATA: usize = 0;
const STATE: usize = 4;
const CONTROL: usize = 8;
const INTERRUPT: usize = 12;
const BAUD_DIVIDER: usize = 16;
const TRANSMITTER_FULL: u32 = 1;
const RECEIVED: u32 = 2;
const TRANSMIT_AND_RECEIVE: u32 = 3;
const RECEIVE_INTERRUPTS: u32 = 8;
const FIRST: usize = 0x4000_4000;
/// The interrupt of what comes in at the first line.
pub const FIRST_RECEIVES: u16 = 0;

/// One of them.
#[derive(Debug)]
pub struct Uart {
    base: usize,
}

impl Uart {
    /// The line to the other board. Only one of these may be in use.
    pub fn first() -> Self {
        Self::at(FIRST)
    }

    /// The line to the relay. Only one of these may be in use.
    pub fn second() -> Self {
        Self::at(0x4000_5000)
    }

    fn at(base: usize) -> Self {
        let uart = Self { base };
        uart.put(BAUD_DIVIDER, 16);
        uart.put(CONTROL, TRANSMIT_AND_RECEIVE);
        uart
    }

    fn put(&self, register: usize, value: u32) {
        // SAFETY: a register of the UART, by the board's manual.
        unsafe { ((self.base + register) as *mut u32).write_volatile(value) }
    }

    fn get(&self, register: usize) -> u32 {
        // SAFETY: as in `put`.
        unsafe { ((self.base + register) as *const u32).read_volatile() }
    }

    /// Sends all of it.
    pub fn send(&self, bytes: &[u8]) {
        for byte in bytes {
            while self.get(STATE) & TRANSMITTER_FULL != 0 {}
            self.put(DATA, u32::from(*byte));
        }
    }

    /// From now on an interrupt says that something has come in.
    pub fn interrupt(&self) {
        self.put(CONTROL, TRANSMIT_AND_RECEIVE | RECEIVE_INTERRUPTS);
    }

    /// What has come in at the first line: for its interrupt and nobody else.
    pub fn at_interrupt() -> Option<u8> {
        let uart = Self { base: FIRST };
        uart.put(INTERRUPT, RECEIVED);
        uart.receive()
    }

    /// What has come in, if anything.
    pub fn receive(&self) -> Option<u8> {
        (self.get(STATE) & RECEIVED != 0).then(|| self.get(DATA) as u8)
    }
}
