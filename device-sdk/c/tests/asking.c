/* Invoices, standing rules, spending what was just received, notices and doubt, through C.
 *
 *     asking FOLDER             (a folder of `boards passing-on`), built with AddressSanitizer
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
#define DONE(what) check((what) == OC_STATUS_OK, #what, __LINE__)

static struct identity identities[2];
static struct chip chips[2];
static oc_purse car, charger;
static uint8_t there[OC_OUT_BYTES], back[OC_OUT_BYTES];
static size_t there_len, back_len;

static oc_invoice asking(uint64_t amount, uint8_t number) {
  oc_invoice invoice = {.amount = amount, .expires = NOW + 600};
  memcpy(invoice.currency, usd, sizeof usd);
  memset(invoice.reference, number, OC_REFERENCE_BYTES);
  return invoice;
}

/* The evidence in `there` is taken, and its receipt is kept. */
static oc_event receipted(oc_purse *payer, oc_purse *payee) {
  oc_event event = {.kind = OC_EVENT_KIND_KNOWN};
  DONE(oc_purse_accept(payee, there, there_len, NOW, back, sizeof back, &back_len));
  DONE(oc_purse_receive(payer, back, back_len, NOW, &event));
  CHECK(event.kind == OC_EVENT_KIND_RECEIPTED);
  return event;
}

static void an_invoice_within_the_rules_is_paid_and_one_above_is_not(void) {
  oc_offer offer;
  oc_offered offered;
  oc_invoice invoice = asking(250, 1);
  DONE(oc_purse_invoice(&charger, &invoice, 71, NOW, back, sizeof back, &back_len));
  CHECK(oc_purse_consider(&car, back, back_len, 1, NOW, &offer) == OC_STATUS_NO_RULE);
  CHECK(oc_offer_read(&offer, &offered) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_pay_offer(&car, &offer, 0, NULL, NOW, there, sizeof there, &there_len) == OC_STATUS_MALFORMED);
  oc_rules rules = {.per_payment = 300, .per_day = 500, .per_payee = 500, .per_kind = {500}};
  DONE(oc_purse_set_rules(&car, usd, &rules));
  DONE(oc_purse_consider(&car, back, back_len, 1, NOW, &offer));
  DONE(oc_offer_read(&offer, &offered));
  CHECK(offered.amount == 250 && offered.units == 0 && offered.invoice.amount == 250);
  CHECK(memcmp(offered.payee, identities[1].part[CODE], OC_CODE_BYTES) == 0);
  CHECK(offered.invoice.reference[0] == 1 && offered.invoice.expires == NOW + 600);
  DONE(oc_purse_pay_offer(&car, &offer, 0, NULL, NOW, there, sizeof there, &there_len));
  receipted(&car, &charger);
  /* 250 of 500 are left for today. */
  invoice = asking(251, 2);
  DONE(oc_purse_invoice(&charger, &invoice, 72, NOW, back, sizeof back, &back_len));
  CHECK(oc_purse_consider(&car, back, back_len, 1, NOW, &offer) == OC_STATUS_ABOVE_DAY);
  DONE(oc_purse_consider(&car, back, back_len, 0, NOW, &offer));
  CHECK(oc_purse_consider(&car, back, back_len, 0, NOW + 600, &offer) == OC_STATUS_INVOICE_EXPIRED);
}

static void an_invoice_by_the_unit_becomes_a_stream(void) {
  oc_offer offer;
  oc_offered offered;
  oc_event event;
  uint8_t seed[OC_DIGEST_BYTES] = {9};
  oc_invoice invoice = asking(2, 3);
  invoice.count = 40;
  DONE(oc_purse_invoice(&charger, &invoice, 73, NOW, back, sizeof back, &back_len));
  DONE(oc_purse_consider(&car, back, back_len, 0, NOW, &offer));
  DONE(oc_offer_read(&offer, &offered));
  CHECK(offered.units == 40 && offered.amount == 80 && offered.invoice.count == 40);
  CHECK(oc_purse_pay_offer(&car, &offer, 10, NULL, NOW, there, sizeof there, &there_len) == OC_STATUS_MALFORMED);
  DONE(oc_purse_pay_offer(&car, &offer, 10, seed, NOW, there, sizeof there, &there_len));
  DONE(oc_purse_accept(&charger, there, there_len, NOW, back, sizeof back, &back_len));
  DONE(oc_purse_receive(&car, back, back_len, NOW, &event));
  CHECK(event.kind == OC_EVENT_KIND_READY);
  CHECK(oc_purse_release(&car, event.payment, 11, there, sizeof there, &there_len) != OC_STATUS_OK);
  DONE(oc_purse_release(&car, event.payment, 10, there, sizeof there, &there_len));
  DONE(oc_purse_receive(&charger, there, there_len, NOW, &event));
  CHECK(event.units == 10);
  DONE(oc_purse_close_stream(&charger, event.payment, NOW, back, sizeof back, &back_len));
  DONE(oc_purse_receive(&car, back, back_len, NOW, &event));
}

static void what_was_just_received_is_spent_on(void) {
  uint8_t covers_for[OC_REFERENCE_BYTES];
  DONE(oc_purse_covers_for(&charger, usd, NOW, covers_for));
  CHECK(oc_purse_covers_for(&charger, (const uint8_t[]){0, 0, 1, 'E', 'U', 'R'}, NOW, covers_for) ==
        OC_STATUS_NO_ALLOWANCE);
  oc_order order = {.amount = 1000};
  memcpy(order.payee, identities[1].part[CODE], OC_CODE_BYTES);
  memcpy(order.currency, usd, sizeof usd);
  memset(order.reference, 4, OC_REFERENCE_BYTES);
  DONE(oc_purse_pay_spendable(&car, &order, covers_for, NOW, there, sizeof there, &there_len));
  oc_event paid = receipted(&car, &charger);
  oc_totals totals;
  DONE(oc_purse_totals(&charger, usd, &totals));
  CHECK(totals.spendable == 100 && totals.spendable_here > 1000);
  /* Of a payment that is above its own limit, the rest stands on the one it was just given. */
  CHECK(oc_purse_pay_back(&charger, paid.payment, 1001, NOW, there, sizeof there, &there_len) == OC_STATUS_ABOVE_MOST);
  DONE(oc_purse_pay_back(&charger, paid.payment, 600, NOW, there, sizeof there, &there_len));
  CHECK(there_len > 600);
  receipted(&charger, &car);
  DONE(oc_purse_totals(&car, usd, &totals));
  CHECK(totals.received_unsettled == 600);
}

static void doubt_stops_payments_until_there_is_a_new_epoch(void) {
  oc_notice_cursor cursor;
  oc_notice_cursor_begin(&cursor);
  DONE(oc_purse_notice(&car, &cursor, there, sizeof there, &there_len));
  CHECK(there_len == 0);
  DONE(oc_purse_noticed(&car, &cursor));
  CHECK(oc_purse_notice(&car, NULL, there, sizeof there, &there_len) == OC_STATUS_MALFORMED);
  DONE(oc_purse_distrust(&car));
  oc_order order = {.amount = 5};
  memcpy(order.payee, identities[1].part[CODE], OC_CODE_BYTES);
  memcpy(order.currency, usd, sizeof usd);
  memset(order.reference, 5, OC_REFERENCE_BYTES);
  CHECK(oc_purse_pay(&car, &order, NOW, there, sizeof there, &there_len) != OC_STATUS_OK && there_len == 0);
  DONE(oc_purse_renewal(&car, usd, 500, NOW, there, sizeof there, &there_len));
  CHECK(there_len > 0);
}

static void nulls_and_closed_purses_are_refused(void) {
  oc_invoice invoice = asking(1, 6);
  oc_offer offer;
  uint8_t reference[OC_REFERENCE_BYTES];
  CHECK(oc_purse_invoice(&charger, NULL, 1, NOW, back, sizeof back, &back_len) == OC_STATUS_MALFORMED);
  invoice.least_class = 3;
  CHECK(oc_purse_invoice(&charger, &invoice, 1, NOW, back, sizeof back, &back_len) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_consider(&car, back, 9, 0, NOW, NULL) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_set_rules(&car, usd, NULL) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_covers_for(&car, usd, NOW, NULL) == OC_STATUS_MALFORMED);
  CHECK(oc_purse_pay_back(&car, NULL, 1, NOW, back, sizeof back, &back_len) == OC_STATUS_MALFORMED);
  CHECK(oc_offer_read(NULL, NULL) == OC_STATUS_MALFORMED);
  oc_line_begin(NULL);
  CHECK(oc_line_push(NULL, 0, NULL) == NULL);
  oc_purse_close(&charger);
  CHECK(oc_purse_covers_for(&charger, usd, NOW, reference) == OC_STATUS_STORAGE);
  CHECK(oc_purse_consider(&charger, back, 9, 0, NOW, &offer) == OC_STATUS_STORAGE);
  CHECK(oc_purse_distrust(&charger) == OC_STATUS_STORAGE);
}

static void a_line_gives_messages_back(void) {
  oc_line *line = malloc(sizeof *line);
  uint8_t framed[OC_FRAME_BYTES];
  const uint8_t message[] = {0, 1, 0, 2, 0};
  size_t len, heard = 0;
  DONE(oc_frame(message, sizeof message, framed, sizeof framed, &len));
  oc_line_begin(line);
  for (int round = 0; round < 3; round++)
    for (size_t i = 0; i < len; i++) {
      size_t message_len;
      const uint8_t *found = oc_line_push(line, framed[i], &message_len);
      CHECK(!found == (i + 1 < len));
      if (found)
        heard += message_len == sizeof message && memcmp(found, message, sizeof message) == 0;
    }
  CHECK(heard == 3);
  free(line);
}

int main(int count, char **words) {
  const char *names[] = {"car", "charger"};
  oc_purse *purses[] = {&car, &charger};
  for (int i = 0; i < 2; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/identity.bin", count > 1 ? words[1] : ".", names[i]);
    CHECK(read_identity(&identities[i], path) == 0 && make_chip(&chips[i]) == 0);
    DONE(open_purse(purses[i], &identities[i], &chips[i], NOW));
  }
  an_invoice_within_the_rules_is_paid_and_one_above_is_not();
  an_invoice_by_the_unit_becomes_a_stream();
  what_was_just_received_is_spent_on();
  doubt_stops_payments_until_there_is_a_new_epoch();
  nulls_and_closed_purses_are_refused();
  a_line_gives_messages_back();
  free(chips[0].cells);
  free(chips[1].cells);
  printf("%d checks passed, %d failed\n", passed, failed);
  return failed != 0;
}
