// Comes into a running gateway every way there is, with a real browser: by password, by password and
// a code from an app, and by a provider of sign-ins.
//
//   node entrance.js --onecode PROGRAM [--shots DIR]
import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import assert from "node:assert/strict";
import { openBrowser, readArguments } from "./browser.js";
import { freePort, startGateway } from "./gateway.js";
import { CLIENT, startProvider } from "./provider.js";

const PASSWORD = "correct horse battery";
const STEP_MS = 30_000;
const asked = readArguments(process.argv.slice(2));
const scratch = mkdtempSync(join(tmpdir(), "onecode-entrance-"));
const shots = asked.shots ?? join(scratch, "shots");
mkdirSync(shots, { recursive: true });

const secretFile = join(scratch, "client-secret");
writeFileSync(secretFile, `${CLIENT.secret}\n`, { mode: 0o600 });
const providerPort = await freePort();
const groups = { grace: ["staff", "boss"], linus: ["staff"] };
let provider;
const gateway = await startGateway(resolve(asked.onecode), join(scratch, "gateway"), (portal) => {
  provider = startProvider(providerPort, `${portal}/sign-in/provider/back`, groups);
  return {
    ONECODE_OIDC_ISSUER: provider.issuer,
    ONECODE_OIDC_CLIENT_ID: CLIENT.id,
    ONECODE_OIDC_CLIENT_SECRET_FILE: secretFile,
    ONECODE_OIDC_NAME: "Example ID",
    ONECODE_OIDC_ROLES_CLAIM: "groups",
    ONECODE_OIDC_ROLES: "boss=owner+auditor, staff=operator",
    ONECODE_OIDC_ADMIT: "mapped",
    ONECODE_OIDC_LOOPBACK: "yes",
  };
});
const browser = await openBrowser(gateway.portal, shots);
const { page, go, shot } = browser;

// What an app on a phone computes; `steps` from now.
function appCode(secret, steps = 0) {
  const bits = [...secret].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const moment = Buffer.alloc(8);
  moment.writeBigUInt64BE(BigInt(Math.floor(Date.now() / STEP_MS) + steps));
  const hash = createHmac("sha1", key).update(moment).digest();
  return String((hash.readUInt32BE(hash[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

// A click that is refused with this status.
async function refused(status, name) {
  browser.expected = status;
  await page.getByRole("button", { name, exact: true }).click();
  await page.waitForSelector("[role=alert]");
  browser.expected = 200;
}

async function signOut() {
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForSelector("h1:has-text('Sign in')");
}

async function typePassword(name) {
  await go("/sign-in");
  await page.fill("#name", name);
  await page.fill("#password", PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

async function firstOwner() {
  await go(gateway.link);
  await page.fill("#name", "Ada Owner");
  await page.fill("#password", PASSWORD);
  await page.fill("#again", PASSWORD);
  await page.click("button");
  await page.waitForSelector("h1:has-text('Overview')");
}

async function secondStep() {
  await page.getByRole("link", { name: "Your account" }).click();
  await shot("account");
  await page.fill("#password", "not this one");
  await refused(422, "Set it up");
  await page.fill("#password", PASSWORD);
  await page.getByRole("button", { name: "Set it up" }).click();
  await page.waitForSelector("h2:has-text('Scan this')");
  await shot("second-step");
  // A phone sees the picture, and finds in it what the page spells out.
  const picture = join(scratch, "qr.png");
  await page.locator("svg.qr").screenshot({ path: picture });
  const scanned = new URL(execFileSync("zbarimg", ["--nodbus", "-q", "--raw", picture], { encoding: "utf8" }).trim());
  const secret = scanned.searchParams.get("secret");
  assert.equal(scanned.protocol, "otpauth:");
  assert.equal(decodeURIComponent(scanned.pathname).split(":")[1], "Ada Owner");
  assert.equal((await page.textContent("#secret")).replaceAll(" ", ""), secret);
  const confirmed = appCode(secret);
  await page.fill("#code", confirmed);
  await page.getByRole("button", { name: "Turn it on" }).click();
  await page.waitForSelector("h2:has-text('Your recovery codes')");
  const recovery = await page.locator(".recovery li").allTextContents();
  assert.equal(recovery.length, 10);
  await shot("recovery-codes");
  await page.getByRole("link", { name: "I have kept them" }).click();
  await page.waitForSelector("h1:has-text('Overview')");

  await signOut();
  await typePassword("Ada Owner");
  await page.waitForSelector("h1:has-text('Second step')");
  await page.fill("#code", confirmed);
  await refused(401, "Sign in");
  await page.waitForSelector("text=was used before");
  await shot("sign-in-code");
  // The app's next code is good already.
  await page.fill("#code", appCode(secret, 1));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForSelector("h1:has-text('Overview')");

  await signOut();
  await typePassword("Ada Owner");
  await page.fill("#code", recovery[0].toLowerCase());
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForSelector("text=9 recovery codes are left");
  await shot("account-on");
}

// An owner requires it, and takes it away; who has to set it up can do nothing else.
async function rule() {
  await go("/people");
  const form = page.locator("form[action='/people/second-step']");
  await form.locator("[name=auditor]").check();
  await form.getByRole("button", { name: "Save" }).click();
  await page.waitForSelector("text=Whose roles take a second step was changed");
  await page.locator("form[action='/people/invite'] [name=auditor]").check();
  await page.getByRole("button", { name: "Make a link" }).click();
  const link = await page.textContent("#fresh");
  await shot("people");
  await signOut();
  await go(link);
  await page.fill("#name", "Bob Auditor");
  await page.fill("#password", PASSWORD);
  await page.fill("#again", PASSWORD);
  await page.click("button");
  await page.waitForSelector("h1:has-text('Your account')");
  await go("/audit");
  assert.match(page.url(), /\/account$/);
  await shot("account-owed");
}

// Through the provider's own pages, as nobody it has seen in this browser before.
async function atProvider(name, status = 200) {
  await page.context().clearCookies();
  await go("/sign-in");
  await page.getByRole("link", { name: "Sign in by Example ID" }).click();
  await page.fill("[name=login]", name);
  await page.fill("[name=password]", "any will do");
  await page.getByRole("button", { name: "Sign-in" }).click();
  browser.expected = status;
  await page.getByRole("button", { name: "Continue" }).click();
}

async function byProvider() {
  // The provider's pages ask for a font from the internet.
  await page.route("https://fonts.googleapis.com/**", (route) => route.fulfill({ contentType: "text/css", body: "" }));
  await page.context().clearCookies();
  await go("/sign-in");
  await shot("sign-in-provider");
  await atProvider("grace");
  await page.waitForSelector("h1:has-text('Overview')");
  await page.waitForSelector(".who:has-text('grace'):has-text('owner, operator, auditor')");
  await go("/people");
  await page.waitForSelector(`tr:has-text('grace') .pill:has-text('127.0.0.1:${providerPort}')`);
  await shot("people-provider");
  await go("/account");
  await page.waitForSelector("text=You sign in by");
  await shot("account-provider");
  await signOut();
  // The provider remembers her, so she comes in by one click; her roles are those of today.
  groups.grace = ["staff"];
  await page.getByRole("link", { name: "Sign in by Example ID" }).click();
  await page.waitForSelector("h1:has-text('Overview')");
  await go("/people", 403);
  // Whom the provider knows and gives no role, and who says no there.
  await atProvider("mallory", 403);
  await page.waitForSelector("text=gives you no role");
  await shot("provider-no-role");
  await page.context().clearCookies();
  browser.expected = 502;
  await page.goto(`${gateway.portal}/sign-in`);
  await page.getByRole("link", { name: "Sign in by Example ID" }).click();
  await page.getByRole("link", { name: "Cancel" }).click();
  await page.waitForSelector("text=said no");
  await shot("provider-said-no");
  browser.expected = 200;
  assert.deepEqual(provider.refusals, []);
}

async function inChinese() {
  await page.click(".languages a[lang=zh-CN]");
  await page.waitForSelector("html[lang=zh-CN] h1:has-text('您的账户')");
  await shot("zh-account-owed");
  await page.fill("#password", PASSWORD);
  await page.getByRole("button", { name: "开始设置" }).click();
  await page.waitForSelector("svg.qr");
  await shot("zh-second-step");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: "dark" });
  await shot("zh-second-step-phone-dark");
}

await browser.walk(
  async () => {
    await firstOwner();
    await secondStep();
    await rule();
    await inChinese();
    await page.setViewportSize({ width: 1280, height: 860 });
    await page.emulateMedia({ colorScheme: "light" });
    await byProvider();
  },
  () => {
    gateway.child.kill();
    provider.stop();
    if (!shots.startsWith(scratch)) rmSync(scratch, { recursive: true, force: true });
  },
  "Everybody came in as they should",
);
