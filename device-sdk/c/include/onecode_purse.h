/* Made by cbindgen from device-sdk/c/src; docs/firmware.md says how it is used. */

#ifndef ONECODE_PURSE_H
#define ONECODE_PURSE_H

#include <stddef.h>
#include <stdint.h>

/**
 * Bytes of a code.
 */
#define OC_CODE_BYTES 20

/**
 * Bytes of a currency: its issuer's number, big-endian in three bytes, and three letters.
 */
#define OC_CURRENCY_BYTES 6

/**
 * Bytes of an identifier.
 */
#define OC_DIGEST_BYTES 32

/**
 * Bytes of a reference.
 */
#define OC_REFERENCE_BYTES 16

/**
 * What a buffer for a message must hold.
 */
#define OC_OUT_BYTES 4072

/**
 * Payments that wait for a gateway, made and taken together.
 */
#define OC_OUTBOX 6

/**
 * Payers remembered.
 */
#define OC_PAYERS 4

/**
 * What is set aside for a purse, in words of 8 bytes.
 */
#define OC_PURSE_WORDS 3072

/**
 * What is set aside for a cursor, in words of 8 bytes.
 */
#define OC_CURSOR_WORDS 8

/**
 * Kinds of codes: device, gateway, module, passive item, lot, person, issuer, place, service.
 */
#define OC_KINDS 9

/**
 * What is set aside for an offer, in words of 8 bytes.
 */
#define OC_OFFER_WORDS 32

/**
 * Bytes of a sector, which are erased at once. Larger sectors will not do; of smaller ones, erase
 * several.
 */
#define OC_SECTOR_BYTES 4096

/**
 * Bytes that are written at once, at an offset divisible by them. Smaller words are written one
 * after the other.
 */
#define OC_WORD_BYTES 16

/**
 * Bytes of a signature.
 */
#define OC_SIGNATURE_BYTES 64

/**
 * What a buffer for a frame on a serial line must hold.
 */
#define OC_FRAME_BYTES 4090

/**
 * What is set aside for a line, in words of 8 bytes.
 */
#define OC_LINE_WORDS 520

/**
 * What is set aside for a cursor, in words of 8 bytes.
 */
#define OC_NOTICE_CURSOR_WORDS 4

/**
 * What became of a call. Everything but `OC_STATUS_OK` is one of the statuses of the protocol, with
 * its number, and has changed nothing unless its text says so.
 */
typedef enum {
  /**
   * Done.
   */
  OC_STATUS_OK = 0,
  /**
   * The payee took the payment.
   */
  OC_STATUS_ACCEPTED = 1,
  /**
   * The payment is in the books.
   */
  OC_STATUS_SETTLED = 2,
  /**
   * The money has left the payer and waits for the payee.
   */
  OC_STATUS_IN_TRANSIT = 3,
  /**
   * A claim on record that moved no money: the payer signed two payments that contradict.
   */
  OC_STATUS_OPEN_CLAIM = 4,
  /**
   * The payee declined the payment; the money is the payer's again.
   */
  OC_STATUS_DECLINED = 5,
  /**
   * Nobody claimed the payment in time; the money is the payer's again.
   */
  OC_STATUS_RETURNED = 6,
  /**
   * Part of the payment waits for the payments that cover it.
   */
  OC_STATUS_WAITING_FOR_COVER = 7,
  /**
   * The payer forked; what was missing was paid as the allowance says, as far as it goes.
   */
  OC_STATUS_GUARANTEED = 8,
  /**
   * Not an object of this protocol in its one allowed spelling; check the encoder against docs/protocol.md.
   */
  OC_STATUS_MALFORMED = 16,
  /**
   * The signature does not fit the key that its code is known by.
   */
  OC_STATUS_BAD_SIGNATURE = 17,
  /**
   * No such code is registered here.
   */
  OC_STATUS_UNKNOWN_CODE = 18,
  /**
   * The allowance is by a gateway this side does not know or that may not settle.
   */
  OC_STATUS_UNKNOWN_GATEWAY = 19,
  /**
   * The object names somebody else.
   */
  OC_STATUS_NOT_FOR_YOU = 20,
  /**
   * The code is not permitted to do this.
   */
  OC_STATUS_NOT_PERMITTED = 21,
  /**
   * The payment names another allowance, code, key epoch or currency.
   */
  OC_STATUS_WRONG_ALLOWANCE = 22,
  /**
   * The sequence number lies outside what the allowance permits.
   */
  OC_STATUS_OUT_OF_SEQUENCE = 23,
  /**
   * The odometer does not lie between the allowance's base and its limit.
   */
  OC_STATUS_OUT_OF_INTERVAL = 24,
  /**
   * The receipt is for another payment or by somebody else.
   */
  OC_STATUS_WRONG_RECEIPT = 25,
  /**
   * Not a value of this stream's chain, or beyond its units.
   */
  OC_STATUS_WRONG_UNIT = 26,
  /**
   * A cover is missing, not needed, used twice, or made for somebody else or another allowance.
   */
  OC_STATUS_WRONG_COVER = 27,
  /**
   * A cover is spent on further than its allowance permits; its holder settles it first.
   */
  OC_STATUS_ABOVE_HOPS = 28,
  /**
   * More covers than one evidence holds; settle some of them first.
   */
  OC_STATUS_OVER_BUDGET = 29,
  /**
   * Another gateway is this purse's home; ask there, or move.
   */
  OC_STATUS_WRONG_HOME = 30,
  /**
   * Not the next lease of this code, or by somebody who may not give it.
   */
  OC_STATUS_WRONG_LEASE = 31,
  /**
   * The payment would go beyond the allowance; ask the gateway for a new one.
   */
  OC_STATUS_ABOVE_LIMIT = 32,
  /**
   * More than the allowance permits in one payment; pay in parts or ask for another allowance.
   */
  OC_STATUS_ABOVE_MOST = 33,
  /**
   * The allowance or credential has expired; synchronise with a gateway.
   */
  OC_STATUS_EXPIRED = 34,
  /**
   * The settlement deadline leaves no time to synchronise; renew the allowance.
   */
  OC_STATUS_TOO_LATE = 35,
  /**
   * The purse holds too little that is free; load it first.
   */
  OC_STATUS_NOT_FUNDED = 36,
  /**
   * Payments before the newest one are missing; hand them in first, then ask again.
   */
  OC_STATUS_LINKS_BROKEN = 37,
  /**
   * No allowance for this currency; synchronise with a gateway.
   */
  OC_STATUS_NO_ALLOWANCE = 38,
  /**
   * The code is frozen, suspended or revoked; an operator decides.
   */
  OC_STATUS_FROZEN = 39,
  /**
   * The payer's standing rules say nothing of such a payee or currency; its owner decides.
   */
  OC_STATUS_NO_RULE = 40,
  /**
   * More in one payment than the payer's standing rules approve; ask for less, or its owner decides.
   */
  OC_STATUS_ABOVE_RULE = 41,
  /**
   * More than the payer's standing rules approve on one day; try tomorrow, or its owner decides.
   */
  OC_STATUS_ABOVE_DAY = 42,
  /**
   * The purse would hold more than its wallet class may; spend some first, or raise the class.
   */
  OC_STATUS_ABOVE_HOLDING = 43,
  /**
   * More than the wallet class may pay out on one day; try tomorrow, or raise the class.
   */
  OC_STATUS_ABOVE_DAILY = 44,
  /**
   * The gateway has promised all its float; it asks the centre for more, try again later.
   */
  OC_STATUS_FLOAT_EXHAUSTED = 45,
  /**
   * The wallet key forked; enrol a new one, then ask again.
   */
  OC_STATUS_NEEDS_KEY = 46,
  /**
   * Not the amount the payee asks for.
   */
  OC_STATUS_WRONG_AMOUNT = 48,
  /**
   * Not the reference the payee asks for.
   */
  OC_STATUS_WRONG_REFERENCE = 49,
  /**
   * More than the payee takes offline from a payer of this assurance class.
   */
  OC_STATUS_ABOVE_CLASS = 50,
  /**
   * An older payment that the payee no longer holds; hand it in at a gateway.
   */
  OC_STATUS_ASK_GATEWAY = 51,
  /**
   * The invoice has expired or is not open; ask for a new one.
   */
  OC_STATUS_INVOICE_EXPIRED = 52,
  /**
   * The allowance is not good at this place; pay where it is, or ask for another allowance.
   */
  OC_STATUS_OUTSIDE_AREA = 53,
  /**
   * The gateway has promised more than its warrant permits, or shows no warrant; synchronise with a gateway.
   */
  OC_STATUS_ABOVE_FLOAT = 54,
  /**
   * The payer is on the filter of revoked or frozen codes.
   */
  OC_STATUS_REVOKED = 55,
  /**
   * The payee has no recent signed time and takes only small payments; bring it a beacon.
   */
  OC_STATUS_NO_TIME = 56,
  /**
   * The payee has no recent list of revoked codes and takes only small payments; it synchronises with a gateway.
   */
  OC_STATUS_NO_LIST = 57,
  /**
   * It contradicts another object of the same key; the proof is on record and nothing was moved.
   */
  OC_STATUS_CONTRADICTION = 64,
  /**
   * An outbox, inbox or journal is full; synchronise and try again.
   */
  OC_STATUS_FULL = 80,
  /**
   * Not now; try again later.
   */
  OC_STATUS_BUSY = 81,
  /**
   * The storage failed; nothing was recorded.
   */
  OC_STATUS_STORAGE = 82,
} oc_status;

/**
 * What happened.
 */
typedef enum {
  /**
   * Nothing that was not known before.
   */
  OC_EVENT_KIND_KNOWN = 0,
  /**
   * The payee has taken `payment`: its receipt is kept.
   */
  OC_EVENT_KIND_RECEIPTED = 1,
  /**
   * The payee has closed the stream `payment` after `units`.
   */
  OC_EVENT_KIND_CLOSED = 2,
  /**
   * The payee has declined `payment`, because of `status`.
   */
  OC_EVENT_KIND_DECLINED = 3,
  /**
   * The payee waits for units of `payment`.
   */
  OC_EVENT_KIND_READY = 4,
  /**
   * `units` of the stream `payment` are taken in all.
   */
  OC_EVENT_KIND_TOOK = 5,
  /**
   * A gateway said that `status` became of `payment`.
   */
  OC_EVENT_KIND_STATED = 6,
  /**
   * There is a new allowance up to the reading `amount`.
   */
  OC_EVENT_KIND_GRANTED = 7,
  /**
   * The purse is a copy, or there is one: it asks for a new key epoch in its next renewal.
   */
  OC_EVENT_KIND_BEHIND = 8,
  /**
   * Somebody refused a message, because of `status`.
   */
  OC_EVENT_KIND_REFUSED = 9,
  /**
   * A key contradicted itself.
   */
  OC_EVENT_KIND_FRAUD = 10,
  /**
   * A time, warrant, area, filter, watermark or the next key of a gateway is kept.
   */
  OC_EVENT_KIND_LEARNT = 11,
} oc_event_kind;

/**
 * Kinds of keys.
 */
typedef enum {
  /**
   * Ed25519 (RFC 8032): public keys of 32 bytes.
   */
  OC_ALGORITHM_ED25519 = 0,
  /**
   * ECDSA P-256 with SHA-256, low S and the nonces of RFC 6979: public keys of 33 bytes (SEC 1,
   * compressed).
   */
  OC_ALGORITHM_P256 = 1,
} oc_algorithm;

/**
 * A purse, open or closed.
 */
typedef struct {
  uint64_t opaque[OC_PURSE_WORDS];
} oc_purse;

/**
 * What a purse is told when it is opened.
 */
typedef struct {
  /**
   * Its own code.
   */
  uint8_t code[OC_CODE_BYTES];
  /**
   * Its pass, directly followed by its station's if a station made it.
   */
  const uint8_t *pass;
  /**
   * Bytes of it.
   */
  size_t pass_len;
  /**
   * The name of its network, ended by a zero byte.
   */
  const char *network;
  /**
   * A value of `oc_algorithm`: of the root's key.
   */
  uint32_t root_algorithm;
  /**
   * The root's key; of Ed25519 the first 32 bytes.
   */
  uint8_t root_key[33];
  /**
   * How long it needs, at worst, until it reaches a gateway, in seconds.
   */
  uint32_t sync_margin_s;
  /**
   * The most it takes offline, per assurance class 0, 1, 2 of the payer, in smallest units.
   */
  uint64_t most_by_class[3];
  /**
   * 0 if the caller has a clock, set and running. Otherwise times are those of `oc_purse_time`,
   * and without a beacon younger than this only the least is taken.
   */
  uint32_t stale_after_s;
} oc_settings;

/**
 * The wallet key, wherever it is kept.
 */
typedef struct {
  /**
   * Handed to `sign`.
   */
  void *context;
  /**
   * A value of `oc_algorithm`.
   */
  uint32_t algorithm;
  /**
   * Its public half; of Ed25519 the first 32 bytes.
   */
  uint8_t public_key[33];
  /**
   * Signs `len` bytes into `OC_SIGNATURE_BYTES` at the last argument; returns 0 when it has. The
   * same bytes must give the same signature.
   */
  int (*sign)(void*, const uint8_t*, size_t, uint8_t*);
} oc_signer;

/**
 * NOR flash for the journal, and nothing else in it. Each function returns 0 when it is done and
 * anything else when it failed; offsets count from the beginning of the journal's area.
 */
typedef struct {
  /**
   * Handed to each function.
   */
  void *context;
  /**
   * Bytes of the area: a multiple of `OC_SECTOR_BYTES`, 184 KB (46 sectors) at least.
   */
  uint32_t len;
  /**
   * Reads `len` bytes at `offset`.
   */
  int (*read)(void*, uint32_t, uint8_t*, size_t);
  /**
   * Writes `len` bytes, a multiple of `OC_WORD_BYTES`, at `offset`. No word is written twice
   * between two erasures.
   */
  int (*write)(void*, uint32_t, const uint8_t*, size_t);
  /**
   * Erases one sector, which begins at `offset`, to ones.
   */
  int (*erase)(void*, uint32_t);
} oc_flash;

/**
 * What is to be paid.
 */
typedef struct {
  /**
   * To whom.
   */
  uint8_t payee[OC_CODE_BYTES];
  /**
   * In which currency.
   */
  uint8_t currency[OC_CURRENCY_BYTES];
  /**
   * How much, in smallest units; of a stream the price of one unit.
   */
  uint64_t amount;
  /**
   * The most units of a stream; 0 for a payment at once.
   */
  uint32_t count;
  /**
   * Names this one payment among all to that payee: the same order again is the same payment
   * again.
   */
  uint8_t reference[OC_REFERENCE_BYTES];
} oc_order;

/**
 * What a message that was received says. Fields that the kind does not name are zero.
 */
typedef struct {
  /**
   * Which of them.
   */
  oc_event_kind kind;
  /**
   * Identifier of the payment.
   */
  uint8_t payment[OC_DIGEST_BYTES];
  /**
   * Outcome or reason.
   */
  oc_status status;
  /**
   * Units of a stream.
   */
  uint32_t units;
  /**
   * A reading of the odometer.
   */
  uint64_t amount;
} oc_event;

/**
 * Where a walk through the outbox stands.
 */
typedef struct {
  uint64_t opaque[OC_CURSOR_WORDS];
} oc_cursor;

/**
 * What a purse holds in one currency, in smallest units.
 */
typedef struct {
  /**
   * Everything ever paid out in this key epoch.
   */
  uint64_t paid_out;
  /**
   * What came back of it.
   */
  uint64_t returned;
  /**
   * What the allowance still permits.
   */
  uint64_t spendable;
  /**
   * What can be spent here and now: that, and payments taken that may be spent before they are
   * settled.
   */
  uint64_t spendable_here;
  /**
   * Taken, and settled by a gateway.
   */
  uint64_t received_settled;
  /**
   * Taken, and waiting for a gateway.
   */
  uint64_t received_unsettled;
} oc_totals;

/**
 * What an invoice asks for.
 */
typedef struct {
  /**
   * In which currency.
   */
  uint8_t currency[OC_CURRENCY_BYTES];
  /**
   * How much, in smallest units; of a stream the price of one unit.
   */
  uint64_t amount;
  /**
   * The most units of a stream; 0 for one amount.
   */
  uint32_t count;
  /**
   * The payee's own reference, such as a session number.
   */
  uint8_t reference[OC_REFERENCE_BYTES];
  /**
   * Good until.
   */
  uint32_t expires;
  /**
   * Payers below this assurance class need not try: 0, 1 or 2.
   */
  uint32_t least_class;
} oc_invoice;

/**
 * An invoice that was judged and may be paid.
 */
typedef struct {
  uint64_t opaque[OC_OFFER_WORDS];
} oc_offer;

/**
 * What paying an offer means.
 */
typedef struct {
  /**
   * Who asks.
   */
  uint8_t payee[OC_CODE_BYTES];
  /**
   * What for.
   */
  oc_invoice invoice;
  /**
   * What will be spent, in smallest units; of a stream, the price of all units.
   */
  uint64_t amount;
  /**
   * Units that can be paid for; 0 of one amount.
   */
  uint32_t units;
} oc_offered;

/**
 * What is paid without asking the owner, in smallest units of one currency. Zero is nothing.
 */
typedef struct {
  /**
   * The most in one payment.
   */
  uint64_t per_payment;
  /**
   * The most in a day.
   */
  uint64_t per_day;
  /**
   * The most in a day to any one payee.
   */
  uint64_t per_payee;
  /**
   * The most in a day to all payees of one kind.
   */
  uint64_t per_kind[OC_KINDS];
} oc_rules;

/**
 * What was heard on a serial line, up to the end of the next message.
 */
typedef struct {
  uint64_t opaque[OC_LINE_WORDS];
} oc_line;

/**
 * Where a walk through the notices stands.
 */
typedef struct {
  uint64_t opaque[OC_NOTICE_CURSOR_WORDS];
} oc_notice_cursor;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Opens a purse on its flash; blank flash becomes that of a new purse. Finishes what a power cut
 * left half done. `OC_STATUS_STORAGE`: the flash failed or holds something else;
 * `OC_STATUS_NOT_FOR_YOU`: it is another purse's, or the pass is for another key or code.
 *
 * Settings are copied; functions and contexts of signer and flash are used until the purse is
 * closed. Wants about 100 KB of stack.
 */
oc_status oc_purse_open(oc_purse *purse,
                        const oc_settings *settings,
                        const oc_signer *signer,
                        const oc_flash *flash);

/**
 * Closes a purse. What it promised is in its flash already.
 */
void oc_purse_close(oc_purse *purse);

/**
 * What time it is, at least, for a thing without a clock: to be called before every other call,
 * with the seconds since it was switched on. 0 for a purse that is closed.
 */
uint32_t oc_purse_time(oc_purse *purse, uint32_t ticks_s);

/**
 * Trusts a gateway from now on: its issuer's pass and its own.
 */
oc_status oc_purse_trust_gateway(oc_purse *purse,
                                 const uint8_t *issuer,
                                 size_t issuer_len,
                                 const uint8_t *gateway,
                                 size_t gateway_len,
                                 uint32_t now);

/**
 * Pays at once: writes evidence for the payee, which is in the flash already. The same order again
 * gives the same bytes.
 */
oc_status oc_purse_pay(oc_purse *purse,
                       const oc_order *order,
                       uint32_t now,
                       uint8_t *out,
                       size_t out_len,
                       size_t *written);

/**
 * Begins to pay by the unit. `seed` are `OC_DIGEST_BYTES` random bytes, used for nothing else.
 */
oc_status oc_purse_pay_stream(oc_purse *purse,
                              const oc_order *order,
                              const uint8_t *seed,
                              uint32_t now,
                              uint8_t *out,
                              size_t out_len,
                              size_t *written);

/**
 * Releases units of a stream, `units` in all: writes a message for the payee.
 */
oc_status oc_purse_release(oc_purse *purse,
                           const uint8_t *payment,
                           uint32_t units,
                           uint8_t *out,
                           size_t out_len,
                           size_t *written);

/**
 * Closes a stream that is taken: writes the receipt for the units so far.
 */
oc_status oc_purse_close_stream(oc_purse *purse,
                                const uint8_t *payment,
                                uint32_t now,
                                uint8_t *out,
                                size_t out_len,
                                size_t *written);

/**
 * Takes a payment: writes the receipt for the payer, which is in the flash already. A refusal
 * changes nothing; `oc_refusal` writes it.
 */
oc_status oc_purse_accept(oc_purse *purse,
                          const uint8_t *message,
                          size_t message_len,
                          uint32_t now,
                          uint8_t *out,
                          size_t out_len,
                          size_t *written);

/**
 * Takes note of any other message: receipts, units, and what gateways say.
 */
oc_status oc_purse_receive(oc_purse *purse,
                           const uint8_t *message,
                           size_t message_len,
                           uint32_t now,
                           oc_event *event);

/**
 * Asks a gateway for an allowance: writes the request.
 */
oc_status oc_purse_renewal(oc_purse *purse,
                           const uint8_t *of,
                           uint64_t wanted,
                           uint32_t now,
                           uint8_t *out,
                           size_t out_len,
                           size_t *written);

/**
 * Puts a cursor before the oldest payment.
 */
void oc_cursor_begin(oc_cursor *cursor);

/**
 * Writes the next message for a gateway. At the end it writes nothing: `*written` is 0.
 */
oc_status oc_purse_hand_in(oc_purse *purse,
                           oc_cursor *cursor,
                           uint8_t *out,
                           size_t out_len,
                           size_t *written);

/**
 * What the purse holds in one currency.
 */
oc_status oc_purse_totals(oc_purse *purse, const uint8_t *of, oc_totals *totals);

/**
 * Writes a refusal, for whoever sent what was answered with `status` (a value of `oc_status`).
 */
oc_status oc_refusal(uint32_t status, uint8_t *out, size_t out_len, size_t *written);

/**
 * The public half of an Ed25519 key in memory: 32 bytes from a seed of 32.
 */
oc_status oc_ed25519_public_key(const uint8_t *seed, uint8_t *public_key);

/**
 * Signs with an Ed25519 key in memory: `OC_SIGNATURE_BYTES` from a seed of 32 bytes.
 */
oc_status oc_ed25519_sign(const uint8_t *seed,
                          const uint8_t *message,
                          size_t message_len,
                          uint8_t *signature);

/**
 * Asks to be paid: writes an invoice, which is in the flash already. `nonce` is a random number,
 * used for nothing else.
 */
oc_status oc_purse_invoice(oc_purse *purse,
                           const oc_invoice *invoice,
                           uint64_t nonce,
                           uint32_t now,
                           uint8_t *out,
                           size_t out_len,
                           size_t *written);

/**
 * Judges an invoice. With `by_rules` not 0 the standing rules are asked, now and when it is paid;
 * otherwise paying it is the owner's own decision.
 */
oc_status oc_purse_consider(oc_purse *purse,
                            const uint8_t *message,
                            size_t message_len,
                            int by_rules,
                            uint32_t now,
                            oc_offer *offer);

/**
 * What an offer says.
 */
oc_status oc_offer_read(const oc_offer *offer, oc_offered *offered);

/**
 * Pays an offer: writes evidence for the payee, which is in the flash already. Of a stream no more
 * than `units`, and `seed` are `OC_DIGEST_BYTES` random bytes, used for nothing else; both mean
 * nothing for one amount.
 */
oc_status oc_purse_pay_offer(oc_purse *purse,
                             const oc_offer *offer,
                             uint32_t units,
                             const uint8_t *seed,
                             uint32_t now,
                             uint8_t *out,
                             size_t out_len,
                             size_t *written);

/**
 * What the owner approves in this currency from now on, until this is called again.
 */
oc_status oc_purse_set_rules(oc_purse *purse, const uint8_t *of, const oc_rules *rules);

/**
 * Writes a message as a frame for a serial line; `out` holds `OC_FRAME_BYTES`.
 */
oc_status oc_frame(const uint8_t *message,
                   size_t message_len,
                   uint8_t *out,
                   size_t out_len,
                   size_t *written);

/**
 * Makes a line of which nothing was heard. To be called before anything else with it.
 */
void oc_line_begin(oc_line *line);

/**
 * Takes the next byte. When it ends a message, that is returned, `*message_len` bytes of it, until
 * the next byte is taken; otherwise null. What is noise is passed over.
 */
const uint8_t *oc_line_push(oc_line *line, uint8_t byte, size_t *message_len);

/**
 * Puts a cursor before the oldest notice.
 */
void oc_notice_cursor_begin(oc_notice_cursor *cursor);

/**
 * Writes the next notice for a gateway. At the end it writes nothing: `*written` is 0.
 */
oc_status oc_purse_notice(oc_purse *purse,
                          oc_notice_cursor *cursor,
                          uint8_t *out,
                          size_t out_len,
                          size_t *written);

/**
 * The gateway has taken the notice that the cursor last gave.
 */
oc_status oc_purse_noticed(oc_purse *purse, const oc_notice_cursor *cursor);

/**
 * To be called when the flash was lost or is an older copy, or may be: the purse pays nothing until
 * a gateway has given it a new key epoch, which its next renewal asks for.
 */
oc_status oc_purse_distrust(oc_purse *purse);

/**
 * Under which allowance this purse would spend what it is paid: writes a reference of
 * `OC_REFERENCE_BYTES` for `oc_purse_pay_spendable` of whoever pays it. Invoices say it by
 * themselves. `OC_STATUS_NO_ALLOWANCE` without one.
 */
oc_status oc_purse_covers_for(oc_purse *purse, const uint8_t *of, uint32_t now, uint8_t *reference);

/**
 * Pays like `oc_purse_pay`, and lets the payee spend it before it is settled: under `covers_for`, a
 * reference of `OC_REFERENCE_BYTES` which its `oc_purse_covers_for` gave.
 */
oc_status oc_purse_pay_spendable(oc_purse *purse,
                                 const oc_order *order,
                                 const uint8_t *covers_for,
                                 uint32_t now,
                                 uint8_t *out,
                                 size_t out_len,
                                 size_t *written);

/**
 * Gives money back to who made `payment`, which was taken: a payment of its own.
 * `OC_STATUS_ASK_GATEWAY` for one that this purse did not take or holds no more.
 */
oc_status oc_purse_pay_back(oc_purse *purse,
                            const uint8_t *payment,
                            uint64_t back,
                            uint32_t now,
                            uint8_t *out,
                            size_t out_len,
                            size_t *written);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ONECODE_PURSE_H */
