// Tables as CSV.

/** What may begin a formula in a spreadsheet. */
const FORMULA = /^[=+\-@\t\r]/;

/** One cell: in quotes, and a text that a spreadsheet would run is marked as text. */
export function cell(value: string | number): string {
  const text = typeof value === "string" && FORMULA.test(value.trimStart()) ? `'${value}` : String(value);
  return `"${text.replaceAll('"', '""')}"`;
}

/** A whole table. The mark at its beginning tells spreadsheets that it is UTF-8. */
export function csv(head: string[], rows: (string | number)[][]): string {
  return "\ufeff" + [head, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** Hands a file to the browser. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
