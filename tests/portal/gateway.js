// Starts real programs on free loopback ports and hears what they say.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

export const START_TIMEOUT_MS = 60_000;

export function freePort() {
  return new Promise((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });
}

// A program, whose lines are kept as they come; `says` waits for one that fits, from a line on.
export function start(program, words, env = {}) {
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env } });
  const [lines, waiting] = [[], []];
  const output = createInterface({ input: child.stdout });
  output.on("line", (line) => {
    lines.push(line);
    for (const look of [...waiting]) look();
  });
  child.says = (pattern, from = 0) =>
    new Promise((found, failed) => {
      const silent = () => failed(new Error(`${program} says nothing like ${pattern}: ${lines.join("\n")}`));
      const timer = setTimeout(silent, START_TIMEOUT_MS);
      const look = () => {
        const hit = lines.slice(from).map((line) => pattern.exec(line)).find(Boolean);
        if (!hit) return;
        clearTimeout(timer);
        waiting.splice(waiting.indexOf(look), 1);
        found(hit);
      };
      waiting.push(look);
      output.once("close", silent);
      look();
    });
  child.lines = lines;
  return child;
}

// A gateway over a new folder, and the link of its first administrator. `environment` is made from the
// address of the portal.
export async function startGateway(onecode, folder, environment = () => ({})) {
  const [http, mqtt, coap, coaps] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const portal = `http://127.0.0.1:${http}`;
  const settings = {
    ONECODE_HTTP_LISTEN: `127.0.0.1:${http}`,
    ONECODE_MQTT_LISTEN: `127.0.0.1:${mqtt}`,
    ONECODE_COAP_LISTEN: `127.0.0.1:${coap}`,
    ONECODE_COAP_SECURE_LISTEN: `127.0.0.1:${coaps}`,
    ONECODE_LOG_FILTER: "warn",
    ...environment(portal),
  };
  const child = start(onecode, ["up", "--data", folder], settings);
  const [, link] = await child.says(/(\/welcome\/[0-9a-f]+)/);
  return { child, link, portal, mqtt: `127.0.0.1:${mqtt}`, settings };
}

// The same gateway with other settings; those that are undefined are gone.
export async function restart(gateway, onecode, folder, other) {
  const hasEnded = () => gateway.child.exitCode !== null || gateway.child.signalCode !== null;
  const ended = hasEnded() || new Promise((end) => gateway.child.on("exit", end));
  gateway.child.kill();
  await ended;
  gateway.child = start(onecode, ["up", "--data", folder], { ...gateway.settings, ...other });
  for (const until = Date.now() + START_TIMEOUT_MS; ; ) {
    const answer = await fetch(`${gateway.portal}/readyz`).catch(() => null);
    if (answer?.ok) return;
    if (Date.now() > until) throw new Error("the gateway does not come up again");
    await new Promise((later) => setTimeout(later, 100));
  }
}
