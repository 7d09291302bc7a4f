// The report's calls: JSON to the server that the page came from, with a key that is kept as long as the tab is.
import type { GetHelpReportResponse } from "../gen/deskhand/v1/knowledge_pb";
import type { GetReplyReportResponse } from "../gen/deskhand/v1/replies_pb";
import { refusalOf } from "../refusal";
import { language } from "./texts";

export type HelpReport = GetHelpReportResponse;
export type ReplyReport = GetReplyReportResponse;

/** The same as on the authors' page: an author enters it once in a tab. */
const KEY = "deskhand-author-key";
/** Longest wait for a report: reports of long periods take the database a while. */
const TIMEOUT = 60_000;

export const saveKey = (key: string): void => sessionStorage.setItem(KEY, key.trim());

/** What the server refused, or why it did not answer. */
export class Failure extends Error {
  constructor(
    message: string,
    readonly needsKey: boolean,
  ) {
    super(message);
  }
}

/** What both reports are asked about; empty: all. */
export interface Asking {
  startTime: string;
  endTime: string;
  timeZone: string;
  language: string;
  documentId: string;
}

export const helpReport = (asking: Asking): Promise<HelpReport> => call("KnowledgeService/GetHelpReport", asking);
export const replyReport = (asking: Asking, agentId: string): Promise<ReplyReport> => call("ReplyService/GetReplyReport", { ...asking, agentId });

async function call<T>(method: string, message: object): Promise<T> {
  const headers: Record<string, string> = { "content-type": "application/json", "accept-language": language };
  const key = sessionStorage.getItem(KEY);
  if (key) headers.authorization = `Bearer ${key}`;
  const request = { method: "POST", headers, body: JSON.stringify(message), credentials: "omit", signal: AbortSignal.timeout(TIMEOUT) } as const;
  const response = await fetch(`/deskhand.v1.${method}`, request).catch(() => {
    throw new Failure("", false);
  });
  if (response.ok) return (await response.json()) as T;
  throw new Failure(await refusalOf(response), response.status === 401 || response.status === 403);
}
