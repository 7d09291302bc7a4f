// What a helpdesk's webhooks mean. A mapping file says it: conditions, and Deskhand's events as JSON with templates in it.
import { EventSchema, fromJson, type Event } from "deskhand-client";
import { OWN_NOTE, plainText } from "./text.js";

/** A webhook's `headers` and `body`, and `item` of a list. Paths such as `body.account.id` lead into it. */
export type Scope = Record<string, unknown>;
/** Holds when each path has one of its values, `null` for none; without paths always. */
type Condition = Record<string, unknown[]>;
type Rule = { when: Condition; event: { eventId: string } };
export interface Mapping {
  signature: { header: string; algorithm: "sha1" | "sha256"; encoding: "hex" | "base64"; prefix: string; before: string };
  /** The first that holds counts. `html`: when texts are HTML. `list`: where messages with a number `id` stand; each makes `items`. */
  webhooks: { when: Condition; chat: string; html?: Condition; events: Rule[]; list?: string; items?: Rule[] }[];
  note: { method: string; path: string; headers: Record<string, string>; body: Scope };
}

/** The chat and the events that a webhook tells, or nothing. */
export function translate({ webhooks }: Mapping, told: Scope): { chatId: string; events: Event[] } | undefined {
  const webhook = webhooks.find(({ when }) => holds(when, told));
  if (!webhook) return undefined;
  const scope = { ...told, isHtml: webhook.html && holds(webhook.html, told) };
  const list = lookup(scope, webhook.list ?? "");
  // The newest 20 are enough: earlier webhooks told the others.
  const items = Array.isArray(list) ? list.sort((a, b) => Number(lookup(a, "id")) - Number(lookup(b, "id"))).slice(-20) : [];
  const ofItems = items.flatMap((item) => made(webhook.items ?? [], { ...scope, item }));
  // The bridge's own notes come back from the helpdesk.
  const events = [...made(webhook.events, scope), ...ofItems].filter(({ body }) => !(body.case === "note" && body.value.text.startsWith(OWN_NOTE)));
  const chatId = fill(webhook.chat, scope);
  return chatId && events.length > 0 ? { chatId, events } : undefined;
}

function made(rules: Rule[], scope: Scope): Event[] {
  const events = rules.flatMap(({ when, event }) => (holds(when, scope) && fill(event, scope)) || []);
  return events.flatMap((event) => (event.eventId ? fromJson(EventSchema, event) : []));
}

const holds = (condition: Condition, scope: Scope) =>
  Object.entries(condition).every(([path, values]) => values.includes(lookup(scope, path) ?? null));

export function lookup(scope: unknown, path: string): unknown {
  const step = (value: unknown, key: string) => (typeof value === "object" && value && Object.hasOwn(value, key) ? (value as Scope)[key] : undefined);
  return path.split(".").reduce(step, scope);
}

/** JSON with its templates filled: `{path}`, `{text:path}` for what people wrote, `{time:path}`. What lacks a value is left out. */
export function fill<T>(json: T, scope: Scope, encode: (value: string) => string | undefined = short): T | undefined {
  const kinds = { text: (value: string) => plainText(value, scope.isHtml === true), time, value: encode };
  // Values are never read as templates.
  const filled = (template: string) => {
    const parts = template.split(/(\{[^{}]+\})/).map((part, index) => {
      if (index % 2 === 0) return part;
      const [, kind = "value", path] = /^\{(?:(text|time):)?(.+)\}$/s.exec(part)!;
      const value = lookup(scope, path!);
      return typeof value === "string" || typeof value === "number" ? kinds[kind as keyof typeof kinds](String(value)) : undefined;
    });
    return parts.includes(undefined) ? undefined : parts.join("");
  };
  return JSON.parse(JSON.stringify(json), (_, value) => (typeof value === "string" ? filled(value) : value));
}

/** Ids and names may have 200 bytes and no control characters. A letter that is cut becomes U+FFFD, of three bytes. */
const short = (text: string) => Buffer.from(text.replace(/\p{Cc}/gu, " ").trim()).subarray(0, 197).toString();
/** Helpdesks write times as text or in seconds. */
const time = (text: string) => new Date(/^[\d.]+$/.test(text) ? Number(text) * 1000 : text).toJSON() ?? undefined;
