// Texts of a helpdesk as Deskhand takes them, and drafts as a helpdesk shows them.
import type { Finished } from "deskhand-client";
import { compile } from "html-to-text";

/** How the bridge's notes begin, by which it knows them again. */
export const OWN_NOTE = "Draft by Deskhand";
/** What Deskhand takes of a message; and of HTML what can be read before others wait for it. */
const [MAX_TEXT, MAX_HTML] = [32_000, 256 * 1024];

const table = [{ selector: "tr", format: "block" }, { selector: "td", format: "inlineSurround", options: { suffix: " " } }];
const read = compile({ wordwrap: false, limits: { maxDepth: 100 }, selectors: [...table, { selector: "img", format: "skip" }] });

export function plainText(source: string, isHtml: boolean): string {
  const text = isHtml ? read(source.slice(0, MAX_HTML)) : source;
  return text.replaceAll("\0", "").trim().slice(0, MAX_TEXT).toWellFormed();
}

/** A draft for agents: what it is, its text, what it rests on and what is doubtful. */
export function noteOf({ text, sources, warnings }: Finished): { text: string; html: string } {
  const rests = sources.map(({ title, url }) => `Source: ${title}${url && ` (${url})`}`);
  const doubts = warnings.map(({ message, excerpt }) => `Check: ${message}${excerpt && ` “${excerpt}”`}`);
  const note = [`${OWN_NOTE}, not sent. Read it before you use it.`, text, [...rests, ...doubts].join("\n")].join("\n\n").trim();
  return { text: note, html: note.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\n", "<br>") };
}
