/* What may go wrong at the border to C: null pointers, short buffers, closed purses, noise, a key
 * store that does not sign, and flash that loses its power in every word it writes.
 *
 *     misuse FOLDER             (a folder of `boards make`), built with AddressSanitizer
 */
#include "../examples/chip.h"

#define NOW 1800000000u

static const uint8_t usd[OC_CURRENCY_BYTES] = {0, 0, 1, 'U', 'S', 'D'};
static int passed, failed;

static void check(int holds, const char *what, int line) {
  if (holds) {
    passed++;
  } else {
    failed++;
    printf("not so, line %d: %s\n", line, what);
  }
}
#define CHECK(what) check(what, #what, __LINE__)

static struct identity car_identity, charger_identity;

static oc_order order_of(uint8_t number) {
  oc_order order = {.amount = 100};
  memcpy(order.payee, charger_identity.part[CODE], OC_CODE_BYTES);
  memcpy(order.currency, usd, OC_CURRENCY_BYTES);
  memset(order.reference, number, OC_REFERENCE_BYTES);
  return order;
}

static oc_status pay(oc_purse *purse, uint8_t number, uint8_t *out, size_t *len) {
  oc_order order = order_of(number);
  return oc_purse_pay(purse, &order, NOW, out, OC_OUT_BYTES, len);
}

/* Buffers lie on the heap, each exactly as long as it must be. */
static oc_purse *purse_on_heap(void) {
  oc_purse *purse = malloc(sizeof *purse);
  if (purse)
    memset(purse, 0xa5, sizeof *purse);
  return purse;
}

static void null_pointers_are_refused(oc_purse *purse, uint8_t *out) {
  size_t len;
  oc_order order = order_of(1);
  oc_event event;
  oc_totals totals;
  CHECK(oc_purse_open(NULL, NULL, NULL, NULL) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_pay(NULL, &order, NOW, out, OC_OUT_BYTES, &len) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_pay(purse, NULL, NOW, out, OC_OUT_BYTES, &len) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_pay(purse, &order, NOW, NULL, OC_OUT_BYTES, &len) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_pay(purse, &order, NOW, out, OC_OUT_BYTES, NULL) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_accept(purse, NULL, 5, NOW, out, OC_OUT_BYTES, &len) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_accept(purse, NULL, 0, NOW, out, OC_OUT_BYTES, &len) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_receive(purse, NULL, 9, NOW, &event) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_totals(purse, usd, NULL) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_totals(purse, NULL, &totals) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_hand_in(purse, NULL, out, OC_OUT_BYTES, &len) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_release(purse, NULL, 1, out, OC_OUT_BYTES, &len) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_pay_stream(purse, &order, NULL, NOW, out, OC_OUT_BYTES, &len) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_renewal(purse, NULL, 1, NOW, out, OC_OUT_BYTES, &len) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_trust_gateway(purse, NULL, 3, NULL, 3, NOW) == OC_STATUS_MALFORMED);
  CHECK(oc_ed25519_public_key(NULL, NULL) == OC_STATUS_MALFORMED);
  CHECK(oc_refusal(0, out, OC_OUT_BYTES, &len) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_time(NULL, 3) == 0);
  oc_purse_close(NULL);
  oc_cursor_begin(NULL);
}

static void short_buffers_are_refused_and_not_overrun(oc_purse *purse) {
  oc_order order = order_of(2);
  for (size_t room = 0; room < OC_OUT_BYTES; room += 407) {
    uint8_t *out = malloc(room ? room : 1);
    size_t len = 7;
    CHECK(oc_purse_pay(purse, &order, NOW, out, room, &len) == OC_STATUS_FULL && len == 0);
    free(out);
  }
  uint8_t *few = malloc(4);
  size_t len;
  CHECK(oc_frame(usd, sizeof usd, few, 4, &len) == OC_STATUS_FULL && len == 0);
  CHECK(oc_refusal(OC_STATUS_FULL, few, 2, &len) == OC_STATUS_FULL);
  free(few);
}

static void noise_changes_nothing(oc_purse *purse, uint8_t *out) {
  uint32_t draw = 1;
  for (int round = 0; round < 2000; round++) {
    size_t len = (draw = draw * 1664525 + 1013904223) >> 23, written;
    uint8_t *noise = malloc(len ? len : 1);
    for (size_t i = 0; i < len; i++)
      noise[i] = (uint8_t)((draw = draw * 1664525 + 1013904223) >> 24);
    oc_status taken = oc_purse_accept(purse, noise, len, NOW, out, OC_OUT_BYTES, &written);
    oc_status heard = oc_purse_receive(purse, noise, len, NOW, NULL);
    if (taken == OC_STATUS_OK || heard == OC_STATUS_OK)
      CHECK(!"noise was taken for a message");
    free(noise);
  }
  oc_totals totals;
  CHECK(oc_purse_totals(purse, usd, &totals) == OC_STATUS_OK && totals.paid_out == 0);
}

static void a_closed_purse_does_nothing(oc_purse *purse, uint8_t *out) {
  size_t len;
  oc_purse_close(purse);
  CHECK(pay(purse, 1, out, &len) == OC_STATUS_STORAGE && len == 0);
  oc_purse_close(purse);
  CHECK(oc_purse_time(purse, 9) == 0);
}

static int never_signs(void *context, const uint8_t *message, size_t len, uint8_t *signature) {
  (void)context, (void)message, (void)len, (void)signature;
  return -1;
}

static void a_key_store_that_is_away_is_busy_and_another_key_is_refused(oc_purse *purse, uint8_t *out) {
  struct chip chip;
  CHECK(make_chip(&chip) == 0);
  CHECK(open_purse(purse, &car_identity, &chip, NOW) == OC_STATUS_OK);
  oc_purse_close(purse);
  oc_settings settings = {
      .pass = car_identity.part[PASS],
      .pass_len = car_identity.len[PASS],
      .network = car_identity.network,
  };
  memcpy(settings.code, car_identity.part[CODE], OC_CODE_BYTES);
  memcpy(settings.root_key, car_identity.part[ROOT_KEY], 32);
  oc_signer signer = {.sign = never_signs};
  oc_ed25519_public_key(car_identity.part[SEED], signer.public_key);
  oc_flash flash = {&chip, chip.len, chip_read, chip_write, chip_erase};
  size_t len;
  CHECK(oc_purse_open(purse, &settings, &signer, &flash) == OC_STATUS_OK);
  CHECK(pay(purse, 1, out, &len) == OC_STATUS_BUSY && len == 0);
  oc_purse_close(purse);
  /* The payment waits for its signature. */
  CHECK(open_purse(purse, &car_identity, &chip, NOW) == OC_STATUS_OK);
  CHECK(pay(purse, 1, out, &len) == OC_STATUS_OK && len > 0);
  oc_purse_close(purse);
  oc_ed25519_public_key(charger_identity.part[SEED], signer.public_key);
  CHECK(oc_purse_open(purse, &settings, &signer, &flash) == OC_STATUS_NOT_FOR_YOU);
  signer.algorithm = 7;
  CHECK(oc_purse_open(purse, &settings, &signer, &flash) == OC_STATUS_MALFORMED);
  /* Another thing's journal. */
  CHECK(open_purse(purse, &charger_identity, &chip, NOW) == OC_STATUS_NOT_FOR_YOU);
  flash.read = NULL;
  signer.algorithm = 0;
  CHECK(oc_purse_open(purse, &settings, &signer, &flash) != OC_STATUS_OK);
  free(chip.cells);
}

/* The power goes in every word that is written while a payment is made. */
static void a_payment_is_one_payment_wherever_the_power_is_cut(oc_purse *purse, uint8_t *out) {
  struct chip fresh, chip;
  CHECK(make_chip(&fresh) == 0 && make_chip(&chip) == 0);
  CHECK(open_purse(purse, &car_identity, &fresh, NOW) == OC_STATUS_OK);
  oc_purse_close(purse);
  uint8_t *again = malloc(OC_OUT_BYTES);
  int cuts = 0;
  for (long word = 0; word < 400; word++) {
    memcpy(chip.cells, fresh.cells, chip.len);
    size_t len, len_again;
    chip.fails = 0;
    chip.until_cut = -1;
    CHECK(open_purse(purse, &car_identity, &chip, NOW) == OC_STATUS_OK);
    chip.until_cut = word;
    oc_status paid = pay(purse, 1, out, &len);
    if (paid == OC_STATUS_OK)
      break;
    cuts++;
    CHECK(paid == OC_STATUS_STORAGE && len == 0);
    oc_purse_close(purse);
    chip.fails = 0;
    chip.until_cut = -1;
    CHECK(open_purse(purse, &car_identity, &chip, NOW) == OC_STATUS_OK);
    CHECK(pay(purse, 1, out, &len) == OC_STATUS_OK);
    CHECK(pay(purse, 1, again, &len_again) == OC_STATUS_OK);
    CHECK(len == len_again && memcmp(out, again, len) == 0);
    oc_totals totals;
    CHECK(oc_purse_totals(purse, usd, &totals) == OC_STATUS_OK && totals.paid_out == 100);
    oc_cursor cursor;
    size_t handed;
    oc_cursor_begin(&cursor);
    CHECK(oc_purse_hand_in(purse, &cursor, again, OC_OUT_BYTES, &handed) == OC_STATUS_OK && handed == len);
    CHECK(oc_purse_hand_in(purse, &cursor, again, OC_OUT_BYTES, &handed) == OC_STATUS_OK && handed == 0);
    oc_purse_close(purse);
  }
  CHECK(cuts > 40);
  oc_purse_close(purse);
  free(again);
  free(fresh.cells);
  free(chip.cells);
}

static void a_stream_is_paid_by_the_unit(oc_purse *car, uint8_t *out) {
  struct chip chips[2];
  oc_purse *charger = purse_on_heap();
  uint8_t *answer = malloc(OC_OUT_BYTES);
  size_t len, answer_len;
  CHECK(make_chip(&chips[0]) == 0 && make_chip(&chips[1]) == 0);
  CHECK(open_purse(car, &car_identity, &chips[0], NOW) == OC_STATUS_OK);
  CHECK(open_purse(charger, &charger_identity, &chips[1], NOW) == OC_STATUS_OK);
  oc_order order = order_of(9);
  order.amount = 2;
  order.count = 50;
  oc_event event;
  const uint8_t seed[OC_DIGEST_BYTES] = {5};
  CHECK(oc_purse_pay_stream(car, &order, seed, NOW, out, OC_OUT_BYTES, &len) == OC_STATUS_OK);
  CHECK(oc_purse_accept(charger, out, len, NOW, answer, OC_OUT_BYTES, &answer_len) == OC_STATUS_OK);
  CHECK(oc_purse_receive(car, answer, answer_len, NOW, &event) == OC_STATUS_OK);
  CHECK(event.kind == OC_EVENT_KIND_READY);
  uint8_t payment[OC_DIGEST_BYTES];
  memcpy(payment, event.payment, sizeof payment);
  for (uint32_t units = 1; units <= 3; units++) {
    CHECK(oc_purse_release(car, payment, units, out, OC_OUT_BYTES, &len) == OC_STATUS_OK);
    CHECK(oc_purse_receive(charger, out, len, NOW, &event) == OC_STATUS_OK);
    CHECK(event.kind == OC_EVENT_KIND_TOOK && event.units == units);
  }
  CHECK(oc_purse_close_stream(charger, payment, NOW, out, OC_OUT_BYTES, &len) == OC_STATUS_OK);
  CHECK(oc_purse_receive(car, out, len, NOW, &event) == OC_STATUS_OK);
  CHECK(event.kind == OC_EVENT_KIND_CLOSED && event.units == 3);
  oc_totals totals;
  CHECK(oc_purse_totals(charger, usd, &totals) == OC_STATUS_OK && totals.received_unsettled == 6);
  oc_purse_close(car);
  oc_purse_close(charger);
  free(charger);
  free(answer);
  free(chips[0].cells);
  free(chips[1].cells);
}

int main(int count, char **words) {
  char path[4096];
  snprintf(path, sizeof path, "%s/car/identity.bin", count > 1 ? words[1] : ".");
  CHECK(read_identity(&car_identity, path) == 0);
  snprintf(path, sizeof path, "%s/charger/identity.bin", count > 1 ? words[1] : ".");
  CHECK(read_identity(&charger_identity, path) == 0);
  oc_purse *purse = purse_on_heap();
  uint8_t *out = malloc(OC_OUT_BYTES);
  struct chip chip;
  CHECK(make_chip(&chip) == 0);
  CHECK(open_purse(purse, &car_identity, &chip, NOW) == OC_STATUS_OK);
  null_pointers_are_refused(purse, out);
  short_buffers_are_refused_and_not_overrun(purse);
  noise_changes_nothing(purse, out);
  a_closed_purse_does_nothing(purse, out);
  a_key_store_that_is_away_is_busy_and_another_key_is_refused(purse, out);
  a_payment_is_one_payment_wherever_the_power_is_cut(purse, out);
  a_stream_is_paid_by_the_unit(purse, out);
  free(chip.cells);
  free(out);
  free(purse);
  printf("%d checks passed, %d failed\n", passed, failed);
  return failed != 0;
}
