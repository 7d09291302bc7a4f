// A preview of Markdown. It is made of nodes, never of markup: HTML in a text is shown as it is written, and a link leads to the web or nowhere.
import { lexer, type Token, type Tokens } from "marked";
import { link, make } from "../dom";

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', nbsp: "\u00a0", copy: "©", euro: "€", hellip: "…", ndash: "–", mdash: "—" };
/** Deepest nesting that is shown with its form. */
const DEEPEST = 20;

/** What a reader sees of a text. */
export function preview(text: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  fragment.append(...blocks(lexer(text), 0));
  return fragment;
}

function blocks(tokens: Token[], depth: number): Node[] {
  return tokens.flatMap((token) => block(token, depth));
}

function block(token: Token, depth: number): Node[] {
  if (depth > DEEPEST) return [document.createTextNode(token.raw)];
  const inside = (): Node[] => inlines((token as { tokens?: Token[] }).tokens ?? [], depth + 1);
  switch (token.type) {
    case "space":
    case "def":
      return [];
    case "heading":
      // The page has headings of its own above.
      return [make(`h${Math.min(6, (token as Tokens.Heading).depth + 3)}` as "h4", {}, ...inside())];
    case "paragraph":
      return [make("p", {}, ...inside())];
    case "blockquote":
      return [make("blockquote", {}, ...blocks((token as Tokens.Blockquote).tokens, depth + 1))];
    case "code":
      return [make("pre", {}, make("code", {}, (token as Tokens.Code).text))];
    case "hr":
      return [make("hr")];
    case "list": {
      const { ordered, start, items } = token as Tokens.List;
      const list = ordered ? make("ol", { start: String(start || 1) }) : make("ul");
      list.append(...items.map((item) => make("li", {}, ...blocks(item.tokens, depth + 1))));
      return [list];
    }
    case "table": {
      const { header, rows } = token as Tokens.Table;
      const row = (cells: Tokens.TableCell[], name: "th" | "td") => make("tr", {}, ...cells.map((cell) => make(name, {}, ...inlines(cell.tokens, depth + 1))));
      return [make("table", {}, make("thead", {}, row(header, "th")), make("tbody", {}, ...rows.map((cells) => row(cells, "td"))))];
    }
    case "html":
      return literal(token.raw).map((text) => make("p", { class: "literal" }, text));
    default:
      return inline(token, depth);
  }
}

function inlines(tokens: Token[], depth: number): Node[] {
  return tokens.flatMap((token) => inline(token, depth));
}

function inline(token: Token, depth: number): Node[] {
  if (depth > DEEPEST) return [document.createTextNode(token.raw)];
  const inside = (): Node[] => inlines((token as { tokens?: Token[] }).tokens ?? [], depth + 1);
  switch (token.type) {
    case "strong":
      return [make("strong", {}, ...inside())];
    case "em":
      return [make("em", {}, ...inside())];
    case "del":
      return [make("del", {}, ...inside())];
    case "codespan":
      return [make("code", {}, (token as Tokens.Codespan).text)];
    case "br":
      return [make("br")];
    case "link": {
      const { href } = token as Tokens.Link;
      const shown = make("span", {}, ...inside());
      const target = link(href, "");
      if (!(target instanceof HTMLElement)) return [shown];
      target.append(shown);
      return [target];
    }
    case "image":
      return text((token as Tokens.Image).text);
    case "html":
      return literal(token.raw).map((text) => document.createTextNode(text));
    default: {
      const { tokens } = token as { tokens?: Token[] };
      return tokens ? inside() : text("text" in token ? (token.text as string) : token.raw);
    }
  }
}

/** A text, with its placeholders marked. */
function text(raw: string): Node[] {
  const parts = decoded(raw).split(/(\{\{[^{}]{1,200}\}\})/);
  return parts.filter(Boolean).map((part) => (part.startsWith("{{") && part.endsWith("}}") ? make("mark", {}, part) : document.createTextNode(part)));
}

/** HTML as it is written, without comments, which are for authors alone. */
function literal(raw: string): string[] {
  const shown = raw.replace(/<!--[^]*?(-->|$)/g, "").trim();
  return shown ? [shown] : [];
}

function decoded(raw: string): string {
  return raw.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{2,8}));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name) return ENTITIES[name] ?? whole;
    const code = decimal ? Number(decimal) : Number.parseInt(hex ?? "", 16);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
