// The scripts of the web wallet against the vectors that the gateway is held to.
import { readFileSync } from "node:fs";
import { test } from "node:test";
import assert from "node:assert/strict";
import * as objects from "../../admin/assets/wallet/objects.js";
import * as keys from "../../admin/assets/wallet/keys.js";
import * as purses from "../../admin/assets/wallet/purse.js";

const vectors = (name) => JSON.parse(readFileSync(new URL(`../../docs/vectors/${name}.json`, import.meta.url)));
const bytes = (text) => Uint8Array.from(Buffer.from(text, "hex"));
const algorithms = { ed25519: objects.ED25519, p256: objects.P256 };
const key = (said) => ({ algorithm: algorithms[said.algorithm], bytes: bytes(said.bytes) });
const KNOWN = [
  "pass", "allowance", "payment", "receipt", "renewal", "statement", "invoice", "wallet-call", "refund-request",
  "refund-answer",
];
const refusal = (promise) => promise.then(() => null, (error) => error.message);
const byKey = Object.fromEntries(vectors("keys").keys.map((found) => [found.name, found]));
const PKCS8 = bytes("302e020100300506032b657004220420");

async function signing(name) {
  const seed = Buffer.concat([PKCS8, bytes(byKey[name].seed)]);
  const secret = await crypto.subtle.importKey("pkcs8", seed, { name: "Ed25519" }, false, ["sign"]);
  return { privateKey: secret, publicKey: await crypto.subtle.importKey("raw", bytes(byKey[name].public_key), { name: "Ed25519" }, true, ["verify"]) };
}

// What a field of a vector is here, by its value as the object was read.
function told(value, said) {
  if (value instanceof Uint8Array && typeof said === "string") return said.length === 34 ? objects.codeText(value) : objects.toHex(value);
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value) && said.algorithm) return { algorithm: said.algorithm, bytes: objects.toHex(value[1]) };
  if (value instanceof Map) return { algorithm: said.algorithm, bytes: objects.toHex(objects.keyIn(value).bytes) };
  if (Array.isArray(value)) return said;
  return value ?? (said === false ? false : null); // a mark that is not there
}

test("every object of a purse is read as the vectors say, and is written in the same bytes", async () => {
  const known = vectors("objects").objects.filter((one) => KNOWN.includes(one.object));
  assert.deepEqual([...new Set(known.map((one) => one.object))].sort(), [...KNOWN].sort());
  for (const one of known) {
    const object = await objects.open(one.object, bytes(one.signed), one.network);
    assert.equal(objects.toHex(object.id), one.id, one.what);
    assert.equal(objects.toHex(object.ref), one.reference, one.what);
    await objects.checked(object, key(one.signer_key));
    for (const [field, said] of Object.entries(one.fields)) assert.deepEqual(told(object[field], said), said, `${one.what}: ${field}`);
    const content = await objects.content(one.object, object, one.network);
    assert.equal(objects.toHex(content.payload), one.payload, one.what);
    if (one.signer_key.algorithm !== "ed25519") continue;
    assert.equal(objects.toHex(content.id), one.id, one.what);
    const signed = await objects.seal(content, keys.signer(await signing(one.signer)));
    assert.equal(objects.toHex(signed), one.signed, one.what);
  }
});

test("what is no object in its one spelling is refused", async () => {
  const bad = vectors("bad-objects").bad_objects.filter((one) => KNOWN.includes(one.object));
  assert.ok(bad.length > 30);
  for (const one of bad) {
    const judged = async () => objects.checked(await objects.open(one.object, bytes(one.bytes), one.network), key(one.key));
    assert.equal(await refusal(judged()), one.status, one.why);
  }
});

test("messages are read and written in the same bytes, and others are none", () => {
  const { messages, refused: bad } = vectors("messages");
  let known = 0;
  for (const one of messages) {
    const [name, ...parts] = objects.readMessage(bytes(one.bytes));
    if (name === null) continue;
    known += 1;
    assert.equal(name, one.message);
    assert.equal(objects.toHex(objects.writeMessage(name, ...parts)), one.bytes);
  }
  assert.ok(known >= 12, `${known}`);
  for (const one of bad) {
    let name;
    try {
      [name] = objects.readMessage(bytes(one.bytes));
    } catch (error) {
      assert.equal(error.message, "malformed");
      continue;
    }
    // A kind that no purse reads, or a status that nobody gives.
    assert.ok(name === null || name === "refusal", one.why);
  }
});

test("codes are read as people type them, and written in their canonical text", () => {
  const { codes, also_read: also, refused_texts: refused } = vectors("codes");
  const grouped = (text) => text.match(/.{1,4}/g).join("-").toLowerCase();
  for (const { text, bytes: code } of codes.filter((one) => one.text.length === 34)) {
    assert.equal(objects.codeText(bytes(code)), text);
    for (const typed of [text, grouped(text), `HTTPS://ID.EXAMPLE.COM/1/${text}`, `https://a:1/1/${text}?x#y`]) {
      assert.equal(objects.toHex(objects.readCode(typed)), code);
    }
    const wrong = text.slice(0, -1) + (text.endsWith("7") ? "8" : "7");
    assert.throws(() => objects.readCode(wrong), /not_a_code/);
  }
  for (const { text, code } of also) assert.equal(objects.codeText(objects.readCode(text)), code);
  for (const { text } of refused) assert.throws(() => objects.readCode(text), /not_a_code/);
  for (const text of ["", "x", "../1/secrets", "javascript:alert(1)"]) assert.throws(() => objects.readCode(text), /not_a_code/);
});

test("a wallet proof is that of the vectors, byte for byte", async () => {
  const good = vectors("wallet-proofs").proofs.filter((one) => one.wallet.endsWith("ed25519"));
  assert.ok(good.length > 0);
  for (const one of good) {
    const proof = await keys.walletProof(await signing(one.wallet), one.network, bytes(one.transport_spki));
    assert.equal(objects.toHex(proof), one.proof);
  }
});

test("a request is a request: openssl reads it and its signature holds", async (t) => {
  const { spawnSync } = await import("node:child_process");
  for (let round = 0; round < 6; round += 1) {
    const der = await keys.request(await keys.makeKeys(), "test");
    const said = spawnSync("openssl", ["req", "-inform", "DER", "-verify", "-noout", "-text"], { input: der, encoding: "utf8" });
    if (said.error) return t.skip("no openssl");
    assert.equal(said.status, 0, said.stderr);
    assert.match(said.stdout + said.stderr, /1\.3\.6\.1\.4\.1\.32473\.1\.1/);
    assert.match(said.stderr, /verify OK/);
  }
});

test("numbers of a signature are as short as they can be, and never negative", () => {
  const raw = new Uint8Array(64);
  raw.set([0, 0, 0x80], 0);
  raw[63] = 1;
  const r = Buffer.concat([Buffer.from([2, 31, 0]), raw.subarray(2, 32)]);
  const expected = Buffer.concat([Buffer.from([0x30, r.length + 3]), r, Buffer.from([2, 1, 1])]);
  assert.equal(objects.toHex(keys.signatureDer(raw)), expected.toString("hex"));
});

test("a gateway's pass makes of others what the vectors say", async () => {
  const { passes, network, gateway_pass: gateway, issuer_pass: issuer, root_key: root } = vectors("passes");
  const now = 1_795_305_700;
  const trusted = await keys.gatewayUnder(key(root), network, { issuer: bytes(issuer), gateway: bytes(gateway) }, now);
  const outcomes = new Set();
  for (const one of passes) {
    const outcome = (await refusal(keys.passUnder(trusted.gateway, bytes(one.pass), network))) ?? "ok";
    assert.equal(outcome, one.issued, one.why);
    outcomes.add(outcome);
  }
  assert.ok(outcomes.has("ok") && outcomes.has("not_permitted") && outcomes.has("bad_signature"));
  await assert.rejects(keys.gatewayUnder(key(root), "tesu", { issuer: bytes(issuer), gateway: bytes(gateway) }, now), /bad_signature/);
});

// --- the purse

const named = (what) => vectors("objects").objects.find((one) => one.what === what && one.signer_key.algorithm === "ed25519");

async function purse() {
  const allowance = named("an allowance");
  const { fields, signed, signer_key: gatewayKey, network } = allowance;
  const begun = {
    ...purses.fresh(fields.key_epoch), network, code: fields.code, gateway: fields.gateway, gatewayKey: key(gatewayKey),
    walletKey: bytes(fields.wallet_key.bytes), sequence: fields.base_sequence, head: bytes(fields.base_head),
    odometers: new Map([[fields.currency, BigInt(fields.base_odometer)]]),
  };
  const grant = objects.writeMessage("grant", bytes(signed));
  return { begun, grant, fields, now: fields.issued + 60 };
}

test("the payment under an allowance is that of the vectors, and the next one follows it", async () => {
  const { begun, grant, now } = await purse();
  const granted = await purses.granted(begun, grant, now);
  const { fields, signed, id } = named("a payment under it");
  const wish = {
    payee: objects.readCode(fields.payee), currency: bytes(fields.currency), amount: BigInt(fields.amount), reference: bytes(fields.reference),
  };
  const order = { ...(await purses.order(granted, wish, now)), settle_by: fields.settle_by };
  const content = await objects.content("payment", order, granted.network);
  assert.equal(objects.toHex(content.id), id);
  assert.equal(objects.toHex(await objects.seal(content, keys.signer(await signing("payer-ed25519")))), signed);
  const after = purses.promised(granted, order, content.id);
  const next = await purses.order(after, wish, now);
  assert.equal(next.sequence, order.sequence + 1);
  assert.equal(next.odometer, order.odometer + wish.amount);
  assert.equal(objects.toHex(next.previous), id.slice(0, 32));
});

test("a purse signs nothing that 9.2 refuses", async () => {
  const { begun, grant, fields, now } = await purse();
  const granted = await purses.granted(begun, grant, now);
  const wish = { payee: objects.readCode(named("a payment under it").fields.payee), currency: bytes(fields.currency), amount: 1n, reference: purses.NOTHING };
  const why = (changed, from = granted, at = now) => refusal(purses.order(from, { ...wish, ...changed }, at));
  assert.equal(await why({}), null);
  assert.equal(await why({ amount: 0n }), "malformed");
  assert.equal(await why({ payee: objects.readCode(fields.code) }), "malformed");
  assert.equal(await why({ amount: BigInt(fields.most_per_payment) + 1n }), "above_most_per_payment");
  const spent = { ...granted, odometers: new Map([[fields.currency, BigInt(fields.limit) - 1n]]) };
  assert.equal(await why({}, spent), null);
  assert.equal(await why({ amount: 2n }, spent), "above_limit");
  const many = { ...granted, sequence: fields.base_sequence + fields.most_payments };
  assert.equal(await why({}, many), "out_of_sequence");
  assert.equal(await why({}, granted, fields.expires), "expired");
  assert.equal(await why({}, { ...granted, keyEpoch: 2 }), "wrong_allowance");
  assert.equal(await why({ currency: bytes("000001455552") }), "no_allowance");
  assert.equal(await purses.needsRenewal(granted, wish.currency, 1n, now), false);
  assert.equal(await purses.needsRenewal(many, wish.currency, 1n, now), true);
  assert.equal(await purses.needsRenewal(spent, wish.currency, 2n, now), true);
  assert.equal(await purses.needsRenewal(granted, wish.currency, 1n, fields.expires - 60), true);
});

test("a grant for another code, key or by another gateway is none, and one beyond what is remembered shows a copy", async () => {
  const { begun, grant, fields, now } = await purse();
  const why = (changed, at = now) => refusal(purses.granted({ ...begun, ...changed }, grant, at));
  assert.equal(await why({}), null);
  assert.equal(await why({ code: fields.gateway }), "not_for_you");
  assert.equal(await why({ gateway: fields.code }), "unknown_gateway");
  assert.equal(await why({ walletKey: new Uint8Array(32) }), "wrong_allowance");
  assert.equal(await why({ gatewayKey: { algorithm: objects.ED25519, bytes: begun.walletKey } }), "bad_signature");
  assert.equal(await why({ keyEpoch: 2 }), "wrong_allowance");
  assert.equal(await why({}, fields.expires), "expired");
  assert.equal(await why({ sequence: fields.base_sequence - 1 }), "links_broken");
  assert.equal(await why({ odometers: new Map() }), "links_broken");
});

test("an invoice is believed when its payee's pass holds, and asks for just what it says", async () => {
  const { begun, now } = await purse();
  const { issuer_pass: issuer, gateway_pass: gateway, root_key: root, network } = vectors("passes");
  const trusted = await keys.gatewayUnder(key(root), network, { issuer: bytes(issuer), gateway: bytes(gateway) }, now);
  const [message] = vectors("messages").messages.filter((one) => one.message === "invoice");
  const [invoice, pass] = message.parts.map(bytes);
  const nobody = async () => { throw new objects.Refused("unknown_code"); };
  const asks = (from, said = bytes(message.bytes), at = now) => refusal(purses.asked({ ...from, trusted }, said, at, nobody));
  // The vectors' invoice wants a class that a browser has not.
  assert.equal(await asks(begun), "above_class");
  assert.equal(await asks(begun, objects.writeMessage("invoice", invoice, bytes(gateway))), "unknown_code");
  const flipped = invoice.slice();
  flipped[flipped.length - 1] ^= 1;
  assert.equal(await asks(begun, objects.writeMessage("invoice", flipped, pass)), "bad_signature");
  assert.equal(await asks(begun, bytes(message.bytes), now + 86_400), "invoice_expired");
  const { privateKey } = await signing("payee-ed25519");
  const { signed: _signed, bytes: _bytes, ...said } = await objects.open("invoice", invoice, network);
  const mild = await objects.seal(await objects.content("invoice", { ...said, least_class: 0 }, network), keys.signer({ privateKey }));
  const wish = await purses.asked({ ...begun, trusted }, objects.writeMessage("invoice", mild, pass), now);
  assert.equal(wish.amount, said.amount);
  assert.equal(objects.codeText(wish.payee), objects.codeText(said.payee));
});
