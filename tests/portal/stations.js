// From an order in the portal to proofs that hold with no server, with the real programs: a gateway,
// a browser, a station that has no network, two things on serial lines, and more behind a hook.
//
//   node stations.js --bin FOLDER [--count N] [--things N] [--judged N] [--shots DIR]
//
// FOLDER holds onecode, onecode-station and examples/provision. So many seals without keys are
// ordered beside two devices, and so many more devices that make their keys behind a hook; --judged
// says how many of the proofs of each order `onecode verify` judges, one by one.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { openBrowser, readArguments } from "./browser.js";
import { start, startGateway } from "./gateway.js";
import { SHEET, scan } from "./labels.js";

const asked = readArguments(process.argv.slice(2));
const count = Number(asked.count ?? 30);
const things = Number(asked.things ?? 0);
const bin = resolve(asked.bin);
const scratch = mkdtempSync(join(tmpdir(), "onecode-stations-"));
const shots = asked.shots ?? join(scratch, "shots");
mkdirSync(shots, { recursive: true });
const BATCH_TIMEOUT_MS = 7_200_000; // ten thousand with keys and more, without optimisation
const judgedMax = Number(asked.judged ?? 200);
const children = [];

function keptStart(program, words) {
  const child = start(program, words);
  children.push(child);
  return child;
}

function station(...words) {
  const began = Date.now();
  const said = execFileSync(join(bin, "onecode-station"), ["--folder", join(scratch, "station"), ...words], {
    timeout: BATCH_TIMEOUT_MS,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  console.log(`onecode-station ${words[0]}: ${((Date.now() - began) / 1000).toFixed(1)} s`);
  return said;
}

// A thing that makes its own keys, at the end of a serial line.
async function thing(name) {
  const bench = join(dirname(fileURLToPath(import.meta.url)), "bench.py");
  const folder = join(scratch, name);
  mkdirSync(folder);
  const end = keptStart("python3", [bench, join(bin, "examples", "provision"), folder]);
  return (await end.says(/^(\/dev\/.*)$/))[1];
}

const gateway = await startGateway(join(bin, "onecode"), join(scratch, "gateway"));
children.push(gateway.child);
const browser = await openBrowser(gateway.portal, shots);
const { page, go, shot } = browser;

async function keep(click, name) {
  const [download] = await Promise.all([page.waitForEvent("download", { timeout: BATCH_TIMEOUT_MS }), click()]);
  const path = join(scratch, name ?? download.suggestedFilename());
  await download.saveAs(path);
  return path;
}

async function order(kind, many, product, batch) {
  await go("/orders");
  await page.selectOption("#kind", kind);
  await page.fill("#count", String(many));
  await page.fill("#product", product);
  await page.fill("#batch", batch);
  await page.getByRole("button", { name: "Order", exact: true }).click();
  await page.waitForSelector("text=The order is signed and kept");
  const path = new URL(page.url()).pathname;
  return { path, file: await keep(() => page.click("a.button:has-text('Signed order')")) };
}

async function bring(file) {
  await go("/manifests");
  await page.setInputFiles("#manifest", file);
  const began = Date.now();
  await page.getByRole("button", { name: "Bring it in" }).click();
  // The page looks again by itself until it is done, also while its picture is taken.
  if (await page.locator("main progress").count()) await shot("manifest-under-way").catch(unlessGone);
  await page.waitForSelector(".notice", { timeout: BATCH_TIMEOUT_MS });
  const said = await page.locator(".notice").first().textContent();
  console.log(`${said.trim()} after ${((Date.now() - began) / 1000).toFixed(1)} s`);
  return said;
}

function unlessGone(error) {
  if (!/navigation/.test(error.message)) throw error;
}

async function steps() {
  await go(gateway.link);
  await page.fill("#name", "Ada Owner");
  await page.fill("#password", "correct horse battery");
  await page.fill("#again", "correct horse battery");
  await page.click("button");
  await page.waitForSelector("h1:has-text('Overview')");

  // A station is admitted.
  station("init", "--network", "test", "--plain-keys");
  await go("/orders");
  await page.waitForSelector("text=admit a station");
  await go("/stations");
  await shot("stations-none");
  await page.setInputFiles("#request", { name: "request.pem", mimeType: "text/plain", buffer: Buffer.from("no request") });
  await page.fill("#name", "Line 3");
  browser.expected = 422;
  await page.getByRole("button", { name: "Admit" }).click();
  await page.waitForSelector("text=Not admitted:");
  browser.expected = 200;
  await shot("stations-refused");
  await page.setInputFiles("#request", join(scratch, "station", "request.pem"));
  await page.getByLabel("passive item").check();
  await page.getByRole("button", { name: "Admit" }).click();
  await page.waitForSelector("text=The station is admitted");
  await shot("station");
  const rootKey = (await page.locator("dt:has-text('Root key') + dd").textContent()).trim();
  const grant = await keep(() => page.click("a.button:has-text('Grant')"));
  assert.ok(station("install", grant).includes(rootKey), "the root key is the same at both ends");

  // Seals without keys, and devices that make their own.
  const seals = await order("passive item", count, "Seal", "S-1");
  await shot("order-given");
  const meters = await order("device", 2, "Meter 3", "M-7");
  await go("/orders");
  await shot("orders");
  const many = things > 0 ? await order("device", things, "Meter 4", "M-8") : null;
  const lines = [await thing("one"), await thing("two")];

  // The station has no network, and needs none.
  station("run", seals.file);
  const labels = join(scratch, "labels.zpl");
  writeFileSync(labels, "");
  station("run", meters.file, "--serial", lines[0], "--serial", lines[1], "--zpl", labels);
  assert.equal(readFileSync(labels, "utf8").match(/\^XA/g).length, 2, "each device got its label");
  if (many) {
    const hook = `${join(bin, "examples", "provision")} --hook test ${join(scratch, "things")}`;
    const printed = join(scratch, "many.zpl");
    writeFileSync(printed, "");
    station("run", many.file, "--device-hook", hook, "--zpl", printed);
    assert.equal(readFileSync(printed, "utf8").match(/\^XA/g).length, things, "each of many got its label");
  }
  station("manifest");
  const manifest = join(scratch, "station", "manifests", "000001.manifest");

  // A manifest that was tampered with is refused with its line; the true one is taken once.
  const text = readFileSync(manifest, "utf8");
  const torn = text.split("\n");
  torn[2] = torn[2].replace(/.$/, (digit) => (digit === "0" ? "1" : "0"));
  await bring({ name: "torn.manifest", mimeType: "text/plain", buffer: Buffer.from(torn.join("\n")) });
  await page.waitForSelector("text=/Not taken, and nothing changed: line \\d+ of its journal/");
  assert.match(await bring(manifest), new RegExp(`: ${(count + 2 + things).toLocaleString("en")} codes came in`));
  await shot("manifests");
  assert.match(await bring(manifest), /in the registry already; nothing changed/);

  // Every code, with a proof that holds with no server.
  await go(meters.path);
  await page.waitForSelector(".pill:has-text('complete')");
  const device = (await page.locator("tbody td:nth-child(2) a").first().getAttribute("href")).split("/").pop();
  await go(`/codes/${device}`);
  await page.waitForSelector("dd:has-text('Line 3')");
  await page.waitForSelector("text=✓ signature fits");
  await shot("code-of-a-station");
  await go(`/1/${device}`);
  await page.waitForSelector("h1:has-text('Genuine')");
  await page.waitForSelector("[data-outcome=good]");
  await go(seals.path);
  await page.waitForSelector(".pill:has-text('complete')");
  await shot("order-complete");
  const csv = readFileSync(await keep(() => page.click("text=Codes as CSV")), "utf8").trim().split("\r\n");
  assert.equal(csv.length, count + 1);
  await page.selectOption("#on", SHEET.name);
  const sheet = await keep(() => page.getByRole("button", { name: "Labels" }).click({ timeout: BATCH_TIMEOUT_MS }));
  assert.equal(readFileSync(sheet, "latin1").slice(0, 5), "%PDF-");
  readSheets(sheet, new Set(csv.slice(1).map((line) => line.split(",")[7])));
  await page.locator("tbody td:nth-child(2) a").first().click();
  await page.waitForSelector("h1:has-text('Seal')");
  await shot("item");
  const proof = await keep(() => page.click("a.button:has-text('Inclusion proof')"));
  const batches = [{ codes: codes(csv), proofs: await allProofs(seals.path, "seals.tar") }];
  if (many) {
    await go(many.path);
    await page.waitForSelector(".pill:has-text('complete')");
    const table = readFileSync(await keep(() => page.click("text=Codes as CSV"), "many.csv"), "utf8").trim().split("\r\n");
    assert.equal(table.length, things + 1);
    batches.push({ codes: codes(table), proofs: await allProofs(many.path, "many.tar") });
  }
  await go("/authorities");
  await shot("authorities");
  await go("/stations");
  await shot("stations");
  await page.setViewportSize({ width: 390, height: 844 });
  for (const [path, name] of [[seals.path, "order"], ["/stations", "stations"], ["/manifests", "manifests"]]) {
    await go(path);
    await shot(`phone-${name}`);
  }
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 1280, height: 860 });
  await go(seals.path);
  await shot("dark-order");
  return { proof, batches };
}

const codes = (table) => table.slice(1).map((line) => line.split(",")[1]);

async function allProofs(path, name) {
  await go(path);
  const began = Date.now();
  const file = await keep(() => page.click("text=All proofs"), name);
  console.log(`${name} after ${((Date.now() - began) / 1000).toFixed(1)} s`);
  return file;
}

// A scanner goes over every label of the sheets, and finds each code of the batch and nothing else.
function readSheets(sheet, printed) {
  const began = Date.now();
  const pages = Array.from({ length: Math.ceil(printed.size / SHEET.labels) }, (_, page) => page + 1);
  const symbols = scan(sheet, pages, join(scratch, "pages"));
  assert.deepEqual([...symbols].sort(), [...printed].sort());
  console.log(`${symbols.size} labels scanned after ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

// The gateway is down by now.
function verify({ proof, batches }) {
  assert.match(judge(proof), /^genuine: .* was issued/);
  batches.forEach(verifyBatch);
  const damaged = readFileSync(proof, "utf8").replace(/index \d+/, (index) => `${index}0`);
  writeFileSync(join(scratch, "damaged"), damaged);
  assert.throws(() => judge(join(scratch, "damaged")));
}

function judge(file) {
  const trust = join(scratch, "gateway", "trust.toml");
  return execFileSync(join(bin, "onecode"), ["verify", file, "--trust", trust], { encoding: "utf8" });
}

function verifyBatch({ proofs, codes }, number) {
  const folder = join(scratch, `proofs-${number}`);
  mkdirSync(folder);
  execFileSync("tar", ["-xf", proofs, "-C", folder]);
  assert.deepEqual(readdirSync(folder).sort(), codes.map((code) => `${code}.tlog-proof`).sort());
  const began = Date.now();
  // A program for each: of many, those that stand as far apart as keeps the number small.
  const judged = codes.filter((_, at) => at % Math.ceil(codes.length / judgedMax) === 0);
  for (const code of judged) {
    const grouped = code.match(/.{1,4}/g).join("-");
    assert.ok(judge(join(folder, `${code}.tlog-proof`)).includes(grouped), code);
  }
  console.log(`${judged.length} of ${codes.length} proofs verified offline after ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

await browser.walk(
  async () => {
    const made = await steps();
    gateway.child.kill();
    await new Promise((ended) => gateway.child.on("exit", ended));
    verify(made);
  },
  () => {
    for (const child of children) child.kill();
    rmSync(asked.shots ? scratch : join(scratch, "gateway"), { recursive: true, force: true });
  },
  `From an order to ${count + things} proofs`,
);
