// The two keys of a person's code, which never leave this browser, and the request for the code:
// docs/protocol.md, chapters 4 and 10.
import { ED25519, Refused, codeBytes, hex, joined, keyIn, open, checked, refuseUnless, same, sha256, write } from "./objects.js";

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const OID_WALLET_PROOF = hex("2b0601040181fd590101"); // 1.3.6.1.4.1.32473.1.1
const OID_ECDSA_SHA256 = hex("2a8648ce3d040302");
const OID_COMMON_NAME = hex("0603550403");
const [INTEGER, BIT_STRING, OCTET_STRING, OID, SEQUENCE, SET, ATTRIBUTES] = [2, 3, 4, 6, 0x30, 0x31, 0xa0];
export const RIGHTS = { pay: 1, accept: 2, settle: 4, issueCodes: 8 };
const utf8 = new TextEncoder();

/** Both keys; nobody, not even this script, can read their secret halves. */
export async function makeKeys() {
  const transport = await crypto.subtle.generateKey(ECDSA, false, ["sign", "verify"]);
  const wallet = await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);
  return { transport, wallet };
}

/** Signs as the wallet key. */
export const signer = (wallet) => async (bytes) =>
  new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, wallet.privateKey, bytes));

export const publicBytes = async (pair) => new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
const birthKey = async (pair) => new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));

// --- DER

function der(tag, ...parts) {
  const body = joined(...parts);
  if (body.length < 128) return joined([tag, body.length], body);
  const length = hex(body.length.toString(16).padStart(body.length < 256 ? 2 : 4, "0"));
  return joined([tag, 0x80 | length.length], length, body);
}

/** A number of 32 bytes, shortest, never negative. */
function integer(bytes) {
  const start = bytes.findIndex((byte) => byte !== 0);
  const short = start < 0 ? bytes.subarray(-1) : bytes.subarray(start);
  return der(INTEGER, short[0] & 0x80 ? [0] : [], short);
}

/** R || S as X.509 has it. */
export const signatureDer = (raw) => der(SEQUENCE, integer(raw.subarray(0, 32)), integer(raw.subarray(32)));

/** What the wallet key signs to show that one thing holds both keys. */
export async function walletProof(wallet, network, transportSpki) {
  const message = joined(utf8.encode(`onecode/1/${network}/wallet-key`), await sha256(transportSpki));
  return write([[ED25519, await publicBytes(wallet)], await signer(wallet)(message)]);
}

/** The PKCS#10 request of these keys. */
export async function request({ transport, wallet }, network) {
  const spki = await birthKey(transport);
  const proof = await walletProof(wallet, network, spki);
  const attribute = der(SEQUENCE, der(OID, OID_WALLET_PROOF), der(SET, der(OCTET_STRING, proof)));
  const info = der(SEQUENCE, der(INTEGER, [0]), der(SEQUENCE), spki, der(ATTRIBUTES, attribute));
  const raw = new Uint8Array(await crypto.subtle.sign(ECDSA, transport.privateKey, info));
  return der(SEQUENCE, info, der(SEQUENCE, der(OID, OID_ECDSA_SHA256)), der(BIT_STRING, [0], signatureDer(raw)));
}

/** Which of the codes that a certificate names commits to this key: the others are its issuer's. */
export async function codeOf(certificates, transport) {
  const spki = await birthKey(transport);
  for (let at = 0; at + 41 <= certificates.length; at += 1) {
    if (!same(certificates.subarray(at, at + 5), OID_COMMON_NAME) || certificates[at + 6] !== 34) continue;
    const text = String.fromCharCode(...certificates.subarray(at + 7, at + 41));
    if (!/^[0-9A-Z]{34}$/.test(text)) continue;
    const code = codeBytes(text);
    const hash = await sha256(joined(utf8.encode("onecode/1"), code.subarray(0, 10), spki));
    if (same(hash.subarray(0, 10), code.subarray(10))) return text;
  }
  throw new Refused("not_for_you");
}

// --- passes: 9.1

/** Whether an authority may issue this code at all. */
function covers(authority, subject) {
  const [by, code] = [codeBytes(authority.subject), codeBytes(subject)];
  const kinds = authority.rights >> 8;
  if (kinds && !(kinds & (1 << (code[0] & 15)))) return false;
  if (!same(by.subarray(1, 4), code.subarray(1, 4))) return false;
  if (authority.station === undefined) return authority.first_sequence === undefined;
  if (authority.first_sequence === undefined || authority.last_sequence === undefined) return false;
  const station = (code[4] << 4) | (code[5] >> 4);
  const sequence = (BigInt(code[5] & 15) << 32n) | BigInt(`0x${Array.from(code.subarray(6, 10), (byte) => byte.toString(16).padStart(2, "0")).join("")}`);
  return station === authority.station && authority.first_sequence <= sequence && sequence <= authority.last_sequence;
}

/** A pass under that of the authority that should have signed it. */
export async function passUnder(authority, bytes, network) {
  const pass = await checked(await open("pass", bytes, network), keyIn(authority.key));
  refuseUnless(pass.issuer === authority.subject, "not_for_you");
  const [plain, kinds, theirKinds] = [pass.rights & 31, pass.rights >> 8, authority.rights >> 8];
  const issues = Boolean(plain & RIGHTS.issueCodes);
  const kindsFit = !theirKinds || (!(kinds & ~theirKinds) && (!issues || kinds !== 0));
  const permitted = authority.rights & RIGHTS.issueCodes && !(plain & ~authority.rights) && kindsFit;
  refuseUnless(permitted && covers(authority, pass.subject), "not_permitted");
  return pass;
}

const EARLY_S = 300;
function inTime(pass, now) {
  refuseUnless(pass.issued <= now + EARLY_S && pass.expires > now, "expired");
  return pass;
}

/** The passes of a gateway and of the issuer above it, down from the root's key. */
export async function gatewayUnder(root, network, { issuer, gateway }, now) {
  const above = await checked(await open("pass", issuer, network), root);
  refuseUnless(above.rights & RIGHTS.issueCodes, "not_permitted");
  const given = await passUnder(inTime(above, now), gateway, network);
  refuseUnless(given.rights & RIGHTS.settle, "not_permitted");
  return { issuer: above, gateway: inTime(given, now) };
}

/**
 * The pass of a thing: under the gateway's or, of what a station made, under the station's, which
 * `passOf` finds. The passes of `gatewayUnder` are `trusted`.
 */
export async function thingsPass(trusted, bytes, network, now, passOf) {
  const { issuer, gateway } = trusted;
  const by = (await open("pass", bytes, network)).issuer;
  if (by === gateway.subject) return inTime(await passUnder(gateway, bytes, network), now);
  const station = inTime(await passUnder(issuer, await passOf(by), network), now);
  return inTime(await passUnder(station, bytes, network), now);
}
