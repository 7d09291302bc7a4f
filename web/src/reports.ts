// The reports: what people searched in vain, what did not help them, and what became of suggestions and drafts.
import type { QueryCount, SearchCounts } from "./gen/deskhand/v1/knowledge_pb";
import type { ReplyCounts } from "./gen/deskhand/v1/replies_pb";
import { button, make } from "./dom";
import { LANGUAGES } from "./reply/texts";
import { Failure, replyReport, saveKey, helpReport, type HelpReport, type ReplyReport } from "./reports/api";
import { columns, rows, type Series } from "./reports/chart";
import { inDays, inFractions, inPercent, inWhole, table, type Column, type Figures } from "./reports/figures";
import { language, texts } from "./reports/texts";

/** The periods of the buttons, in days; the report begins with the second. */
const RANGES = [7, 30, 90];
/** The narrowest chart, and what stands beside one. */
const NARROWEST = 240;
const BESIDE = 34;
const BEST_RATING = 5;

const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const inLanguages = new Intl.DisplayNames(language, { type: "language" });

/** A day as a date field has it, in the reader's time zone. */
function dateOf(time: Date): string {
  const two = (number: number) => String(number).padStart(2, "0");
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}

/** The beginning of a day, or of one so many days later, in the reader's time zone. */
function beginning(date: string, later = 0): Date {
  const [year = 0, month = 1, day = 1] = date.split("-").map(Number);
  return new Date(year, month - 1, day + later);
}

function nameOf(tag: string): string {
  try {
    return tag && (inLanguages.of(tag) ?? tag);
  } catch {
    return tag;
  }
}

const share = ({ searches, searchesWithoutHit }: SearchCounts): number => (searches ? searchesWithoutHit / searches : 0);
const whole = (head: string): Column => ({ head, kind: "whole" });
const text = (head: string): Column => ({ head, kind: "text" });
const note = (said: string): HTMLElement => make("section", {}, make("p", { class: "note" }, said));
const DAY: Column = { head: texts.day, kind: "day" };

/** A chart that is drawn anew in another width. */
type Draw = (width: number) => HTMLElement;

class Reports {
  #asked = 0;
  #offered = new Set<string>();
  #charts: { place: HTMLElement; draw: Draw }[] = [];
  #drawn = 0;

  start(): void {
    document.documentElement.lang = language;
    document.title = `${texts.title} – Deskhand`;
    const written = { title: texts.title, "to-console": texts.console, "to-authors": texts.authors, "to-reports": texts.title, "from-label": texts.from, "to-label": texts.to };
    const more = { "of-label": texts.of, show: texts.show, "agent-label": texts.agent, "document-label": texts.document, "language-label": texts.language, "key-ask": texts.keyAsk, "key-label": texts.keyLabel };
    for (const [id, said] of Object.entries({ ...written, ...more, "key-save": texts.keySave })) byId(id).textContent = said;
    byId("pages").setAttribute("aria-label", texts.pages);
    byId("ranges").append(...RANGES.map((days) => button(texts.lastDays(inWhole(days)), () => this.#choose(days))));
    for (const id of ["of", "agent"]) byId(id).append(make("option", { value: "" }, texts.all));
    for (const id of ["of", "agent", "document"]) byId(id).addEventListener("change", () => void this.#show());
    const spoken = byId<HTMLSelectElement>("language");
    spoken.append(...Object.entries(LANGUAGES).map(([value, name]) => make("option", { value, lang: value }, name)));
    spoken.value = language;
    spoken.addEventListener("change", () => {
      localStorage.setItem("deskhand-language", spoken.value);
      location.href = location.pathname;
    });
    byId("asked").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#show();
    });
    byId("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const typed = byId<HTMLInputElement>("key");
      saveKey(typed.value);
      typed.value = "";
      void this.#show();
    });
    new ResizeObserver(() => this.#draw()).observe(byId("report"));
    this.#choose(RANGES[1]!);
  }

  /** Chooses the last days, today among them. */
  #choose(days: number): void {
    const today = dateOf(new Date());
    byId<HTMLInputElement>("to").value = today;
    byId<HTMLInputElement>("from").value = dateOf(beginning(today, 1 - days));
    void this.#show();
  }

  async #show(): Promise<void> {
    const [from, to] = [byId<HTMLInputElement>("from").value, byId<HTMLInputElement>("to").value];
    if (!from || !to) return;
    const asked = ++this.#asked;
    if (from > to) return this.#failed(texts.wrongPeriod);
    this.#tell(texts.loading);
    byId("report").setAttribute("aria-busy", "true");
    const asking = {
      startTime: beginning(from).toISOString(),
      endTime: beginning(to, 1).toISOString(),
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      language: byId<HTMLSelectElement>("of").value,
      documentId: byId<HTMLInputElement>("document").value.trim(),
    };
    const agentId = byId<HTMLSelectElement>("agent").value;
    try {
      const [help, replies] = await Promise.all([helpReport(asking), replyReport(asking, agentId)]);
      if (asked !== this.#asked) return;
      byId("failed").hidden = true;
      byId("key-form").hidden = true;
      this.#offer("of", [...help.languages, ...replies.languages].map(({ language }) => language), nameOf);
      this.#offer("agent", replies.agents.map(({ agentId }) => agentId), String);
      this.#offer("documents", [...help.ratings, ...help.unhelpfulArticles].map(({ id }) => id), String);
      byId("agent").closest("label")!.hidden = replies.agentsWithheld;
      this.#write(help, replies, `${from}-${to}`);
      this.#tell(texts.counted);
    } catch (error) {
      if (asked !== this.#asked) return;
      if (error instanceof Failure && error.needsKey) {
        const hidden = byId("key-form").hidden;
        byId("key-form").hidden = false;
        if (hidden) byId("key").focus();
        this.#failed(hidden ? "" : error.message);
      } else this.#failed(error instanceof Failure ? error.message || texts.offline : String(error));
    } finally {
      if (asked === this.#asked) byId("report").setAttribute("aria-busy", "false");
    }
  }

  #failed(why: string): void {
    byId("report").replaceChildren();
    this.#charts = [];
    this.#tell("");
    byId("failed").textContent = why;
    byId("failed").hidden = !why;
  }

  #tell(said: string): void {
    byId("told").textContent = said;
  }

  /** Offers in a list what was seen. */
  #offer(list: string, seen: string[], named: (value: string) => string): void {
    for (const value of seen.filter((value) => value && !this.#offered.has(`${list} ${value}`))) {
      this.#offered.add(`${list} ${value}`);
      byId(list).append(make("option", { value }, named(value)));
    }
  }

  #write(help: HelpReport, replies: ReplyReport, period: string): void {
    this.#charts = [];
    const notes = [
      ...(byId<HTMLSelectElement>("agent").value ? [note(texts.helpOfAll)] : []),
      ...(byId<HTMLInputElement>("document").value.trim() ? [note(texts.searchesOfDocument)] : []),
    ];
    const parts = [this.#sums(help, replies), make("h2", {}, texts.help), ...notes, ...this.#help(help, period), make("h2", {}, texts.replies), ...this.#replies(replies, period)];
    byId("report").replaceChildren(...parts);
    this.#drawn = 0;
    this.#draw();
  }

  /** Draws the charts in the width that there is. */
  #draw(): void {
    const width = Math.max(NARROWEST, Math.min(byId("report").clientWidth, 1100) - 40 - BESIDE);
    if (width === this.#drawn) return;
    this.#drawn = width;
    for (const { place, draw } of this.#charts) place.replaceChildren(draw(width));
  }

  /** A section with a chart, whose figures are a table under it; without a chart the table stands open. */
  #section(figures: Figures, period: string, draw?: Draw): HTMLElement {
    const section = make("section", { "data-name": figures.name }, make("h3", {}, figures.title));
    const isEmpty = figures.rows.every((row) => row.slice(1).every((value) => value === 0));
    if (isEmpty) {
      section.append(make("p", { class: "note" }, texts.nothing));
      return section;
    }
    const inside = table(figures, period, (said) => this.#tell(said));
    if (!draw) section.append(...inside);
    else {
      const place = make("div");
      this.#charts.push({ place, draw });
      section.append(place, make("details", {}, make("summary", {}, texts.figures), ...inside));
    }
    return section;
  }

  #sums({ total }: HelpReport, { total: replied }: ReplyReport): HTMLElement {
    const sum = (name: string, value: string, beside = "") => make("div", {}, make("dt", {}, name), make("dd", {}, value, " ", make("small", {}, beside)));
    const { suggestions, drafts, ratings } = replied!;
    const used = (of: { sent: number; edited: number }, all: number) => (all ? `${inPercent((of.sent + of.edited) / all)} ${texts.used}` : "");
    return make(
      "dl",
      { class: "sums" },
      sum(texts.searches, inWhole(total!.searches)),
      sum(texts.missed, inWhole(total!.searchesWithoutHit), total!.searches ? inPercent(share(total!)) : ""),
      sum(texts.sumShown, inWhole(suggestions!.shown), used(suggestions!, suggestions!.shown)),
      sum(texts.sumMade, inWhole(drafts!.made), used(drafts!, drafts!.made)),
      sum(texts.sumRated, ratings!.count ? inFractions(ratings!.average) : "–", ratings!.count ? `${texts.count}: ${inWhole(ratings!.count)}` : ""),
    );
  }

  #help({ days, languages, queriesWithoutHit, unhelpfulArticles, ratings, leftOut }: HelpReport, period: string): HTMLElement[] {
    const heads = [whole(texts.searches), whole(texts.withoutHit), { head: texts.share, kind: "share" } as Column, whole(texts.opens), whole(texts.helpful), whole(texts.notHelpful)];
    const cells = (counts: SearchCounts) => [counts.searches, counts.searchesWithoutHit, share(counts), counts.opens, counts.helpful, counts.unhelpful];
    const series = (all: SearchCounts[]): Series[] => [
      { name: texts.hit, values: all.map(({ searches, searchesWithoutHit }) => searches - searchesWithoutHit) },
      { name: texts.withoutHit, values: all.map(({ searchesWithoutHit }) => searchesWithoutHit) },
    ];
    const [names, byDay, byLanguage] = [days.map(({ date }) => inDays(date)), days.map(({ counts }) => counts!), languages.map(({ counts }) => counts!)];
    const spoken = languages.map(({ language }) => nameOf(language) || texts.unknown);
    const daily = { columns: [DAY, ...heads], rows: days.map(({ date, counts }) => [date, ...cells(counts!)]) };
    const shares = [{ name: texts.share, values: byDay.map(share) }];
    const query = ({ query, searches, withoutHit }: QueryCount) => [query, withoutHit, searches];
    return [
      this.#section({ name: "searches-by-day", title: texts.searchesByDay, ...daily }, period, (width) => columns(texts.searchesByDay, names, series(byDay), width, inWhole)),
      this.#section(
        { name: "share-by-day", title: texts.shareByDay, columns: [DAY, { head: texts.share, kind: "share" }], rows: days.map(({ date, counts }) => [date, share(counts!)]) },
        period,
        (width) => columns(texts.shareByDay, names, shares, width, inPercent, 1),
      ),
      this.#section(
        { name: "searches-by-language", title: texts.searchesByLanguage, columns: [text(texts.language), ...heads], rows: languages.map(({ language, counts }) => [nameOf(language), ...cells(counts!)]), leftOut: leftOut!.languages },
        period,
        (width) => rows(texts.searchesByLanguage, spoken, series(byLanguage), width, inWhole),
      ),
      this.#section(
        { name: "searches-without-a-hit", title: texts.missed, columns: [{ head: texts.query, kind: "copied" }, whole(texts.withoutHit), whole(texts.searches)], rows: queriesWithoutHit.map(query), leftOut: leftOut!.queriesWithoutHit },
        period,
      ),
      this.#section(
        {
          name: "articles-that-did-not-help",
          title: texts.unhelpful,
          columns: [text(texts.article), whole(texts.opens), whole(texts.searchedOn), whole(texts.helpful), whole(texts.notHelpful), { head: texts.reasons, kind: "list" }],
          rows: unhelpfulArticles.map(({ id, opens, searchedOn, helpful, unhelpful, reasons }) => [id, opens, searchedOn, helpful, unhelpful, reasons]),
          leftOut: leftOut!.unhelpfulArticles,
        },
        period,
      ),
      this.#section(
        {
          name: "ratings-of-articles",
          title: texts.ratings,
          columns: [text(texts.article), text(texts.language), whole(texts.helpful), whole(texts.notHelpful), { head: texts.reasons, kind: "list" }],
          rows: ratings.map(({ id, language, helpful, unhelpful, reasons }) => [id, nameOf(language), helpful, unhelpful, reasons]),
          leftOut: leftOut!.ratings,
        },
        period,
      ),
    ];
  }

  #replies({ days, languages, agents, agentsWithheld, leftOut }: ReplyReport, period: string): HTMLElement[] {
    const dates = days.map(({ date }) => inDays(date));
    const spoken = languages.map(({ language }) => nameOf(language) || texts.unknown);
    const people = agents.map(({ agentId }) => agentId || texts.unknown);
    const lines = <T extends { counts?: ReplyCounts }>(all: T[], first: (line: T) => string) => all.map((line) => ({ name: first(line), counts: line.counts! }));
    const daily = lines(days, ({ date }) => date);
    const byLanguage = lines(languages, ({ language }) => nameOf(language));
    const byAgent = lines(agents, ({ agentId }) => agentId);
    const parts = [
      this.#offers("suggestions-by-day", texts.suggestionsByDay, DAY, daily, suggestionsOf, period, (series, width) => columns(texts.suggestionsByDay, dates, series, width, inWhole)),
      this.#offers("drafts-by-day", texts.draftsByDay, DAY, daily, draftsOf, period, (series, width) => columns(texts.draftsByDay, dates, series, width, inWhole)),
      this.#offers("suggestions-by-language", texts.suggestionsByLanguage, text(texts.language), byLanguage, suggestionsOf, period, (series, width) => rows(texts.suggestionsByLanguage, spoken, series, width, inWhole), leftOut!.languages),
      this.#offers("drafts-by-language", texts.draftsByLanguage, text(texts.language), byLanguage, draftsOf, period, (series, width) => rows(texts.draftsByLanguage, spoken, series, width, inWhole), leftOut!.languages),
    ];
    if (agentsWithheld) parts.push(note(texts.agentsWithheld));
    else {
      parts.push(
        this.#offers("suggestions-by-agent", texts.suggestionsByAgent, text(texts.agent), byAgent, suggestionsOf, period, (series, width) => rows(texts.suggestionsByAgent, people, series, width, inWhole), leftOut!.agents),
        this.#offers("drafts-by-agent", texts.draftsByAgent, text(texts.agent), byAgent, draftsOf, period, (series, width) => rows(texts.draftsByAgent, people, series, width, inWhole), leftOut!.agents),
      );
    }
    if (byId<HTMLInputElement>("document").value.trim()) return [...parts, note(texts.noRatingsOfDocument)];
    const rated = (all: { name: string; counts: ReplyCounts }[]) => all.map(({ name, counts }) => [name, counts.ratings!.count, counts.ratings!.average]);
    const heads = [whole(texts.count), { head: texts.average, kind: "fraction" } as Column];
    const averages = [{ name: texts.average, values: daily.map(({ counts }) => counts.ratings!.average) }];
    parts.push(
      this.#section({ name: "ratings-of-chats-by-day", title: texts.chatsByDay, columns: [DAY, ...heads], rows: rated(daily) }, period, (width) =>
        columns(texts.chatsByDay, dates, averages, width, inFractions, BEST_RATING),
      ),
    );
    const some = (all: typeof byAgent) => rated(all.filter(({ counts }) => counts.ratings!.count));
    parts.push(this.#section({ name: "ratings-of-chats-by-language", title: texts.chatsByLanguage, columns: [text(texts.language), ...heads], rows: some(byLanguage), leftOut: leftOut!.languages }, period));
    if (!agentsWithheld) parts.push(this.#section({ name: "ratings-of-chats-by-agent", title: texts.chatsByAgent, columns: [text(texts.agent), ...heads], rows: some(byAgent), leftOut: leftOut!.agents }, period));
    return parts;
  }

  /** What became of suggestions or of drafts, by a part. */
  #offers(
    name: string,
    title: string,
    first: Column,
    lines: { name: string; counts: ReplyCounts }[],
    of: (counts: ReplyCounts) => Became,
    period: string,
    draw: (series: Series[], width: number) => HTMLElement,
    leftOut = 0,
  ): HTMLElement {
    const all = lines.map(({ counts }) => of(counts));
    const open = ({ shown, sent, edited, dismissed }: Became) => Math.max(0, shown - sent - edited - dismissed);
    const series: Series[] = [
      { name: texts.sent, values: all.map(({ sent }) => sent) },
      { name: texts.edited, values: all.map(({ edited }) => edited) },
      { name: texts.dismissed, values: all.map(({ dismissed }) => dismissed) },
      { name: texts.open, values: all.map(open) },
    ];
    const engines = all[0]?.engines.map(({ head }) => whole(head)) ?? [];
    const heads = [whole(engines.length ? texts.made : texts.shown), ...engines, whole(texts.sent), whole(texts.edited), whole(texts.dismissed), whole(texts.open)];
    const cells = (became: Became) => [became.shown, ...became.engines.map(({ value }) => value), became.sent, became.edited, became.dismissed, open(became)];
    const figures: Figures = { name, title, columns: [first, ...heads], rows: lines.map((line, at) => [line.name, ...cells(all[at]!)]), leftOut };
    return this.#section(figures, period, (width) => draw(series, width));
  }
}

/** What became of what was shown. */
interface Became {
  shown: number;
  sent: number;
  edited: number;
  dismissed: number;
  engines: { head: string; value: number }[];
}

const suggestionsOf = ({ suggestions }: ReplyCounts): Became => ({ ...suggestions!, engines: [] });

function draftsOf({ drafts }: ReplyCounts): Became {
  const { made, byModel, builtIn, sent, edited, dismissed } = drafts!;
  return { shown: made, sent, edited, dismissed, engines: [{ head: texts.byModel, value: byModel }, { head: texts.builtIn, value: builtIn }] };
}

new Reports().start();
