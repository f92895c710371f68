// A batch of ten thousand in the portal of a real gateway: brought as one table, with a bar that moves,
// stopped and let go on, killed on the way and gone on with, and labels that a scanner reads.
//
//   node batch.js --bin FOLDER [--count N] [--shots DIR]
//
// FOLDER holds onecode and examples/requests.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import assert from "node:assert/strict";
import { openBrowser, readArguments } from "./browser.js";
import { restart, startGateway } from "./gateway.js";
import { SHEET, scan } from "./labels.js";

const asked = readArguments(process.argv.slice(2));
const count = Number(asked.count ?? 10_000);
const bin = resolve(asked.bin);
const onecode = join(bin, "onecode");
const scratch = mkdtempSync(join(tmpdir(), "onecode-batch-"));
const shots = asked.shots ?? join(scratch, "shots");
mkdirSync(shots, { recursive: true });
const BATCH_TIMEOUT_MS = 600_000; // without optimisation, beside other work
// So long a page that looks again by itself has looked again, and more than once.
const LOOKS_MS = 3_000;

const table = join(scratch, "meters.csv");
writeFileSync(table, execFileSync(join(bin, "examples", "requests"), ["test", String(count)], { maxBuffer: 1 << 26 }));
const gateway = await startGateway(onecode, join(scratch, "gateway"));
const browser = await openBrowser(gateway.portal, shots);
const { page, go, shot } = browser;
const click = (name, how) => page.getByRole("button", { name, exact: true }).click(how);

async function enter() {
  await go(gateway.link);
  await page.fill("#name", "Ada Owner");
  await page.fill("#password", "correct horse battery");
  await page.fill("#again", "correct horse battery");
  await page.click("button");
  await page.waitForSelector("h1:has-text('Overview')");
}

async function bring() {
  await go("/batches");
  await page.fill("#title", "Meters for the harbour");
  await page.setInputFiles("#table", table);
  await click("Begin");
  await page.waitForSelector("h1:has-text('Meters for the harbour')");
  return new URL(page.url()).pathname;
}

// How far the bar is. The page may be about to look again.
async function reached() {
  for (;;) {
    try {
      const bar = page.locator("main progress");
      assert.equal(await bar.getAttribute("max"), String(count));
      return Number(await bar.getAttribute("value"));
    } catch (error) {
      if (!/navigation|destroyed/.test(error.message)) throw error;
    }
  }
}

async function beyond(value) {
  for (const until = Date.now() + BATCH_TIMEOUT_MS; ; ) {
    const now = await reached();
    if (now > value) return now;
    assert.ok(Date.now() < until, `the bar stays at ${now}`);
    await page.waitForTimeout(200);
  }
}

async function watch(batch) {
  const first = await beyond(0);
  const second = await beyond(first);
  assert.ok(second < count, "the bar is seen on its way");
  await click("Stop");
  await page.waitForSelector("h1 .pill:has-text('stopped')");
  await page.waitForTimeout(LOOKS_MS); // what was under way when it was stopped
  await go(batch);
  const stopped = await reached();
  await shot("batch-stopped");
  await page.waitForTimeout(LOOKS_MS);
  await go(batch);
  assert.equal(await reached(), stopped, "nothing is issued while it is stopped");
  await click("Go on");
  await page.waitForSelector("h1 .pill:has-text('running')");
  await beyond(stopped);
  gateway.child.kill("SIGKILL");
  await restart(gateway, onecode, join(scratch, "gateway"), {});
  await go(batch);
  await page.waitForSelector("h1 .pill.good:has-text('done')", { timeout: BATCH_TIMEOUT_MS });
  assert.equal(await reached(), count);
  await shot("batch-done");
}

async function saved(act) {
  const [download] = await Promise.all([page.waitForEvent("download", { timeout: BATCH_TIMEOUT_MS }), act()]);
  const path = join(scratch, download.suggestedFilename());
  await download.saveAs(path);
  return path;
}

async function steps() {
  await enter();
  const began = Date.now();
  const batch = await bring();
  await watch(batch);
  console.log(`${count} codes after ${((Date.now() - began) / 1000).toFixed(1)} s`);
  assert.equal(await bring(), batch, "the same table is the same batch");

  const csv = readFileSync(await saved(() => page.click("a.button:has-text('CSV')")), "utf8").trim().split("\r\n");
  const cells = csv.slice(1).map((line) => line.split(","));
  const uris = cells.map((line) => line[5]);
  assert.equal(new Set(cells.map((line) => line[4])).size, count, "a code each, and each its own");
  await page.selectOption("#on", SHEET.name);
  const sheet = await saved(() => click("Labels", { timeout: BATCH_TIMEOUT_MS }));
  // The first page, one in the middle and the last stand for all.
  const last = Math.ceil(count / SHEET.labels);
  const pages = [1, Math.ceil(last / 2), last];
  const printed = pages.flatMap((number) => uris.slice((number - 1) * SHEET.labels, number * SHEET.labels));
  const seen = scan(sheet, pages, join(scratch, "pages"));
  assert.deepEqual([...seen].sort(), printed.sort());
  console.log(`${seen.size} labels scanned, of ${last} pages three`);
  await go(`/codes/${cells.at(-1)[4]}`);
  await page.waitForSelector(`h1:has-text('Meter ${count}')`);
}

function tidy() {
  gateway.child.kill();
  rmSync(scratch, { recursive: true, force: true });
}

await browser.walk(steps, tidy, `a batch of ${count}`);
