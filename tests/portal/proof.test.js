// The script of the public pages against the vectors that the gateway is held to, and against proofs
// with one byte changed.
import { readFileSync } from "node:fs";
import { test } from "node:test";
import assert from "node:assert/strict";
import { codeBytes, judge } from "../../admin/assets/proof.js";

const read = (name) => JSON.parse(readFileSync(new URL(`../../docs/vectors/${name}.json`, import.meta.url)));
const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const { network, proofs, root_key, acts } = read("chain");
const trust = { network, root: { algorithm: -8, bytes: bytes(root_key.bytes) } };
const refusal = (text, under = trust) => judge(text, under).then(() => null, (error) => error);

test("what stands in the log is proven, and says what was done to which code when", async () => {
  const good = proofs.filter((proof) => proof.holds);
  assert.equal(good.length, acts.length);
  for (const [at, { proof }] of good.entries()) {
    const act = await judge(proof, trust);
    assert.deepEqual(act.of, codeBytes(acts[at].of));
    assert.deepEqual([act.kind, act.at, act.index, act.size], [acts[at].kind, acts[at].at, at, acts.length]);
  }
});

test("what does not stand in the log is refused", async () => {
  const bad = proofs.filter((proof) => !proof.holds);
  assert.ok(bad.length > 5);
  for (const { proof, why } of bad) assert.ok(await refusal(proof), why);
});

test("a proof of another network or under another root is refused", async () => {
  const [{ proof }] = proofs;
  assert.equal((await refusal(proof, { ...trust, network: "tesu" })).message, "bad_signature");
  const other = { ...trust, root: { algorithm: -8, bytes: bytes(read("passes").passes[0].pass.slice(-64)) } };
  assert.ok(await refusal(proof, other));
});

test("a proof with any one symbol changed is refused", async () => {
  const [{ proof }] = proofs;
  const another = (symbol) => (symbol === "A" ? "B" : "A");
  for (let at = 0; at < proof.length; at += 1) {
    const changed = proof.slice(0, at) + another(proof[at]) + proof.slice(at + 1);
    assert.ok(await refusal(changed), `symbol ${at}, ${proof[at]}`);
  }
  assert.ok(await refusal(proof.slice(0, -1)), "without its last line end");
});

test("keys on P-256 are read in the short form and judged", async () => {
  const { subtle } = globalThis.crypto;
  const how = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  for (let round = 0; round < 8; round += 1) {
    const pair = await subtle.generateKey(how, true, ["sign", "verify"]);
    const long = new Uint8Array(await subtle.exportKey("raw", pair.publicKey));
    const root = { algorithm: -7, bytes: Uint8Array.from([2 + (long[64] & 1), ...long.subarray(1, 33)]) };
    const { proof, change } = await underP256(proofs[0].proof, pair.privateKey, how);
    assert.equal((await judge(proof, { network, root })).index, 0);
    assert.ok(await refusal(change(proof), { network, root }));
  }
});

// The same proof with its issuer's pass signed by a P-256 root.
async function underP256(text, secret, how) {
  const lines = text.split("\n");
  const extra = Buffer.from(lines[1].slice(6), "base64");
  const start = extra.indexOf(Buffer.from("d28443a10127a0", "hex"));
  const header = Buffer.from("a10126", "hex");
  const length = extra[start + 8];
  const payload = extra.subarray(start + 9, start + 9 + length);
  const context = Buffer.from(`onecode/1/${network}/pass`);
  const signed = Buffer.concat([
    Buffer.from([0x84, 0x6a]), Buffer.from("Signature1"), Buffer.from([0x43]), header,
    Buffer.from([0x40 + context.length]), context, Buffer.from([0x58, length]), payload,
  ]);
  const signature = Buffer.from(await globalThis.crypto.subtle.sign(how, secret, signed));
  header.copy(extra, start + 3);
  signature.copy(extra, start + 9 + length + 2);
  const put = (data) => [lines[0], `extra ${data.toString("base64")}`, ...lines.slice(2)].join("\n");
  const change = () => {
    const other = Buffer.from(extra);
    other[start + 9 + length + 10] ^= 1;
    return put(other);
  };
  return { proof: put(extra), change };
}
