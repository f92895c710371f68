// Makes destinations and a rule with a real browser, and looks at the letters where they arrive: at
// relays of mail and a webhook made by others, over TLS with certificates of an authority of the test.
//
//   node alerts.js --onecode PROGRAM --python PYTHON [--shots DIR]
//
// PYTHON has the packages of requirements.txt.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { openBrowser, readArguments } from "./browser.js";
import { restart, start, startGateway } from "./gateway.js";

const PASSWORD = "correct horse battery";
const HOOK_PATH = "/services/T0/nobody-elses";
const PHONE = { width: 390, height: 844 };
const asked = readArguments(process.argv.slice(2));
const onecode = resolve(asked.onecode);
const scratch = mkdtempSync(join(tmpdir(), "onecode-alerts-"));
const shots = asked.shots ?? join(scratch, "shots");
mkdirSync(shots, { recursive: true });

const secretFile = join(scratch, "secret");
const letters = join(dirname(fileURLToPath(import.meta.url)), "letters.py");
const MAIL_USER = "onecode";
const passwordFile = join(scratch, "mail-password");
writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
const tls = certificates();
const receivers = start(resolve(asked.python), [letters, secretFile, tls.certificate, tls.key, MAIL_USER, PASSWORD]);
const [, starttls] = await receivers.says(/^starttls (\d+)$/);
const [, wrapped] = await receivers.says(/^tls (\d+)$/);
const [, webhook] = await receivers.says(/^webhook (\d+)$/);
const gateway = await startGateway(onecode, join(scratch, "gateway"), () => ({
  ONECODE_ALERTS_NETWORKS: "loopback",
  ONECODE_MAIL_RELAY: `localhost:${starttls}`,
  ONECODE_MAIL_TLS: "starttls",
  ONECODE_MAIL_FROM: "onecode@example.com",
  ONECODE_MAIL_USER: MAIL_USER,
  ONECODE_MAIL_PASSWORD_FILE: passwordFile,
  SSL_CERT_FILE: tls.authority, // what this machine trusts, for this process
}));
const children = [receivers];
const browser = await openBrowser(gateway.portal, shots);
const { page, go, shot } = browser;

// An authority, and a certificate of it for this machine.
function certificates() {
  const path = (name) => join(scratch, name);
  const openssl = (...words) => execFileSync("openssl", words, { stdio: ["ignore", "ignore", "pipe"] });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  openssl("req", "-x509", ...key, "-subj", "/CN=Authority of a test", "-keyout", path("authority.key"), "-out", path("authority.pem"));
  openssl("req", "-x509", ...key, "-subj", "/CN=localhost", "-keyout", path("tls.key"), "-out", path("tls.pem"),
    "-CA", path("authority.pem"), "-CAkey", path("authority.key"), "-addext", "subjectAltName=DNS:localhost",
    "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth");
  return { authority: path("authority.pem"), certificate: path("tls.pem"), key: path("tls.key") };
}

// The next letter by that way whose words are these, from a line on.
async function arrived(way, words, from = 0) {
  const [line] = await receivers.says(new RegExp(`^\\{"way": "${way}".*${words}.*`), from);
  return JSON.parse(line);
}

const click = (name) => page.getByRole("button", { name, exact: true }).first().click();
const row = (name) => page.locator("tbody tr", { hasText: name });

async function until(path, selector) {
  for (let tries = 0; ; tries += 1) {
    await go(path);
    if ((await page.locator(selector).count()) > 0) return;
    assert.ok(tries < 100, `${path} never has ${selector}`);
    await page.waitForTimeout(200);
  }
}

async function enter() {
  await go(gateway.link);
  await page.fill("#name", "Ada Owner");
  await page.fill("#password", PASSWORD);
  await page.fill("#again", PASSWORD);
  await page.click("button");
  await page.waitForSelector("h1:has-text('Overview')");
}

async function makeDestinations() {
  await page.getByRole("link", { name: "Alerts", exact: true }).click();
  await page.waitForSelector("text=Nothing is watched");
  await shot("nothing-watched");
  await page.getByRole("link", { name: "destination", exact: true }).click();
  await page.waitForSelector("text=Nobody is told of anything");
  await shot("no-destination");
  await page.fill("#webhook-name", "Metadata");
  await page.fill("#webhook-address", "https://169.254.169.254/latest/meta-data");
  browser.expected = 422;
  await click("Make a webhook");
  await page.waitForSelector("text=Webhooks may not lead there");
  browser.expected = 200;
  await shot("closed");
  await go("/alerts/destinations");
  await page.fill("#webhook-name", "Duty room");
  await page.fill("#webhook-address", `https://localhost:${webhook}${HOOK_PATH}`);
  await click("Make a webhook");
  const secret = (await page.textContent("#fresh")).trim();
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  await shot("secret");
  assert.ok(!(await page.content()).includes(HOOK_PATH), "only the host of a webhook is shown");
  await page.fill("#mail-name", "Night shift");
  await page.fill("#mail-address", "night@example.com");
  await click("Make a destination of mail");
  await page.waitForSelector("text=Letters go to night@example.com");
  assert.ok(!(await page.content()).includes(secret), "a secret is shown once");
  return secret;
}

// A receiver that does not know the secret yet takes no letter, and the same letter later.
async function tryThem(secret) {
  const try_ = (name) => row(name).getByRole("button", { name: "Send a letter" }).click();
  await try_("Duty room");
  await page.waitForSelector("text=A letter is on its way");
  await until("/alerts/destinations", ".pill.bad:has-text('one try in vain')");
  await shot("in-vain");
  writeFileSync(secretFile, secret, { mode: 0o600 });
  const letter = await arrived("webhook", "tries whether letters arrive here");
  assert.equal(letter.text.id, letter.id);
  assert.equal(letter.text.event, "trial");
  await until("/alerts/destinations", ".pill.good:has-text('as it should')");
  await try_("Night shift");
  const { text } = await arrived("starttls", "tries whether letters arrive here");
  assert.deepEqual(text.to, ["night@example.com"]);
}

async function watch() {
  await go("/alerts");
  for (const name of ["Duty room", "Night shift"]) {
    await page.fill("#house-name", `Who asks, for ${name}`);
    await page.selectOption("#house-kind", "pending");
    await page.selectOption("#house-destination", { label: name });
    await page.locator("form", { hasText: "Watch the house" }).getByRole("button", { name: "Make the rule" }).click();
    await page.waitForSelector("text=The rule is made");
  }
  await shot("rules");
  const from = receivers.lines.length;
  const trust = join(scratch, "gateway", "trust.toml");
  const words = ["device", "init", "--folder", join(scratch, "sensor"), "--gateway", gateway.portal, "--trust", trust];
  children.push(start(onecode, words));
  const hooked = await arrived("webhook", "One device asks for a code", from);
  assert.equal(hooked.text.kind, "pending");
  assert.equal(hooked.text.link, `${gateway.portal}/pending`);
  const mailed = await arrived("starttls", "One device asks for a code", from);
  assert.equal(mailed.text.subject, "OneCode test: One device asks for a code.");
  assert.ok(mailed.text.body.includes(`${gateway.portal}/pending`));
  assert.notEqual(mailed.id, hooked.id);
  await until("/alerts", ".pill.warn:has-text('true now')");
  const delivered = page.locator("tbody tr", { hasText: "One device asks" }).locator(".pill.good");
  assert.equal(await delivered.count(), 2);
  await shot("told");
}

const tryOne = async (name) => {
  await go("/alerts/destinations");
  await row(name).getByRole("button", { name: "Send a letter" }).click();
  await page.waitForSelector("text=A letter is on its way");
};

// By TLS from the first byte; and to whom no authority vouches for, that this machine trusts, nothing.
async function otherWays() {
  await restart(gateway, onecode, join(scratch, "gateway"), {
    ONECODE_MAIL_RELAY: `localhost:${wrapped}`,
    ONECODE_MAIL_TLS: "tls",
  });
  await tryOne("Night shift");
  await arrived("tls", "tries whether letters arrive here");
  await until("/alerts/destinations", "tr:has-text('Night shift') .pill.good:has-text('as it should')");
  await restart(gateway, onecode, join(scratch, "gateway"), { SSL_CERT_FILE: undefined });
  const before = receivers.lines.length;
  for (const name of ["Night shift", "Duty room"]) {
    await tryOne(name);
    await until("/alerts/destinations", `tr:has-text('${name}') .pill.bad:has-text('one try in vain')`);
  }
  await shot("not-trusted");
  assert.equal(receivers.lines.length, before, "nothing went to a stranger");
}

async function takeAway() {
  await go("/alerts/destinations");
  browser.expected = 422;
  await row("Night shift").getByRole("button", { name: "Take away" }).click();
  await page.waitForSelector("text=Rules write to it");
  browser.expected = 200;
  await go("/alerts");
  await row("for Night shift").first().getByRole("button", { name: "Take away" }).click();
  await page.waitForSelector("text=The rule was taken away");
  await go("/alerts/destinations");
  await row("Night shift").getByRole("button", { name: "Take away" }).click();
  await page.waitForSelector("text=The destination was taken away");
}

async function otherEyes() {
  await go("/language/zh-CN?back=/alerts");
  await page.waitForSelector("h1:has-text('告警')");
  await shot("chinese");
  await go("/alerts/destinations");
  await shot("chinese-destinations");
  await page.setViewportSize(PHONE);
  await shot("phone-destinations");
  await go("/alerts");
  await shot("phone");
  await page.emulateMedia({ colorScheme: "dark" });
  await shot("dark");
}

async function steps() {
  await enter();
  await tryThem(await makeDestinations());
  await watch();
  await otherWays();
  await takeAway();
  await otherEyes();
}

function tidy() {
  for (const child of [gateway.child, ...children]) child.kill();
  rmSync(scratch, { recursive: true, force: true });
}

await browser.walk(steps, tidy, "letters about alerts");
