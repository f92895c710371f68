//! The charger under embassy: an interrupt that keeps what comes in, a task that finds messages in it,
//! and a task with the purse.
//!
//! The purse waits for nothing inside, so it needs no lock and no executor of its own: a call is one
//! step of the task that owns it. While it checks a signature, no other task of this executor runs,
//! but the interrupt does: [`HEARD`] holds a whole frame. A thing that must react faster gives the
//! purse an executor of lower priority.
#![no_std]
#![no_main]

use core::fmt::Write;
use cortex_m::peripheral::NVIC;
use cortex_m_rt::exception;
use device_sdk::links::serial::{FRAME_MAX_BYTES, Line};
use device_sdk::purse::OUT_MAX;
use embassy_executor::Spawner;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use embassy_sync::pipe::Pipe;
use firmware::identity::Wrong;
use firmware::semihosting::{Console, argument};
use firmware::uart::{FIRST_RECEIVES, Uart};
use firmware::{Board, end, send, till};
use protocol::message::MESSAGE_MAX;

/// Bytes from the interrupt; what finds no room is lost, and is said again by whoever waits.
static HEARD: Pipe<CriticalSectionRawMutex, FRAME_MAX_BYTES> = Pipe::new();
/// One message waits while the one before is judged; the next stays in [`HEARD`].
static MESSAGES: Channel<CriticalSectionRawMutex, Message, 1> = Channel::new();

struct Message {
    bytes: [u8; MESSAGE_MAX],
    len: usize,
}

#[derive(Clone, Copy)]
struct FirstReceives;

// SAFETY: the number of an interrupt that this board has.
unsafe impl cortex_m::interrupt::InterruptNumber for FirstReceives {
    fn number(self) -> u16 {
        FIRST_RECEIVES
    }
}

/// The only interrupt that is let in.
#[exception]
unsafe fn DefaultHandler(_number: i16) {
    while let Some(byte) = Uart::at_interrupt() {
        let _ = HEARD.try_write(&[byte]);
    }
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    end("charger", live(spawner).await)
}

async fn live(spawner: Spawner) -> Result<(), Wrong> {
    let mut board = Board::open()?;
    if argument("show").is_some() {
        return till::show(&mut board.purse, board.usd);
    }
    let uart = Uart::first();
    spawner.spawn(hear().map_err(|_| "no room for a task")?);
    uart.interrupt();
    // SAFETY: no critical section of another priority is broken by it.
    unsafe { NVIC::unmask(FirstReceives) };
    let _ = writeln!(Console, "charger: two tasks");
    loop {
        let message = MESSAGES.receive().await;
        let bytes = message.bytes.get(..message.len).unwrap_or_default();
        let mut out = [0; OUT_MAX];
        if let Some(len) = till::answer(&mut board.purse, bytes, &mut out)? {
            send(&uart, out.get(..len).unwrap_or_default())?;
        }
    }
}

/// Finds messages in what is heard.
#[embassy_executor::task]
async fn hear() {
    let mut line = Line::new();
    let mut bytes = [0; 64];
    loop {
        let len = HEARD.read(&mut bytes).await;
        for byte in bytes.get(..len).unwrap_or_default() {
            let Some(found) = line.push(*byte) else {
                continue;
            };
            let len = found.len();
            let mut bytes = [0; MESSAGE_MAX];
            if let Some(place) = bytes.get_mut(..len) {
                place.copy_from_slice(found);
                MESSAGES.send(Message { bytes, len }).await;
            }
        }
    }
}
