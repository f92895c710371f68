// Walks through the portal with a real browser, as a new owner would, and keeps screenshots.
//
//   node walk.js [--shots DIR] [--portal URL --link PATH [--request FILE] [--rekey FILE] [--onecode PROGRAM]
//     [--judge FOLDER --verify PROGRAM] [--python PROGRAM] [--batch FILE]]
//
// Without --portal it starts `cargo run -p admin --example portal`. With --onecode it runs the command
// lines that the portal shows beside enrolment secrets; a gateway with no things needs that. --verify
// judges what is downloaded by the root's key in --judge; --python reads statements and the audit trail
// with tests/portal/requirements.txt. Any console error,
// page error, blocked resource, unexpected status, or finding of axe-core fails the
// walk.
import { execFileSync, spawn } from "node:child_process";
import { X509Certificate, createPrivateKey } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import assert from "node:assert/strict";
import { STEP_TIMEOUT_MS, openBrowser, readArguments } from "./browser.js";

const START_TIMEOUT_MS = 600_000; // a cold build of the example
const BATCH_TIMEOUT_MS = 120_000;

async function startExample() {
  const child = spawn("cargo", ["run", "-q", "-p", "admin", "--example", "portal"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const said = {};
  const lines = createInterface({ input: child.stdout });
  const timer = setTimeout(() => child.kill(), START_TIMEOUT_MS);
  for await (const line of lines) {
    const at = line.indexOf(" ");
    said[line.slice(0, at)] = line.slice(at + 1);
    if (said.portal && said.link && said.request && said.rekey) break;
  }
  clearTimeout(timer);
  assert.ok(said.request, "the example did not start");
  // It ends when its input does.
  return { portal: said.portal, link: said.link, request: JSON.parse(said.request), rekey: JSON.parse(said.rekey), stop: () => child.stdin.end() };
}

const asked = readArguments(process.argv.slice(2));
const shots = asked.shots ?? mkdtempSync(join(tmpdir(), "onecode-shots-"));
mkdirSync(shots, { recursive: true });
const house = asked.portal
  ? {
      portal: asked.portal,
      link: asked.link,
      request: asked.request && readFileSync(asked.request, "utf8"),
      rekey: asked.rekey && readFileSync(asked.rekey, "utf8"),
      stop() {},
    }
  : await startExample();

const browser = await openBrowser(house.portal, shots);
const { page, go, shot, inspect } = browser;

// The command lines, as they are shown, in a folder that holds nothing but the trust file.
function enrol(commands, trust) {
  const folder = mkdtempSync(join(tmpdir(), "onecode-things-"));
  try {
    writeFileSync(join(folder, "trust.toml"), trust);
    for (const command of commands) {
      const [program, ...words] = command.split(" ");
      assert.equal(program, "onecode");
      execFileSync(resolve(asked.onecode), words, { cwd: folder, timeout: STEP_TIMEOUT_MS });
      const file = (name) => join(folder, words[words.indexOf("--folder") + 1], name);
      assert.equal(statSync(file("key.pem")).mode & 0o777, 0o600, "the key is its owner's only");
      const certificate = new X509Certificate(readFileSync(file("certificate.pem")));
      assert.ok(certificate.checkPrivateKey(createPrivateKey(readFileSync(file("key.pem")))));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function steps() {
  // The first owner.
  await go("/");
  assert.match(page.url(), /\/sign-in$/);
  await shot("sign-in");
  await go(house.link);
  await page.fill("#name", "Ada Owner");
  await page.fill("#password", "correct horse battery");
  await page.fill("#again", "correct horse batterx");
  browser.expected = 422;
  await page.click("button");
  await page.waitForSelector("text=The two passwords differ.");
  browser.expected = 200;
  await shot("welcome");
  await page.fill("#password", "correct horse battery");
  await page.fill("#again", "correct horse battery");
  await page.click("button");
  await page.waitForSelector("h1:has-text('Overview')");
  // It is kept up to date, without being loaded again.
  await page.waitForSelector("[data-when=live]:not([hidden])");
  const moment = await page.textContent("[data-part=moment]");
  await page.waitForFunction((before) => document.querySelector("[data-part=moment]").textContent !== before, moment);
  assert.ok((await page.locator("figure.chart svg path.line, figure.chart svg path.bar").count()) >= 5, "charts");
  await shot("overview");
  await go(house.link, 404);
  await page.waitForSelector("text=was used or has expired");

  // Keyboard: the first stop is the skip link, and Enter uses it.
  await go("/");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the page");

  // Codes.
  await go("/codes");
  const names = await page.locator("tbody tr td:first-child a").allTextContents();
  await shot("codes");
  if (names.length > 0) {
    await page.fill("[name=q]", names[0].slice(0, 3).toLowerCase());
    await page.keyboard.press("Enter");
    await page.waitForSelector(`tbody a:has-text("${names[0]}")`);
    const printed = await page.locator("tbody tr:first-child td:nth-child(2) a").textContent();
    await page.fill("[name=q]", printed.toLowerCase());
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/codes\/[0-9A-Z]{34}$/);
    // One wrong symbol is named as such.
    const wrong = printed.slice(0, -1) + (printed.endsWith("7") ? "8" : "7");
    await go(`/codes?q=${encodeURIComponent(wrong)}`);
    await page.waitForSelector("text=one symbol was misread");
    await shot("codes-mistyped");
  }

  // Devices that ask for a code, where some do.
  await go("/pending");
  await shot("pending");
  const waiting = await page.locator("[name=device]").count();
  if (waiting >= 3) {
    await page.locator("[name=device]").nth(0).check();
    await page.locator("[name=device]").nth(1).check();
    await page.fill("#name", "Sensor");
    await page.getByRole("button", { name: "Accept" }).click();
    await page.waitForSelector("text=2 devices are accepted");
    await page.locator("[name=device]").first().check();
    await page.fill("#reason", "not one of ours");
    await page.getByRole("button", { name: "Reject" }).click();
    await page.waitForSelector("text=One device is rejected");
    assert.equal(await page.locator("[name=device]").count(), waiting - 3);
    await shot("pending-decided");
    await page.locator("td a.code").first().click();
    await page.waitForSelector("h1:has-text('Sensor')");
  }

  // What a thing says, as it says it; and what it is told.
  await go("/codes?q=car%202");
  const talker = page.locator("tbody a:has-text('Car 2')").first();
  if ((await talker.count()) > 0) {
    await talker.click();
    await page.click("text=What it says");
    await page.waitForSelector("h1:has-text('What it says')");
    await page.waitForSelector("[data-when=live]:not([hidden])");
    await page.waitForSelector("[data-rows] li:has-text('t/battery')");
    await page.selectOption("#name", "battery/temperature");
    await page.getByRole("button", { name: "Show" }).click();
    await page.waitForSelector("figcaption:has-text('battery/temperature')");
    assert.match(await page.getAttribute("figure.chart path.line", "d"), /^M\d+ \d+L/);
    await page.fill("#desired", '{"limit":16}');
    await page.getByRole("button", { name: "Set", exact: true }).click();
    await page.waitForSelector("text=What it shall become is kept");
    await page.waitForSelector("[data-part=twin] dd:has-text('16')");
    await page.fill("#command", '{"horn":1}');
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.waitForSelector("[data-part=commands] td:has-text('horn')");
    await page.waitForSelector("[data-rows] li:has-text('t/battery')");
    await shot("messages");
  }

  // Enrolment secrets, from the codes.
  await go("/codes");
  await page.click("text=Enrolment secrets");
  await page.waitForSelector("h1:has-text('Enrolment secrets')");
  await shot("secrets");
  await page.fill("#count", "3");
  await page.selectOption("#kind", "person");
  await page.getByRole("button", { name: "Make" }).click();
  await page.waitForSelector("#fresh");
  const secrets = (await page.textContent("#fresh")).trim().split("\n");
  const commands = (await page.textContent("#commands")).trim().split("\n");
  assert.equal(secrets.length, 3);
  assert.deepEqual(
    commands,
    secrets.map((secret, at) => `onecode device init --folder thing-${at + 1} --gateway ${house.portal} --trust trust.toml --secret ${secret}`),
  );
  await shot("secrets-made");
  const trust = await (await page.request.get(`${house.portal}/trust.toml`)).text();
  assert.match(trust, /^network = /);
  if (asked.onecode) enrol(commands, trust);
  await go("/secrets");
  assert.ok(!(await page.content()).includes(secrets[0]), "a secret is shown once");

  // Issue from a pasted request.
  let code;
  if (house.request) {
    await go("/issue");
    await page.fill("#name", 'Kiosk <b>"7"</b>');
    await page.fill("#request", "nonsense");
    browser.expected = 422;
    await page.click("main button");
    await page.waitForSelector("text=Paste the whole request");
    browser.expected = 200;
    await page.fill("#request", `Dear owner,\r\n${house.request}\r\n`);
    await shot("issue");
    await page.click("main button");
    await page.waitForSelector("text=The code is issued");
    await page.waitForSelector("svg.qr");
    code = page.url().match(/\/codes\/([0-9A-Z]{34})/)[1];
    assert.match(await page.locator("h1").textContent(), /Kiosk <b>"7"<\/b>/);
    await shot("code");
    const pem = await page.request.get(`${house.portal}/codes/${code}/certificate.pem`);
    assert.match(await pem.text(), /^-----BEGIN CERTIFICATE-----/);
  } else {
    await go("/codes");
    await page.locator("tbody tr:first-child td:first-child a").click();
    code = page.url().match(/\/codes\/([0-9A-Z]{34})/)[1];
    await shot("code");
  }

  if (asked.batch) await inOneGo();

  // A grid code, from a click on the map.
  await go("/map");
  const shown = (least) => page.waitForFunction((least) => {
    const map = document.querySelector("[data-map]").worldMap;
    return map?.coast.length > 0 && map.places.length >= least;
  }, least);
  const spots = (await page.request.get(`${house.portal}/map/places.json?south=-90&west=-180&north=90&east=180`).then((answer) => answer.json())).places;
  await shown(Math.min(spots.length, 8));
  await shot("map-world");
  const [cluster] = spots.filter((spot) => !spot.grid);
  if (cluster) {
    await page.evaluate(([units, { latitude, longitude }]) => {
      document.querySelector("[data-map]").worldMap.look(latitude / units, longitude / units, 2e9);
    }, [7_372_800, cluster]);
    await page.waitForFunction(() => document.querySelector("[data-map]").worldMap.places.some((place) => place.grid));
    await shot("map-places");
  }
  const middle = async () => {
    const box = await page.locator("[data-map] canvas").boundingBox();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  await page.evaluate(() => document.querySelector("[data-map]").worldMap.look(48.85837, 2.294481, 3e8));
  await shown(0);
  await page.mouse.click(...(await middle()));
  await page.waitForSelector("[data-issue]:not([hidden])");
  await shot("map-chosen");
  await page.click("[data-issue]");
  await page.waitForSelector("h1:has-text('Issue a grid code')");
  assert.match(await page.inputValue("#latitude"), /^48\.8583/);
  await page.waitForFunction(() => document.querySelector("[data-map]").worldMap?.coast.length > 0);
  const before = await page.inputValue("#longitude");
  const [x, y] = await middle();
  await page.mouse.click(x + 90, y);
  assert.notEqual(await page.inputValue("#longitude"), before, "a click goes into the form");
  const cell = await page.getAttribute("[data-map]", "data-chosen");
  await page.locator("[data-map] canvas").focus();
  await page.keyboard.press("-");
  await page.keyboard.press("Enter");
  assert.notEqual(await page.getAttribute("[data-map]", "data-chosen"), cell, "so does the keyboard");
  const issue = () => page.getByRole("button", { name: "Issue", exact: true }).click();
  await page.fill("#name", "Bay 12, north car park");
  await page.fill("#latitude", "48.858370");
  await page.fill("#longitude", "2.294481 X");
  await page.fill("#owner", code);
  browser.expected = 422;
  await issue();
  await page.waitForSelector("text=Longitude: Write decimal degrees");
  browser.expected = 200;
  await page.fill("#longitude", "2.294481");
  await page.fill("#height", "33.5");
  await shot("issue-grid");
  await issue();
  await page.waitForSelector("text=The grid code is issued");
  await page.waitForSelector("svg.cell");
  const grid = page.url().match(/\/grids\/([0-9A-Z]{50})/)[1];
  await shot("grid");
  const label = join(shots, "grid-label.png");
  await page.locator("svg.qr").screenshot({ path: label });
  const scanned = execFileSync("zbarimg", ["--nodbus", "-q", "--raw", label], { encoding: "utf8" }).trim();
  assert.ok(scanned.endsWith(`/G/${grid}`), `a scanner reads ${scanned}`);
  await go("/grids");
  await page.waitForSelector("text=Bay 12, north car park");
  await shot("grids");

  // An area, and a thing whose allowances name it.
  await go("/areas");
  await page.fill("#name", "North car park");
  await page.fill("#cells", "48.858370, 2.294481, 5\nover there");
  await page.getByRole("button", { name: "Define" }).focus();
  browser.expected = 422;
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=Line 2: write latitude");
  browser.expected = 200;
  await shot("areas-refused");
  await page.fill("#cells", `48.858370, 2.294481, 5\n${grid}`);
  await page.getByRole("button", { name: "Define" }).click();
  await page.waitForSelector("text=The area is signed and kept");
  await shot("area");
  const area = new URL(page.url()).pathname;
  await go("/areas");
  await page.waitForSelector("a:has-text('North car park')");
  await shot("areas");
  await page.selectOption("#class", "1");
  await page.selectOption("#class-area", "North car park");
  await page.getByRole("button", { name: "Set for the class" }).click();
  await page.waitForSelector("text=that is where they may pay");
  await page.waitForSelector("dd:has-text('North car park')");
  await go(`/codes/${code}`);
  await page.selectOption("#area", "North car park");
  await page.getByRole("button", { name: "Set the area" }).click();
  await page.waitForSelector("text=From its next allowance on, that is where it may pay");
  await page.waitForSelector(`dd a[href='${area}']`);

  // Where it stands.
  await page.click("summary:has-text('Where it stands')");
  await page.fill("#place", grid);
  await page.fill("#place-reason", "mounted");
  await page.getByRole("button", { name: "Record the place" }).click();
  await page.waitForSelector("text=Where it stands is recorded");
  await page.waitForSelector("dd a:has-text('Bay 12, north car park')");
  await page.waitForSelector(".steps .pill:has-text('bound')");
  await go(`/grids/${grid}`);
  await page.waitForSelector(".steps a");
  await shot("grid-bound");

  // Money: the same form sent twice moves money once.
  await go(`/money?code=${code}`);
  if ((await page.locator("#amount").count()) === 0) {
    await page.fill("#letters", "USD");
    await page.fill("#exponent", "6");
    await page.fill("#currency-name", "US dollar");
    await page.getByRole("button", { name: "Declare", exact: true }).click();
    await go(`/money?code=${code}`);
  }
  await page.fill("#amount", "25.5");
  await page.locator("#currency").selectOption({ index: 0 });
  const fields = await page.locator("form[action='/money/load']").evaluate((form) => Object.fromEntries(new FormData(form)));
  await page.getByRole("button", { name: "Load", exact: true }).click();
  await page.waitForSelector("text=The money is in the purse.");
  const again = await page.request.post(`${house.portal}/money/load`, { form: fields, headers: { Origin: house.portal } });
  assert.ok(again.ok(), `the same form again answered ${again.status()}`);
  await shot("money");
  await go(`/purses/${code}`);
  await page.waitForSelector("text=25.5");
  assert.ok(!(await page.textContent("main")).includes("51.0"), "money was loaded twice");
  await shot("purse");
  await twoPersons(code);
  await traced(code);
  await exported(code);
  if (house.rekey) await readBy(code);

  // Another wallet key for a thing that asks for one.
  if (house.rekey) {
    await go("/codes?q=car 2");
    await page.locator("tbody tr:first-child td:first-child a").click();
    await page.waitForSelector("h1:has-text('Car 2')");
    await page.click("summary:has-text('Replace the wallet key')");
    await page.fill("#request", house.rekey);
    await shot("code-key");
    await page.getByRole("button", { name: "Replace the key" }).click();
    await page.waitForSelector("text=The thing has another wallet key and a new pass");
    await page.waitForSelector("dd:has-text('epoch 2')");
    await page.waitForSelector("text=✓ signature fits");
    // And its money, when it is lost after all.
    await page.click("summary:has-text('recover its money')");
    await page.fill("#to", code);
    await shot("code-recover");
    await page.getByRole("button", { name: "Recover", exact: true }).click();
    await page.waitForSelector("text=What was free has gone to the other code");
    await page.waitForSelector(`dd a[href='/codes/${code}']`);
    await shot("code-recovered");
  }

  // Payments.
  await go("/payments");
  await shot("payments");
  const rows = await page.locator("tbody td:last-child a.code").count();
  if (rows > 0) {
    await page.locator("tbody tr:has-text('settled') td:last-child a").first().click();
    await page.waitForSelector("h2:has-text('Allowance')");
    assert.equal(await page.locator("text=signature does not fit").count(), 0);
    assert.ok((await page.locator("text=✓ signature fits").count()) >= 4, "payment, allowance, receipt and statement verify");
    await shot("payment");
    const evidence = await page.request.get(`${page.url()}/evidence.cbor`);
    assert.equal(evidence.headers()["content-type"], "application/cbor");
  }
  await go("/frauds");
  await shot("frauds");
  if (asked.verify) await judgedWithNoServer();
  await go("/frauds");
  const proofs = page.locator("a[href$='proof.cbor']");
  if ((await proofs.count()) > 0) {
    const proof = await page.request.get(house.portal + (await proofs.first().getAttribute("href")));
    assert.ok((await proof.body()).length > 500);
    const frozen = await page.locator("tbody td a.name").first().getAttribute("href");
    await go(frozen);
    await page.waitForSelector(".pill.warn:has-text('frozen')");
    await shot("code-frozen");
    await go(`/1/${frozen.split("/").pop()}`);
    await page.waitForSelector("h1:has-text('Suspended')");
  }

  // People and the audit trail.
  await go("/people");
  await page.locator("form[action='/people/token'] [name=treasurer]").check();
  await page.fill("#label", "till 4");
  await page.getByRole("button", { name: "Make a token" }).click();
  await page.waitForSelector("#fresh");
  const token = (await page.textContent("#fresh")).trim();
  await shot("people");
  const call = await page.request.get(`${house.portal}/api/v1/conservation`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal((await call.json()).holds, true);
  await go("/audit?check=1");
  await page.waitForSelector("text=rows stand as they were written");
  await shot("audit");

  // The state of a thing.
  await go(`/codes/${code}`);
  await page.fill("#reason", "seen in the wrong bay");
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await page.waitForSelector(".pill.warn:has-text('frozen')");
  await go("/");
  await shot("overview-after");

  // Strangers, on a phone, in any case.
  await page.context().clearCookies();
  await page.setViewportSize({ width: 390, height: 844 });
  await go(`/1/${code.toLowerCase()}`);
  await page.waitForSelector("h1:has-text('Suspended')");
  assert.ok(!(await page.content()).includes("Kiosk"), "strangers learn no names");
  await shot("public-frozen");
  const other = await page.request.get(`${house.portal}/1/${code}/PASS`);
  assert.equal(other.headers()["content-type"], "application/cbor");
  await go(`/G/${grid.toLowerCase()}`);
  await page.waitForSelector("h1:has-text('Genuine')");
  await page.waitForSelector("[data-outcome=good] >> text=This browser itself checked");
  await shot("public-grid");
  const mistyped = code.slice(0, 20) + (code[20] === "7" ? "8" : "7") + code.slice(21);
  await go(`/1/${mistyped}`, 400);
  await page.waitForSelector("text=one symbol was misread");
  await shot("public-mistyped");
  await go("/1/hello", 400);
  await go("/g/hello", 400);
  await judgedByTheBrowser(`/1/${code}`);
}

// A table of requests becomes codes, with a bar that moves by itself.
async function inOneGo() {
  await go("/batches");
  await page.waitForSelector("text=No batch was brought yet.");
  await page.fill("#title", "Meters for the harbour");
  await page.setInputFiles("#table", { name: "meters.csv", mimeType: "text/csv", buffer: Buffer.from("name,product\n") });
  browser.expected = 422;
  await page.getByRole("button", { name: "Begin" }).click();
  await page.waitForSelector("text=The first row has to be");
  browser.expected = 200;
  await page.fill("#title", "Meters for the harbour");
  await page.setInputFiles("#table", asked.batch);
  await page.getByRole("button", { name: "Begin" }).click();
  await page.waitForSelector("h1:has-text('Meters for the harbour')");
  await page.waitForSelector("h1 .pill.good:has-text('done')", { timeout: BATCH_TIMEOUT_MS });
  await shot("batch-done");
  const csv = readFileSync(await fetched(new URL(page.url()).pathname + "/codes.csv", "batch.csv"), "utf8").trim().split("\r\n");
  const codes = csv.slice(1).map((line) => line.split(",")[4]);
  assert.equal(new Set(codes.filter((code) => code.length === 34)).size, readFileSync(asked.batch, "utf8").split(",device,").length - 1);
  const labels = readFileSync(await fetched(new URL(page.url()).pathname + "/labels?on=a4-65", "batch-labels.pdf"));
  assert.ok(labels.subarray(0, 4).equals(Buffer.from("%PDF")));
  await go("/batches");
  await shot("batches");
}

// A file behind an address, and what a program says of it.
async function fetched(path, name) {
  const answer = await page.request.get(house.portal + path);
  assert.equal(answer.status(), 200, `${path} answered ${answer.status()}`);
  const file = join(shots, name);
  writeFileSync(file, await answer.body());
  return file;
}

const says = (program, words) => execFileSync(program, words, { encoding: "utf8", timeout: STEP_TIMEOUT_MS, stdio: "pipe" });

// What the portal hands out holds with nothing but the root's key.
async function judgedWithNoServer() {
  const trust = ["--trust", join(asked.judge, "trust.toml")];
  const verify = (file, more) => says(resolve(asked.verify), ["verify", file, ...trust, ...more]);
  await go("/frauds");
  await page.locator("tbody a[href='/frauds/1']").click();
  await page.waitForSelector("h1:has-text('Fraud case 1')");
  await page.waitForSelector("text=Two contents under one number are a fork.");
  await shot("fraud-case");
  const proof = await fetched("/frauds/1/proof.cbor", "fraud-1.cbor");
  assert.match(verify(proof, []), /^fraud proven: /);
  const damaged = join(shots, "fraud-damaged.cbor");
  const bytes = readFileSync(proof);
  bytes[bytes.length - 9] ^= 1;
  writeFileSync(damaged, bytes);
  assert.throws(() => verify(damaged, []), "a proof that was changed is refused");
  // One payment field by field, and its files.
  await page.locator("tbody a.code[href^='/payments/']").first().click();
  await page.waitForSelector("h2:has-text('Payment')");
  const payment = new URL(page.url()).pathname;
  await page.locator("details.whole > summary").first().click();
  await shot("payment-fields");
  const passes = ["--passes", asked.judge];
  assert.match(verify(await fetched(`${payment}/allowance.cbor`, "allowance.cbor"), passes), /genuine: an allowance/);
  assert.match(verify(await fetched(`${payment}/statement.cbor`, "statement.cbor"), passes), /genuine: a statement/);
}

// Statements add up in another program's eyes, and the audit trail is chained in another's.
// Another code may read what this one says, at a price, and then no more.
async function readBy(code) {
  await go("/codes?q=car%202");
  const car = await page.locator("tbody tr:first-child td:first-child a").getAttribute("href");
  await go(`/codes/${code}`);
  await page.click("a:has-text('Who may read')");
  await page.waitForSelector("text=None yet. A grant lets another code read");
  await page.fill("#reader", car.split("/").pop());
  await page.fill("#branch", "t/temperature");
  await page.fill("#price", "0.01");
  await page.getByRole("button", { name: "Let it read" }).click();
  await page.waitForSelector("text=From now on that code may read it.");
  await page.waitForSelector("td:has-text('0 of 0 paid')");
  await shot("readers");
  await page.getByRole("button", { name: "End", exact: true }).click();
  await page.waitForSelector("text=The grant has ended");
  await page.waitForSelector("td .pill:has-text('ended')");
  assert.equal(await page.getByRole("button", { name: "End", exact: true }).count(), 0);
}

async function exported(code) {
  await go(`/purses/${code}`);
  await page.selectOption("#statement-form", "csv");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download the statement" }).click()]);
  const csv = readFileSync(await download.path(), "utf8").trim().split("\r\n");
  assert.match(csv[0], /^entry,time,kind,payer/);
  assert.equal(csv.length, 5, "opening, two loads, closing");
  assert.match(csv.at(-1), /,closing,,,,,,175\.750000,USD,,$/);
  await go("/audit");
  const first = await fetched("/audit/trail.ndjson", "audit-older.ndjson");
  if (!asked.python) return;
  const here = import.meta.dirname;
  const judge = async (path, name) => Number(says(asked.python, [join(here, "statement.py"), await fetched(path, name)]));
  const all = (form) => `currency=1.USD&form=${form}`;
  assert.equal(await judge(`/purses/${code}/statement?${all("camt053")}`, "purse.xml"), 2);
  assert.ok((await judge(`/money/statement?${all("camt053")}`, "books.xml")) >= 8, "every load is in the books");
  await go("/payments");
  const payer = await page.locator("tbody a.name").first().getAttribute("href").catch(() => null);
  if (payer) assert.ok((await judge(`${payer.replace("/codes/", "/purses/")}/statement?${all("camt053")}`, "payer.xml")) >= 1);
  const second = await fetched("/audit/trail.ndjson", "audit.ndjson");
  const trail = (words) => says(asked.python, [join(here, "trail.py"), ...words]);
  assert.ok(Number(trail([second, first])) > 5);
  const forged = join(shots, "audit-forged.ndjson");
  writeFileSync(forged, readFileSync(second, "utf8").replace("money loaded", "money lOaded"));
  assert.throws(() => trail([forged]), "a changed row is found");
}

// Above the limit a second treasurer decides, in a browser of their own.
async function twoPersons(code) {
  await go("/money/requests");
  await page.waitForSelector("text=Nothing waits.");
  await page.fill("#most", "100");
  await page.locator("#currency").selectOption({ index: 0 });
  await page.getByRole("button", { name: "Set the limit" }).click();
  await page.waitForSelector("text=The limit is set.");
  await go("/people");
  await page.locator("form[action='/people/invite'] [name=treasurer]").check();
  await page.getByRole("button", { name: "Make a link" }).click();
  await page.waitForSelector("#fresh");
  const link = (await page.textContent("#fresh")).trim();
  for (const amount of ["150.25", "175"]) {
    await go(`/money?code=${code}`);
    await page.fill("#amount", amount);
    await page.getByRole("button", { name: "Load", exact: true }).click();
    await page.waitForSelector("text=waits for a second person");
  }
  assert.equal(await page.locator("button[value=confirm]").count(), 0, "who asked does not decide");
  await shot("two-persons-asked");
  const cookies = await page.context().cookies();
  await page.context().clearCookies();
  await go(link);
  await page.fill("#name", "Ben Second");
  await page.fill("#password", "another horse battery");
  await page.fill("#again", "another horse battery");
  await page.click("button");
  await go("/money/requests");
  await shot("two-persons-to-decide");
  await page.getByRole("button", { name: "Confirm request 1" }).click();
  await page.waitForSelector("text=the money has moved");
  await page.getByRole("button", { name: "Refuse request 2" }).click();
  await page.waitForSelector("text=no money moved");
  await shot("two-persons-decided");
  await page.context().clearCookies();
  await page.context().addCookies(cookies);
  await go(`/purses/${code}`);
  await page.waitForSelector("text=175.75");
}

// The newest load forwards, and the purse backwards; the boxes of the picture are links.
async function traced(code) {
  await go("/money");
  await page.getByRole("link", { name: "where now" }).first().click();
  await page.waitForSelector("svg.layers");
  await shot("trace-load");
  await page.locator("svg.layers a[href^='/trace/purse/']").first().click();
  await page.waitForSelector("h1:has-text('came from')");
  assert.ok(page.url().endsWith(code), "the holder is the purse that was loaded");
  assert.equal(await page.locator("svg.layers rect.load").count(), 2, "it holds coins of two loads");
  await shot("trace-purse");
  // A load that was paid on to several.
  await go("/money");
  const loads = await page.getByRole("link", { name: "where now" }).evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  await go(loads.at(-1));
  await shot("trace-load-spent");
  await page.emulateMedia({ colorScheme: "dark" });
  await shot("dark-trace-load-spent");
  await page.emulateMedia({ colorScheme: "light" });
}

// What a browser makes of the proof on a public page: good, changed on its way, of another root than
// it knew, and without scripts.
async function judgedByTheBrowser(path) {
  const judged = (outcome) => page.waitForSelector(`[data-outcome=${outcome}] [data-when=${outcome}]:not([hidden])`);
  await go(path);
  await judged("good");
  const change = (from, to) =>
    page.route(`**${path}`, async (route) => {
      const answer = await route.fetch();
      route.fulfill({ response: answer, body: (await answer.text()).replace(from, to) });
    });
  await change(/\nindex (\d+)\n/, (_, index) => `\nindex ${Number(index) + 1}\n`);
  await go(path);
  await judged("bad");
  await shot("public-not-proven");
  await page.unroute(`**${path}`);
  await page.evaluate(() => Object.keys(localStorage).forEach((key) => localStorage.setItem(key, "-8:00")));
  await go(path);
  await judged("changed");
  await shot("public-another-root");
  await page.evaluate(() => localStorage.clear());
  const text = await (await page.request.get(house.portal + path)).text();
  assert.match(text, /<p data-when="none" class="soft">/, "with scripting off the page says so and gives the file");
}

async function looks() {
  // The same pages in the dark and on a phone, signed in.
  await page.setViewportSize({ width: 1280, height: 860 });
  await page.emulateMedia({ colorScheme: "dark" });
  await go("/sign-in");
  await page.fill("#name", "ada owner");
  await page.fill("#password", "correct horse battery");
  await page.click("button");
  await page.waitForSelector("h1:has-text('Overview')");
  await shot("dark-overview");
  await go("/codes");
  const thing = await page.locator("tbody tr:nth-child(2) td:first-child a").getAttribute("href");
  await go(thing);
  await shot("dark-code");
  await go(thing.replace("/codes/", "/1/"));
  await page.waitForSelector("h1:has-text('Genuine')");
  await shot("dark-public-genuine");
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 390, height: 844 });
  await shot("public-genuine");
  for (const [path, name] of [["/", "overview"], ["/codes", "codes"], ["/money", "money"], ["/payments", "payments"], [thing, "code"]]) {
    await go(path);
    await shot(`phone-${name}`);
  }
  // Every page once more for axe, where the colours differ and where the tables are narrow.
  for (const [scheme, width] of [["dark", 1280], ["dark", 390], ["light", 1280]]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 860 });
    for (const path of ["/", "/codes", thing, `${thing}/messages`, `${thing}/readers`, "/pending", "/secrets", "/issue", "/batches", "/grids", "/map", "/issue-grid", "/areas", "/payments", "/frauds", "/money", "/money/requests", thing.replace("/codes/", "/purses/"), thing.replace("/codes/", "/trace/purse/"), "/people", "/stations", "/orders", "/manifests", "/authorities", "/audit?check=1"]) {
      await go(path);
      await inspect(`${path} ${scheme} ${width}`);
    }
    await page.hover("main");
  }
  await page.setViewportSize({ width: 390, height: 844 });
  const paid = await page.goto(`${house.portal}/payments`).then(() => page.locator("tbody td:last-child a.code"));
  if ((await paid.count()) > 0) {
    await paid.first().click();
    await page.waitForSelector("h2:has-text('Allowance')");
    await shot("phone-payment");
  }
}

// Times in the zone of whoever reads, also those that come in later; codes that are copied.
async function asItsReader() {
  const debug = await page.context().newCDPSession(page);
  await debug.send("Emulation.setTimezoneOverride", { timezoneId: "Asia/Shanghai" });
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: house.portal });
  await page.setViewportSize({ width: 1280, height: 860 });
  await go("/codes");
  const row = page.locator("tbody tr:nth-child(2)");
  const copy = row.locator("button.copy");
  assert.equal(await copy.evaluate((button) => getComputedStyle(button).opacity), "0", "a list is calm");
  await row.hover();
  await copy.click();
  await shot("copied-in-a-list");
  const path = await row.locator("a.code").getAttribute("href");
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  assert.equal(`/codes/${await clipboard()}`, path);
  await go(path);
  const time = page.locator("main time").first();
  const [shown, utc] = [await time.textContent(), await time.getAttribute("title")];
  assert.match(shown, / GMT\+8$/);
  assert.equal(Date.parse(shown.replace(" GMT+8", "+08:00")), Date.parse(utc.replace(" UTC", "Z")));
  await page.evaluate(() => navigator.clipboard.writeText(""));
  await page.locator("main button.copy").first().focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector("button.copy.done");
  assert.match(await clipboard(), /^[0-9A-Z]{34}$/);
  await shot("copied");
  await go("/");
  await page.waitForSelector('[data-when="live"]:not([hidden])');
  await page.waitForTimeout(3_000); // it is told something new every second
  assert.doesNotMatch(await page.textContent("main"), / UTC/);
  await debug.send("Emulation.setTimezoneOverride", { timezoneId: "" });
}

// Every page in Chinese: chosen by the switch of the page, which leads back to it.
async function inChinese() {
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 860 });
  await go("/codes");
  const thing = await page.locator("tbody tr:nth-child(2) td:first-child a").getAttribute("href");
  await page.click(".languages a[lang=zh-CN]");
  await page.waitForSelector("html[lang=zh-CN] h1:has-text('编码')");
  assert.match(page.url(), /\/codes$/);
  const open = async (path, name) => {
    await go(path);
    assert.equal(await page.getAttribute("html", "lang"), "zh-CN", path);
    await shot(`zh-${name}`);
  };
  const pages = [
    ["/", "overview"], ["/codes", "codes"], [thing, "code"], [`${thing}/readers`, "readers"], ["/pending", "pending"],
    ["/secrets", "secrets"], ["/issue", "issue"],
    ["/grids", "grids"], ["/map", "map"], ["/issue-grid", "issue-grid"], ["/areas", "areas"],
    ["/payments", "payments"], ["/frauds", "frauds"], ["/money", "money"], ["/money/requests", "two-persons"],
    [thing.replace("/codes/", "/purses/"), "purse"], [thing.replace("/codes/", "/trace/purse/"), "trace"],
    ["/people", "people"], ["/stations", "stations"], ["/orders", "orders"], ["/manifests", "manifests"],
    ["/authorities", "authorities"], ["/audit?check=1", "audit"],
  ];
  for (const [path, name] of pages) await open(path, name);
  await go("/codes?q=car%202");
  const talker = page.locator("tbody a:has-text('Car 2')").first();
  if ((await talker.count()) > 0) {
    await open(`${await talker.getAttribute("href")}/messages`, "messages");
  }
  await go("/payments");
  await page.locator("tbody td:last-child a.code").first().click();
  await page.waitForSelector("h2:has-text('授信额度')");
  await shot("zh-payment");
  await go("/nowhere", 404);
  await page.waitForSelector("h1:has-text('未找到')");
  await page.setViewportSize({ width: 390, height: 844 });
  await open(thing.replace("/codes/", "/1/"), "public-code");
  await open("/", "phone-overview");
  await page.click(".languages a[lang=en]");
  await page.waitForSelector("html[lang=en] h1:has-text('Overview')");
}

await browser.walk(
  async () => {
    await steps();
    await looks();
    await asItsReader();
    await inChinese();
  },
  () => {
    house.stop();
  },
  "The portal walks",
);
