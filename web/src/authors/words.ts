// The voice, the glossary and the synonyms.
import { button, make, randomId } from "../dom";
import { deleteGroup, deleteTerm, getVoice, listGroups, listTerms, putGroup, putTerm, putVoice, type Group, type Term, type Voice } from "./api";
import { Editor, type Source } from "./editor";
import type { Remark, Values } from "./form";
import { byId, fail, tell } from "./page";
import { language, texts } from "./texts";

/** Entries that are shown at once. */
const SHOWN = 200;

/** A list of entries, and the editor of one. */
class Entries<T extends { etag: string; fromFolder: boolean }> {
  readonly element: HTMLElement;
  readonly editor: Editor<T>;
  #all: T[] = [];
  #list = make("ul", { class: "entries" });
  #search = make("input", { type: "search", autocomplete: "off", maxlength: "200", placeholder: texts.find });
  #read: () => Promise<T[]>;
  #shown: (entry: T) => [name: string, about: string];

  constructor(title: string, about: string, add: string, read: () => Promise<T[]>, shown: (entry: T) => [string, string], source: Omit<Source<T>, "changed" | "fresh"> & { same(entry: T, values: unknown): boolean }) {
    this.#read = read;
    this.#shown = shown;
    this.editor = new Editor<T>({
      ...source,
      fresh: async (values) => {
        this.#all = await read();
        return this.#all.find((entry) => source.same(entry, values));
      },
      changed: (entry) => {
        if (!entry) this.editor.element.hidden = true;
        void this.load();
      },
    });
    this.editor.element.hidden = true;
    this.#list.setAttribute("aria-label", title);
    this.#search.setAttribute("aria-label", `${title}: ${texts.find}`);
    this.#search.addEventListener("input", () => this.#show());
    this.element = make(
      "section",
      { class: "card editor", "aria-label": title },
      make("h2", {}, title),
      make("p", {}, about),
      make("div", { class: "row" }, this.#search, button(add, () => void this.#turnTo(null))),
      this.#list,
      this.editor.element,
    );
  }

  async load(): Promise<void> {
    this.#all = await this.#read();
    this.#show();
  }

  #show(): void {
    const wanted = this.#search.value.toLowerCase().trim();
    const fitting = this.#all.filter((entry) => this.#shown(entry).join("\n").toLowerCase().includes(wanted));
    const items = fitting.slice(0, SHOWN).map((entry) => this.#item(entry));
    if (!items.length) items.push(make("li", { class: "empty" }, texts.none));
    if (fitting.length > SHOWN) items.push(make("li", { class: "empty" }, texts.more(fitting.length - SHOWN)));
    this.#list.replaceChildren(...items);
  }

  #item(entry: T): HTMLElement {
    const [name, about] = this.#shown(entry);
    const item = button("", () => void this.#turnTo(entry));
    item.append(make("strong", { dir: "auto" }, name), make("span", { dir: "auto" }, [about, entry.fromFolder ? texts.fromFolder : ""].filter(Boolean).join(" · ")));
    return make("li", {}, item);
  }

  async #turnTo(entry: T | null): Promise<void> {
    if (!(await this.editor.mayLeave())) return;
    tell("");
    this.editor.open(entry);
    this.editor.element.hidden = false;
    if (entry) this.editor.focus();
    else this.editor.form.control(this.editor.form.fields[0]!.name).focus();
  }
}

export class Words {
  #voice: Editor<Voice>;
  #terms: Entries<Term>;
  #groups: Entries<Group>;

  constructor() {
    this.#voice = new Editor<Voice>({
      label: texts.voice,
      fields: [
        { name: "text", label: texts.voiceText, kind: "area", rows: 10 },
        { name: "signOff", label: texts.signOff, hint: texts.signOffHint, kind: "line" },
        { name: "severalMessages", label: texts.several, kind: "check" },
      ],
      name: () => "",
      values: (voice): Values => (voice ? { text: voice.text, signOff: voice.signOff, severalMessages: voice.severalMessages } : ({} as Values)),
      put: (values, etag) => putVoice({ ...values, etag }),
      fresh: getVoice,
      shown: ({ text, signOff }) => `${text}\n\n${signOff}`,
      changed: () => {},
    });
    const card = make("section", { class: "card", "aria-label": texts.voice }, make("h2", {}, texts.voice), make("p", {}, texts.voiceAbout), this.#voice.element);
    this.#terms = new Entries<Term>(
      texts.glossary,
      texts.glossaryAbout,
      texts.newTerm,
      listTerms,
      (term) => [term.term, lines(term.words).join(", ")],
      {
        label: texts.glossary,
        fields: [
          { name: "term", label: texts.term, hint: texts.termHint, kind: "line", required: true, fixed: true },
          { name: "keep", label: texts.keepTerm, kind: "check" },
          { name: "words", label: texts.termWords, hint: texts.termWordsHint, kind: "lines" },
        ],
        name: (term) => term?.term ?? texts.newTerm,
        values: (term): Values => (term ? { term: term.term, keep: term.keep, words: lines(term.words) } : ({} as Values)),
        problems: ({ words }) => {
          const wrong: Remark[] = (words as string[]).flatMap((line, index) => (/^[^=\s]+\s*=\s*\S/.test(line) ? [] : [{ kind: "error", text: `${texts.line(index + 1)}: ${texts.termWordsHint}` } as Remark]));
          return new Map(wrong.length ? [["words", wrong]] : []);
        },
        put: ({ term, keep, words }, etag) => putTerm({ term, keep, words: byTag(words as string[]), etag }),
        remove: ({ term }) => deleteTerm(term),
        shown: ({ term, words }) => [term, ...lines(words)].join("\n"),
        same: ({ term }, values) => term === (values as { term: string }).term,
      },
    );
    // A new group is named here: nobody has to think of an id.
    let id = randomId();
    this.#groups = new Entries<Group>(texts.synonyms, texts.synonymsAbout, texts.newGroup, listGroups, (group) => [group.words.join(", "), group.language], {
      label: texts.synonyms,
      fields: [
        { name: "language", label: texts.tag, hint: texts.tagHint, kind: "line", required: true },
        { name: "words", label: texts.groupWords, hint: texts.groupWordsHint, kind: "lines", required: true },
      ],
      name: (group) => group?.words.join(", ") ?? texts.newGroup,
      values: (group): Values => {
        id = group?.id ?? randomId();
        const values: Values = group ? { language: group.language, words: group.words } : { language };
        return values;
      },
      put: (values, etag) => putGroup({ ...values, id, etag }),
      remove: (group) => deleteGroup(group.id),
      shown: ({ words }) => words.join("\n"),
      same: (group) => group.id === id,
    });
    byId("words").append(card, this.#groups.element, this.#terms.element);
  }

  get isChanged(): boolean {
    return this.#voice.isChanged || this.#terms.editor.isChanged || this.#groups.editor.isChanged;
  }

  async load(): Promise<void> {
    try {
      const [voice] = await Promise.all([getVoice(), this.#terms.load(), this.#groups.load()]);
      if (!this.#voice.isChanged) this.#voice.open(voice);
      fail(null);
    } catch (error) {
      fail(error);
    }
  }
}

const lines = (words: Record<string, string>): string[] => Object.entries(words).sort().map(([tag, word]) => `${tag} = ${word}`);

function byTag(lines: string[]): Record<string, string> {
  const pairs = lines.map((line): [string, string] => {
    const at = line.indexOf("=");
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
  return Object.fromEntries(pairs);
}
