// What is being typed at the caret: /prompt at the very beginning, @model or #document anywhere. No DOM.

export type Sign = "/" | "@" | "#";
export interface Mention { sign: Sign; query: string; start: number; end: number }

const MAX_QUERY_CHARS = 40;

/** The sign and the words behind it, up to the caret; null when nobody is choosing anything. */
export function mentionAt(text: string, caret: number): Mention | null {
  const before = text.slice(0, caret);
  const prompt = /^\/([^\n]*)$/.exec(before);
  if (prompt) return within({ sign: "/", query: prompt[1] ?? "", start: 0, end: caret });
  // An address (a@b.c), a heading (# Title) and a number (#1) are not meant, but a file name may begin with a number.
  const other = /(^|\s)([@#])([^\s@#][^\n@#]*)?$/.exec(before);
  if (!other) return null;
  const query = other[3] ?? "";
  return within({ sign: other[2] as Sign, query, start: caret - query.length - 1, end: caret });
}

function within(mention: Mention): Mention | null {
  return mention.query.length <= MAX_QUERY_CHARS ? mention : null;
}

/** Those that have all the words, those that begin with the first one first. */
export function matching<T extends { name: string }>(all: readonly T[], query: string, limit = 50): T[] {
  const words = query.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter(({ name }) => words.every((word) => name.toLocaleLowerCase().includes(word)));
  const first = words[0] ?? "";
  const isBefore = ({ name }: T): boolean => name.toLocaleLowerCase().startsWith(first);
  return [...found.filter(isBefore), ...found.filter((one) => !isBefore(one))].slice(0, limit);
}
