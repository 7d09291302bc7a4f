// Elements made in one line. Text is text, never markup.
export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** A button that does something. */
export function button(name: string, act: () => void, attributes: Record<string, string> = {}): HTMLButtonElement {
  const element = make("button", { type: "button", part: "button", ...attributes }, name);
  element.addEventListener("click", act);
  return element;
}

/** A link to the web; anything else is its name alone. */
export function link(url: string, name: string): Node {
  return /^https?:\/\//.test(url) ? make("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, name) : document.createTextNode(name);
}

/** 96 random bits. `crypto.randomUUID` is only there where a page came by HTTPS. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
