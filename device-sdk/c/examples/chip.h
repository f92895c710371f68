/* An identity from a file, and flash in memory: for programs on a computer. */
#ifndef CHIP_H
#define CHIP_H

#include "identity.h"
#include <stdio.h>
#include <stdlib.h>

static int read_identity(struct identity *identity, const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file)
    return -1;
  size_t size = fread(identity->bytes, 1, sizeof identity->bytes, file);
  fclose(file);
  return parse_identity(identity, size);
}

/* Flash in memory that fails after some operations, as when the power goes. */
struct chip {
  uint8_t *cells;
  uint32_t len;
  int fails;      /* from now on */
  long until_cut; /* operations, or -1 */
};

static int is_cut(struct chip *chip) {
  if (chip->until_cut == 0)
    chip->fails = 1;
  if (chip->until_cut >= 0)
    chip->until_cut--;
  return chip->fails;
}

static int chip_read(void *context, uint32_t offset, uint8_t *bytes, size_t len) {
  struct chip *chip = context;
  if (chip->fails || offset + len > chip->len)
    return -1;
  memcpy(bytes, chip->cells + offset, len);
  return 0;
}

static int chip_write(void *context, uint32_t offset, const uint8_t *bytes, size_t len) {
  struct chip *chip = context;
  if (offset + len > chip->len || offset % OC_WORD_BYTES || len % OC_WORD_BYTES)
    return -1;
  for (size_t i = 0; i < len; i += OC_WORD_BYTES) {
    if (is_cut(chip))
      return -1;
    for (size_t j = i; j < i + OC_WORD_BYTES; j++)
      chip->cells[offset + j] &= bytes[j];
  }
  return 0;
}

static int chip_erase(void *context, uint32_t offset) {
  struct chip *chip = context;
  if (offset % OC_SECTOR_BYTES || offset + OC_SECTOR_BYTES > chip->len || is_cut(chip))
    return -1;
  memset(chip->cells + offset, 0xff, OC_SECTOR_BYTES);
  return 0;
}

static int make_chip(struct chip *chip) {
  chip->len = 64 * OC_SECTOR_BYTES;
  chip->fails = 0;
  chip->until_cut = -1;
  chip->cells = malloc(chip->len);
  if (!chip->cells)
    return -1;
  memset(chip->cells, 0xff, chip->len);
  return 0;
}

/* Opens the purse of an identity on a chip. */
static oc_status open_purse(oc_purse *purse, struct identity *identity, struct chip *chip, uint32_t now) {
  oc_flash flash = {chip, chip->len, chip_read, chip_write, chip_erase};
  return open_on(purse, identity, flash, 0, now);
}

#endif
