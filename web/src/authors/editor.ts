// Edits one entry: a document, the voice, a term, a group. What somebody else saved meanwhile is never overwritten unasked.
import { button, make, randomId } from "../dom";
import { Failure, type Result } from "./api";
import { Form, type Field, type Remark, type Values } from "./form";
import { ask, fail, tell } from "./page";
import { texts } from "./texts";

/** What is edited, and how it is read and written. */
export interface Source<T extends { etag: string; fromFolder: boolean }> {
  label: string;
  fields: Field[];
  /** What an entry is called; `null`: a new one. */
  name(entry: T | null): string;
  values(entry: T | null): Values;
  put(values: Values, etag: string): Promise<Result>;
  remove?(entry: T): Promise<unknown>;
  /** What is saved now of an entry with these values. */
  fresh(values: Values): Promise<T | undefined>;
  /** What somebody else saved, to be compared. */
  shown(entry: T): string;
  /** After something was saved or deleted. */
  changed(entry: T | undefined): void;
  /** After each key. */
  typed?(): void;
  /** What is wrong with values that can't be sent. */
  problems?(values: Values): Map<string, Remark[]>;
}

export class Editor<T extends { etag: string; fromFolder: boolean }> {
  readonly element: HTMLElement;
  readonly form: Form;
  #source: Source<T>;
  #title = make("h3", { tabindex: "-1" });
  #hint = make("p", { class: "hint", hidden: "" }, texts.folderHint);
  #conflict = make("div", { class: "conflict", role: "alert", hidden: "" });
  #save: HTMLButtonElement;
  #remove: HTMLButtonElement;
  #entry: T | null = null;
  #etag = "none";
  #saving = false;

  constructor(source: Source<T>) {
    this.#source = source;
    this.form = new Form(source.label, source.fields, () => void this.save(), () => source.typed?.());
    // Enter in a line saves, too: it is the form's button, wherever it stands.
    // (`form.id` would be its field of that name.)
    const id = `form-${randomId()}`;
    this.form.element.setAttribute("id", id);
    this.#save = make("button", { type: "submit", form: id, class: "first" }, texts.save);
    this.#remove = button(texts.remove, () => void this.#delete(), { class: "danger" });
    const actions = make("div", { class: "actions" }, this.#save, this.#remove);
    this.element = make("section", { class: "editor", "aria-label": source.label }, this.#title, this.#hint, this.#conflict, this.form.element, actions);
    this.element.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "s") {
        event.preventDefault();
        void this.save();
      }
    });
    this.open(null);
  }

  /** Whether something would be lost. */
  get isChanged(): boolean {
    return !this.element.hidden && this.form.isChanged;
  }

  get entry(): T | null {
    return this.#entry;
  }

  /** Shows an entry, or a new one, as it is saved. */
  open(entry: T | null): void {
    this.#entry = entry;
    this.#etag = entry?.etag || "none";
    const readOnly = entry?.fromFolder ?? false;
    this.#title.textContent = this.#source.name(entry);
    this.#title.hidden = this.#title.textContent === "";
    this.#hint.hidden = !readOnly;
    this.#conflict.hidden = true;
    this.#save.hidden = readOnly;
    this.#remove.hidden = readOnly || !entry || !this.#source.remove;
    this.form.set(this.#source.values(entry), { readOnly, isNew: !entry });
  }

  focus(): void {
    this.#title.focus();
  }

  /** Whether another entry may be shown instead: nothing is lost, or the author says so. */
  async mayLeave(): Promise<boolean> {
    return !this.isChanged || (await ask(texts.unsaved, texts.discard, texts.keep));
  }

  async save(etag = this.#etag): Promise<void> {
    if (this.#save.hidden || this.#saving) return;
    const { values } = this.form;
    const problems = this.#source.problems?.(values);
    if (problems?.size) return this.form.errors(problems);
    this.#saving = true;
    tell("");
    try {
      const result = await this.#source.put(values, etag);
      fail(null);
      if (result.status === "PUT_STATUS_STALE") return await this.#stale(values);
      this.#conflict.hidden = true;
      this.form.errors(new Map(), false);
      const fresh = await this.#source.fresh(values);
      // What was typed meanwhile stays, over what was saved.
      if (JSON.stringify(this.form.values) === JSON.stringify(values)) this.open(fresh ?? null);
      else if (fresh) [this.#entry, this.#etag] = [fresh, fresh.etag];
      tell(texts.saved);
      this.#source.changed(fresh);
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#saving = false;
    }
  }

  #failed(error: unknown): void {
    const known = fieldErrors(error, this.form.fields);
    this.form.errors(known);
    fail(known.size ? null : error);
  }

  /** Says that somebody else was here, and lets the author choose. */
  async #stale(values: Values): Promise<void> {
    const theirs = await this.#source.fresh(values);
    if (!this.#entry && theirs) {
      const fixed = this.form.fields.find((field) => field.fixed);
      if (fixed) return this.form.errors(new Map([[fixed.name, [{ kind: "error", text: texts.taken }]]]));
    }
    const said = make("p", {}, theirs ? texts.conflict : texts.gone);
    const shown = theirs ? [make("details", {}, make("summary", {}, texts.theirs), make("pre", { dir: "auto" }, this.#source.shown(theirs)))] : [];
    const take = button(texts.takeTheirs, () => {
      this.open(theirs ?? null);
      this.#source.changed(theirs);
      this.focus();
    });
    const keep = button(texts.keepMine, () => void this.save(theirs?.etag || "none"));
    this.#conflict.replaceChildren(said, ...shown, make("div", { class: "actions" }, take, keep));
    this.#conflict.hidden = false;
    take.focus();
  }

  async #delete(): Promise<void> {
    const entry = this.#entry;
    if (!entry || !this.#source.remove || !(await ask(texts.sure(this.#source.name(entry)), texts.remove, texts.cancel))) return;
    try {
      await this.#source.remove(entry);
      fail(null);
      this.open(null);
      tell(texts.removed);
      this.#source.changed(undefined);
    } catch (error) {
      fail(error);
    }
  }
}

/** What a failure says of fields: `articles[0].asked[2]` is the third line of `asked`. */
export function fieldErrors(error: unknown, fields: Field[]): Map<string, Remark[]> {
  const known = new Map<string, Remark[]>();
  if (!(error instanceof Failure)) return known;
  for (const { field, description } of error.fields) {
    const [, snake = "", index] = /^\w+(?:\[\d+\])?\.(\w+)(?:\[(\d+)\])?/.exec(field) ?? [];
    const name = snake.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    if (!fields.some((field) => field.name === name)) continue;
    const where = index === undefined ? "" : `${texts.line(Number(index) + 1)}: `;
    known.set(name, [...(known.get(name) ?? []), { kind: "error", text: `${where}${description}`, lang: "en" }]);
  }
  return known;
}
