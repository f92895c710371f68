//! Spending what was just received, and giving change.

use crate::{
    OC_CURRENCY_BYTES, OC_REFERENCE_BYTES, OcOrder, OcPurse, OcStatus, amount, bytes, currency,
    digest, opened, paid, room, status, writing,
};
use protocol::{Reference, Status, Timestamp};

/// Under which allowance this purse would spend what it is paid: writes a reference of
/// `OC_REFERENCE_BYTES` for `oc_purse_pay_spendable` of whoever pays it. Invoices say it by
/// themselves. `OC_STATUS_NO_ALLOWANCE` without one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_covers_for(
    purse: *mut OcPurse,
    of: *const u8,
    now: u32,
    reference: *mut u8,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    let found = unsafe {
        let place = room(reference, OC_REFERENCE_BYTES);
        bytes(of, OC_CURRENCY_BYTES).and_then(|of| {
            let of = currency(of.try_into().map_err(|_| Status::Malformed)?)?;
            let covers_for = opened(purse)?.covers_for(of, Timestamp(now));
            Ok((place?, covers_for.ok_or(Status::NoAllowance)?))
        })
    };
    status(found.map(|(place, Reference(covers_for))| {
        let bytes = place.iter_mut().zip(covers_for);
        bytes.for_each(|(to, from)| *to = from);
    }))
}

/// Pays like `oc_purse_pay`, and lets the payee spend it before it is settled: under `covers_for`, a
/// reference of `OC_REFERENCE_BYTES` which its `oc_purse_covers_for` gave.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_pay_spendable(
    purse: *mut OcPurse,
    order: *const OcOrder,
    covers_for: *const u8,
    now: u32,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    unsafe {
        writing((out, out_len), written, |out| {
            let covers_for = bytes(covers_for, OC_REFERENCE_BYTES)?.try_into();
            let covers_for = Reference(covers_for.map_err(|_| Status::Malformed)?);
            let order = paid(order.as_ref().ok_or(Status::Malformed)?)?;
            opened(purse)?.pay_spendable(&order, covers_for, Timestamp(now), out)
        })
    }
}

/// Gives money back to who made `payment`, which was taken: a payment of its own.
/// `OC_STATUS_ASK_GATEWAY` for one that this purse did not take or holds no more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_pay_back(
    purse: *mut OcPurse,
    payment: *const u8,
    back: u64,
    now: u32,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    unsafe {
        writing((out, out_len), written, |out| {
            let (payment, back) = (digest(payment)?, amount(back)?);
            opened(purse)?.pay_back(payment, back, Timestamp(now), out)
        })
    }
}
