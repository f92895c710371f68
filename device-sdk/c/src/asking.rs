//! Invoices, and what an owner approves in advance.

use crate::{
    OC_CODE_BYTES, OC_CURRENCY_BYTES, OC_DIGEST_BYTES, OC_REFERENCE_BYTES, OcPurse, OcStatus,
    amount, bytes, currency, opened, status, writing,
};
use core::ffi::c_int;
use core::mem::{align_of, size_of};
use device_sdk::purse::{InvoiceOrder, Offer, Seed, StandingRules};
use protocol::objects::Asked;
use protocol::{AssuranceClass, Digest, Reference, Status, Timestamp};

/// Kinds of codes: device, gateway, module, passive item, lot, person, issuer, place, service.
pub const OC_KINDS: usize = 9;
/// What is set aside for an offer, in words of 8 bytes.
pub const OC_OFFER_WORDS: usize = 32;

const _: () = assert!(OC_KINDS == protocol::Kind::ALL.len());
const _: () = assert!(size_of::<Option<Offer>>() <= size_of::<OcOffer>());
const _: () = assert!(align_of::<Option<Offer>>() <= align_of::<OcOffer>());

/// What an invoice asks for.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct OcInvoice {
    /// In which currency.
    pub currency: [u8; OC_CURRENCY_BYTES],
    /// How much, in smallest units; of a stream the price of one unit.
    pub amount: u64,
    /// The most units of a stream; 0 for one amount.
    pub count: u32,
    /// The payee's own reference, such as a session number.
    pub reference: [u8; OC_REFERENCE_BYTES],
    /// Good until.
    pub expires: u32,
    /// Payers below this assurance class need not try: 0, 1 or 2.
    pub least_class: u32,
}

/// An invoice that was judged and may be paid.
#[repr(C)]
pub struct OcOffer {
    opaque: [u64; OC_OFFER_WORDS],
}

/// What paying an offer means.
#[repr(C)]
pub struct OcOffered {
    /// Who asks.
    pub payee: [u8; OC_CODE_BYTES],
    /// What for.
    pub invoice: OcInvoice,
    /// What will be spent, in smallest units; of a stream, the price of all units.
    pub amount: u64,
    /// Units that can be paid for; 0 of one amount.
    pub units: u32,
}

/// What is paid without asking the owner, in smallest units of one currency. Zero is nothing.
#[repr(C)]
pub struct OcRules {
    /// The most in one payment.
    pub per_payment: u64,
    /// The most in a day.
    pub per_day: u64,
    /// The most in a day to any one payee.
    pub per_payee: u64,
    /// The most in a day to all payees of one kind.
    pub per_kind: [u64; OC_KINDS],
}

/// Asks to be paid: writes an invoice, which is in the flash already. `nonce` is a random number,
/// used for nothing else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_invoice(
    purse: *mut OcPurse,
    invoice: *const OcInvoice,
    nonce: u64,
    now: u32,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    unsafe {
        writing((out, out_len), written, |out| {
            let order = order(invoice.as_ref().ok_or(Status::Malformed)?)?;
            opened(purse)?.invoice(&order, nonce, Timestamp(now), out)
        })
    }
}

/// Judges an invoice. With `by_rules` not 0 the standing rules are asked, now and when it is paid;
/// otherwise paying it is the owner's own decision.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_consider(
    purse: *mut OcPurse,
    message: *const u8,
    message_len: usize,
    by_rules: c_int,
    now: u32,
    offer: *mut OcOffer,
) -> OcStatus {
    if offer.is_null() {
        return OcStatus::Malformed;
    }
    let place = offer.cast::<Option<Offer>>();
    // SAFETY: the place is large enough and aligned, which is checked above; what is in it is not
    // read. The rest by the contract of this library.
    let considered = unsafe {
        place.write(None);
        bytes(message, message_len).and_then(|message| match by_rules {
            0 => opened(purse)?.show_owner(message, Timestamp(now)),
            _ => opened(purse)?.consider(message, Timestamp(now)),
        })
    };
    status(considered.map(|considered| {
        // SAFETY: as above.
        unsafe { place.write(Some(considered)) }
    }))
}

/// What an offer says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_offer_read(offer: *const OcOffer, offered: *mut OcOffered) -> OcStatus {
    // SAFETY: by the contract of this library.
    let read = unsafe { considered(offer) };
    status(read.and_then(|offer| {
        if offered.is_null() {
            return Err(Status::Malformed);
        }
        let said = OcOffered {
            payee: *offer.payee().as_bytes(),
            invoice: said(offer.asked()),
            amount: offer.amount().get(),
            units: offer.units().map_or(0, |(_, count)| count),
        };
        // SAFETY: by the contract of this library; it need not hold anything before.
        unsafe { offered.write(said) };
        Ok(())
    }))
}

/// Pays an offer: writes evidence for the payee, which is in the flash already. Of a stream no more
/// than `units`, and `seed` are `OC_DIGEST_BYTES` random bytes, used for nothing else; both mean
/// nothing for one amount.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_pay_offer(
    purse: *mut OcPurse,
    offer: *const OcOffer,
    units: u32,
    seed: *const u8,
    now: u32,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    unsafe {
        writing((out, out_len), written, |out| {
            let offer = considered(offer)?;
            let (offer, seed) = match offer.units() {
                None => (offer, None),
                Some(_) => {
                    let seed = Digest::from_slice(bytes(seed, OC_DIGEST_BYTES)?);
                    let seed = Seed(seed.ok_or(Status::Malformed)?);
                    (offer.at_most(units), Some(seed))
                }
            };
            opened(purse)?.pay_invoice(&offer, seed, Timestamp(now), out)
        })
    }
}

/// What the owner approves in this currency from now on, until this is called again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oc_purse_set_rules(
    purse: *mut OcPurse,
    of: *const u8,
    rules: *const OcRules,
) -> OcStatus {
    // SAFETY: by the contract of this library.
    let set = unsafe {
        bytes(of, OC_CURRENCY_BYTES).and_then(|of| {
            let of = currency(of.try_into().map_err(|_| Status::Malformed)?)?;
            let rules = rules.as_ref().ok_or(Status::Malformed)?;
            let mut told = StandingRules {
                per_payment: amount(rules.per_payment)?,
                per_day: amount(rules.per_day)?,
                per_payee: amount(rules.per_payee)?,
                ..StandingRules::NOTHING
            };
            for (most, said) in told.per_kind.iter_mut().zip(rules.per_kind) {
                *most = amount(said)?;
            }
            opened(purse)?.set_rules(of, &told)
        })
    };
    status(set)
}

unsafe fn considered(offer: *const OcOffer) -> Result<Offer, Status> {
    // SAFETY: `oc_purse_consider` has put an `Option<Offer>` there.
    let offer = unsafe { offer.cast::<Option<Offer>>().as_ref() };
    (*offer.ok_or(Status::Malformed)?).ok_or(Status::Malformed)
}

fn order(invoice: &OcInvoice) -> Result<InvoiceOrder, Status> {
    let asked = amount(invoice.amount)?;
    let class = u8::try_from(invoice.least_class).ok();
    let class = class.and_then(AssuranceClass::from_number);
    Ok(InvoiceOrder {
        currency: currency(invoice.currency)?,
        asked: match invoice.count {
            0 => Asked::Amount(asked),
            most => Asked::Units { unit: asked, most },
        },
        reference: Reference(invoice.reference),
        expires: Timestamp(invoice.expires),
        least_class: class.ok_or(Status::Malformed)?,
    })
}

fn said(order: &InvoiceOrder) -> OcInvoice {
    let (amount, count) = match order.asked {
        Asked::Amount(amount) => (amount, 0),
        Asked::Units { unit, most } => (unit, most),
    };
    OcInvoice {
        currency: *order.currency.as_bytes(),
        amount: amount.get(),
        count,
        reference: order.reference.0,
        expires: order.expires.0,
        least_class: order.least_class as u32,
    }
}
