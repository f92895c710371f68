// Checks with this browser's own cryptography that a code stands in the gateway's log: the proof
// file of docs/protocol.md, chapter 15, down to the root's key. Nothing is asked of the gateway: the
// page holds the proof, and every sentence of which this script shows the one that fits.

const PROOF_BYTES_MAX = 16 * 1024;
const [ED25519, P256] = [-8, -7];
const [SETTLE, ISSUE_CODES] = [4, 8];
const ISSUED = 1;
const utf8 = new TextEncoder();

/** Why a proof does not hold: one of the words that the vectors give, in `message`. */
export class Refused extends Error {}

export function refuseUnless(condition, why) {
  if (!condition) throw new Refused(why);
}

// --- bytes

export const hex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
export const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);
export const joined = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));

function base64(text) {
  const data = /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0 ? atob(text) : null;
  refuseUnless(data !== null && btoa(data) === text, "malformed");
  return Uint8Array.from(data, (character) => character.charCodeAt(0));
}

function decimal(text) {
  refuseUnless(/^(0|[1-9][0-9]{0,14})$/.test(text), "malformed");
  return Number(text);
}

export const sha256 = async (data) => new Uint8Array(await crypto.subtle.digest("SHA-256", data));

/** The bytes behind the text of a code or grid code, whose check symbols the gateway has looked at. */
export function codeBytes(text) {
  const symbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  let bits = 0n;
  for (const symbol of text.toUpperCase()) bits = (bits << 5n) | BigInt(symbols.indexOf(symbol));
  return hex((bits >> 10n).toString(16).padStart((text.length - 2) * 5 / 4, "0"));
}

// --- CBOR, as far as passes and leaves go: definite lengths, shortest heads, nothing left over

export function cbor(data) {
  let at = 0;
  const take = (count) => {
    refuseUnless(at + count <= data.length, "malformed");
    at += count;
    return data.subarray(at - count, at);
  };
  const head = () => {
    const [first] = take(1);
    const extra = first & 31;
    refuseUnless(extra < 28, "malformed");
    if (extra < 24) return [first >> 5, extra];
    const value = take(1 << (extra - 24)).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
    const least = { 24: 24n, 25: 0x100n, 26: 0x10000n, 27: 0x100000000n }[extra];
    refuseUnless(value >= least, "malformed");
    return [first >> 5, value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value];
  };
  const item = (depth) => {
    refuseUnless(depth < 8, "malformed");
    const [kind, value] = head();
    if (kind === 0) return value;
    if (kind === 1) return typeof value === "bigint" ? -1n - value : -1 - value;
    if (kind === 2) return take(Number(value));
    if (kind === 3) return new TextDecoder("utf-8", { fatal: true }).decode(take(Number(value)));
    if (kind === 6 && value === 18) return item(depth + 1);
    if (kind === 7 && (value === 20 || value === 21)) return value === 21;
    refuseUnless((kind === 4 || kind === 5) && value <= data.length, "malformed");
    const parts = [];
    for (let left = kind === 5 ? 2 * value : value; left > 0; left -= 1) parts.push(item(depth + 1));
    if (kind === 4) return parts;
    const map = new Map(parts.flatMap((key, place) => (place % 2 ? [] : [[key, parts[place + 1]]])));
    refuseUnless(map.size === value, "malformed");
    return map;
  };
  const whole = item(0);
  refuseUnless(at === data.length, "malformed");
  return whole;
}

// --- signatures: chapters 4 and 5

/** A P-256 point from its compressed form; browsers read the long form only. */
function longPoint(short) {
  const p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
  const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
  const number = (bytes) => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const x = number(short.subarray(1));
  let [y, base] = [1n, (x ** 3n - 3n * x + b) % p];
  for (let power = (p + 1n) / 4n; power > 0n; power >>= 1n) {
    if (power & 1n) y = (y * base) % p;
    base = (base * base) % p;
  }
  if (Number(y & 1n) !== (short[0] & 1)) y = p - y;
  return joined([4], short.subarray(1), hex(y.toString(16).padStart(64, "0")));
}

export async function verify(key, signature, message) {
  const [how, raw] =
    key.algorithm === ED25519
      ? [{ name: "Ed25519" }, key.bytes]
      : [{ name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }, longPoint(key.bytes)];
  const known = await crypto.subtle.importKey("raw", raw, how, false, ["verify"]);
  refuseUnless(await crypto.subtle.verify(how, known, signature, message), "bad_signature");
}

function byteString(data) {
  const size = data.length;
  return joined(size < 24 ? [0x40 + size] : size < 256 ? [0x58, size] : [0x59, size >> 8, size & 255], data);
}

/** A pass under the key of who should have signed it: its fields by number, its key as `key`. */
async function pass(signed, key, network) {
  const [header, unprotected, payload, signature] = cbor(signed);
  refuseUnless(same(header, [0xa1, 0x01, key.algorithm === ED25519 ? 0x27 : 0x26]), "bad_signature");
  refuseUnless(unprotected instanceof Map && unprotected.size === 0, "malformed");
  const context = utf8.encode(`onecode/1/${network}/pass`);
  const start = joined([0x84, 0x6a], utf8.encode("Signature1"), byteString(header));
  await verify(key, signature, joined(start, byteString(context), byteString(payload)));
  const fields = cbor(payload);
  const point = fields.get(8).get(1);
  const own =
    point.get(1) === 1
      ? { algorithm: ED25519, bytes: point.get(-2) }
      : { algorithm: P256, bytes: joined([point.get(-3) ? 3 : 2], point.get(-2)) };
  return { issuer: fields.get(1), subject: fields.get(2), rights: fields.get(-65538), key: own };
}

// --- the log: RFC 9162, 2.1.3.2, and c2sp.org

async function rootOver(leaf, index, size, path) {
  refuseUnless(index < size, "not_included");
  const node = (left, right) => sha256(joined([1], left, right));
  const half = (number) => Math.floor(number / 2);
  let [at, last, found] = [index, size - 1, await sha256(joined([0], leaf))];
  for (const beside of path) {
    refuseUnless(last > 0, "not_included");
    if (at % 2 === 1 || at === last) {
      found = await node(beside, found);
      while (at % 2 === 0 && at > 0) [at, last] = [half(at), half(last)];
    } else {
      found = await node(found, beside);
    }
    [at, last] = [half(at), half(last)];
  }
  refuseUnless(last === 0, "not_included");
  return found;
}

function readProof(text) {
  refuseUnless(text.length <= PROOF_BYTES_MAX, "malformed");
  const [first, extra, index, ...rest] = text.split("\n");
  const end = rest.indexOf("");
  const blank = rest.indexOf("", end + 1);
  refuseUnless(first === "c2sp.org/tlog-proof@v1" && end >= 0 && blank === end + 4, "malformed");
  refuseUnless(extra.startsWith("extra ") && index.startsWith("index ") && text.endsWith("\n"), "malformed");
  const checkpoint = rest.slice(end + 1, blank);
  return {
    extra: base64(extra.slice(6)),
    index: decimal(index.slice(6)),
    path: rest.slice(0, end).map(base64),
    signed: utf8.encode(`${checkpoint.join("\n")}\n`),
    origin: checkpoint[0],
    size: decimal(checkpoint[1]),
    root: base64(checkpoint[2]),
    signatures: rest.slice(blank + 1, -1).map((line) => line.split(" ")),
  };
}

async function signedBy(proof, key) {
  const name = utf8.encode(`${proof.origin}\n`);
  const id = (await sha256(joined(name, [1], key.bytes))).subarray(0, 4);
  const own = proof.signatures
    .filter(([dash, origin]) => dash === "\u2014" && origin === proof.origin)
    .map(([, , signature]) => base64(signature))
    .find((signature) => same(signature.subarray(0, 4), id));
  refuseUnless(own, "unsigned");
  await verify(key, own.subarray(4), proof.signed);
}

/**
 * Judges a proof file. `trust` is `{ network, root: { algorithm, bytes } }`. Answers what was proven,
 * `{ kind, of, at, index, size, log }`, or throws a `Refused`.
 */
export async function judge(text, trust) {
  const proof = readProof(text);
  const [leaf, issuerPass, gatewayPass] = cbor(proof.extra);
  const issuer = await pass(issuerPass, trust.root, trust.network);
  refuseUnless(issuer.rights & ISSUE_CODES, "not_permitted");
  const gateway = await pass(gatewayPass, issuer.key, trust.network);
  refuseUnless(gateway.issuer === issuer.subject, "not_for_you");
  refuseUnless(gateway.rights & SETTLE, "not_permitted");
  refuseUnless(proof.origin === `${trust.network}/chain/${gateway.subject}`, "not_included");
  await signedBy(proof, gateway.key);
  const found = await rootOver(leaf, proof.index, proof.size, proof.path);
  refuseUnless(same(found, proof.root), "not_included");
  const act = cbor(leaf);
  return { kind: act.get(1), of: act.get(2), at: act.get(3), index: proof.index, size: proof.size, log: gateway.subject };
}

// --- the page: an element with `data-proof` that holds the proof and one sentence for each outcome

/** Whether this browser was shown another root for the network before; the first one is kept. */
function rootChanged(network, root) {
  try {
    const before = localStorage.getItem(`root/${network}`);
    if (before === null) localStorage.setItem(`root/${network}`, root);
    return before !== null && before !== root;
  } catch {
    return false; // private windows keep nothing
  }
}

async function outcome(proof, { of, network, root }) {
  if (!globalThis.crypto?.subtle) return ["cannot"]; // a page that came over plain HTTP
  const [algorithm, bytes] = root.split(":");
  const trust = { network, root: { algorithm: Number(algorithm), bytes: hex(bytes) } };
  const act = await judge(proof, trust);
  refuseUnless(act.kind === ISSUED && same(act.of, codeBytes(of)), "another_code");
  return [rootChanged(network, root) ? "changed" : "good", act];
}

async function show(section) {
  let [word, act] = ["cannot"];
  try {
    [word, act] = await outcome(section.querySelector("pre").textContent, section.dataset);
  } catch (error) {
    word = error instanceof Refused || error instanceof TypeError ? "bad" : "cannot";
    section.dataset.why = error.message;
  }
  for (const sentence of section.querySelectorAll("[data-when]")) sentence.hidden = sentence.dataset.when !== word;
  for (const place of section.querySelectorAll("[data-leaf]")) place.append(act ? act.index + 1 : "");
  for (const place of section.querySelectorAll("[data-size]")) place.append(act ? act.size : "");
  section.dataset.outcome = word;
}

if (globalThis.document) for (const section of document.querySelectorAll("[data-proof]")) show(section);
