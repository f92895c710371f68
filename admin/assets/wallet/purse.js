// A purse: what it may sign and what it believes. docs/protocol.md, 9.2, 9.4, 9.5 and 9.10. Nothing is
// read or written here but what it is handed: time, randomness and storage are others'.
import { AMOUNT_MAX, ED25519, checked, codeBytes, hex, keyIn, open, read, readMessage, refuseUnless, same, toHex } from "./objects.js";
import { RIGHTS, thingsPass } from "./keys.js";

/** An allowance that ends sooner than this is renewed before anything is paid under it. */
const LEFT_S = 600;
export const NOTHING = hex("00".repeat(16));
export const [SETTLED, IN_TRANSIT, OPEN_CLAIM, DECLINED, RETURNED, WAITING, GUARANTEED] = [2, 3, 4, 5, 6, 7, 8];

/** The readings of a purse that has never paid. */
export const fresh = (keyEpoch) => ({ keyEpoch, sequence: 0, head: NOTHING, odometers: new Map(), allowances: new Map() });

export const odometer = (purse, currency) => purse.odometers.get(toHex(currency)) ?? 0n;
export const allowanceIn = (purse, currency) => purse.allowances.get(toHex(currency));

/** The fields of a renewal; `lost` asks for a new key epoch. */
export function renewal(purse, currency, wanted, now, lost = false) {
  return {
    code: codeBytes(purse.code), key_epoch: purse.keyEpoch, currency, sequence: purse.sequence, head: purse.head,
    odometer: odometer(purse, currency), wanted, time: now, ...(lost ? { lost: true } : {}),
  };
}

/** The purse with what a gateway granted it. */
export async function granted(purse, message, now) {
  const [name, bytes] = readMessage(message);
  refuseUnless(name === "grant", "malformed");
  const given = await checked(await open("allowance", bytes, purse.network), purse.gatewayKey);
  refuseUnless(same(given.gateway, codeBytes(purse.gateway)), "unknown_gateway");
  refuseUnless(same(given.code, codeBytes(purse.code)), "not_for_you");
  refuseUnless(given.wallet_key[0] === ED25519 && same(given.wallet_key[1], purse.walletKey), "wrong_allowance");
  refuseUnless(given.key_epoch >= purse.keyEpoch, "wrong_allowance");
  refuseUnless(given.expires > now, "expired");
  const begins = given.key_epoch > purse.keyEpoch;
  const next = begins ? { ...purse, ...fresh(given.key_epoch) } : purse;
  // A base beyond what is remembered: this purse is a copy from before, and must not go on.
  const known = given.base_sequence <= next.sequence && given.base_odometer <= odometer(next, given.currency);
  refuseUnless(known && (!begins || given.base_sequence === 0), "links_broken");
  return { ...next, allowances: new Map(next.allowances).set(toHex(given.currency), bytes) };
}

/** Whether a payment of so much needs another allowance first. */
export async function needsRenewal(purse, currency, amount, now) {
  const bytes = allowanceIn(purse, currency);
  if (!bytes) return true;
  const held = await open("allowance", bytes, purse.network);
  if (held.key_epoch !== purse.keyEpoch || held.expires < now + LEFT_S) return true;
  if (purse.sequence + 1 > held.base_sequence + held.most_payments) return true;
  return odometer(purse, currency) + amount > held.limit;
}

/** The fields of the next payment: every check of 9.2 holds for them. */
export async function order(purse, { payee, currency, amount, reference, coversFor }, now) {
  const bytes = allowanceIn(purse, currency);
  refuseUnless(bytes, "no_allowance");
  const held = await open("allowance", bytes, purse.network);
  refuseUnless(held.key_epoch === purse.keyEpoch, "wrong_allowance");
  refuseUnless(held.expires > now, "expired");
  refuseUnless(amount >= 1n && amount <= AMOUNT_MAX && !same(payee, codeBytes(purse.code)), "malformed");
  refuseUnless(amount <= held.most_per_payment, "above_most_per_payment");
  const sequence = purse.sequence + 1;
  refuseUnless(held.base_sequence < sequence && sequence <= held.base_sequence + held.most_payments, "out_of_sequence");
  const after = odometer(purse, currency) + amount;
  refuseUnless(after - amount >= held.base_odometer, "out_of_interval");
  refuseUnless(after <= held.limit, "above_limit");
  return {
    payer: codeBytes(purse.code), key_epoch: purse.keyEpoch, sequence, previous: purse.head, payee, currency, amount,
    odometer: after, allowance: held.ref, settle_by: held.expires, reference,
    ...(coversFor ? { covers_for: coversFor } : {}),
  };
}

/** The purse after it has promised to sign this payment and no other with its number. */
export function promised(purse, fields, id) {
  const odometers = new Map(purse.odometers).set(toHex(fields.currency), fields.odometer);
  return { ...purse, sequence: fields.sequence, head: id.subarray(0, 16), odometers };
}

/** What an invoice asks for, once it is certain who asks: 9.10, up to what its owner decides. */
export async function asked(purse, message, now, passOf) {
  const [name, bytes, passes] = readMessage(message);
  refuseUnless(name === "invoice", "malformed");
  const invoice = await open("invoice", bytes, purse.network);
  const pass = await thingsPass(purse.trusted, ownPass(passes), purse.network, now, passOf);
  refuseUnless(same(codeBytes(pass.subject), invoice.payee), "not_for_you");
  refuseUnless(pass.rights & RIGHTS.accept, "not_permitted");
  await checked(invoice, keyIn(pass.key));
  const asksAmount = invoice.amount >= 1n && invoice.unit === undefined && invoice.most_units === undefined;
  refuseUnless(asksAmount, "malformed");
  refuseUnless(invoice.expires > now, "invoice_expired");
  refuseUnless(invoice.least_class === 0, "above_class");
  return {
    payee: invoice.payee, currency: invoice.currency, amount: invoice.amount, reference: invoice.ref,
    coversFor: invoice.covers_for,
  };
}

/** The first pass of a sequence of one or two: what follows it is its station's, which is asked for. */
function ownPass(passes) {
  // d2 84 43 a1 01 xx a0, then the payload and 64 bytes of signature.
  const at = 7;
  const size = passes[at] === 0x58 ? [2, passes[at + 1]] : [3, (passes[at + 1] << 8) | passes[at + 2]];
  return passes.subarray(0, at + size[0] + size[1] + 66);
}

/** What a gateway says became of a payment. */
export async function stated(purse, message) {
  const [name, bytes] = readMessage(message);
  refuseUnless(name === "statement", "malformed");
  const said = await checked(await open("statement", bytes, purse.network), purse.gatewayKey);
  refuseUnless(same(said.gateway, codeBytes(purse.gateway)), "unknown_gateway");
  refuseUnless(said.outcome >= SETTLED && said.outcome <= GUARANTEED, "malformed");
  return said;
}

export const isFinal = (outcome) => ![IN_TRANSIT, WAITING, undefined].includes(outcome);

/** What a gateway's operator decided about a request for money back. */
export async function answered(purse, message) {
  const [name, bytes] = readMessage(message);
  refuseUnless(name === "refund_answer", "malformed");
  const said = await checked(await open("refund-answer", bytes, purse.network), purse.gatewayKey);
  refuseUnless(same(said.gateway, codeBytes(purse.gateway)), "unknown_gateway");
  return said;
}

/**
 * Money that waits for this purse: the payment, and how it is claimed once there is a receipt. It is
 * in the gateway's books already; what is checked here is that it is ours.
 */
export async function offered(purse, message) {
  const [name, first, second] = readMessage(message);
  refuseUnless(name === "evidence" || (name === "covered" && second === undefined), "malformed");
  const payment = await open("payment", name === "evidence" ? second : read(first).at(-1)[1], purse.network);
  refuseUnless(same(payment.payee, codeBytes(purse.code)), "not_for_you");
  // Paid by the unit: nothing here sells by the unit.
  refuseUnless(payment.stream === undefined, "not_permitted");
  if (name === "evidence") {
    const allowance = await checked(await open("allowance", first, purse.network), purse.gatewayKey);
    refuseUnless(same(allowance.ref, payment.allowance), "wrong_allowance");
    await checked(payment, keyIn(allowance.wallet_key));
  }
  return { payment, claim: name === "evidence" ? ["claim", first, second] : ["covered", first] };
}
