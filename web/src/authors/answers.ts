// Canned answers and articles: found, written, checked.
import { button, make } from "../dom";
import { checkAll, checkDocument, deleteDocument, listDocuments, MOST, putDocument, type Document, type Finding, type Kind } from "./api";
import { Editor, fieldErrors } from "./editor";
import type { Field, Remark, Values } from "./form";
import { preview } from "./markdown";
import { byId, choice, fail, tell } from "./page";
import { texts } from "./texts";

/** Entries that are shown at once. */
const SHOWN = 200;
/** Pause in typing before a text is checked, in milliseconds. */
const PAUSE = 700;

type Listed = Document & { kind: Kind };

const common: Field[] = [
  { name: "id", label: texts.id, hint: texts.idHint, kind: "line", required: true, fixed: true },
  { name: "language", label: texts.tag, hint: texts.tagHint, kind: "line", required: true, fixed: true },
  { name: "title", label: texts.docTitle, kind: "line", required: true },
  { name: "category", label: texts.category, kind: "line" },
  { name: "body", label: texts.body, hint: texts.bodyHint, kind: "area", rows: 10, required: true },
];
const told: Field[] = [
  { name: "asked", label: texts.asked, hint: texts.askedHint, kind: "lines" },
  { name: "tags", label: texts.tags, hint: texts.tagsHint, kind: "commas" },
];
const fields: Record<Kind, Field[]> = {
  article: [
    ...common,
    {
      name: "audience",
      label: texts.audience,
      kind: "choice",
      options: [
        ["AUDIENCE_PUBLIC", texts.public],
        ["AUDIENCE_AGENTS", texts.agents],
      ],
    },
    ...told,
    { name: "url", label: texts.url, kind: "line" },
  ],
  answer: [
    ...common,
    { name: "shortcut", label: texts.shortcut, hint: texts.shortcutHint, kind: "line" },
    ...told,
    { name: "when", label: texts.when, hint: texts.whenHint, kind: "lines" },
    {
      name: "visibility",
      label: texts.visibility,
      kind: "choice",
      options: [
        ["VISIBILITY_EVERYONE", texts.everyone],
        ["VISIBILITY_GROUP", texts.group],
        ["VISIBILITY_AGENT", texts.agent],
      ],
    },
    { name: "ownerGroup", label: texts.ownerGroup, kind: "line" },
    { name: "ownerAgentId", label: texts.ownerAgent, kind: "line" },
  ],
};
const kindName: Record<Kind, string> = { article: texts.article, answer: texts.answer };

export class Answers {
  #all: Listed[] = [];
  #pick = make("p", { class: "pick" }, texts.pick);
  #editors: Record<Kind, Editor<Listed>>;
  #previews: Record<Kind, HTMLElement> = { article: make("div", { dir: "auto" }), answer: make("div", { dir: "auto" }) };
  #search = make("input", { type: "search", autocomplete: "off", maxlength: "200", placeholder: texts.search, "aria-label": texts.search });
  #kind: HTMLSelectElement;
  #language: HTMLSelectElement;
  #source: HTMLSelectElement;
  #entries = make("ul", { class: "entries", "aria-label": texts.answers });
  #checking = 0;
  #timer = 0;
  #open: Kind | null = null;

  constructor() {
    const list = () => this.#list();
    this.#search.addEventListener("input", list);
    this.#kind = choice(texts.kind, [["", texts.anyKind], ["answer", texts.answer], ["article", texts.article]], list);
    this.#language = choice(texts.language, [["", texts.anyLanguage]], list);
    this.#source = choice(texts.source, [["", texts.anySource], ["here", texts.fromHere], ["folder", texts.fromFolder]], list);
    this.#editors = { article: this.#editor("article"), answer: this.#editor("answer") };
    const found = make("div", { class: "actions" });
    const check = button(texts.checkAll, () => void this.#checkAll(found));
    const finder = make(
      "section",
      { class: "card finder", "aria-label": texts.answers },
      this.#search,
      make("div", { class: "filters" }, this.#kind, this.#language, this.#source),
      make("div", { class: "actions" }, button(texts.newAnswer, () => void this.#turnTo("answer", null)), button(texts.newArticle, () => void this.#turnTo("article", null)), check),
      found,
      this.#entries,
    );
    const shown = make("div", { class: "card" }, this.#pick, this.#editors.answer.element, this.#editors.article.element);
    this.#editors.answer.element.hidden = this.#editors.article.element.hidden = true;
    byId("answers").append(finder, shown);
  }

  get isChanged(): boolean {
    return this.#editors.article.isChanged || this.#editors.answer.isChanged;
  }

  #editor(kind: Kind): Editor<Listed> {
    const editor: Editor<Listed> = new Editor<Listed>(
      {
        label: kindName[kind],
        fields: fields[kind],
        name: (entry) => entry?.title || (kind === "article" ? texts.newArticle : texts.newAnswer),
        values: (entry) => (entry ? { ...entry } : { audience: "AUDIENCE_PUBLIC", visibility: "VISIBILITY_EVERYONE", language: this.#language.value }) as Values,
        put: (values, etag) => putDocument(kind, { ...values, etag }),
        remove: async ({ id, language }) => {
          await deleteDocument(kind, id, language);
          await this.#read(kind);
        },
        fresh: async (values) => {
          await this.#read(kind);
          return this.#all.find((known) => known.kind === kind && known.id === values["id"] && isSame(known.language, String(values["language"])));
        },
        shown: ({ title, body }) => `${title}\n\n${body}`,
        changed: (entry) => {
          this.#list();
          if (entry) this.#shown(kind);
          else this.#hide();
        },
        typed: () => this.#typed(kind),
      },
    );
    editor.form.addBehind("body", make("section", { class: "preview", "aria-label": texts.preview }, make("h3", {}, texts.preview), this.#previews[kind]));
    return editor;
  }

  /** Reads the lists. */
  async load(): Promise<void> {
    try {
      await Promise.all([this.#read("article"), this.#read("answer")]);
      fail(null);
      this.#list();
    } catch (error) {
      fail(error);
    }
  }

  async #read(kind: Kind): Promise<void> {
    const listed = await listDocuments(kind);
    this.#all = [...this.#all.filter((known) => known.kind !== kind), ...listed.map((document) => ({ ...document, kind }))];
    const known = [...new Set(this.#all.map(({ language }) => language))].sort();
    const chosen = this.#language.value;
    this.#language.replaceChildren(make("option", { value: "" }, texts.anyLanguage), ...known.map((tag) => make("option", { value: tag }, tag)));
    this.#language.value = known.includes(chosen) ? chosen : "";
  }

  #list(): void {
    const words = this.#search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (known: Listed): boolean => {
      if (this.#kind.value && known.kind !== this.#kind.value) return false;
      if (this.#language.value && known.language !== this.#language.value) return false;
      if (this.#source.value && known.fromFolder !== (this.#source.value === "folder")) return false;
      const text = `${known.title}\n${known.body}\n${known.id}\n${known.category}\n${known.tags.join("\n")}\n${known.asked.join("\n")}\n${known.shortcut ?? ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    };
    const fitting = this.#all.filter(fits).sort((one, other) => one.title.localeCompare(other.title));
    const items = fitting.slice(0, SHOWN).map((known) => this.#item(known));
    const line = (text: string) => make("li", { class: "empty" }, text);
    if (!items.length) items.push(line(texts.none));
    if (fitting.length > SHOWN) items.push(line(texts.more(fitting.length - SHOWN)));
    if (this.#all.length >= MOST) items.push(line(texts.most(MOST)));
    this.#entries.replaceChildren(...items);
  }

  #item(known: Listed): HTMLElement {
    const about = [kindName[known.kind], known.language, known.id, known.fromFolder ? texts.fromFolder : ""].filter(Boolean).join(" · ");
    const item = button("", () => void this.#turnTo(known.kind, known));
    item.append(make("strong", { dir: "auto", lang: known.language }, known.title), make("span", {}, about));
    const shown = this.#open && this.#editors[this.#open].entry;
    if (shown && shown.kind === known.kind && shown.id === known.id && shown.language === known.language) item.setAttribute("aria-current", "true");
    return make("li", {}, item);
  }

  async #turnTo(kind: Kind, entry: Listed | null): Promise<void> {
    if (this.#open && !(await this.#editors[this.#open].mayLeave())) return;
    tell("");
    this.#editors[kind].open(entry);
    this.#shown(kind);
    this.#list();
    if (entry) this.#editors[kind].focus();
    else this.#editors[kind].form.control("id").focus();
  }

  #shown(kind: Kind): void {
    this.#open = kind;
    this.#pick.hidden = true;
    for (const each of ["article", "answer"] as const) this.#editors[each].element.hidden = each !== kind;
    this.#look(kind);
    if (this.#editors[kind].entry) void this.#check(kind);
  }

  #hide(): void {
    if (this.#open) this.#editors[this.#open].element.hidden = true;
    this.#open = null;
    this.#pick.hidden = false;
    this.#list();
  }

  #typed(kind: Kind): void {
    this.#look(kind);
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#check(kind), PAUSE);
  }

  /** Shows what a reader will see, and the fields that count. */
  #look(kind: Kind): void {
    const { values } = this.#editors[kind].form;
    if (kind === "answer") {
      this.#editors[kind].form.show("ownerGroup", values["visibility"] === "VISIBILITY_GROUP");
      this.#editors[kind].form.show("ownerAgentId", values["visibility"] === "VISIBILITY_AGENT");
    }
    const title = make("p", {}, make("strong", {}, String(values["title"])));
    this.#previews[kind].lang = String(values["language"]);
    this.#previews[kind].replaceChildren(title, preview(String(values["body"])));
  }

  /** Shows what `check` says of what is written, beside its field. */
  async #check(kind: Kind): Promise<void> {
    const turn = ++this.#checking;
    const { form } = this.#editors[kind];
    let remarks: Map<string, Remark[]>;
    try {
      const { findings } = await checkDocument(kind, form.values);
      remarks = bySaid(findings);
    } catch (error) {
      // What is not written yet is no mistake.
      remarks = fieldErrors(error, form.fields);
      for (const [name, said] of remarks) {
        const real = said.filter(({ text }) => !text.endsWith("is required"));
        if (real.length) remarks.set(name, real);
        else remarks.delete(name);
      }
    }
    if (turn === this.#checking) form.findings(remarks);
  }

  async #checkAll(shown: HTMLElement): Promise<void> {
    try {
      const { documents, errors, warnings, findings } = await checkAll();
      fail(null);
      tell(texts.checked(documents, errors, warnings));
      const wrong = [...new Set(findings.filter(({ isWarning }) => !isWarning).map(({ id, language }) => `${id}\n${language}`))];
      const entries = wrong.flatMap((name) => this.#all.filter(({ id, language }) => `${id}\n${language}` === name));
      shown.replaceChildren(...entries.slice(0, 20).map((entry) => button(`${entry.id} (${entry.language})`, () => void this.#turnTo(entry.kind, entry))));
    } catch (error) {
      fail(error);
    }
  }
}

const isSame = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

function bySaid(findings: Finding[]): Map<string, Remark[]> {
  const said = new Map<string, Remark[]>();
  for (const { field, rule, subject, line, isWarning, message } of findings) {
    const where = field === "body" ? `${texts.line(line)}: ` : "";
    const known = texts.rules[rule];
    const remark: Remark = { kind: isWarning ? "warning" : "error", text: `${where}${known?.(subject) ?? message}` };
    said.set(field, [...(said.get(field) ?? []), remark]);
  }
  return said;
}
