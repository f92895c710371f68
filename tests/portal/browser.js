// A browser that takes offence: any console error, page error, blocked resource, unexpected status,
// page wider than its window, or finding of axe-core becomes a problem.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

export const STEP_TIMEOUT_MS = 15_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export function readArguments(words) {
  const found = {};
  for (let i = 0; i < words.length; i += 2) {
    assert.ok(words[i].startsWith("--") && words[i + 1] !== undefined, `what is ${words[i]}?`);
    found[words[i].slice(2)] = words[i + 1];
  }
  return found;
}

export async function openBrowser(portal, folder) {
  const profile = mkdtempSync(join(tmpdir(), "onecode-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    viewport: { width: 1280, height: 860 },
    ignoreHTTPSErrors: true,
    acceptDownloads: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  context.setDefaultTimeout(STEP_TIMEOUT_MS);
  const page = await context.newPage();
  const problems = [];
  const browser = { page, problems, expected: 200, shots: 0, inspected: 0, go, shot, inspect, walk };

  page.on("console", (message) => {
    const isStatus = /status of (\d+)/.exec(message.text());
    if (isStatus && Number(isStatus[1]) === browser.expected) return;
    if (message.type() === "error" || message.type() === "warning") {
      problems.push(`${page.url()}: console: ${message.text()}`);
    }
  });
  page.on("pageerror", (error) => problems.push(`${page.url()}: ${error}`));
  page.on("dialog", (dialog) => {
    problems.push(`${page.url()}: a dialog opened`);
    dialog.dismiss();
  });
  page.on("requestfailed", (request) => {
    // A click on a download aborts its navigation.
    if (!request.failure()?.errorText.includes("ERR_ABORTED")) problems.push(`${request.url()}: ${request.failure()?.errorText}`);
  });

  async function go(path, status = 200) {
    browser.expected = status;
    const answer = await page.goto(portal + path);
    assert.equal(answer.status(), status, `${path} answered ${answer.status()}`);
    browser.expected = 200;
  }

  // What somebody would stumble over who sees badly, or has no mouse. Axe comes in by
  // the debugger's door, past the pages' content security policy.
  async function inspect(name) {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    browser.inspected += 1;
    for (const { id, impact, help, nodes } of violations) {
      const where = nodes.map((node) => `${node.target.join(" ")} (${node.any[0]?.message ?? help})`);
      problems.push(`${name}: ${impact}: ${id}: ${help}: ${where.join("; ")}`);
    }
  }

  async function shot(name) {
    browser.shots += 1;
    const file = join(folder, `${String(browser.shots).padStart(2, "0")}-${name}.png`);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (overflow > 0) problems.push(`${name}: the page is ${overflow} px wider than the window`);
    await page.screenshot({ path: file, fullPage: true });
    await inspect(name);
  }

  async function close() {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }

  // Walks, tidies up whatever happens, and ends the process with what there is to say of it. A step
  // that failed leaves a picture.
  async function walk(steps, tidy, what) {
    let failure;
    try {
      await steps();
    } catch (error) {
      failure = error;
      await page.screenshot({ path: join(folder, "failure.png"), fullPage: true }).catch(() => {});
    } finally {
      await close();
      tidy();
    }
    for (const problem of problems) console.error(problem);
    if (failure) console.error(failure);
    if (failure || problems.length > 0) process.exit(1);
    console.log(`${what}: ${browser.shots} screenshots in ${folder}, ${browser.inspected} pages inspected`);
  }

  return browser;
}
