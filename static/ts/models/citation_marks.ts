// Finds [1], [2, 3], 【1】 and [Source 1] in an answer's text, as rag/marks.py does. Numbers of sources that do not exist
// are dropped beside those that do; alone they stay text.

export type Piece = string | number;

const NUMBERS = String.raw`\d{1,3}(?:\s*(?:[,;&]|and|und)\s*\d{1,3})*`;
const MARK = new RegExp(String.raw`[\[【]\s*(?:(?:sources?|quellen?)\s*)?(${NUMBERS})\s*(?:†[^\]】\n]{0,40})?[\]】]`, "gi");
/** What may become a mark with the next words. */
const BEGUN = /[[【]\s*(?:(?:s|so|sou|sour|sourc|sources?|q|qu|que|quel|quell|quellen?)\s*)?[\d\s,;&]{0,20}(?:†[^\]】\n]{0,40})?$/i;
const LONGEST = 80;

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

/** A growing text without a mark that is only half there: "[1" would flicker. */
export function withoutBegunMark(text: string): string {
  const end = Math.max(0, text.length - LONGEST);
  return text.slice(0, end) + text.slice(end).replace(BEGUN, "");
}

/** The text cut into strings and source numbers. */
export function citationPieces(text: string, known: ReadonlySet<number>): Piece[] {
  const pieces: Piece[] = [];
  let last = 0;
  for (const match of text.matchAll(MARK)) {
    const numbers = (match[1]?.match(/\d+/g) ?? []).map(Number).filter((n) => known.has(n));
    if (!numbers.length) continue;
    if (match.index > last) pieces.push(text.slice(last, match.index));
    pieces.push(...numbers);
    last = match.index + match[0].length;
  }
  if (last < text.length) pieces.push(text.slice(last));
  return pieces;
}
