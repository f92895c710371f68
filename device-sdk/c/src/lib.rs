//! The purse for C.
//!
//! Every function here is `unsafe` for one reason, and it is the same for all: pointers are good for
//! as many bytes as their type or the length beside them says, nothing else uses them during the
//! call, and an `oc_purse` was given to `oc_purse_open` before anything else. A null pointer with a
//! length of 0 is an empty piece of memory; any other is answered with `OC_STATUS_MALFORMED`.
//!
//! Nothing is allocated: a purse lives in the caller's memory, messages in the caller's buffers. One
//! purse is used by one thread at a time; several purses know nothing of each other.
#![no_std]

mod asking;
mod hooks;
mod line;
mod notices;
mod spending;
mod status;
mod types;

pub use asking::{OC_KINDS, OC_OFFER_WORDS, OcInvoice, OcOffer, OcOffered, OcRules};
pub use hooks::{
    OC_SECTOR_BYTES, OC_SIGNATURE_BYTES, OC_WORD_BYTES, OcAlgorithm, OcFlash, OcSigner,
};
pub use line::{OC_FRAME_BYTES, OC_LINE_WORDS, OcLine};
pub use notices::{OC_NOTICE_CURSOR_WORDS, OcNoticeCursor};
pub use status::OcStatus;
pub use types::{OcEvent, OcEventKind, OcOrder, OcSettings, OcTotals};

use core::ffi::CStr;
use core::mem::{align_of, size_of};
use device_sdk::journal_flash::FlashJournal;
use device_sdk::purse::{
    Clock, HandInCursor, OpenError, Order, Purse, Seed, Settings, StreamOrder,
};
use hooks::HookedKey;
use protocol::keys::SoftwareKey;
use protocol::message::Message;
use protocol::rules::Trust;
use protocol::{
    AmountMinor, Code, Currency, Digest, Network, Reference, Signer, Status, Timestamp,
};

/// Bytes of a code.
pub const OC_CODE_BYTES: usize = 20;
/// Bytes of a currency: its issuer's number, big-endian in three bytes, and three letters.
pub const OC_CURRENCY_BYTES: usize = 6;
/// Bytes of an identifier.
pub const OC_DIGEST_BYTES: usize = 32;
/// Bytes of a reference.
pub const OC_REFERENCE_BYTES: usize = 16;
/// What a buffer for a message must hold.
pub const OC_OUT_BYTES: usize = 4072;
/// Payments that wait for a gateway, made and taken together.
pub const OC_OUTBOX: usize = 6;
/// Payers remembered.
pub const OC_PAYERS: usize = 4;
/// What is set aside for a purse, in words of 8 bytes.
pub const OC_PURSE_WORDS: usize = 3072;
/// What is set aside for a cursor, in words of 8 bytes.
pub const OC_CURSOR_WORDS: usize = 8;

const RECORDS: usize = 64;

type Inner = Purse<HookedKey, FlashJournal<OcFlash, RECORDS>, OC_OUTBOX, OC_PAYERS>;

/// A purse, open or closed.
#[repr(C)]
pub struct OcPurse {
    opaque: [u64; OC_PURSE_WORDS],
}

/// Where a walk through the outbox stands.
#[repr(C)]
pub struct OcCursor {
    opaque: [u64; OC_CURSOR_WORDS],
}

const _: () = assert!(size_of::<Option<Inner>>() <= size_of::<OcPurse>());
const _: () = assert!(align_of::<Option<Inner>>() <= align_of::<OcPurse>());
const _: () = assert!(size_of::<HandInCursor>() <= size_of::<OcCursor>());
const _: () = assert!(align_of::<HandInCursor>() <= align_of::<OcCursor>());
const _: () = assert!(OC_OUT_BYTES == device_sdk::purse::OUT_MAX);
const _: () = assert!(OC_CODE_BYTES == protocol::code::CODE_BYTES);

/// Memory of the caller's to read.
unsafe fn bytes<'a>(at: *const u8, len: usize) -> Result<&'a [u8], Status> {
    match (at.is_null(), len) {
        (true, 0) => Ok(&[]),
        (true, _) => Err(Status::Malformed),
        // SAFETY: by the contract of this library.
        (false, _) => Ok(unsafe { core::slice::from_raw_parts(at, len) }),
    }
}

/// Memory of the caller's to write.
unsafe fn room<'a>(at: *mut u8, len: usize) -> Result<&'a mut [u8], Status> {
    match (at.is_null(), len) {
        (true, 0) => Ok(&mut []),
        (true, _) => Err(Status::Malformed),
        // SAFETY: by the contract of this library.
        (false, _) => Ok(unsafe { core::slice::from_raw_parts_mut(at, len) }),
    }
}

/// The purse in its place; `Storage` when it is closed.
unsafe fn opened<'a>(purse: *mut OcPurse) -> Result<&'a mut Inner, Status> {
    // SAFETY: `oc_purse_open` has put an `Option<Inner>` there, open or not.
    let slot = unsafe { purse.cast::<Option<Inner>>().as_mut() };
    slot.ok_or(Status::Malformed)?
        .as_mut()
        .ok_or(Status::Storage)
}

fn status(done: Result<(), Status>) -> OcStatus {
    match done {
        Ok(()) => OcStatus::Ok,
        Err(status) => status.into(),
    }
}

/// Does something that writes a message, and says how long it is.
unsafe fn writing(
    (out, out_len): (*mut u8, usize),
    written: *mut usize,
    write: impl FnOnce(&mut [u8]) -> Result<usize, Status>,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    let (out, written) = unsafe { (room(out, out_len), written.as_mut()) };
    let Some(written) = written else {
        return OcStatus::Malformed;
    };
    *written = 0;
    status(out.and_then(write).map(|len| *written = len))
}

/// Opens a purse on its flash; blank flash becomes that of a new purse. Finishes what a power cut
/// left half done. `OC_STATUS_STORAGE`: the flash failed or holds something else;
/// `OC_STATUS_NOT_FOR_YOU`: it is another purse's, or the pass is for another key or code.
///
/// Settings are copied; functions and contexts of signer and flash are used until the purse is
/// closed. Wants about 100 KB of stack.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_open(
    purse: *mut OcPurse,
    settings: *const OcSettings,
    signer: *const OcSigner,
    flash: *const OcFlash,
) -> OcStatus {
    if purse.is_null() {
        return OcStatus::Malformed;
    }
    let place = purse.cast::<Option<Inner>>();
    // SAFETY: the place is large enough and aligned, which is checked above; what is in it is not
    // read. The other pointers are good or null by the contract of this library.
    let (settings, signer, flash) = unsafe {
        place.write(None);
        (settings.as_ref(), signer.as_ref(), flash.as_ref())
    };
    let (Some(settings), Some(signer), Some(flash)) = (settings, signer, flash) else {
        return OcStatus::Malformed;
    };
    // SAFETY: as above.
    match unsafe { open(settings, signer, flash) } {
        Ok(opened) => {
            // SAFETY: as above.
            unsafe { place.write(Some(opened)) };
            OcStatus::Ok
        }
        Err(status) => status.into(),
    }
}

unsafe fn open(settings: &OcSettings, signer: &OcSigner, flash: &OcFlash) -> Result<Inner, Status> {
    if settings.network.is_null() {
        return Err(Status::Malformed);
    }
    // SAFETY: by the contract of this library.
    let (network, pass) = unsafe {
        let network = CStr::from_ptr(settings.network).to_str();
        (network, bytes(settings.pass, settings.pass_len)?)
    };
    let network = network.ok().and_then(Network::new);
    let root = hooks::public_key(settings.root_algorithm, &settings.root_key);
    let [software, element, certified] = settings.most_by_class.map(AmountMinor::new);
    let most = [software, element, certified].map(|most| most.ok_or(Status::Malformed));
    let [software, element, certified] = most;
    let told = Settings {
        me: code(settings.code)?,
        pass,
        trust: Trust::new(
            network.ok_or(Status::Malformed)?,
            root.ok_or(Status::Malformed)?,
        ),
        sync_margin_s: settings.sync_margin_s,
        most_by_class: [software?, element?, certified?],
        place: None,
        clock: match settings.stale_after_s {
            0 => Clock::Kept,
            stale_after_s => Clock::Ticks { stale_after_s },
        },
    };
    let key = HookedKey::new(*signer).ok_or(Status::Malformed)?;
    let journal = FlashJournal::open(*flash).map_err(|_| Status::Storage)?;
    Purse::open(told, key, journal).map_err(|error| match error {
        OpenError::Pass(status) => status,
        OpenError::NotMine => Status::NotForYou,
        OpenError::TooMany => Status::Full,
        OpenError::Unreadable(_) | OpenError::Journal(_) => Status::Storage,
    })
}

/// Closes a purse. What it promised is in its flash already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_close(purse: *mut OcPurse) {
    // SAFETY: `oc_purse_open` has put an `Option<Inner>` there.
    if let Some(slot) = unsafe { purse.cast::<Option<Inner>>().as_mut() } {
        *slot = None;
    }
}

/// What time it is, at least, for a thing without a clock: to be called before every other call,
/// with the seconds since it was switched on. 0 for a purse that is closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_time(purse: *mut OcPurse, ticks_s: u32) -> u32 {
    // SAFETY: by the contract of this library.
    let purse = unsafe { opened(purse) };
    purse.map_or(0, |purse| purse.time(ticks_s).0)
}

/// Trusts a gateway from now on: its issuer's pass and its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_trust_gateway(
    purse: *mut OcPurse,
    issuer: *const u8,
    issuer_len: usize,
    gateway: *const u8,
    gateway_len: usize,
    now: u32,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    let trusted = unsafe {
        let passes = (bytes(issuer, issuer_len), bytes(gateway, gateway_len));
        opened(purse).and_then(|purse| {
            let known = purse.trust_gateway(passes.0?, passes.1?, Timestamp(now));
            known.map(|_| ())
        })
    };
    status(trusted)
}

/// Pays at once: writes evidence for the payee, which is in the flash already. The same order again
/// gives the same bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_pay(
    purse: *mut OcPurse,
    order: *const OcOrder,
    now: u32,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    unsafe {
        writing((out, out_len), written, |out| {
            let order = paid(order.as_ref().ok_or(Status::Malformed)?)?;
            opened(purse)?.pay(&order, Timestamp(now), out)
        })
    }
}

/// Begins to pay by the unit. `seed` are `OC_DIGEST_BYTES` random bytes, used for nothing else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_pay_stream(
    purse: *mut OcPurse,
    order: *const OcOrder,
    seed: *const u8,
    now: u32,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    unsafe {
        writing((out, out_len), written, |out| {
            let order = order.as_ref().ok_or(Status::Malformed)?;
            let seed = Digest::from_slice(bytes(seed, OC_DIGEST_BYTES)?);
            let order = StreamOrder {
                payee: code(order.payee)?,
                currency: currency(order.currency)?,
                unit: amount(order.amount)?,
                count: order.count,
                reference: Reference(order.reference),
            };
            let seed = Seed(seed.ok_or(Status::Malformed)?);
            opened(purse)?.pay_stream(&order, seed, Timestamp(now), out)
        })
    }
}

/// Releases units of a stream, `units` in all: writes a message for the payee.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_release(
    purse: *mut OcPurse,
    payment: *const u8,
    units: u32,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    unsafe {
        writing((out, out_len), written, |out| {
            let payment = digest(payment)?;
            opened(purse)?.release(payment, units, out)
        })
    }
}

/// Closes a stream that is taken: writes the receipt for the units so far.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_close_stream(
    purse: *mut OcPurse,
    payment: *const u8,
    now: u32,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    unsafe {
        writing((out, out_len), written, |out| {
            let payment = digest(payment)?;
            opened(purse)?.close_stream(payment, Timestamp(now), out)
        })
    }
}

/// Takes a payment: writes the receipt for the payer, which is in the flash already. A refusal
/// changes nothing; `oc_refusal` writes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_accept(
    purse: *mut OcPurse,
    message: *const u8,
    message_len: usize,
    now: u32,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    unsafe {
        writing((out, out_len), written, |out| {
            let message = bytes(message, message_len)?;
            opened(purse)?.accept(message, None, Timestamp(now), out)
        })
    }
}

/// Takes note of any other message: receipts, units, and what gateways say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_receive(
    purse: *mut OcPurse,
    message: *const u8,
    message_len: usize,
    now: u32,
    event: *mut OcEvent,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    let received = unsafe {
        bytes(message, message_len)
            .and_then(|message| opened(purse)?.receive(message, Timestamp(now)))
    };
    status(received.map(|received| {
        if !event.is_null() {
            // SAFETY: by the contract of this library; it need not hold an event before.
            unsafe { event.write(received.into()) }
        }
    }))
}

/// Asks a gateway for an allowance: writes the request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_renewal(
    purse: *mut OcPurse,
    of: *const u8,
    wanted: u64,
    now: u32,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    unsafe {
        writing((out, out_len), written, |out| {
            let of = bytes(of, OC_CURRENCY_BYTES)?.try_into();
            let of = currency(of.map_err(|_| Status::Malformed)?)?;
            let wanted = AmountMinor::new(wanted).ok_or(Status::Malformed)?;
            opened(purse)?.renewal(of, wanted, Timestamp(now), out)
        })
    }
}

/// Puts a cursor before the oldest payment.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_cursor_begin(cursor: *mut OcCursor) {
    if !cursor.is_null() {
        // SAFETY: the place is large enough and aligned, which is checked above.
        unsafe { cursor.cast::<HandInCursor>().write(HandInCursor::default()) }
    }
}

/// Writes the next message for a gateway. At the end it writes nothing: `*written` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_hand_in(
    purse: *mut OcPurse,
    cursor: *mut OcCursor,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> OcStatus {
    // SAFETY: by the contract of this library; `oc_cursor_begin` has put a cursor there.
    unsafe {
        writing((out, out_len), written, |out| {
            let cursor = cursor.cast::<HandInCursor>().as_mut();
            let handed = opened(purse)?.hand_in(cursor.ok_or(Status::Malformed)?, out);
            handed.map(Option::unwrap_or_default)
        })
    }
}

/// What the purse holds in one currency.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_totals(
    purse: *mut OcPurse,
    of: *const u8,
    totals: *mut OcTotals,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    let held = unsafe {
        bytes(of, OC_CURRENCY_BYTES).and_then(|of| {
            let of = currency(of.try_into().map_err(|_| Status::Malformed)?)?;
            Ok(opened(purse)?.totals(of))
        })
    };
    status(held.and_then(|held| {
        if totals.is_null() {
            return Err(Status::Malformed);
        }
        let held = OcTotals {
            paid_out: held.paid_out.get(),
            returned: held.returned.get(),
            spendable: held.spendable.get(),
            spendable_here: held.spendable_here.get(),
            received_settled: held.received_settled.get(),
            received_unsettled: held.received_unsettled.get(),
        };
        // SAFETY: by the contract of this library; it need not hold totals before.
        unsafe { totals.write(held) };
        Ok(())
    }))
}

/// Writes a refusal, for whoever sent what was answered with `status` (a value of `oc_status`).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_refusal(
    status: u32,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    unsafe {
        writing((out, out_len), written, |out| {
            let status = u8::try_from(status).ok().and_then(Status::from_number);
            let refusal = Message::refusal(status.ok_or(Status::Malformed)?, None);
            refusal.write(out).ok_or(Status::Full)
        })
    }
}

/// The public half of an Ed25519 key in memory: 32 bytes from a seed of 32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_ed25519_public_key(seed: *const u8, public_key: *mut u8) -> OcStatus {
    // SAFETY: by the contract of this library.
    let parts = unsafe { (software(seed), room(public_key, 32)) };
    let (Ok(key), Ok(out)) = parts else {
        return OcStatus::Malformed;
    };
    let public = key.public_key();
    out.iter_mut()
        .zip(public.as_bytes())
        .for_each(|(to, from)| *to = *from);
    OcStatus::Ok
}

/// Signs with an Ed25519 key in memory: `OC_SIGNATURE_BYTES` from a seed of 32 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_ed25519_sign(
    seed: *const u8,
    message: *const u8,
    message_len: usize,
    signature: *mut u8,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    let parts = unsafe {
        let message = bytes(message, message_len);
        (software(seed), message, room(signature, OC_SIGNATURE_BYTES))
    };
    let (Ok(key), Ok(message), Ok(out)) = parts else {
        return OcStatus::Malformed;
    };
    let Ok(signed) = key.sign(message) else {
        return OcStatus::Busy;
    };
    out.iter_mut().zip(signed).for_each(|(to, from)| *to = from);
    OcStatus::Ok
}

unsafe fn software(seed: *const u8) -> Result<SoftwareKey, Status> {
    // SAFETY: by the contract of this library.
    let seed = unsafe { bytes(seed, 32)? };
    let seed = seed.try_into().map_err(|_| Status::Malformed)?;
    Ok(SoftwareKey::ed25519(seed))
}

unsafe fn digest(at: *const u8) -> Result<Digest, Status> {
    // SAFETY: by the contract of this library.
    let bytes = unsafe { bytes(at, OC_DIGEST_BYTES)? };
    Digest::from_slice(bytes).ok_or(Status::Malformed)
}

fn paid(order: &OcOrder) -> Result<Order, Status> {
    Ok(Order {
        payee: code(order.payee)?,
        currency: currency(order.currency)?,
        amount: amount(order.amount)?,
        reference: Reference(order.reference),
    })
}

fn code(bytes: [u8; OC_CODE_BYTES]) -> Result<Code, Status> {
    Code::from_bytes(bytes).map_err(|_| Status::Malformed)
}

fn currency(bytes: [u8; OC_CURRENCY_BYTES]) -> Result<Currency, Status> {
    Currency::from_bytes(bytes).ok_or(Status::Malformed)
}

fn amount(value: u64) -> Result<AmountMinor, Status> {
    AmountMinor::new(value).ok_or(Status::Malformed)
}

/// Nothing here panics but what signatures check of themselves, and that cannot be met. A host ends
/// its program, a board stands still until its watchdog barks.
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
