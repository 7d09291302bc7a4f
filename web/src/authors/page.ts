// What belongs to the whole page: what is told, the question before something is lost, the key.
import { make } from "../dom";
import { Failure } from "./api";
import { texts } from "./texts";

export const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

/** Says what was done. */
export function tell(text: string): void {
  byId("told").textContent = text;
}

/** Shows a failure that belongs to no field, and asks for a key where one is missing; `null`: all is well again. */
export function fail(error: unknown): void {
  const failure = error instanceof Failure ? error : error === null ? null : new Failure("unknown", texts.failed);
  byId("failed").hidden = failure === null;
  byId("failed").textContent = failure?.message ?? "";
  if (!failure) return;
  tell("");
  if (failure.needsKey && byId("key-form").hidden) {
    byId("key-form").hidden = false;
    byId("key").focus();
  }
}

/** Asks before something is lost; Escape is no. */
export function ask(text: string, yes: string, no: string): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>("ask");
  byId("ask-text").textContent = text;
  byId("ask-yes").textContent = yes;
  byId("ask-no").textContent = no;
  dialog.returnValue = "";
  dialog.showModal();
  byId("ask-no").focus();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}

export function startPage(): void {
  const dialog = byId<HTMLDialogElement>("ask");
  byId("ask-yes").addEventListener("click", () => dialog.close("yes"));
  byId("ask-no").addEventListener("click", () => dialog.close("no"));
}

/** A choice with a name that only a screen reader says. */
export function choice(label: string, options: [value: string, name: string][], changed: () => void): HTMLSelectElement {
  const select = make("select", { "aria-label": label }, ...options.map(([value, name]) => make("option", { value }, name)));
  select.addEventListener("change", changed);
  return select;
}
