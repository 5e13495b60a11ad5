// Whether words can be appended to an open block without parsing it again. They can when they hold nothing that Markdown
// knows, and when what stands before them cannot change its meaning by their coming.

/** Letters, digits and the punctuation that ends no link, entity or span. */
const PLAIN = /^[\p{L}\p{N} ,.:?!'’"“”„…–—%€/-]*$/u;
/** A line that is shorter may still become a heading, a list or a rule, unless its words have begun. */
const SETTLED_CHARS = 12;
const LONGEST_WORD = 40;
const WORDS = /^(?: {0,3}(?:[-+*]|\d{1,9}[.)]) +)? {0,3}\p{L}/u;

/** `before` is the block as it was parsed, `after` as it is now: what to append to its last text node, or null to parse. */
export function plainTail(before: string, after: string): string | null {
  if (!before || !after.startsWith(before)) return null;
  const added = after.slice(before.length);
  if (!PLAIN.test(added) || !PLAIN.test(before.slice(-1))) return null;
  const line = before.lastIndexOf("\n") + 1;
  return before.length - line >= SETTLED_CHARS || WORDS.test(before.slice(line)) ? added : null;
}

/** Whether a text node ends with the last word of the block's raw text; spaces at the very end are not drawn. */
export function endsLike(data: string, raw: string): boolean {
  const word = /[\p{L}\p{N},.:?!'’]*$/u.exec(raw.slice(-LONGEST_WORD).trimEnd())?.[0] ?? "";
  return word !== "" && data.trimEnd().endsWith(word);
}
