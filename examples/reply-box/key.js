import { createServer } from "node:http";
import { signedIn } from "./session.js"; // yours: `{ id, name, teams }` of the agent who is signed in by the request's cookie, or null
const headers = { "content-type": "application/json", authorization: `Bearer ${process.env.DESKHAND_KEY}` };
createServer(async (request, response) => {
  const agent = await signedIn(request);
  const body = agent && JSON.stringify({ agentId: agent.id, name: agent.name, groups: agent.teams, lifetimeSeconds: 3600 });
  const asked = { method: "POST", headers, body, signal: AbortSignal.timeout(10_000) };
  const minted = agent && (await fetch(`${process.env.DESKHAND_URL}/deskhand.v1.KeyService/MintAgentKey`, asked).catch(() => null));
  response.writeHead(minted?.ok ? 200 : agent ? 502 : 401, { "cache-control": "no-store" }).end(minted?.ok ? (await minted.json()).key : "");
}).listen(process.env.PORT ?? 8080);
