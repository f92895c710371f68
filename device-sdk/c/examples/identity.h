/* What the example `boards` of device-sdk puts into a thing: parts, each behind its length (u16,
 * big-endian). In a product the wallet key is made by the thing and stays in a secure element. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "onecode_purse.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED, CODE, PASS, NETWORK, ROOT_KEY, ISSUER_PASS, GATEWAY_PASS, GRANT, PAYEE, PARTS };

struct identity {
  uint8_t bytes[2048];
  const uint8_t *part[PARTS];
  size_t len[PARTS];
  char network[64];
};

static int read_identity(struct identity *identity, const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file)
    return -1;
  size_t size = fread(identity->bytes, 1, sizeof identity->bytes, file);
  fclose(file);
  size_t at = 0;
  for (int part = 0; part < PARTS; part++) {
    if (at + 2 > size)
      return -1;
    size_t len = (size_t)identity->bytes[at] << 8 | identity->bytes[at + 1];
    at += 2;
    if (at + len > size)
      return -1;
    identity->part[part] = identity->bytes + at;
    identity->len[part] = len;
    at += len;
  }
  if (identity->len[NETWORK] >= sizeof identity->network || identity->len[CODE] != OC_CODE_BYTES)
    return -1;
  memcpy(identity->network, identity->part[NETWORK], identity->len[NETWORK]);
  identity->network[identity->len[NETWORK]] = 0;
  return at == size ? 0 : -1;
}

/* A key in memory. */
static int sign(void *context, const uint8_t *message, size_t len, uint8_t *signature) {
  return oc_ed25519_sign(context, message, len, signature) == OC_STATUS_OK ? 0 : -1;
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

/* Opens the purse of an identity on a chip and tells it all there is to know. */
static oc_status open_purse(oc_purse *purse, struct identity *identity, struct chip *chip, uint32_t now) {
  oc_settings settings = {
      .pass = identity->part[PASS],
      .pass_len = identity->len[PASS],
      .network = identity->network,
      .root_algorithm = OC_ALGORITHM_ED25519,
      .sync_margin_s = 3600,
      .most_by_class = {10000, 10000, 10000},
  };
  memcpy(settings.code, identity->part[CODE], OC_CODE_BYTES);
  memcpy(settings.root_key, identity->part[ROOT_KEY], 32);
  oc_signer signer = {
      .context = (void *)(uintptr_t)identity->part[SEED],
      .algorithm = OC_ALGORITHM_ED25519,
      .sign = sign,
  };
  oc_ed25519_public_key(identity->part[SEED], signer.public_key);
  oc_flash flash = {chip, chip->len, chip_read, chip_write, chip_erase};
  oc_status status = oc_purse_open(purse, &settings, &signer, &flash);
  if (status != OC_STATUS_OK)
    return status;
  status = oc_purse_trust_gateway(purse, identity->part[ISSUER_PASS], identity->len[ISSUER_PASS],
                                  identity->part[GATEWAY_PASS], identity->len[GATEWAY_PASS], now);
  if (status == OC_STATUS_OK && identity->len[GRANT])
    status = oc_purse_receive(purse, identity->part[GRANT], identity->len[GRANT], now, NULL);
  return status;
}

#endif
