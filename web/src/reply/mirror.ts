/** A text in parts: the stretches that are one of `excerpts`, made into something, and what is between them. */
export function parted(text: string, excerpts: string[], made: (excerpt: string) => Node): (Node | string)[] {
  const parts: (Node | string)[] = [];
  const first = () =>
    excerpts
      .map((excerpt) => ({ excerpt, at: text.indexOf(excerpt) }))
      .filter(({ at }) => at >= 0)
      .sort((one, other) => one.at - other.at || other.excerpt.length - one.excerpt.length)[0];
  for (let found = first(); found; found = first()) {
    parts.push(text.slice(0, found.at), made(found.excerpt));
    text = text.slice(found.at + found.excerpt.length);
  }
  return [...parts, text];
}
