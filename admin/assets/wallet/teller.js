// What somebody does with a purse, one thing at a time whatever tabs are open: it is made durable,
// then said, and said again in the same bytes until there is an answer. docs/protocol.md, 9.5, 10.3
// and 11.5.
import {
  Refused, codeBytes, codeText, content, hex, keyIn, open, read, readMessage, refuseUnless, same, seal, sha256, toHex, write,
  writeMessage,
} from "./objects.js";
import { codeOf, gatewayUnder, makeKeys, publicBytes, request, signer, thingsPass } from "./keys.js";
import * as purses from "./purse.js";

const LOCK = "onecode-wallet";
const NOT_NOW = [80, 81, 82]; // full, busy, storage
const EXPIRED = 34;
const ROUNDS_MAX = 64;
const ANSWER_TIMEOUT_MS = 20_000;
const EMPTY = new Uint8Array();
const STORED = [
  "network", "root", "code", "gateway", "keys", "walletKey", "passes", "keyEpoch", "sequence", "head", "odometers",
  "allowances", "after", "holdings",
];

/** The gateway was not reached: nothing is known of what it did. */
export class Unreached extends Error {}

/** The gateway refused a message with this status number. */
export class Declined extends Error {
  constructor(status) {
    super(`status ${status}`);
    this.status = status;
  }
}

/** The door refused the call, and looked at no message. */
export class Shut extends Declined {}

const isJudged = (error) => error instanceof Declined && !(error instanceof Shut) && !NOT_NOW.includes(error.status);

const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
const fromBase64 = (text) => Uint8Array.from(atob(text.replace(/\s/g, "")), (character) => character.charCodeAt(0));
const random = (size) => crypto.getRandomValues(new Uint8Array(size));

/** Opens the passes a purse has: they were judged before they were kept where nobody else writes. */
async function loaded(kept) {
  if (!kept) return null;
  const [issuer, gateway, own] = await Promise.all(
    ["issuer", "gateway", "own"].map((name) => open("pass", kept.passes[name], kept.network)),
  );
  return { ...kept, trusted: { issuer, gateway }, own, gatewayKey: keyIn(gateway.key) };
}

const stored = (purse) => Object.fromEntries(STORED.map((name) => [name, purse[name]]));

export class Teller {
  /** `trust` is what the page says: `{ network, root, now }`; `changed` is called after every change. */
  constructor(store, trust, changed) {
    this.store = store;
    this.trust = trust;
    this.changed = changed;
    this.ahead = trust.now - Math.floor(Date.now() / 1000);
  }

  now() {
    return Math.floor(Date.now() / 1000) + this.ahead;
  }

  /** One thing at a time, in all tabs of this browser. */
  async alone(work, options = {}) {
    return navigator.locks.request(LOCK, options, async (lock) => {
      if (!lock) return null;
      try {
        return await work();
      } finally {
        this.changed();
      }
    });
  }

  async load() {
    return loaded(await this.store.look("purse", "purse"));
  }

  /** Everything there is to show. */
  async view() {
    const purse = await this.load();
    if (!purse) return null;
    const [payments, takings] = await Promise.all([this.store.all("payments"), this.store.all("takings")]);
    return { purse, payments: payments.reverse(), takings: takings.sort((a, b) => b.at - a.at) };
  }

  async fetch(path, how = {}) {
    let answer;
    try {
      // Nobody waits for ever: the lock is held meanwhile.
      const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
      answer = await fetch(path, { credentials: "omit", cache: "no-store", redirect: "error", signal, ...how });
      answer.content = new Uint8Array(await answer.arrayBuffer());
    } catch (error) {
      throw new Unreached(path, { cause: error });
    }
    const [date, body] = [Date.parse(answer.headers.get("date")), answer.content];
    if (date) this.theirs = Math.floor(date / 1000);
    if (answer.status >= 500) throw new Unreached(`${path}: ${answer.status}`);
    return { status: answer.status, body };
  }

  async passOf(code) {
    const { status, body } = await this.fetch(`/1/${code}/pass`);
    if (status !== 200) throw new Refused("unknown_code");
    return body;
  }

  // --- getting a code: chapter 10

  /** Makes the keys, has a code issued for the secret, and keeps what makes a purse. */
  async begin(secret) {
    return this.alone(async () => {
      refuseUnless(!(await this.load()), "not_permitted");
      let opening = await this.store.look("purse", "opening");
      if (!opening) {
        const keys = await makeKeys();
        opening = { keys, request: await request(keys, this.trust.network) };
        // A reload from here on sends the same request again and so gets the same code.
        await this.store.keep([["purse", opening, "opening"]]);
      }
      const headers = { authorization: `Basic ${btoa(`wallet:${secret}`)}`, "content-type": "application/pkcs10" };
      const how = { method: "POST", headers, body: base64(opening.request) };
      const { status, body } = await this.fetch("/.well-known/est/simpleenroll", how);
      if (status !== 200) throw new Refused("secret");
      const code = await codeOf(fromBase64(new TextDecoder().decode(body)), opening.keys.transport);
      const { network, root } = this.trust;
      const purse = {
        network, root, code, keys: opening.keys, walletKey: await publicBytes(opening.keys.wallet),
        ...purses.fresh(1), ...(await this.passes(code, network, root)), after: 0n, holdings: [],
      };
      refuseUnless(same(keyIn((await open("pass", purse.passes.own, network)).key).bytes, purse.walletKey), "not_for_you");
      await this.store.keep([["purse", stored(purse), "purse"], ["purse", undefined, "opening"]]);
      // Asks not to be cleared by itself; nobody waits for the answer.
      navigator.storage?.persist?.();
    });
  }

  /** The passes behind a code, judged from the root's key down. */
  async passes(code, network, root) {
    const own = await this.passOf(code);
    const gateway = (await open("pass", own, network)).issuer;
    const above = await this.passOf(gateway);
    const issuer = await this.passOf((await open("pass", above, network)).issuer);
    const trusted = await gatewayUnder(root, network, { issuer, gateway: above }, this.now());
    const pass = await thingsPass(trusted, own, network, this.now(), (by) => this.passOf(by));
    refuseUnless(pass.subject === code && trusted.gateway.subject === gateway, "not_for_you");
    return { gateway, passes: { own, gateway: above, issuer } };
  }

  /** Takes newer passes, where they hold under the root's key that was kept. */
  async refresh() {
    return this.alone(async () => {
      const purse = await this.load();
      if (!purse) return;
      const newer = await this.passes(purse.code, purse.network, purse.root);
      await this.store.keep([["purse", stored({ ...purse, ...newer }), "purse"]]);
    });
  }

  // --- calls: 11.5

  async call(purse, message = EMPTY, again = true) {
    const said = {
      code: codeBytes(purse.code), gateway: codeBytes(purse.gateway), time: this.now(), nonce: random(16),
      message: await sha256(message), after: purse.after,
    };
    const signed = await seal(await content("wallet-call", said, purse.network), signer(purse.keys.wallet));
    const how = { method: "POST", headers: { "content-type": "application/cbor" }, body: write([signed, message]) };
    const { status, body } = await this.fetch(`/1/${purse.code}/wallet`, how);
    if (status === 200) {
      const [answer, inbox, holdings] = read(body);
      return { answer, inbox, holdings };
    }
    const [name, why] = readMessage(body);
    refuseUnless(name === "refusal", "malformed");
    // The clock of this machine is wrong: the gateway's is what counts.
    if (why === EXPIRED && again && this.theirs) {
      this.ahead = this.theirs - Math.floor(Date.now() / 1000);
      return this.call(purse, message, false);
    }
    throw new Shut(why);
  }

  /** A call about one message, then what waited in the inbox: the purse as it is after that. */
  async ask(purse, message) {
    const { answer, inbox, holdings } = await this.call(purse, message);
    const [name, status] = answer.length ? readMessage(answer) : [];
    const next = await this.hear(purse, inbox, holdings);
    if (name === "refusal") throw new Declined(status);
    return { purse: next, answer };
  }

  /** What the inbox says is kept before the gateway is told that it may forget it. */
  async hear(purse, inbox, holdings) {
    for (const [, message] of inbox) {
      const keep = await this.judged(purse, message).catch(() => null);
      // Not for this purse, not to be read, or by nobody it trusts: it says nothing here.
      if (keep) await keep();
    }
    const after = inbox.length ? BigInt(inbox.at(-1)[0]) : purse.after;
    const next = { ...purse, after, holdings };
    await this.store.keep([["purse", stored(next), "purse"]]);
    return next;
  }

  /** What is to be kept of a message that waited, as something to do; `null` for nothing. */
  async judged(purse, message) {
    const [name] = readMessage(message);
    if (name === "statement") {
      const said = await purses.stated(purse, message);
      return () => this.take(said, message);
    }
    if (name === "evidence" || name === "covered") {
      const found = await purses.offered(purse, message);
      return () => this.offered(purse, found);
    }
    if (name !== "refund_answer") return null;
    const answer = await purses.answered(purse, message);
    return () => this.refunded(answer);
  }

  /** A statement is kept with the payment that it is about, whichever side of it this is. */
  async take(said, message) {
    const id = toHex(said.payment);
    const mine = (await this.store.all("payments")).find((payment) => payment.id === id);
    const theirs = mine ? null : await this.store.look("takings", id);
    const [name, about] = mine ? ["payments", mine] : ["takings", theirs];
    if (!about || (purses.isFinal(about.outcome) && !about.provisional && said.provisional)) return;
    const { refused, ...rest } = about;
    const changed = { ...rest, outcome: said.outcome, provisional: Boolean(said.provisional), statement: message };
    await this.store.keep([[name, changed]]);
  }

  /** Money that waits for this purse: the receipt is durable before the claim is sent. */
  async offered(purse, { payment, claim }) {
    const id = toHex(payment.id);
    if (await this.store.look("takings", id)) return;
    const receipt = { payee: codeBytes(purse.code), payment: payment.id, time: this.now() };
    const signed = await seal(await content("receipt", receipt, purse.network), signer(purse.keys.wallet));
    const { payer, currency, amount, reference } = payment;
    const taking = { id, payer: codeText(payer), currency, amount, reference, at: receipt.time, claim: writeMessage(...claim, signed) };
    await this.store.keep([["takings", taking]]);
  }

  async refunded(answer) {
    const request = toHex(answer.request);
    const paid = (await this.store.all("payments")).find((payment) => payment.refund?.id === request);
    if (!paid) return;
    const decided = { paidBack: answer.paid_back && toHex(answer.paid_back), words: answer.words, at: answer.time };
    await this.store.keep([["payments", { ...paid, refund: { ...paid.refund, answer: decided } }]]);
  }

  // --- what waits to be said

  /** Says everything that waits, in the order in which it was promised, and hears what is new. */
  async sync(options) {
    return this.alone(async () => {
      const purse = await this.load();
      return purse && this.resume(purse);
    }, options);
  }

  async resume(purse) {
    for (const payment of await this.store.all("payments")) {
      if (payment.outcome === undefined && payment.refused === undefined) purse = await this.deliver(purse, payment);
    }
    for (const payment of await this.store.all("payments")) {
      if (payment.refund && !payment.refund.sent) purse = await this.askBack(purse, payment);
    }
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const { inbox, holdings } = await this.call(purse);
      purse = await this.hear(purse, inbox, holdings);
      if (inbox.length === 0) break;
    }
    for (const taking of await this.store.all("takings")) {
      if (taking.outcome === undefined && taking.refused === undefined) purse = await this.claim(purse, taking);
    }
    return purse;
  }

  /** Keeps a refusal that will not change, and lets anything else stand for the next time. */
  async settled(name, record, work) {
    try {
      return await work();
    } catch (error) {
      if (!isJudged(error)) throw error;
      await this.store.keep([[name, { ...record, refused: error.status }]]);
      return this.load();
    }
  }

  async deliver(purse, payment) {
    if (!payment.signed) {
      // Cut off before the signature was kept: what was promised is signed unchanged.
      const what = { name: "payment", network: purse.network, payload: payment.payload };
      payment = { ...payment, signed: await seal(what, signer(purse.keys.wallet)) };
      await this.store.keep([["payments", payment]]);
    }
    return this.settled("payments", payment, async () => {
      const { purse: next, answer } = await this.ask(purse, writeMessage("evidence", payment.allowance, payment.signed));
      await this.take(await purses.stated(next, answer), answer);
      return next;
    });
  }

  async claim(purse, taking) {
    return this.settled("takings", taking, async () => {
      const { purse: next, answer } = await this.ask(purse, taking.claim);
      await this.take(await purses.stated(next, answer), answer);
      return next;
    });
  }

  // --- paying

  /** An allowance for so much; with `lost` the purse begins a new key epoch. */
  async renew(purse, currency, wanted, lost = false) {
    const fields = purses.renewal(purse, currency, wanted, this.now(), lost);
    const signed = await seal(await content("renewal", fields, purse.network), signer(purse.keys.wallet));
    const { purse: next, answer } = await this.ask(purse, writeMessage("renewal", signed));
    const given = await purses.granted(next, answer, this.now());
    await this.store.keep([["purse", stored(given), "purse"]]);
    return given;
  }

  /** Begins anew after a gateway said that it does not know what this purse remembers. */
  async startAnew(currency) {
    return this.alone(async () => this.renew(await this.load(), currency, 1n, true));
  }

  /** Who is to be paid: its pass holds, and lets it take payments. */
  async payee(code) {
    const purse = await this.load();
    const pass = await this.passOf(codeText(code));
    const found = await thingsPass(purse.trusted, pass, purse.network, this.now(), (by) => this.passOf(by));
    refuseUnless(found.subject === codeText(code), "not_for_you");
    refuseUnless(found.rights & 2, "not_permitted");
    return found;
  }

  async invoice(message) {
    return purses.asked(await this.load(), message, this.now(), (by) => this.passOf(by));
  }

  /** Pays; the same wish (payee and reference) is the same payment, however often it is asked for. */
  async pay(wish) {
    return this.alone(async () => {
      let purse = await this.load();
      const isIt = ({ payee, reference }) => payee === codeText(wish.payee) && same(reference, wish.reference);
      const before = (await this.store.all("payments")).find(isIt);
      // What was promised before is said first, or nothing is promised: each payment links to the last.
      purse = await this.resume(purse);
      if (before) return before.key;
      // What cannot be paid must not set money aside.
      const held = purse.holdings.find(([currency]) => same(currency, wish.currency));
      refuseUnless(!held || wish.amount <= BigInt(held[1]) + BigInt(held[2]), "not_funded");
      if (await purses.needsRenewal(purse, wish.currency, wish.amount, this.now())) {
        purse = await this.renew(purse, wish.currency, wish.amount);
      }
      const fields = await purses.order(purse, wish, this.now());
      const { payload, id } = await content("payment", fields, purse.network);
      const payment = {
        key: [fields.key_epoch, fields.sequence], id: toHex(id), payload, allowance: purses.allowanceIn(purse, wish.currency),
        payee: codeText(wish.payee), currency: wish.currency, amount: wish.amount, reference: wish.reference, at: this.now(),
      };
      purse = { ...purse, ...purses.promised(purse, fields, id) };
      // From here on this payment is made: it is signed and said again until there is an answer.
      await this.store.promise(stored(purse), payment);
      this.changed();
      try {
        await this.deliver(purse, payment);
      } catch (error) {
        if (!(error instanceof Unreached || error instanceof Declined)) throw error;
      }
      return payment.key;
    });
  }

  // --- asking for money back

  async askBack(purse, payment) {
    let [next, refused] = [purse];
    try {
      ({ purse: next } = await this.ask(purse, writeMessage("refund_request", payment.refund.request)));
    } catch (error) {
      if (!isJudged(error)) throw error;
      [next, refused] = [await this.load(), error.status];
    }
    const now = await this.store.look("payments", payment.key);
    await this.store.keep([["payments", { ...now, refund: { ...now.refund, sent: true, refused } }]]);
    return next;
  }

  /** The payer's signed words, once for each payment. */
  async refund(key, words) {
    return this.alone(async () => {
      const purse = await this.load();
      const payment = await this.store.look("payments", key);
      refuseUnless(payment && !payment.refund, "not_permitted");
      const fields = { payer: codeBytes(purse.code), payment: hex(payment.id), words, time: this.now() };
      const what = await content("refund-request", fields, purse.network);
      const asked = { request: await seal(what, signer(purse.keys.wallet)), id: toHex(what.id), words, sent: false };
      await this.store.keep([["payments", { ...payment, refund: asked }]]);
      return this.resume(purse);
    });
  }
}
