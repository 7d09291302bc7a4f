// A form of labelled fields: its values, whether they were changed, and what is wrong with each.
import { make, randomId } from "../dom";
import { texts } from "./texts";

export interface Field {
  name: string;
  label: string;
  hint?: string;
  /** One line, several, a list of a line each, a list with commas, yes or no, a choice. */
  kind: "line" | "area" | "lines" | "commas" | "check" | "choice";
  options?: [value: string, name: string][];
  rows?: number;
  required?: boolean;
  /** Whether a value stays once it is saved: what names the entry. */
  fixed?: boolean;
}

export type Value = string | boolean | string[];
export type Values = Record<string, Value>;
export interface Remark {
  text: string;
  /** How serious it is. */
  kind: "error" | "warning";
  /** The language of the text, if it is another than the page's. */
  lang?: string;
}

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** The entries of a field with one in a line, or between commas. */
const listed = (text: string, between: string): string[] => text.split(between).map((part) => part.trim()).filter(Boolean);

export class Form {
  readonly element: HTMLFormElement;
  readonly fields: Field[];
  #controls = new Map<string, Control>();
  #rows = new Map<string, HTMLElement>();
  #remarks = new Map<string, HTMLElement>();
  #said = new Map<string, { errors: Remark[]; findings: Remark[] }>();
  #saved = "";

  constructor(label: string, fields: Field[], submit: () => void, changed: () => void = () => {}) {
    this.fields = fields;
    this.element = make("form", { "aria-label": label, novalidate: "" });
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      submit();
    });
    this.element.addEventListener("input", changed);
    for (const field of fields) this.element.append(this.#row(field));
  }

  #row(field: Field): HTMLElement {
    const id = `f-${field.name}-${randomId().slice(0, 6)}`;
    const control = this.#control(field, id);
    const remarks = make("ul", { class: "remarks", id: `${id}-said` });
    const described = [`${id}-said`];
    const label = make("label", { for: id }, field.label);
    const row = make("div", { class: `field ${field.kind}` }, ...(field.kind === "check" ? [control, label] : [label, control]));
    if (field.hint) {
      described.unshift(`${id}-hint`);
      row.append(make("p", { class: "hint", id: `${id}-hint` }, field.hint));
    }
    row.append(remarks);
    control.setAttribute("aria-describedby", described.join(" "));
    this.#controls.set(field.name, control);
    this.#rows.set(field.name, row);
    this.#remarks.set(field.name, remarks);
    return row;
  }

  #control(field: Field, id: string): Control {
    const named = { id, name: field.name, dir: "auto", ...(field.required ? { required: "" } : {}) };
    switch (field.kind) {
      case "check":
        return make("input", { id, name: field.name, type: "checkbox" });
      case "choice":
        return make("select", { id, name: field.name }, ...(field.options ?? []).map(([value, name]) => make("option", { value }, name)));
      case "area":
      case "lines":
        return make("textarea", { ...named, rows: String(field.rows ?? 4) });
      default:
        return make("input", { ...named, type: "text", autocomplete: "off" });
    }
  }

  control(name: string): Control {
    return this.#controls.get(name)!;
  }

  /** Puts something that belongs to a field behind it. */
  addBehind(name: string, element: HTMLElement): void {
    this.#rows.get(name)!.after(element);
  }

  show(name: string, shown: boolean): void {
    this.#rows.get(name)!.hidden = !shown;
  }

  /** Shows values as they are saved. */
  set(values: Values, { readOnly = false, isNew = false } = {}): void {
    for (const field of this.fields) {
      const control = this.control(field.name);
      const value = values[field.name];
      if (control instanceof HTMLInputElement && control.type === "checkbox") control.checked = value === true;
      else control.value = Array.isArray(value) ? value.join(field.kind === "commas" ? ", " : "\n") : String(value ?? "");
      const locked = readOnly || (field.fixed === true && !isNew);
      if (control instanceof HTMLSelectElement || control.type === "checkbox") control.toggleAttribute("disabled", locked);
      else control.toggleAttribute("readonly", locked);
    }
    this.#said.clear();
    this.#shown();
    this.saved();
  }

  get values(): Values {
    const value = ({ name, kind }: Field): Value => {
      const control = this.control(name);
      if (control instanceof HTMLInputElement && control.type === "checkbox") return control.checked;
      if (kind === "lines") return listed(control.value, "\n");
      if (kind === "commas") return listed(control.value, ",");
      return kind === "area" ? control.value : control.value.trim();
    };
    return Object.fromEntries(this.fields.map((field) => [field.name, value(field)]));
  }

  /** Takes the values for the saved ones. */
  saved(): void {
    this.#saved = JSON.stringify(this.values);
  }

  get isChanged(): boolean {
    return JSON.stringify(this.values) !== this.#saved;
  }

  /** Shows what is wrong with fields, and goes to the first. */
  errors(errors: Map<string, Remark[]>, focus = true): void {
    this.#say("errors", errors);
    const first = this.fields.find(({ name }) => errors.has(name));
    if (first && focus) this.control(first.name).focus();
  }

  /** Shows what a check found. */
  findings(findings: Map<string, Remark[]>): void {
    this.#say("findings", findings);
  }

  #say(of: "errors" | "findings", remarks: Map<string, Remark[]>): void {
    for (const { name } of this.fields) {
      const said = this.#said.get(name) ?? { errors: [], findings: [] };
      this.#said.set(name, { ...said, [of]: remarks.get(name) ?? [] });
    }
    this.#shown();
  }

  #shown(): void {
    for (const { name } of this.fields) {
      const { errors = [], findings = [] } = this.#said.get(name) ?? {};
      const all = [...errors, ...findings.filter((finding) => !errors.some(({ text }) => text === finding.text))];
      const item = ({ text, kind, lang }: Remark) =>
        make("li", { class: kind, ...(lang ? { lang, dir: "ltr" } : {}) }, make("strong", {}, `${kind === "error" ? texts.error : texts.warning}: `), text);
      this.#remarks.get(name)!.replaceChildren(...all.map(item));
      const control = this.control(name);
      if (all.some(({ kind }) => kind === "error")) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    }
  }
}
