// A person's wallet in a browser, with the real programs: a gateway, a phone, and a thing that takes
// payments. The money is checked at the thing and in the portal, not only on the wallet's own page.
//
//   node wallet.js --bin FOLDER [--shots DIR]
//
// FOLDER holds onecode.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import assert from "node:assert/strict";
import { openBrowser, readArguments } from "./browser.js";
import { START_TIMEOUT_MS, start, startGateway } from "./gateway.js";

const asked = readArguments(process.argv.slice(2));
const onecode = join(resolve(asked.bin), "onecode");
const scratch = mkdtempSync(join(tmpdir(), "onecode-wallet-"));
const shots = asked.shots ?? join(scratch, "shots");
mkdirSync(shots, { recursive: true });
const PAGE_BYTES_MAX = 100_000;
const PHONE = { width: 390, height: 844 };
const children = [];

function run(words) {
  const child = start(onecode, words);
  children.push(child);
  return child;
}

const gateway = await startGateway(onecode, join(scratch, "gateway"));
children.push(gateway.child);
const { link, portal } = gateway;
const DOOR = ["--mqtt", gateway.mqtt];
const browser = await openBrowser(portal, shots);
const { page, go, shot } = browser;
// A page of its own for whoever runs the network; both live in one browser, as two sites would not.
const office = await page.context().newPage();

async function secrets(kind) {
  await office.goto(`${portal}/secrets`);
  await office.selectOption("#kind", kind);
  await office.getByRole("button", { name: "Make" }).click();
  const fresh = office.locator("#fresh");
  return (await fresh.textContent()).trim();
}

async function load(code, amount) {
  await office.goto(`${portal}/money?code=${code}`);
  await office.fill("form[action='/money/load'] #amount", amount);
  await office.getByRole("button", { name: "Load", exact: true }).click();
  await office.waitForSelector("text=The money is in the purse.");
}

async function prepare() {
  await office.goto(portal + link);
  await office.fill("#name", "Ada Owner");
  await office.fill("#password", "correct horse battery");
  await office.fill("#again", "correct horse battery");
  await office.click("button");
  await office.waitForSelector("h1:has-text('Overview')");
  await office.goto(`${portal}/money`);
  await office.fill("#letters", "USD");
  await office.fill("#exponent", "6");
  await office.fill("#currency-name", "US dollar");
  await office.getByRole("button", { name: "Declare", exact: true }).click();
  // A thing that takes payments, on MQTT.
  const folder = join(scratch, "charger");
  const trust = join(scratch, "gateway", "trust.toml");
  execFileSync(onecode, ["device", "init", "--folder", folder, "--gateway", portal, "--trust", trust, "--secret", await secrets("device")]);
  await office.goto(`${portal}/codes`);
  const code = (await office.locator("tbody tr:first-child td:nth-child(2) a").getAttribute("href")).split("/").pop();
  return { folder, code, takes: () => run(["device", "accept", "--folder", folder, ...DOOR]) };
}

const shown = (text) => page.waitForSelector(`[data-notice]:has-text("${text}")`);

async function opened() {
  await secrets("person");
  const address = (await office.textContent("[data-wallet-link]")).trim();
  await page.setViewportSize(PHONE);
  await go(new URL(address).pathname + new URL(address).hash);
  await page.waitForSelector("[data-view=none]:not([hidden])");
  assert.ok(!page.url().includes("secret="), "the secret does not stay in the address");
  await shot("open");
  await page.getByRole("button", { name: "Open the wallet" }).click();
  await shown("The wallet is open");
  await page.waitForSelector("[data-view=wallet]:not([hidden])");
  const code = (await page.textContent("[data-view=wallet] [data-put=code]")).replaceAll("-", "");
  assert.match(code, /^[0-9A-Z]{34}$/);
  await shot("empty");
  return code;
}

// From the label of a thing to its question and one yes.
async function asks(thing, amount) {
  await go(`/1/${thing}`);
  await page.getByRole("link", { name: "Pay this thing" }).click();
  await page.waitForSelector("[data-view=pay]:not([hidden])");
  await page.fill("#amount", amount);
  await page.getByRole("button", { name: "Go on" }).click();
  await page.waitForSelector("[data-view=confirm]:not([hidden])");
}

const moves = () => page.locator("[data-list=moves] > li");
const newest = (state) => page.waitForSelector(`[data-list=moves] > li:first-child .pill:has-text("${state}")`);
const balance = () => page.textContent("[data-put=balance]");

// What a phone loads for the wallet, beside the sheet and the icon that all pages share.
async function weighed() {
  const sizes = [];
  const isShared = (answer) => /style\.css|icon\.svg/.test(answer.url());
  const listen = (answer) => isShared(answer) || answer.body().then((body) => sizes.push(body.length), () => {});
  page.on("response", listen);
  await page.reload({ waitUntil: "networkidle" });
  page.off("response", listen);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(total < PAGE_BYTES_MAX, `${total} bytes for the wallet's page`);
  console.log(`the wallet's page with its scripts: ${total} bytes`);
}

async function paying(thing) {
  await asks(thing.code, "12.50");
  await shot("question");
  await page.getByRole("button", { name: "Pay now" }).click();
  await shown("Paid.");
  await newest("settled");
  assert.equal(await balance(), "87.50");
  await page.locator("[data-list=moves] summary").first().click();
  await shot("paid");
  // What a browser may not do, it says.
  await asks(thing.code, "1000");
  await page.getByRole("button", { name: "Pay now" }).click();
  await page.waitForSelector("[data-notice].bad");
  await shot("refused");
  assert.equal(await moves().count(), 1);
  await page.fill("#payee", `${thing.code.slice(0, -1)}${thing.code.endsWith("7") ? "8" : "7"}`);
  await page.getByRole("button", { name: "Go on" }).click();
  await shown("That is no code");
}

// The page goes away between the promise and the answer: it is one payment all the same.
async function cutOff(thing) {
  await asks(thing.code, "2.50");
  let cut = 0;
  await page.route("**/wallet", (route) => {
    // Everything but the renewal, which comes first: the promise is kept, and nobody hears of it.
    const isCall = route.request().method() === "POST";
    if (isCall && cut === 0 && route.request().postDataBuffer().includes(Buffer.from([0x83, 0x01, 0x58]))) {
      cut += 1;
      return route.abort("aborted");
    }
    return isCall && cut > 0 ? route.abort("aborted") : route.continue();
  });
  await page.getByRole("button", { name: "Pay now" }).click();
  await shown("signed and kept");
  await newest("on its way");
  await shot("cut-off");
  assert.equal(cut, 1);
  await page.unroute("**/wallet");
  await page.reload();
  await newest("settled");
  assert.equal(await moves().count(), 2);
  assert.equal(await balance(), "85.00");
}

// Two tabs, and somebody who says yes in both at once.
async function twoTabs(thing) {
  const second = await page.context().newPage();
  await asks(thing.code, "1");
  await second.goto(`${portal}/wallet?pay=${thing.code}`);
  await second.fill("#amount", "1");
  await second.getByRole("button", { name: "Go on" }).click();
  await second.waitForSelector("[data-view=confirm]:not([hidden])");
  await Promise.all([page, second].map((tab) => tab.getByRole("button", { name: "Pay now" }).click()));
  await Promise.all([page, second].map((tab) => tab.waitForSelector('[data-notice]:has-text("Paid.")')));
  await second.close();
  await page.waitForFunction(() => document.querySelectorAll("[data-list=moves] > li").length === 4);
  await page.waitForFunction(() => [...document.querySelectorAll("[data-list=moves] .pill")].every((pill) => pill.textContent === "settled"));
  assert.equal(await balance(), "83.00");
}

const ended = (child) => new Promise((done) => (child.exitCode === null && child.signalCode === null ? child.once("exit", done) : done()));

// A thing asks for an amount; the wallet is handed its invoice as a link.
async function invoiced(thing, takes) {
  takes.kill();
  await ended(takes);
  const carried = join(scratch, "stick");
  mkdirSync(carried);
  const asks = run(["device", "accept", "--folder", thing.folder, "--via", "file", "--files", carried, "--invoice", "3000000", "--reference", "77"]);
  const deadline = Date.now() + START_TIMEOUT_MS;
  const found = () => readdirSync(carried).find((name) => name.endsWith(".invoice"));
  while (!found() && Date.now() < deadline) await new Promise((done) => setTimeout(done, 100));
  asks.kill();
  await ended(asks);
  const invoice = readFileSync(join(carried, found())).toString("base64url");
  await go(`/1/${thing.code}`);
  await go(`/wallet#invoice=${invoice}`);
  await page.waitForSelector("[data-view=pay]:not([hidden])");
  assert.ok(!page.url().includes("invoice="), "an invoice does not stay in the address");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.waitForSelector("[data-view=confirm]:not([hidden]) :text('3.00')");
  await page.getByRole("button", { name: "Pay now" }).click();
  await shown("Paid.");
  await newest("in transit");
  assert.ok(await page.isVisible("#amount"), "what is paid next has an amount of its own");
  const again = thing.takes();
  await newest("settled");
  assert.equal(await balance(), "80.00");
  return again;
}

// The payer asks for its money back, the thing pays it back, and an operator says so.
async function back(thing, takes, code) {
  await page.locator("[data-list=moves] summary").first().click();
  const form = page.locator("[data-list=moves] > li:first-child form");
  await form.locator("textarea").fill("It stopped <b>at once</b>.");
  await form.getByRole("button").click();
  await shown("Asked.");
  await page.waitForSelector("text=Nobody has answered yet.");
  await shot("asked-back");
  takes.kill();
  await ended(takes);
  const device = (...words) => execFileSync(onecode, ["device", ...words, "--folder", thing.folder, ...DOOR], { timeout: START_TIMEOUT_MS });
  device("renew", "--amount", "3000000");
  device("pay", "--to", code, "--amount", "3000000", "--reference", "78");
  await newest("received");
  assert.equal(await balance(), "83.00");
  await office.goto(`${portal}/refunds`);
  await office.getByRole("link", { name: "Payment", exact: true }).last().click();
  await office.waitForSelector("dd:has-text('It stopped <b>at once</b>.')");
  await office.fill("#words", "Sorry for that.");
  await office.getByRole("button", { name: "It was paid back" }).click();
  await office.waitForSelector("#refund .pill:has-text('paid back')");
  await office.screenshot({ path: join(shots, "answered.png"), fullPage: true });
  await page.waitForSelector("text=It was paid back. Sorry for that.", { state: "attached" });
  await page.locator("[data-list=moves] summary").nth(1).click();
  await shot("paid-back");
}

// The keys are in the browser, and no script reads their secret halves.
async function keysStay() {
  const reads = await page.evaluate(async () => {
    const open = indexedDB.open("onecode-wallet");
    await new Promise((done) => (open.onsuccess = done));
    const ask = open.result.transaction("purse").objectStore("purse").get("purse");
    await new Promise((done) => (ask.onsuccess = done));
    const pairs = Object.values(ask.result.keys);
    const read = (key) => crypto.subtle.exportKey("pkcs8", key).then(() => "read", () => "not read");
    return Promise.all(pairs.map((pair) => read(pair.privateKey)));
  });
  assert.deepEqual(reads, ["not read", "not read"]);
  assert.deepEqual((await page.context().cookies(portal)).filter((cookie) => /wallet|secret/i.test(cookie.name)), []);
}

async function looks() {
  await page.emulateMedia({ colorScheme: "dark" });
  await shot("dark");
  await page.emulateMedia({ colorScheme: "light" });
  await go("/language/zh-CN?back=/wallet");
  await page.waitForSelector("h1:has-text('钱包')");
  await page.waitForSelector("[data-view=history]:not([hidden])");
  await shot("zh");
  await go("/language/en?back=/wallet");
}

async function steps() {
  const thing = await prepare();
  const code = await opened();
  await load(code, "100");
  await page.waitForFunction(() => document.querySelector("[data-put=balance]")?.textContent === "100.00");
  await shot("loaded");
  await weighed();
  const takes = thing.takes();
  await paying(thing);
  await cutOff(thing);
  await twoTabs(thing);
  await back(thing, await invoiced(thing, takes), code);
  await keysStay();
  await looks();
  // The books agree: five payments to the thing and one back, all settled.
  await office.goto(`${portal}/payments`);
  assert.equal(await office.locator("tbody tr").count(), 6);
  assert.equal(await office.locator("tbody .pill:has-text('settled')").count(), 6);
}

await browser.walk(
  steps,
  () => {
    for (const child of children) child.kill();
    rmSync(asked.shots ? scratch : join(scratch, "gateway"), { recursive: true, force: true });
  },
  "A wallet in a browser",
);
