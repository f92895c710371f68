/* A charger on a board that takes payments from its serial line for as long as it has power: the same
 * as device-sdk/firmware/src/bin/charger.rs, in C. With `show=1` it only writes what it would hand in
 * at a gateway, and ends; with `cut=N` its power goes at the Nth word of flash.
 */
#include "../identity.h"
#include "semihosting.h"

#define POWER_CUT 86
#define STALE_AFTER_S 86400

static const uint8_t usd[OC_CURRENCY_BYTES] = {0, 0, 1, 'U', 'S', 'D'};
static struct identity identity;
static oc_purse purse;
static uint8_t out[OC_OUT_BYTES];

/* --- the board's parts: a clock of milliseconds, a serial line, flash in a file of the host */

static volatile uint32_t elapsed_ms;

void systick(void) { elapsed_ms++; }

static void start_clock(void) {
  volatile uint32_t *timer = (uint32_t *)0xe000e010;
  timer[1] = 25000 - 1;
  timer[2] = 0;
  timer[0] = 7;
}

static volatile uint32_t *const uart = (uint32_t *)0x40004000; /* data, state, control, -, divider */

static void send(const uint8_t *bytes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    while (uart[1] & 1) {
    }
    uart[0] = bytes[i];
  }
}

static int cells;
static long words_left;

static int nor_read(void *context, uint32_t offset, uint8_t *bytes, size_t len) {
  (void)context;
  return host_seek(cells, offset) || host_read(cells, bytes, len);
}

static int put_word(uint32_t offset, const uint8_t *word) {
  if (words_left == 0) {
    print("the power is cut\n");
    end(POWER_CUT);
  }
  if (words_left > 0)
    words_left--;
  return host_seek(cells, offset) || host_write(cells, word, OC_WORD_BYTES);
}

static int nor_write(void *context, uint32_t offset, const uint8_t *bytes, size_t len) {
  for (size_t at = 0; at < len; at += OC_WORD_BYTES) {
    uint8_t word[OC_WORD_BYTES];
    if (nor_read(context, offset + at, word, sizeof word))
      return -1;
    for (size_t i = 0; i < sizeof word; i++)
      word[i] &= bytes[at + i]; /* as in NOR, bits only fall */
    if (put_word(offset + at, word))
      return -1;
  }
  return 0;
}

static int nor_erase(void *context, uint32_t offset) {
  (void)context;
  uint8_t blank[OC_WORD_BYTES];
  memset(blank, 0xff, sizeof blank);
  for (uint32_t at = 0; at < OC_SECTOR_BYTES; at += OC_WORD_BYTES)
    if (put_word(offset + at, blank))
      return -1;
  return 0;
}

/* --- what it does */

static void must(oc_status status, const char *what) {
  if (status == OC_STATUS_OK)
    return;
  print("charger: ");
  print(what);
  print(": status ");
  print_number(status);
  print("\n");
  end(1);
}

static void show(void) {
  oc_totals totals;
  must(oc_purse_totals(&purse, usd, &totals), "totals");
  print("charger: took ");
  print_number(totals.received_unsettled);
  print("\n");
  int file = host_open("handed-in.bin", WRITE_ANEW);
  oc_cursor cursor;
  oc_cursor_begin(&cursor);
  for (;;) {
    size_t len;
    must(oc_purse_hand_in(&purse, &cursor, out, sizeof out, &len), "hand in");
    if (len == 0)
      end(0);
    uint8_t head[2] = {(uint8_t)(len >> 8), (uint8_t)len};
    if (host_write(file, head, sizeof head) || host_write(file, out, len))
      end(1);
  }
}

static void answer(const uint8_t *message, size_t message_len) {
  static uint8_t framed[OC_FRAME_BYTES];
  size_t len;
  uint32_t now = oc_purse_time(&purse, elapsed_ms / 1000);
  /* The receipt is in the flash before it is in `out`. */
  oc_status status = oc_purse_accept(&purse, message, message_len, now, out, sizeof out, &len);
  if (status == OC_STATUS_MALFORMED)
    return; /* noise: whoever means it says it again */
  if (status == OC_STATUS_STORAGE)
    must(status, "the flash failed");
  if (status != OC_STATUS_OK)
    must(oc_refusal(status, out, sizeof out, &len), "refusal");
  must(oc_frame(out, len, framed, sizeof framed, &len), "frame");
  send(framed, len);
}

int main(void) {
  start_clock();
  uart[4] = 16;
  uart[2] = 3;
  words_left = argument("cut");
  int file = host_open("identity.bin", READ_AND_WRITE);
  size_t size = host_len(file);
  cells = host_open("flash.bin", READ_AND_WRITE);
  if (size > sizeof identity.bytes || host_read(file, identity.bytes, size) || parse_identity(&identity, size))
    must(OC_STATUS_MALFORMED, "identity.bin");
  oc_flash flash = {0, host_len(cells), nor_read, nor_write, nor_erase};
  must(open_on(&purse, &identity, flash, STALE_AFTER_S, 0), "open");
  if (argument("show") == 1)
    show();
  static oc_line line;
  oc_line_begin(&line);
  for (;;) {
    if (!(uart[1] & 2))
      continue;
    size_t len;
    const uint8_t *message = oc_line_push(&line, (uint8_t)uart[0], &len);
    if (message)
      answer(message, len);
  }
}
