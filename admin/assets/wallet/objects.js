// Signed objects and messages of docs/protocol.md, chapters 2 and 5 to 8, as far as a purse says them
// or hears them: canonical CBOR in, the same bytes out. Tested against docs/vectors.
import { Refused, cbor, codeBytes, hex, joined, refuseUnless, same, sha256, verify } from "../proof.js";

export { Refused, codeBytes, hex, joined, refuseUnless, same, sha256 };

export const [ED25519, P256] = [-8, -7];
export const AMOUNT_MAX = 2n ** 63n - 1n;
const [PAYLOAD_MAX, MESSAGE_MAX, SAYING_MAX] = [384, 4072, 160];
const SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const utf8 = new TextEncoder();

export const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

// --- codes: chapter 2

function crc10(bytes) {
  let crc = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      const out = ((crc >> 9) & 1) ^ ((byte >> bit) & 1);
      crc = ((crc << 1) & 0x3ff) ^ (out ? 0x233 : 0);
    }
  }
  return crc;
}

/** The canonical text of the 20 bytes of a code. */
export function codeText(bytes) {
  let bits = BigInt(`0x${toHex(bytes)}`);
  let text = "";
  for (let at = 0; at < 32; at += 1, bits >>= 5n) text = SYMBOLS[Number(bits & 31n)] + text;
  const check = crc10(bytes);
  return text + SYMBOLS[check >> 5] + SYMBOLS[check & 31];
}

const isCode = (bytes) => bytes[0] >> 4 === 1 && (bytes[0] & 15) <= 8 && (bytes[0] & 15) !== 7;

/** The 20 bytes of a code as somebody typed, pasted or scanned it, alone or in an address. */
export function readCode(typed) {
  const path = /\/1\/([^/?#]+)/.exec(typed);
  const plain = (path ? path[1] : typed).replace(/[-\s]/g, "").toUpperCase();
  const text = plain.replace(/[IL]/g, "1").replace(/O/g, "0");
  refuseUnless(text.length === 34 && [...text].every((symbol) => SYMBOLS.includes(symbol)), "not_a_code");
  const bytes = codeBytes(text);
  refuseUnless(isCode(bytes) && codeText(bytes) === text, "not_a_code");
  return bytes;
}

// --- CBOR, written: chapter 1

function head(kind, value) {
  const [start, number] = [kind << 5, BigInt(value)];
  if (number < 24n) return [start | Number(number)];
  const size = [1, 2, 4, 8].find((bytes) => number < 1n << BigInt(8 * bytes));
  const bytes = hex(number.toString(16).padStart(2 * size, "0"));
  return [start | (24 + Math.log2(size)), ...bytes];
}

/** Numbers, bytes, text, `true` and `false`, arrays, and maps in the order of their keys' encodings. */
export function write(value) {
  if (typeof value === "number" || typeof value === "bigint") {
    return Uint8Array.from(value < 0 ? head(1, -1n - BigInt(value)) : head(0, value));
  }
  if (value instanceof Uint8Array) return joined(head(2, value.length), value);
  if (typeof value === "string") return joined(head(3, utf8.encode(value).length), utf8.encode(value));
  if (typeof value === "boolean") return Uint8Array.of(value ? 0xf5 : 0xf4);
  if (Array.isArray(value)) return joined(head(4, value.length), ...value.map(write));
  const entries = [...value].map(([key, item]) => [write(key), write(item)]);
  entries.sort(([a], [b]) => (toHex(a) < toHex(b) ? -1 : 1));
  return joined(head(5, entries.length), ...entries.flat());
}

/** Reads what is spelled in the one allowed way; refuses any other spelling. */
export function read(bytes) {
  let value;
  try {
    value = cbor(bytes);
  } catch (error) {
    throw new Refused("malformed", { cause: error });
  }
  refuseUnless(same(write(value), bytes), "malformed");
  return value;
}

// --- the types of fields: chapter 6

const whole = (most) => (value) => (typeof value === "number" || typeof value === "bigint") && value >= 0 && value <= most;
const bytesOf = (size) => (value) => value instanceof Uint8Array && value.length === size;
const isList = (value, length) => Array.isArray(value) && value.length === length;
const isName = (value) => typeof value === "string" && value.length === 34 && SYMBOLS.includes(value[0]) && codeText(codeBytes(value)) === value;
const isKey = (value) => isList(value, 2) && ((value[0] === ED25519 && bytesOf(32)(value[1])) || (value[0] === P256 && bytesOf(33)(value[1]) && (value[1][0] | 1) === 3));
const isSaying = (value) => typeof value === "string" && value !== "" && utf8.encode(value).length <= SAYING_MAX && !/\p{Cc}/u.test(value);

function isStream(value) {
  if (!isList(value, 3) || !whole(AMOUNT_MAX)(value[0]) || !whole(2 ** 20)(value[1]) || !bytesOf(32)(value[2])) return false;
  const [unit, count] = [BigInt(value[0]), BigInt(value[1])];
  return unit >= 1n && count >= 1n && unit * count <= AMOUNT_MAX;
}

function isConfirmation(value) {
  const key = value instanceof Map && value.size === 1 && value.get(1);
  if (!(key instanceof Map)) return false;
  if (key.size === 3) return key.get(1) === 1 && key.get(-1) === 6 && bytesOf(32)(key.get(-2));
  return key.size === 4 && key.get(1) === 2 && key.get(-1) === 1 && bytesOf(32)(key.get(-2)) && typeof key.get(-3) === "boolean";
}

const TYPES = {
  code: (value) => bytesOf(20)(value) && isCode(value),
  name: isName,
  key: isKey,
  confirmation: isConfirmation,
  currency: (value) => bytesOf(6)(value) && /^[A-Z0-9]{3}$/.test(String.fromCharCode(...value.subarray(3))),
  u32: whole(2 ** 32 - 1),
  rights: (value) => whole(2 ** 17 - 1)(value) && (value & 0xe0) === 0,
  time: whole(2 ** 32 - 1),
  class: whole(2),
  u64: whole(2n ** 64n - 1n),
  amount: whole(AMOUNT_MAX),
  id: bytesOf(32),
  ref: bytesOf(16),
  mark: (value) => value === true,
  stream: isStream,
  saying: isSaying,
};
const LONG = ["u64", "amount"];

// Key, name, type; a type with `?` is optional.
const OBJECTS = {
  pass: [
    [1, "issuer", "name"], [2, "subject", "name"], [4, "expires", "time"], [6, "issued", "time"],
    [8, "key", "confirmation"], [-65537, "class", "class"], [-65538, "rights", "rights"],
    [-65539, "grace_s", "u32?"], [-65540, "station", "u32?"],
    [-65541, "first_sequence", "u64?"], [-65542, "last_sequence", "u64?"],
  ],
  allowance: [
    [1, "code", "code"], [2, "wallet_key", "key"], [3, "key_epoch", "u32"], [4, "class", "class"],
    [5, "currency", "currency"], [6, "limit", "amount"], [7, "base_sequence", "u32"], [8, "base_head", "ref"],
    [9, "base_odometer", "amount"], [10, "most_per_payment", "amount"], [11, "most_payments", "u32"],
    [12, "hops", "u32?"], [13, "area", "ref?"], [14, "guarantee", "amount?"], [15, "issued", "time"],
    [16, "expires", "time"], [17, "gateway", "code"], [18, "gateway_epoch", "u32"], [19, "number", "u64"],
    [20, "issued_total", "amount"],
  ],
  payment: [
    [1, "payer", "code"], [2, "key_epoch", "u32"], [3, "sequence", "u32"], [4, "previous", "ref"],
    [5, "payee", "code"], [6, "currency", "currency"], [7, "amount", "amount"], [8, "odometer", "amount"],
    [9, "allowance", "ref"], [10, "settle_by", "time"], [11, "reference", "ref"], [12, "covers_for", "ref?"],
    [13, "covers", "id?"], [14, "stream", "stream?"],
  ],
  receipt: [
    [1, "payee", "code"], [2, "payment", "id"], [3, "time", "time"], [4, "declined", "u32?"], [5, "units", "u32?"],
  ],
  renewal: [
    [1, "code", "code"], [2, "key_epoch", "u32"], [3, "currency", "currency"], [4, "sequence", "u32"],
    [5, "head", "ref"], [6, "odometer", "amount"], [7, "wanted", "amount"], [8, "time", "time"], [9, "lost", "mark?"],
  ],
  statement: [
    [1, "gateway", "code"], [2, "gateway_epoch", "u32"], [3, "payment", "id"], [4, "outcome", "u32"],
    [5, "height", "u64"], [6, "root", "id"], [7, "time", "time"], [8, "units", "u32?"],
    [9, "provisional", "mark?"], [10, "paid", "amount?"],
  ],
  invoice: [
    [1, "payee", "code"], [2, "currency", "currency"], [3, "amount", "amount?"], [4, "unit", "amount?"],
    [5, "most_units", "u32?"], [6, "reference", "ref"], [7, "nonce", "u64"], [8, "expires", "time"],
    [9, "least_class", "class"], [10, "covers_for", "ref?"], [11, "holds", "ref?"],
  ],
  "wallet-call": [
    [1, "code", "code"], [2, "gateway", "code"], [3, "time", "time"], [4, "nonce", "ref"], [5, "message", "id"],
    [6, "after", "u64"],
  ],
  "refund-request": [[1, "payer", "code"], [2, "payment", "id"], [3, "words", "saying"], [4, "time", "time"]],
  "refund-answer": [
    [1, "gateway", "code"], [2, "request", "id"], [3, "paid_back", "id?"], [4, "words", "saying?"], [5, "time", "time"],
  ],
};

// --- objects: chapter 5

const protectedHeader = (algorithm) => write(new Map([[1, algorithm]]));

function toBeSigned(name, network, algorithm, payload) {
  const context = utf8.encode(`onecode/1/${network}/${name}`);
  return write(["Signature1", protectedHeader(algorithm), context, payload]);
}

/** What will be signed: durable before it is, so that nothing else is ever signed in its place. */
export async function content(name, fields, network) {
  const given = OBJECTS[name].filter(([, field]) => fields[field] !== undefined);
  for (const [, field, type] of OBJECTS[name]) {
    const fits = fields[field] === undefined ? type.endsWith("?") : TYPES[type.replace("?", "")](fields[field]);
    refuseUnless(fits, "malformed");
  }
  const payload = write(new Map(given.map(([key, field]) => [key, fields[field]])));
  refuseUnless(payload.length <= PAYLOAD_MAX, "malformed");
  const id = await sha256(toBeSigned(name, network, ED25519, payload));
  return { name, network, payload, id };
}

/** Signs a content with `sign`, which gives the 64 bytes of an Ed25519 signature. */
export async function seal({ name, network, payload }, sign) {
  const signature = await sign(toBeSigned(name, network, ED25519, payload));
  return framed(ED25519, payload, signature);
}

function framed(algorithm, payload, signature) {
  return joined([0xd2], write([protectedHeader(algorithm), new Map(), payload, signature]));
}

/** Reads an object; nobody has checked its signature by that. Fields that are not given are absent. */
export async function open(name, bytes, network) {
  refuseUnless(bytes[0] === 0xd2, "malformed");
  const parts = read(bytes.subarray(1));
  refuseUnless(isList(parts, 4) && parts[0] instanceof Uint8Array, "malformed");
  const [header, , payload, signature] = parts;
  const algorithm = [ED25519, P256].find((known) => same(protectedHeader(known), header));
  refuseUnless(algorithm && payload instanceof Uint8Array && payload.length <= PAYLOAD_MAX && bytesOf(64)(signature), "malformed");
  refuseUnless(same(framed(algorithm, payload, signature), bytes), "malformed");
  const entries = read(payload);
  refuseUnless(entries instanceof Map, "malformed");
  const fields = {};
  for (const [key, field, type] of OBJECTS[name]) {
    const [plain, value] = [type.replace("?", ""), entries.get(key)];
    refuseUnless(value === undefined ? plain !== type : TYPES[plain](value), "malformed");
    if (value !== undefined) fields[field] = LONG.includes(plain) ? BigInt(value) : value;
    entries.delete(key);
  }
  refuseUnless(entries.size === 0, "malformed");
  const signed = toBeSigned(name, network, algorithm, payload);
  const id = await sha256(signed);
  return { ...fields, bytes, id, ref: id.subarray(0, 16), algorithm, signature, signed };
}

/** The object, if this key signed it. A key is `{ algorithm, bytes }`. */
export async function checked(object, key) {
  refuseUnless(object.algorithm === key.algorithm, "bad_signature");
  await verify(key, object.signature, object.signed);
  return object;
}

/** The key in a pass or an allowance. */
export function keyIn(field) {
  if (Array.isArray(field)) return { algorithm: field[0], bytes: field[1] };
  const key = field.get(1);
  if (key.get(1) === 1) return { algorithm: ED25519, bytes: key.get(-2) };
  return { algorithm: P256, bytes: joined([key.get(-3) ? 3 : 2], key.get(-2)) };
}

// --- messages: chapter 7

// The messages that a purse sends or is sent: number of parts, and of those that may be left out.
const MESSAGES = {
  evidence: [1, 2, 0], claim: [2, 3, 0], receipt: [3, 2, 0], renewal: [4, 1, 0], grant: [5, 1, 0],
  statement: [6, 1, 0], refusal: [7, 2, 1], invoice: [9, 2, 0], covered: [12, 2, 1],
  refund_request: [34, 1, 0], refund_answer: [35, 1, 0],
};

export function writeMessage(name, ...parts) {
  return write([MESSAGES[name][0], ...parts]);
}

/** Name and parts; `null` for the name of a message that is none of a purse's. */
export function readMessage(bytes) {
  refuseUnless(bytes.length <= MESSAGE_MAX, "malformed");
  const parts = read(bytes);
  refuseUnless(Array.isArray(parts) && typeof parts[0] === "number", "malformed");
  const found = Object.entries(MESSAGES).find(([, [kind]]) => kind === parts[0]);
  if (!found) return [null];
  const [name, [, most, optional]] = found;
  const given = parts.length - 1;
  refuseUnless(given <= most && given >= most - optional, "malformed");
  const isPart = (part, at) => (name === "refusal" && at === 0 ? whole(255)(part) : part instanceof Uint8Array);
  refuseUnless(parts.slice(1).every(isPart), "malformed");
  return [name, ...parts.slice(1)];
}
