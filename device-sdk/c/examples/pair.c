/* Two purses in one program pay each other with no gateway, through a power cut.
 *
 *     boards make FOLDER        (cargo run -p device-sdk --example boards)
 *     pair FOLDER
 */
#include "chip.h"

#define NOW 1800000000u

static const uint8_t usd[OC_CURRENCY_BYTES] = {0, 0, 1, 'U', 'S', 'D'};

static int must(oc_status status, const char *what) {
  if (status == OC_STATUS_OK)
    return 0;
  fprintf(stderr, "%s: status %d\n", what, (int)status);
  return 1;
}

/* One payment, and its receipt. */
static int pay(oc_purse *car, oc_purse *charger, const uint8_t *payee, uint64_t amount, uint8_t number) {
  static uint8_t evidence[OC_OUT_BYTES], receipt[OC_OUT_BYTES];
  size_t evidence_len, receipt_len;
  oc_order order = {.amount = amount};
  memcpy(order.payee, payee, OC_CODE_BYTES);
  memcpy(order.currency, usd, OC_CURRENCY_BYTES);
  memset(order.reference, number, OC_REFERENCE_BYTES);
  if (must(oc_purse_pay(car, &order, NOW, evidence, sizeof evidence, &evidence_len), "pay") ||
      must(oc_purse_accept(charger, evidence, evidence_len, NOW, receipt, sizeof receipt, &receipt_len), "accept"))
    return 1;
  oc_event event;
  if (must(oc_purse_receive(car, receipt, receipt_len, NOW, &event), "receive"))
    return 1;
  printf("payment %u of %u: %zu bytes there, %zu back\n", number, (unsigned)amount, evidence_len, receipt_len);
  return event.kind == OC_EVENT_KIND_RECEIPTED ? 0 : 1;
}

int main(int count, char **words) {
  static struct identity identities[2];
  static oc_purse car, charger;
  struct chip chips[2];
  char path[4096];
  const char *names[] = {"car", "charger"};
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/%s/identity.bin", count > 1 ? words[1] : ".", names[i]);
    if (read_identity(&identities[i], path) || make_chip(&chips[i])) {
      fprintf(stderr, "cannot read %s\n", path);
      return 1;
    }
  }
  int failed = must(open_purse(&car, &identities[0], &chips[0], NOW), "the car's purse") ||
               must(open_purse(&charger, &identities[1], &chips[1], NOW), "the charger's purse");
  for (uint8_t number = 1; !failed && number <= 3; number++)
    failed = pay(&car, &charger, identities[1].part[CODE], number * 100, number);
  /* The car is switched off and on: its purse is where it was, and an old order is the old payment. */
  oc_purse_close(&car);
  failed = failed || must(open_purse(&car, &identities[0], &chips[0], NOW), "the car's purse again") ||
           pay(&car, &charger, identities[1].part[CODE], 300, 3);
  oc_totals totals = {0};
  failed = failed || must(oc_purse_totals(&charger, usd, &totals), "totals");
  printf("the charger took %llu\n", (unsigned long long)totals.received_unsettled);
  oc_purse_close(&car);
  oc_purse_close(&charger);
  free(chips[0].cells);
  free(chips[1].cells);
  return failed || totals.received_unsettled != 600;
}
