// The console's calls: to the server that the page came from, with the agent's key.
import { Connection, SOON } from "../reply/connection";
import { textsIn } from "../reply/texts";
import { refusalOf } from "../refusal";
import { language, texts } from "./texts";

export { isGone, needsKey, SOON, type Stream } from "../reply/connection";

const KEY = "deskhand-key";
const NAME = "deskhand-agent";

/** How long a made key lasts, in seconds: a long day's work. */
const LIFETIME = 43_200;
/** What keys for one agent begin with. */
const FOR_AGENT = "dha_";

/**
 * Keeps a key for the agent who works here, as long as the tab is: of a key of the server one is made, and the tab forgets the other. Returns why
 * none was made, in the agent's words; empty if one was.
 */
export async function saveKey(key: string): Promise<string> {
  const made = key.trim().startsWith(FOR_AGENT) ? { key: key.trim() } : await madeKey(key.trim());
  sessionStorage.setItem(KEY, made.key ?? "");
  return made.refusal ?? "";
}

/** Forgets the key, and returns whether there was one. */
export function forgetKey(): boolean {
  const had = savedKey() !== "";
  sessionStorage.removeItem(KEY);
  return had;
}

async function madeKey(key: string): Promise<{ key?: string; refusal?: string }> {
  const headers = { "content-type": "application/json", "accept-language": language, authorization: `Bearer ${key}` };
  const body = JSON.stringify({ agentId: agentId(), name: agentName() || agentId(), lifetimeSeconds: LIFETIME });
  const request = { method: "POST", headers, body, credentials: "omit", signal: AbortSignal.timeout(SOON.timeoutMs) } as const;
  const response = await fetch("/deskhand.v1.KeyService/MintAgentKey", request).catch(() => null);
  if (!response) return { refusal: texts.offline };
  return response.ok ? ((await response.json()) as { key: string }) : { refusal: await refusalOf(response) };
}

export const savedKey = (): string => sessionStorage.getItem(KEY) ?? "";
export const agentName = (): string => localStorage.getItem(NAME) ?? "";
export const saveAgentName = (name: string): void => localStorage.setItem(NAME, name.trim());
export const agentId = (): string => (agentName() ? `agent-${agentName().toLowerCase().replace(/\s+/g, "-")}` : "agent-console");

/** Who clicks. */
export const agent = () => ({ agentId: agentId(), name: agentName(), groups: [], language });

const connection = new Connection(location.origin, textsIn(language));
connection.fetchKey = savedKey;
export const { chats, replies } = connection;
export const inWords = (error: unknown): string => connection.inWords(error);
