// Tells a story through the official MCP client: reads steps from standard input, prints
// what the agent and the user would see. It knows no company: the steps name everything.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { readFileSync } from "node:fs";

const { base, logins, steps } = JSON.parse(readFileSync(0, "utf8"));

// The application opens an execution for a signed-in user; the agent gets token and gateway.
async function open({ user, agent, lane, purpose }) {
  const answer = await fetch(`${base}/executions`, {
    method: "POST",
    headers: { authorization: `Bearer ${logins[user]}`, "content-type": "application/json" },
    body: JSON.stringify({ agent, lane, purpose }),
  });
  return answer.ok ? await answer.json() : undefined;
}

async function connect({ gateway, token }) {
  const client = new Client({ name: "story", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(gateway), { requestInit: { headers: { authorization: `Bearer ${token}` } } }));
  return client;
}

// An error as an agent sees it, without the reference, which differs each time.
function seen(error) {
  return `error ${error.code}: ${error.message.replace(/^MCP error -?\d+: /, "")}${error.data?.detail ? ` (${error.data.detail})` : ""}`;
}

// What waits for the user, as the last call that waits was told.
let waiting;

async function call(client, name, args, _meta) {
  try {
    const result = await client.callTool({ name, arguments: args, ...(_meta && { _meta }) });
    const content = result.structuredContent ?? result.content;
    if (content.status !== "pending") return JSON.stringify(content);
    waiting = { name, args, id: content.confirmation };
    return `pending: ${content.says}`;
  } catch (error) {
    return seen(error);
  }
}

// The user decides in a browser, with a login of their own that no agent has.
async function approve(user) {
  const login = await fetch(`${base}/login/${user}`, { redirect: "manual" });
  const token = login.headers.get("location").split("#")[1];
  const answer = await fetch(`${base}/approvals/${waiting.id}/approve`, { method: "POST", headers: { authorization: `Bearer ${token}` } });
  const body = await answer.json();
  return answer.ok ? JSON.stringify(body.result.structuredContent) : body.error;
}

for (const step of steps) {
  console.log(`# ${step.tells}`);
  const opened = await open(step);
  if (!opened) {
    console.log("no execution: refused");
    continue;
  }
  const client = await connect(opened);
  for (const ask of step.asks) {
    if (ask === "list") {
      const { tools } = await client.listTools();
      console.log(`sees ${tools.map((t) => t.name.split("___")[1]).join(", ")}`);
    } else if (ask === "approve") {
      console.log(`${step.user} approves exactly that, with a login of their own\n  → ${await approve(step.user)}`);
    } else if (ask === "again") {
      console.log(`the agent asks how it ended\n  → ${await call(client, waiting.name, waiting.args, { "remit/confirmation": waiting.id })}`);
    } else if (ask.happens) {
      const answer = await fetch(`${base}/events/${ask.on}`, { method: "POST", body: JSON.stringify({ "detail-type": ask.happens, detail: ask.detail }) });
      console.log(`${ask.happens} ${JSON.stringify(ask.detail)} happens on ${ask.on}${answer.ok ? "" : ` and is refused: ${(await answer.json()).error}`}`);
    } else {
      const [tool, args] = ask;
      const name = `${tool.replaceAll("_", "-")}___${tool}`;
      console.log(`${tool} ${JSON.stringify(args)}\n  → ${await call(client, name, args)}`);
    }
  }
  await client.close();
}
