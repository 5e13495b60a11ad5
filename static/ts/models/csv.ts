// Rows of cells as CSV (RFC 4180), for the clipboard.
//
// A spreadsheet takes a cell that begins with = + - @ for a formula, and what stands in an answer may come out of a document
// that somebody else wrote. So such a cell gets an apostrophe in front, which spreadsheets read as "this is text". Numbers,
// as a column of losses or a telephone number, begin with a sign too, do nothing, and stay as they are.

const FORMULA = /^\s*[=+\-@\t\r]/;
const NUMBER = /^\s*[+-]?[\d\s.,'’%‰€$£/()–-]*$/;

export function csv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
}

function field(text: string): string {
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
