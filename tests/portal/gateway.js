// Starts real programs on free loopback ports and hears what they say.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

const START_TIMEOUT_MS = 60_000;

export function freePort() {
  return new Promise((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });
}

// The first line of a program's output that fits.
export async function says(child, pattern) {
  const timer = setTimeout(() => child.kill(), START_TIMEOUT_MS);
  for await (const line of createInterface({ input: child.stdout })) {
    const found = pattern.exec(line);
    if (found) {
      clearTimeout(timer);
      child.stdout.resume();
      return found[1];
    }
  }
  throw new Error(`${child.spawnfile} ended without saying ${pattern}`);
}

export function start(program, words, env) {
  return spawn(program, words, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env } });
}

// A gateway over a new folder, and the link of its first administrator. `environment` is made from the
// address of the portal.
export async function startGateway(onecode, folder, environment = () => ({})) {
  const [http, mqtt, coap, coaps] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const portal = `http://127.0.0.1:${http}`;
  const child = start(onecode, ["up", "--data", folder], {
    ONECODE_HTTP_LISTEN: `127.0.0.1:${http}`,
    ONECODE_MQTT_LISTEN: `127.0.0.1:${mqtt}`,
    ONECODE_COAP_LISTEN: `127.0.0.1:${coap}`,
    ONECODE_COAP_SECURE_LISTEN: `127.0.0.1:${coaps}`,
    ONECODE_LOG_FILTER: "warn",
    ...environment(portal),
  });
  const link = await says(child, /(\/welcome\/[0-9a-f]+)/);
  return { child, link, portal };
}
