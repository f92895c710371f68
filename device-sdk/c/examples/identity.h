/* What the example `boards` of device-sdk puts into a thing: parts, each behind its length (u16,
 * big-endian). In a product the wallet key is made by the thing and stays in a secure element. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "onecode_purse.h"
#include <string.h>

enum { SEED, CODE, PASS, NETWORK, ROOT_KEY, ISSUER_PASS, GATEWAY_PASS, GRANT, PAYEE, PARTS };

struct identity {
  uint8_t bytes[2048];
  const uint8_t *part[PARTS];
  size_t len[PARTS];
  char network[64];
};

/* Takes the bytes apart. */
static int parse_identity(struct identity *identity, size_t size) {
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

/* Opens the purse of an identity and tells it all there is to know. A thing without a clock says after
 * how many seconds it must have heard the time again, and its time is that of `oc_purse_time`. */
static oc_status open_on(oc_purse *purse, const struct identity *identity, oc_flash flash,
                         uint32_t stale_after_s, uint32_t now) {
  oc_settings settings = {
      .pass = identity->part[PASS],
      .pass_len = identity->len[PASS],
      .network = identity->network,
      .root_algorithm = OC_ALGORITHM_ED25519,
      .sync_margin_s = 3600,
      .most_by_class = {10000, 10000, 10000},
      .stale_after_s = stale_after_s,
  };
  memcpy(settings.code, identity->part[CODE], OC_CODE_BYTES);
  memcpy(settings.root_key, identity->part[ROOT_KEY], 32);
  oc_signer signer = {
      .context = (void *)(uintptr_t)identity->part[SEED],
      .algorithm = OC_ALGORITHM_ED25519,
      .sign = sign,
  };
  oc_ed25519_public_key(identity->part[SEED], signer.public_key);
  oc_status status = oc_purse_open(purse, &settings, &signer, &flash);
  if (status != OC_STATUS_OK)
    return status;
  if (stale_after_s)
    now = oc_purse_time(purse, 0);
  status = oc_purse_trust_gateway(purse, identity->part[ISSUER_PASS], identity->len[ISSUER_PASS],
                                  identity->part[GATEWAY_PASS], identity->len[GATEWAY_PASS], now);
  if (status == OC_STATUS_OK && identity->len[GRANT])
    status = oc_purse_receive(purse, identity->part[GRANT], identity->len[GRANT], now, NULL);
  return status;
}

#endif
