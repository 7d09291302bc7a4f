// A set of figures: its table, its chart, and its CSV.
import { button, make } from "../dom";
import { csv, download } from "./csv";
import { language, texts } from "./texts";

const whole = new Intl.NumberFormat(language);
const fraction = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
// A date is a day whatever the zone: it is read and written as one of UTC.
const shortDay = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: "UTC" });
const longDay = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" });

export const inWhole = (value: number): string => whole.format(value);
export const inFractions = (value: number): string => fraction.format(value);
export const inPercent = (value: number): string => percent.format(value);
export const inDays = (date: string): string => shortDay.format(new Date(`${date}T00:00:00Z`));

/** How a column is shown: a day, a text of others, whole numbers, fractions, shares, a list of texts, a text that can be copied. */
export type Kind = "day" | "text" | "whole" | "fraction" | "share" | "list" | "copied";

export interface Column {
  head: string;
  kind: Kind;
}

export interface Figures {
  /** In the name of the CSV. */
  name: string;
  title: string;
  columns: Column[];
  rows: (string | number | string[])[][];
  /** How many rows the server left out. */
  leftOut?: number;
}

/** A table in a frame that scrolls, with its CSV. */
export function table(figures: Figures, period: string, tell: (text: string) => void): Node[] {
  const { title, columns, rows, leftOut = 0 } = figures;
  const head = columns.map(({ head, kind }) => make("th", { scope: "col", ...(isNumber(kind) ? { class: "number" } : {}) }, head));
  const body = rows.map((row) => make("tr", {}, ...row.map((value, at) => shown(value, columns[at]!.kind, tell))));
  const whole = make("table", {}, make("caption", {}, title), make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
  const scroll = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, whole);
  const save = button(texts.csv, () => download(`${figures.name}-${period}.csv`, asCsv(figures)), { class: "quiet", "aria-label": `${texts.csv}: ${title}` });
  return [scroll, ...(leftOut ? [make("p", { class: "note" }, texts.leftOut(inWhole(leftOut)))] : []), save];
}

export function asCsv({ columns, rows }: Figures): string {
  const flat = (value: string | number | string[]) => (Array.isArray(value) ? value.join("\n") : value);
  return csv(
    columns.map(({ head }) => head),
    rows.map((row) => row.map(flat)),
  );
}

const isNumber = (kind: Kind): boolean => ["whole", "fraction", "share"].includes(kind);

function shown(value: string | number | string[], kind: Kind, tell: (text: string) => void): HTMLElement {
  // What others wrote may run in either direction.
  if (Array.isArray(value)) return make("td", {}, make("ul", {}, ...value.map((text) => make("li", { dir: "auto" }, text))));
  if (kind === "day") return make("td", {}, longDay.format(new Date(`${value}T00:00:00Z`)));
  const inWords = kind === "share" ? inPercent : kind === "fraction" ? inFractions : inWhole;
  if (typeof value === "number") return make("td", { class: "number" }, inWords(value));
  const text = make("bdi", {}, value || texts.unknown);
  if (kind !== "copied") return make("td", {}, text);
  const copy = button(texts.copy, () => void copied(value, text).then(tell), { class: "quiet", "aria-label": texts.copyQuery(value) });
  return make("td", {}, text, " ", copy);
}

/** Copies a text, or marks it where the page may not write to the clipboard: without HTTPS there is none. */
async function copied(text: string, element: HTMLElement): Promise<string> {
  try {
    await navigator.clipboard.writeText(text);
    return texts.copied;
  } catch {
    getSelection()?.selectAllChildren(element);
    return texts.marked;
  }
}
