// The console's calls: to the server that the page came from, with the agent's key.
import { Connection } from "../reply/connection";
import { textsIn } from "../reply/texts";
import { language } from "./texts";

export { isGone, needsKey, SOON, type Stream } from "../reply/connection";

const KEY = "deskhand-key";
const NAME = "deskhand-agent";

// A key is kept as long as the tab is.
export const saveKey = (key: string): void => sessionStorage.setItem(KEY, key.trim());
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
