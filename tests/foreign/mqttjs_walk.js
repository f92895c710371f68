// mqtt.js over WebSocket, as a thing: node mqttjs_walk.js HOST PORT FOLDER CODE
// FOLDER holds what `onecode device init` made. Prints a line for each thing that holds, and ends
// with 1 at the first that does not.
import { readFileSync } from "node:fs";
import { once } from "node:events";
import mqtt from "mqtt";

const [host, port, folder, code] = process.argv.slice(2);
const topic = (leaf) => `oc/1/${code}/${leaf}`;
const PATIENCE_MS = 20_000;

const settings = {
  ca: readFileSync(`${folder}/authorities.pem`),
  cert: readFileSync(`${folder}/certificate.pem`),
  key: readFileSync(`${folder}/key.pem`),
  reconnectPeriod: 0,
  connectTimeout: PATIENCE_MS,
};

function holds(what, condition, shown) {
  console.log(`${condition ? "ok" : "not ok"} - mqtt.js: ${what}`, condition ? "" : shown);
  if (!condition) process.exit(1);
}

async function connect(name, version, keep = false) {
  const client = mqtt.connect(`wss://${host}:${port}/mqtt`, {
    ...settings,
    clientId: `${code}.${name}`,
    protocolVersion: version,
    clean: !keep,
    properties: version === 5 ? { sessionExpiryInterval: keep ? 3600 : 0 } : undefined,
  });
  const heard = [];
  client.on("message", (at, payload, packet) => heard.push({ at, payload: payload.toString(), packet }));
  const [connack] = await once(client, "connect", { signal: AbortSignal.timeout(PATIENCE_MS) });
  const next = async () => {
    const deadline = Date.now() + PATIENCE_MS;
    while (heard.length === 0) {
      if (Date.now() > deadline) throw new Error("nothing came");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return heard.shift();
  };
  return { client, next, resumed: connack.sessionPresent };
}

for (const version of [4, 5]) {
  const of = `version ${version}: `;
  await (await connect("kept", version)).client.endAsync();
  let thing = await connect("kept", version, true);
  await thing.client.subscribeAsync(topic("t/#"), { qos: 2 });
  for (const qos of [0, 1, 2]) {
    await thing.client.publishAsync(topic("t/room"), `at ${qos}`, { qos });
    const { payload, packet } = await thing.next();
    holds(`${of}QoS ${qos} comes as QoS ${qos}`, payload === `at ${qos}` && packet.qos === qos, packet);
  }
  const large = "x".repeat(60_000);
  await thing.client.publishAsync(topic("t/large"), large, { qos: 1 });
  holds(`${of}60,000 bytes come whole`, (await thing.next()).payload === large);
  await thing.client.endAsync();

  const other = await connect("other", version);
  const properties = version === 5 ? { userProperties: { unit: "Cel" } } : undefined;
  await other.client.publishAsync(topic("t/room"), "meanwhile", { qos: 2, properties });
  await other.client.endAsync();
  thing = await connect("kept", version, true);
  holds(`${of}the session is there again`, thing.resumed);
  const { payload, packet } = await thing.next();
  holds(`${of}with what was published meanwhile`, payload === "meanwhile" && packet.qos === 2, packet);
  if (version === 5) {
    holds(`${of}and what was said beside it`, packet.properties?.userProperties?.unit === "Cel", packet);
  }
  await thing.client.endAsync();
  await (await connect("kept", version)).client.endAsync();
}
