// Footnotes as Markdown writes them: a mark [^label] in the text, and "[^label]: words" on a line of its own.

const DEFINITION = /^ {0,3}\[\^([^\]\s]{1,60})\]:[ \t]*/;
const MARK = /\[\^([^\]\s]{1,60})\](?!:)/g;

export const beginsNote = (line: string): boolean => DEFINITION.test(line);

/** Label and words of a definition; its further lines without their indent. */
export function noteOf(block: string): { label: string; text: string } {
  const match = DEFINITION.exec(block);
  const [first = "", ...rest] = block.slice(match?.[0].length ?? 0).split("\n");
  return { label: match?.[1] ?? "", text: [first, ...rest.map((line) => line.replace(/^(?: {1,4}|\t)/, ""))].join("\n") };
}

/** The text cut into strings and the labels of marks. */
export function notePieces(text: string): (string | { label: string })[] {
  const pieces: (string | { label: string })[] = [];
  let last = 0;
  for (const match of text.matchAll(MARK)) {
    if (match.index > last) pieces.push(text.slice(last, match.index));
    pieces.push({ label: match[1] ?? "" });
    last = match.index + match[0].length;
  }
  if (last < text.length) pieces.push(text.slice(last));
  return pieces;
}

/** The order in which notes stand: as the text names them, then those that it does not name. */
export function noteOrder(named: readonly string[], defined: ReadonlySet<string>): string[] {
  return [...new Set([...named.filter((label) => defined.has(label)), ...defined])];
}
