// The page of a wallet: shows what the purse says, and hands on what somebody wants of it. Its words
// stand in the page, in the language of whoever reads it.
import { Refused, hex, readCode, codeText, toHex } from "./objects.js";
import { Store } from "./store.js";
import { Declined, Teller, Unreached } from "./teller.js";
import { DECLINED, IN_TRANSIT, OPEN_CLAIM, RETURNED, SETTLED, WAITING } from "./purse.js";

const LOOK_AGAIN_MS = 5_000;
const SHOWN_MAX = 100;
const SAYING_MAX = 160;
const LINKS_BROKEN = ["links_broken", "out_of_interval"];

const page = document.querySelector("[data-wallet]");
const find = (what, from = page) => from.querySelector(what);
const views = [...page.querySelectorAll("[data-view]")];
const show = (...names) => views.forEach((view) => (view.hidden = !names.includes(view.dataset.view)));
const grouped = (code) => code.match(/.{1,4}/g).join("-");

// --- words

function word(name, values = {}) {
  const text = find(`[data-word="${name}"]`).textContent;
  return text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

const status = (number) => find(`[data-status="${number}"]`)?.textContent ?? String(number);

/** Something that is said as it stands. */
class Said extends Error {}

/** What went wrong, in words. */
function why(error) {
  if (error instanceof Said) return error.message;
  if (error instanceof Unreached) return word("unreached");
  if (error instanceof Declined) return status(error.status);
  if (!(error instanceof Refused)) return word("wrong", { why: error.message });
  const named = ({ dataset }) => [dataset.word, dataset.name].includes(error.message);
  const known = [...page.querySelectorAll("[data-words] li")].find(named);
  return known?.textContent ?? word("wrong", { why: error.message });
}

function notice(text, kind = "good") {
  const place = find("[data-notice]");
  place.hidden = !text;
  place.className = `notice ${kind}`;
  place.textContent = text;
}

const isBroken = (error) =>
  LINKS_BROKEN.includes(error.message) || (error instanceof Declined && LINKS_BROKEN.includes(find(`[data-status="${error.status}"]`)?.dataset.name));

// --- amounts: whole numbers of the smallest unit, never through a floating point

const currencies = new Map(
  [...page.querySelectorAll("#currency option")].map((option) => [option.value, { digits: Number(option.dataset.exponent), unit: option.dataset.unit }]),
);
const currency = (bytes) => currencies.get(toHex(bytes)) ?? { digits: 0, unit: String.fromCharCode(...bytes.subarray(3)) };

function written(amount, { digits }) {
  const text = amount.toString().padStart(digits + 1, "0");
  const whole = BigInt(text.slice(0, text.length - digits)).toLocaleString(page.dataset.locale);
  const rest = digits ? text.slice(-digits).replace(/0+$/, "") : "";
  const point = (1.1).toLocaleString(page.dataset.locale)[1];
  return rest || digits >= 2 ? `${whole}${point}${rest.padEnd(Math.min(2, digits), "0")}` : whole;
}

function typed(text, { digits }) {
  const parts = /^(\d{1,19})(?:[.,](\d*))?$/.exec(text.trim());
  const rest = parts?.[2] ?? "";
  const amount = parts && rest.length <= digits ? BigInt(parts[1] + rest.padEnd(digits, "0")) : 0n;
  if (amount < 1n || amount >= 2n ** 63n) throw new Said(word("amount", { digits }));
  return amount;
}

// --- what is shown

const put = (from, name) => find(`[data-put="${name}"]`, from);

function fill(list, part, rows, draw) {
  const template = find(`template[data-part="${part}"]`).content;
  const place = find(`[data-list="${list}"]`);
  place.replaceChildren(...rows.map((row) => draw(template.cloneNode(true), row)));
  const none = find(`[data-none="${list}"]`);
  none.hidden = rows.length > 0;
}

function drawBalance(piece, [bytes, free, reserved, incoming]) {
  const how = currency(bytes);
  put(piece, "balance").textContent = written(BigInt(free) + BigInt(reserved), how);
  put(piece, "unit").textContent = how.unit;
  if (incoming > 0) put(piece, "incoming").textContent = word("incoming", { amount: written(BigInt(incoming), how) });
  return piece;
}

function state({ outcome, refused, provisional, isMine }) {
  if (refused !== undefined) return ["refused", "bad", status(refused)];
  if (outcome === undefined) return ["pending", "warn", word("pendingSentence")];
  if (provisional) return ["provisional", "warn", status(outcome)];
  const said = { [SETTLED]: isMine ? ["settled", "good"] : ["received", "good"], [IN_TRANSIT]: ["transit", "info"], [WAITING]: ["transit", "info"], [DECLINED]: ["back", "warn"], [RETURNED]: ["back", "warn"], [OPEN_CLAIM]: ["disputed", "bad"] };
  return [...(said[outcome] ?? ["settled", "good"]), status(outcome)];
}

function drawRefund(piece, move) {
  const { refund } = move;
  const [place, form] = [put(piece, "refund"), find("form", piece)];
  form.hidden = !move.isMine || Boolean(refund) || move.outcome === undefined || [DECLINED, RETURNED].includes(move.outcome);
  form.dataset.key = JSON.stringify(move.key ?? null);
  if (!refund) return;
  const answer = refund.answer;
  const name = refund.refused ? "refundRefused" : !answer ? "refundWaits" : answer.paidBack ? "refundPaid" : "refundDeclined";
  place.hidden = false;
  place.textContent = word(name, { words: refund.words, answer: refund.refused ? status(refund.refused) : (answer?.words ?? "") });
}

function drawMove(piece, move) {
  const how = currency(move.currency);
  const [name, kind, sentence] = state(move);
  const party = move.isMine ? move.payee : move.payer;
  put(piece, "amount").textContent = `${move.isMine ? "−" : "+"}${written(move.amount, how)} ${how.unit}`;
  put(piece, "state").textContent = word(name);
  put(piece, "state").classList.add(kind);
  put(piece, "who").textContent = `${word(move.isMine ? "to" : "from")} ${grouped(party).slice(0, 19)}…`;
  put(piece, "when").textContent = new Date(move.at * 1000).toLocaleString(page.dataset.locale);
  put(piece, "side").textContent = word(move.isMine ? "to" : "from");
  const link = put(piece, "party");
  [link.textContent, link.href] = [grouped(party), `/1/${party}`];
  put(piece, "id").textContent = move.id;
  put(piece, "sentence").textContent = sentence;
  put(piece, "receipt").hidden = !move.statement;
  if (move.statement) {
    const file = put(piece, "statement");
    file.download = `${move.id.slice(0, 32)}.answer`;
    file.href = `data:application/cbor;base64,${btoa(String.fromCharCode(...move.statement))}`;
  }
  drawRefund(piece, move);
  const details = find("details", piece);
  details.dataset.id = move.id;
  return piece;
}

let lastShown = "";

async function draw(teller) {
  const view = await teller.view();
  if (!view) return show("none");
  const { purse, payments, takings } = view;
  const moves = [...payments.map((move) => ({ ...move, isMine: true })), ...takings].sort((a, b) => b.at - a.at);
  if (find('[data-view="confirm"]').hidden) show("wallet", "pay", "history", ...(page.dataset.broken ? ["anew"] : []));
  const now = JSON.stringify([purse.code, purse.holdings, moves], (_, value) => (typeof value === "bigint" ? `${value}` : value));
  if (now === lastShown) return;
  lastShown = now;
  put(find('[data-view="wallet"]'), "code").textContent = grouped(purse.code);
  fill("balances", "balance", purse.holdings, drawBalance);
  // What somebody has opened, or is writing, stays as it is.
  const open = new Set([...page.querySelectorAll("details[open]")].map((details) => details.dataset.id));
  const writing = [...page.querySelectorAll("details textarea")].some((area) => area.value !== "");
  if (writing && open.size > 0) return void (lastShown = "");
  fill("moves", "move", moves.slice(0, SHOWN_MAX), drawMove);
  for (const details of page.querySelectorAll("details")) details.open = open.has(details.dataset.id);
}

// --- what somebody does

const fromUrl = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
const secretIn = (text) => /[#&]secret=([^&]+)/.exec(text)?.[1] ?? text.trim();
const invoiceIn = (text) => /[#&]invoice=([A-Za-z0-9_-]+)/.exec(text)?.[1];

/** Asks before it pays. The reference is drawn once for each question, so that one yes is one payment. */
function confirm(wish) {
  const view = find('[data-view="confirm"]');
  const how = currency(wish.currency);
  put(view, "amount").textContent = written(wish.amount, how);
  put(view, "unit").textContent = how.unit;
  put(view, "payee").textContent = grouped(codeText(wish.payee));
  show("confirm");
  view.focus();
}

function acts(teller) {
  let wish = null;
  const wishFrom = async (form) => {
    const text = form.elements.payee.value;
    const invoice = invoiceIn(text);
    if (invoice) return teller.invoice(fromUrl(invoice));
    const payee = readCode(text);
    const how = currencies.get(form.elements.currency.value);
    if (!how) throw new Refused("no_allowance");
    const amount = typed(form.elements.amount.value, how);
    await teller.payee(payee);
    const reference = crypto.getRandomValues(new Uint8Array(16));
    return { payee, currency: hex(form.elements.currency.value), amount, reference };
  };
  return {
    async begin(form) {
      await teller.begin(secretIn(form.elements.secret.value));
      form.reset();
      notice(word("opened"));
      await teller.sync();
    },
    async pay(form) {
      wish = await wishFrom(form);
      confirm(wish);
    },
    async refund(form) {
      const words = form.elements.words.value.replace(/\s+/g, " ").trim();
      if (new TextEncoder().encode(words).length > SAYING_MAX) throw new Said(word("long"));
      await teller.refund(JSON.parse(form.dataset.key), words);
      form.reset();
      notice(word("asked"));
    },
    click: {
      async pay() {
        const key = await teller.pay(wish);
        const { outcome, refused } = await teller.store.look("payments", key);
        if (refused !== undefined) throw new Declined(refused);
        [wish] = [null];
        find('[data-form="pay"]').reset();
        find("[data-own-amount]").hidden = false;
        show("wallet", "pay", "history");
        notice(outcome === undefined ? word("waits") : word("paid"), outcome === undefined ? "warn" : "good");
      },
      async cancel() {
        wish = null;
        show("wallet", "pay", "history");
      },
      async anew() {
        const held = (await teller.load()).holdings[0]?.[0] ?? hex(find("#currency").value);
        await teller.startAnew(held);
        delete page.dataset.broken;
      },
      async copy() {
        await navigator.clipboard.writeText((await teller.load()).code);
        notice(word("copied"));
      },
    },
  };
}

/** Does one thing, with its button out of reach meanwhile; says what went wrong. */
async function doing(button, work, teller) {
  if (button?.disabled) return;
  if (button) button.disabled = true;
  notice("");
  try {
    await work();
  } catch (error) {
    if (isBroken(error)) page.dataset.broken = "true";
    show("wallet", "pay", "history");
    notice(why(error), "bad");
  }
  if (button) button.disabled = false;
  await draw(teller);
}

function listen(teller) {
  const known = acts(teller);
  page.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    doing(find("button", form), () => known[form.dataset.form](form), teller);
  });
  page.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) doing(button, known.click[button.dataset.do], teller);
  });
}

/** What the address asks for: a secret or an invoice is taken out of it, so that it is not kept. */
function asked() {
  const { hash, search } = location;
  const [secret, invoice] = [/[#&]secret=([^&]+)/.exec(hash)?.[1], invoiceIn(hash)];
  if (secret) find("#secret").value = secret;
  if (invoice) {
    find("#payee").value = `#invoice=${invoice}`;
    find("[data-own-amount]").hidden = true;
  }
  const payee = new URLSearchParams(search).get("pay");
  if (payee && !invoice) find("#payee").value = grouped(payee.slice(0, 40));
  if (hash) history.replaceState(null, "", location.pathname + search);
}

async function look(teller) {
  if (document.hidden) return;
  try {
    await teller.sync({ ifAvailable: true });
    find("[data-waiting]").hidden = true;
  } catch (error) {
    find("[data-waiting]").hidden = !(error instanceof Unreached);
    if (isBroken(error)) page.dataset.broken = "true";
  }
  await draw(teller);
}

async function canHold() {
  if (!globalThis.isSecureContext || !crypto.subtle || !navigator.locks || !globalThis.indexedDB) return false;
  return crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]).then(() => true, () => false);
}

async function start() {
  page.hidden = false;
  if (!(await canHold())) return show("cannot");
  const { network, root, now } = page.dataset;
  const [algorithm, bytes] = root.split(":");
  const channel = new BroadcastChannel("onecode-wallet");
  const trust = { network, root: { algorithm: Number(algorithm), bytes: hex(bytes) }, now: Number(now) };
  const teller = new Teller(await Store.open(), trust, () => channel.postMessage("changed"));
  channel.onmessage = () => draw(teller);
  asked();
  find("#payee").addEventListener("input", ({ target }) => (find("[data-own-amount]").hidden = Boolean(invoiceIn(target.value))));
  listen(teller);
  await draw(teller);
  await look(teller);
  setInterval(() => look(teller), LOOK_AGAIN_MS);
  document.addEventListener("visibilitychange", () => look(teller));
  const isChanged = ({ message }) => message === "bad_signature";
  await teller.refresh().catch((error) => error instanceof Refused && notice(isChanged(error) ? word("changed") : why(error), "warn"));
}

// A browser that keeps nothing, such as in some private windows, holds no wallet.
start().catch(() => show("cannot"));
