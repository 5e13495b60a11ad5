// Finds [1], [2, 3] in an answer's text. Only numbers of sources that exist count; the rest stays text.

export type Piece = string | number;

const MARK = /\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]/g;

/** The text with the marks that the model left out, each after a space. Offsets count code points, as the server does. */
export function withMarks(text: string, marks: readonly (readonly [offset: number, n: number])[]): string {
  if (!marks.length) return text;
  const characters = Array.from(text);
  const inOrder = [...marks].sort(([a], [b]) => a - b);
  let last = 0;
  let marked = "";
  for (const [offset, n] of inOrder) {
    marked += `${characters.slice(last, offset).join("")} [${n}]`;
    last = offset;
  }
  return marked + characters.slice(last).join("");
}

/** The text cut into strings and source numbers. */
export function citationPieces(text: string, known: ReadonlySet<number>): Piece[] {
  const pieces: Piece[] = [];
  let last = 0;
  for (const match of text.matchAll(MARK)) {
    const numbers = (match[1] ?? "").split(/[,;]/).map(Number);
    if (!numbers.every((n) => known.has(n))) continue;
    if (match.index > last) pieces.push(text.slice(last, match.index));
    pieces.push(...numbers);
    last = match.index + match[0].length;
  }
  if (last < text.length) pieces.push(text.slice(last));
  return pieces;
}
