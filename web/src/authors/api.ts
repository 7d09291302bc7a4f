// The authors' page's calls: JSON over plain HTTP to the server that the page came from.
import { language, texts } from "./texts";

/**
 * The key of an author. None can be made of it for one person, as the console does for agents: a made key never has the scope `author`. So the key
 * itself is kept, as briefly as it can be: in this tab, until it is closed or the author forgets it; never in an address, nor in `localStorage`.
 */
const KEY = "deskhand-author-key";
const TIMEOUT = 15_000;
const PAGE = 500;
/** Most documents of a kind that are listed. */
export const MOST = 5_000;

export type Kind = "article" | "answer";
export interface Document {
  id: string;
  language: string;
  title: string;
  body: string;
  category: string;
  tags: string[];
  asked: string[];
  etag: string;
  fromFolder: boolean;
  updatedAt?: string;
  /** Of an article. */
  audience?: string;
  url?: string;
  /** Of a canned answer. */
  shortcut?: string;
  visibility?: string;
  ownerGroup?: string;
  ownerAgentId?: string;
  when?: string[];
}
export interface Finding {
  id: string;
  language: string;
  isWarning: boolean;
  rule: string;
  subject: string;
  field: string;
  line: number;
  message: string;
}
export interface Voice {
  text: string;
  signOff: string;
  severalMessages: boolean;
  fromFolder: boolean;
  etag: string;
}
export interface Term {
  term: string;
  keep: boolean;
  words: Record<string, string>;
  fromFolder: boolean;
  etag: string;
}
export interface Group {
  id: string;
  language: string;
  words: string[];
  fromFolder: boolean;
  etag: string;
}
export interface Result {
  status: "PUT_STATUS_CREATED" | "PUT_STATUS_UPDATED" | "PUT_STATUS_UNCHANGED" | "PUT_STATUS_STALE";
  etag: string;
}

/** A call that failed: in the author's words, and what is wrong with each field. */
export class Failure extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly fields: { field: string; description: string }[] = [],
  ) {
    super(message);
  }

  get needsKey(): boolean {
    return this.code === "unauthenticated" || this.code === "permission_denied";
  }
}

export const savedKey = (): string => sessionStorage.getItem(KEY) ?? "";
export const saveKey = (key: string): void => sessionStorage.setItem(KEY, key.trim());
export const forgetKey = (): void => sessionStorage.removeItem(KEY);

interface Detail {
  debug?: { fieldViolations?: { field: string; description: string }[]; message?: string };
}

async function call<T>(method: string, message: object): Promise<T> {
  const key = savedKey();
  const headers = { "content-type": "application/json", "accept-language": language, ...(key ? { authorization: `Bearer ${key}` } : {}) };
  const request = { method: "POST", headers, body: JSON.stringify(message), credentials: "omit", signal: AbortSignal.timeout(TIMEOUT) } as const;
  const response = await fetch(`/deskhand.v1.KnowledgeService/${method}`, request).catch(() => null);
  if (!response) throw new Failure("unavailable", texts.offline);
  const reply: unknown = await response.json().catch(() => ({}));
  if (response.ok) return reply as T;
  const { code = "unknown", message: said = "", details = [] } = reply as { code?: string; message?: string; details?: Detail[] };
  const fields = details.flatMap(({ debug }) => debug?.fieldViolations ?? []);
  const localized = details.map(({ debug }) => debug?.message).find(Boolean);
  throw new Failure(code, localized ?? (said || texts.failed), fields);
}

async function pages<T>(method: string, of: string): Promise<T[]> {
  const all: T[] = [];
  let pageToken = "";
  do {
    const page = await call<Record<string, unknown>>(method, { pageSize: PAGE, pageToken });
    all.push(...(page[of] as T[]));
    pageToken = page["nextPageToken"] as string;
  } while (pageToken && all.length < MOST);
  return all;
}

const many = { article: "articles", answer: "cannedAnswers" } as const;
const method = { article: "Articles", answer: "CannedAnswers" } as const;

export const listDocuments = (kind: Kind): Promise<Document[]> => pages(`List${method[kind]}`, many[kind]);
export const deleteDocument = (kind: Kind, id: string, language: string): Promise<unknown> => call(`Delete${method[kind]}`, { ids: [id], language });
export const checkDocument = (kind: Kind, document: object): Promise<{ findings: Finding[] }> => call("CheckDocuments", { [many[kind]]: [document] });
export const checkAll = (): Promise<{ findings: Finding[]; documents: number; errors: number; warnings: number }> => call("CheckDocuments", {});
export async function putDocument(kind: Kind, document: object): Promise<Result> {
  const { results } = await call<{ results: Result[] }>(`Put${method[kind]}`, { [many[kind]]: [document] });
  return results[0]!;
}

export const getVoice = async (): Promise<Voice> => (await call<{ voice: Voice }>("GetVoice", {})).voice;
export const putVoice = (voice: object): Promise<Result> => call("PutVoice", { voice });
export const listTerms = (): Promise<Term[]> => pages("ListGlossaryTerms", "terms");
export const putTerm = async (term: object): Promise<Result> => (await call<{ results: Result[] }>("PutGlossaryTerms", { terms: [term] })).results[0]!;
export const deleteTerm = (term: string): Promise<unknown> => call("DeleteGlossaryTerms", { terms: [term] });
export const listGroups = (): Promise<Group[]> => pages("ListSynonyms", "groups");
export const putGroup = async (group: object): Promise<Result> => (await call<{ results: Result[] }>("PutSynonyms", { groups: [group] })).results[0]!;
export const deleteGroup = (id: string): Promise<unknown> => call("DeleteSynonyms", { ids: [id] });
