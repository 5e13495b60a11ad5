// A growing answer as sentences to be read aloud: each once it is whole, without the marks of Markdown. Code is named.

const END = /[.!?…:](?=\s)|\n/g;
const FENCE = /^\s*(?:`{3,}|~{3,})/;

export class Sentences {
  #done = 0;
  #isCode = false;

  /** `code` is said in place of a block of code. */
  constructor(readonly code: string) {}

  /** What has become whole since the last call; at the end also the rest. */
  next(text: string, isOver = false): string[] {
    const found: string[] = [];
    END.lastIndex = this.#done;
    for (let match = END.exec(text); match; match = END.exec(text)) {
      this.#take(text.slice(this.#done, match.index + 1), match[0] === "\n", found);
      this.#done = match.index + 1;
    }
    if (isOver) this.#take(text.slice(this.#done), true, found);
    if (isOver) this.#done = text.length;
    return found;
  }

  #take(piece: string, isLine: boolean, found: string[]): void {
    if (isLine && FENCE.test(piece)) {
      this.#isCode = !this.#isCode;
      if (this.#isCode) found.push(this.code);
    } else if (!this.#isCode) {
      const words = spoken(piece);
      if (words) found.push(words);
    }
  }
}

function spoken(piece: string): string {
  return piece
    .replace(/^\s*(?:#{1,6}|[-+*>]|\d{1,9}[.)])\s+/, "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/\[\^[^\]\s]+\]:?/g, "")
    .replace(/[*_`~|]+/g, " ")
    .replace(/^[\s:-]+$/, "")
    .replace(/\s+/g, " ")
    .trim();
}
