// Finding words in the text of a page, which pdf.js gives in pieces: a line, a word, sometimes a letter. No DOM.

export interface Piece { str: string; hasEOL: boolean }
/** A match as [piece, character] of its first character and of the one behind its last. */
export interface Match { from: [number, number]; to: [number, number] }

/** All matches of the words in the pieces, whatever their case and where lines end. */
export function matchesIn(pieces: readonly Piece[], words: string): Match[] {
  const wanted = folded(words.trim().replace(/\s+/g, " "));
  if (!wanted) return [];
  const { text, places } = joined(pieces);
  const found: Match[] = [];
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
    const first = places[at];
    const last = places[at + wanted.length - 1];
    if (first && last) found.push({ from: first, to: [last[0], last[1] + 1] });
  }
  return found;
}

/** One text with single spaces, and for each of its characters the piece and the place in it. */
function joined(pieces: readonly Piece[]): { text: string; places: [number, number][] } {
  let text = "";
  const places: [number, number][] = [];
  const add = (character: string, place: [number, number]): void => {
    if (character === " " && (text === "" || text.endsWith(" "))) return;
    text += character;
    places.push(place);
  };
  pieces.forEach(({ str, hasEOL }, piece) => {
    for (let index = 0; index < str.length; index++) {
      const character = str[index] ?? "";
      add(/\s/.test(character) ? " " : folded(character), [piece, index]);
    }
    if (hasEOL) add(" ", [piece, Math.max(0, str.length - 1)]);
  });
  return { text, places };
}

/** Lower case, but only where that keeps the length: İ would become two characters. */
function folded(text: string): string {
  return Array.from(text, (character) => {
    const lower = character.toLowerCase();
    return lower.length === character.length ? lower : character;
  }).join("");
}
