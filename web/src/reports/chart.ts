// Charts as SVG: columns by day and rows by name, of stacked series. Series differ in pattern, not in colour alone.
import { make } from "../dom";
import { texts } from "./texts";

/** A part of what is drawn: its name, and its value in each column or row. */
export interface Series {
  name: string;
  values: number[];
}

const FONT = 12;
/** Columns stand over the names of days, right of the numbers. */
const HEIGHT = 190;
const LEFT = 44;
const BELOW = 22;
const ABOVE = 8;
/** A row and the room for its name. */
const ROW = 26;
const MOST_ROWS = 12;

let charts = 0;

function svg(name: string, attributes: Record<string, string | number> = {}, ...children: (Node | string)[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

/** The patterns of the series: full, stripes, dots, empty. */
function patterns(id: string): SVGElement {
  const pattern = (number: number, size: number, ...inside: SVGElement[]) =>
    svg("pattern", { id: `${id}-${number}`, class: `s${number}`, width: size, height: size, patternUnits: "userSpaceOnUse" }, ...inside);
  const ground = (size: number) => svg("rect", { class: "ground", width: size, height: size });
  return svg(
    "defs",
    {},
    pattern(0, 4, svg("rect", { class: "ink", width: 4, height: 4 })),
    pattern(1, 6, ground(6), svg("path", { class: "line", "stroke-width": 2, d: "M-1 7L7 -1M-1 1L1 -1M5 7L7 5" })),
    pattern(2, 5, ground(5), svg("circle", { class: "ink", cx: 2.5, cy: 2.5, r: 1.4 })),
    pattern(3, 4, ground(4)),
  );
}

function bar(id: string, series: number, box: { x: number; y: number; width: number; height: number }): SVGElement {
  return svg("rect", { class: `bar s${series}`, fill: `url(#${id}-${series})`, ...box });
}

/** The names of the series, each beside its pattern. */
function legend(series: Series[]): HTMLElement {
  const items = series.map(({ name }, number) => {
    const id = `legend-${charts}-${number}`;
    const swatch = svg("svg", { width: 16, height: 14, "aria-hidden": "true" }, patterns(id), bar(id, number, { x: 1, y: 1, width: 14, height: 12 }));
    return make("li", {}, swatch, name);
  });
  return make("ul", { class: "legend" }, ...items);
}

function frame(title: string, width: number, height: number, series: Series[], draw: (id: string) => SVGElement[]): HTMLElement {
  const id = `chart-${++charts}`;
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": `${id}-title` });
  drawn.append(svg("title", { id: `${id}-title` }, title), patterns(id), ...draw(id));
  const chart = make("div", { class: "chart" });
  chart.append(drawn, ...(series.length > 1 ? [legend(series)] : []));
  return chart;
}

/** A round number that is not smaller. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? value;
}

const said = (name: string, series: Series[], at: number, inWords: (value: number) => string): string =>
  `${name}: ${series.map((one) => `${one.name} ${inWords(one.values[at] ?? 0)}`).join(", ")}`;

/** Columns, such as one a day. `max`: what the highest column may be; else it is chosen. */
export function columns(title: string, names: string[], series: Series[], width: number, inWords: (value: number) => string, max = 0): HTMLElement {
  const sums = names.map((_, at) => series.reduce((sum, { values }) => sum + (values[at] ?? 0), 0));
  const top = max || roundUp(Math.max(...sums, 1));
  const [inner, step] = [HEIGHT - ABOVE - BELOW, (width - LEFT) / Math.max(names.length, 1)];
  const y = (value: number) => ABOVE + inner * (1 - value / top);
  return frame(title, width, HEIGHT, series, (id) => {
    const lines = [0, top / 2, top].flatMap((value) => [
      svg("line", { class: "axis", x1: LEFT, x2: width, y1: y(value), y2: y(value) }),
      svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, inWords(value)),
    ]);
    const groups = names.map((name, at) => {
      const group = svg("g", {}, svg("title", {}, said(name, series, at, inWords)));
      let below = 0;
      series.forEach(({ values }, number) => {
        const value = values[at] ?? 0;
        if (!value) return;
        const gap = step > 4 ? 2 : 0;
        group.append(bar(id, number, { x: LEFT + at * step + gap / 2, y: y(below + value), width: Math.max(step - gap, 0.5), height: y(below) - y(below + value) }));
        below += value;
      });
      return group;
    });
    // As many names as there is room for.
    const every = Math.ceil(names.length / Math.max(1, Math.floor((width - LEFT) / 80)));
    const written = names.flatMap((name, at) =>
      at % every || (at > 0 && LEFT + (at + 0.5) * step + 30 > width) ? [] : [svg("text", { x: LEFT + (at + 0.5) * step, y: HEIGHT - 6, "text-anchor": at ? "middle" : "start" }, name)],
    );
    return [...lines, ...groups, ...written];
  });
}

/** Rows, such as one a language, each as long as its share of all. */
export function rows(title: string, names: string[], series: Series[], width: number, inWords: (value: number) => string): HTMLElement {
  const shown = names.slice(0, MOST_ROWS);
  const sums = shown.map((_, at) => series.reduce((sum, { values }) => sum + (values[at] ?? 0), 0));
  const top = Math.max(...sums, 1);
  const left = Math.min(160, width * 0.35);
  const most = Math.floor(left / (FONT * 0.6));
  const chart = frame(title, width, shown.length * ROW + 4, series, (id) =>
    shown.map((name, at) => {
      const group = svg("g", {}, svg("title", {}, said(name, series, at, inWords)));
      const short = [...name].length > most ? `${[...name].slice(0, most - 1).join("")}…` : name;
      group.append(svg("text", { x: left - 8, y: at * ROW + 18, "text-anchor": "end" }, short));
      const unit = (width - left - 56) / top;
      let before = 0;
      series.forEach(({ values }, number) => {
        const value = values[at] ?? 0;
        if (value) group.append(bar(id, number, { x: left + before * unit, y: at * ROW + 4, width: value * unit, height: ROW - 8 }));
        before += value;
      });
      group.append(svg("text", { x: left + before * unit + 6, y: at * ROW + 18 }, inWords(before)));
      return group;
    }),
  );
  if (names.length > shown.length) chart.append(make("p", { class: "note" }, texts.more(inWords(names.length - shown.length))));
  return chart;
}
