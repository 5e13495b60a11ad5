// Splits a growing Markdown text into top-level blocks, so that only the open one is drawn again while it grows.
//
// A block is closed by a blank line and a line that cannot continue it, or by the end of its code fence. The split is
// made so that the blocks drawn one by one look like the whole. Left out: what is inside a block (micromark's job).

import { beginsNote } from "./footnotes";

/** note: the definition of a footnote, with all lines that belong to it. */
export type BlockKind = "text" | "list" | "code" | "indented" | "note";
export interface Block { kind: BlockKind; text: string }
interface Fence { mark: string; length: number; topLevel: boolean }

const FENCE = /^( *)(`{3,}|~{3,})(.*)$/;
const LIST_ITEM = /^ {0,3}(?:[-+*]|\d{1,9}[.)])(?:\s|$)/;
const STARTS_LIST = /^ {0,3}(?:[-+*]|1[.)])\s+\S/;
/** What the first line behind a blank one begins with when it cannot go on a block of this kind. */
const BEGINS: Record<string, RegExp> = { text: /^\S/, list: /^[^\s\d+*-]/ };

export class MarkdownBlocks {
  #text = "";
  #start = 0; // of the open block
  #scanned = 0; // lines before this offset are judged
  #kind: BlockKind | null = null;
  #fence: Fence | null = null;
  /** What closes a formula that takes lines of its own: "+ b" in it is no list. */
  #math = "";
  #blank = false;
  #closed: Block[] = [];

  /** The text so far; returns the blocks that closed since the last call. The text only grows; see `reset`. */
  extend(text: string): Block[] {
    this.#text = text;
    this.#closed = [];
    for (let end = text.indexOf("\n", this.#scanned); end >= 0; end = text.indexOf("\n", this.#scanned)) {
      this.#line(text.slice(this.#scanned, end), end + 1);
      this.#scanned = end + 1;
    }
    // The next block has begun as soon as its first character cannot belong to this one: whole lines need not be waited for.
    if (this.#blank && !this.#fence && BEGINS[this.#kind ?? ""]?.test(text.slice(this.#scanned, this.#scanned + 2))) this.#close(this.#scanned);
    return this.#closed;
  }

  /** What is not closed yet, with the last line that may still grow. */
  get open(): Block | null {
    const text = this.#text.slice(this.#start);
    if (!text.trim()) return null;
    const tail = this.#text.slice(this.#scanned);
    const kind = this.#kind ?? (fenceOf(tail) ? "code" : beginsNote(tail) ? "note" : "text");
    return { kind, text };
  }

  /** The text is complete: what is open is closed. */
  end(): Block[] {
    this.#closed = [];
    const tail = this.#text.slice(this.#scanned);
    if (tail) this.#line(tail, this.#text.length);
    const last = this.open;
    this.#start = this.#scanned = this.#text.length;
    this.#begin(null);
    return last ? [...this.#closed, last] : this.#closed;
  }

  reset(): void {
    this.#text = "";
    this.#start = this.#scanned = 0;
    this.#begin(null);
  }

  #line(line: string, next: number): void {
    if (this.#fence) {
      if (closes(line, this.#fence)) {
        const { topLevel } = this.#fence;
        this.#fence = null;
        if (topLevel) this.#close(next);
      }
      return;
    }
    if (this.#math && line.trim()) {
      if (line.trimEnd().endsWith(this.#math)) this.#math = "";
      return;
    }
    this.#math = "";
    if (!line.trim()) {
      if (this.#kind === null) this.#start = next;
      else this.#blank = true;
      return;
    }
    if (this.#kind !== null && this.#ends(line)) this.#close(this.#scanned);
    if (this.#kind === null) this.#begin(kindOf(line));
    this.#blank = false;
    this.#fence = this.#fenceFrom(line);
    if (!this.#fence && this.#kind !== "indented") this.#math = opensMath(line);
  }

  /** Whether a line that is not blank begins a new block. */
  #ends(line: string): boolean {
    const indent = line.length - line.trimStart().length;
    if (beginsNote(line)) return true;
    if (this.#kind === "note" && indent >= 2) return false;
    if (this.#kind === "list") {
      if (fenceOf(line) && indent < 2) return true;
      return this.#blank && indent < 2 && !LIST_ITEM.test(line);
    }
    if (this.#kind === "indented") return indent < 4;
    if (fenceOf(line) && indent < 4) return true;
    return this.#blank || STARTS_LIST.test(line);
  }

  #fenceFrom(line: string): Fence | null {
    const fence = fenceOf(line) ?? (this.#kind === "list" ? fenceOf(line.replace(LIST_ITEM, "")) : null);
    if (!fence || this.#kind === "indented") return null;
    return { ...fence, topLevel: this.#kind === "code" };
  }

  #close(at: number): void {
    this.#closed.push({ kind: this.#kind ?? "text", text: this.#text.slice(this.#start, at) });
    this.#start = at;
    this.#begin(null);
  }

  #begin(kind: BlockKind | null): void {
    this.#kind = kind;
    this.#blank = false;
    this.#fence = null;
    this.#math = "";
  }
}

/** The end that a formula beginning on this line still waits for, "" when there is none. */
function opensMath(line: string): string {
  const bare = line.replace(LIST_ITEM, "").trim();
  if (bare.startsWith("$$")) return bare.indexOf("$$", 2) < 0 ? "$$" : "";
  if (bare.startsWith("\\[")) return bare.includes("\\]") ? "" : "\\]";
  return "";
}

function kindOf(line: string): BlockKind {
  if (/^ {4}|^\t/.test(line)) return "indented";
  if (fenceOf(line)) return "code";
  if (beginsNote(line)) return "note";
  return LIST_ITEM.test(line) ? "list" : "text";
}

function fenceOf(line: string): { mark: string; length: number } | null {
  const match = FENCE.exec(line);
  const mark = match?.[2]?.[0];
  if (!match || !mark || (mark === "`" && match[3]?.includes("`"))) return null;
  return { mark, length: match[2]!.length };
}

function closes(line: string, fence: Fence): boolean {
  const bare = line.trim();
  return bare.length >= fence.length && [...bare].every((mark) => mark === fence.mark);
}

/** Language and code of an open or closed fenced block, without parsing it. */
export function codeOf(block: string): { language: string; code: string } {
  const [first = "", ...rest] = block.split("\n");
  const match = FENCE.exec(first);
  const fence: Fence = { mark: match?.[2]?.[0] ?? "`", length: match?.[2]?.length ?? 3, topLevel: true };
  while (rest.length && !rest[rest.length - 1]?.trim()) rest.pop();
  if (rest.length && closes(rest[rest.length - 1] ?? "", fence)) rest.pop();
  const indent = match?.[1]?.length ?? 0;
  const code = rest.map((line) => line.slice(Math.min(indent, line.length - line.trimStart().length))).join("\n");
  return { language: match?.[3]?.trim().split(/\s+/)[0] ?? "", code };
}
