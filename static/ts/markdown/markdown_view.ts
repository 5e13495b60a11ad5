// Draws a growing Markdown text: closed blocks once, the open block again at each step.

import { el } from "../lib/dom";
import { noteOf } from "../models/footnotes";
import { type Block, MarkdownBlocks, codeOf } from "../models/markdown_blocks";
import { endsLike, plainTail } from "../models/plain_tail";
import { highlightLater } from "./code_block";
import { Notes } from "./notes";
import { patchChildren } from "./patch";
import { blockToNodes, type Context } from "./to_nodes";

const LONG_CHARS = 20_000;

export class MarkdownView {
  #blocks = new MarkdownBlocks();
  #text = "";
  #hasEnded = false;
  #openBox: HTMLElement | null = null;
  /** The open block as it was last drawn, and the text node that its last words stand in. */
  #drawn = "";
  #parsedChars = 0;
  /** Of the note that the open block is, "" for any other. */
  #openLabel = "";
  #tail: Text | null = null;
  #notes: Notes;

  constructor(readonly root: HTMLElement, public context: Context) {
    this.#notes = new Notes(root);
    root.replaceChildren();
    delete root.dataset["plain"];
  }

  /** Show the text so far; a text that does not go on from the last one is drawn anew. */
  show(text: string, isComplete = false): void {
    if (this.#hasEnded && text === this.#text) return;
    // What was complete has closed its last block; if it goes on after all, that block may go on too.
    if (this.#hasEnded || !text.startsWith(this.#text)) this.redraw();
    this.#text = text;
    const closed = this.#blocks.extend(text);
    if (isComplete) closed.push(...this.#blocks.end());
    this.#hasEnded = isComplete;
    for (const block of closed) this.#close(block);
    const open = isComplete ? null : this.#blocks.open;
    if (open) this.#drawOpen(open);
    this.#notes.settle();
  }

  redraw(): void {
    this.#hasEnded = false;
    this.#blocks.reset();
    this.#text = "";
    this.#openBox = null;
    this.root.replaceChildren();
    this.#notes.forget();
  }

  #close(block: Block): void {
    const box = this.#box(block);
    patchChildren(box, blockToNodes(block, this.context));
    this.#openBox = null;
    highlightLater(box);
  }

  #drawOpen(block: Block): void {
    const box = this.#box(block);
    const added = block.kind === "code" ? null : (plainTail(this.#drawn, block.text) ?? this.#addedToLong(block.text));
    if (added !== null && this.#tail?.isConnected) {
      this.#tail.appendData(added);
      this.#drawn = block.text;
      return;
    }
    this.#parsedChars = block.text.length;
    const code = block.kind === "code" ? box.querySelector("code")?.firstChild : null;
    if (code instanceof Text && box.dataset["kind"] === "code" && block.text.includes("\n")) {
      // Code that is still coming needs no parsing: append to it.
      const whole = codeOf(block.text).code;
      if (whole.startsWith(code.data)) {
        code.appendData(whole.slice(code.length));
        return;
      }
    }
    patchChildren(box, blockToNodes(block, this.context));
    box.dataset["kind"] = block.kind === "code" && block.text.includes("\n") ? "code" : "";
    this.#noteTail(box, block.text);
  }

  /** What has come to a block that is so long that parsing it at each step would hold everything up: it stands there raw, until there is a quarter more. */
  #addedToLong(text: string): string | null {
    const isSoon = this.#parsedChars > LONG_CHARS && text.length < 1.25 * this.#parsedChars;
    return isSoon && text.startsWith(this.#drawn) ? text.slice(this.#drawn.length) : null;
  }

  /** Where plain words may be appended next time; spaces at the end are not drawn yet. */
  #noteTail(box: HTMLElement, raw: string): void {
    let last: Node | null = box;
    // Of a table the last cell, not the button behind it.
    while (last?.lastChild) last = last instanceof HTMLElement && last.className === "table-box" ? last.firstChild : last.lastChild;
    this.#tail = last instanceof Text && endsLike(last.data, raw) ? last : null;
    this.#drawn = raw;
    if (this.#tail) this.#tail.data = this.#tail.data.trimEnd() + (/ *$/.exec(raw)?.[0] ?? "");
  }

  #box(block: Block): HTMLElement {
    const label = block.kind === "note" ? noteOf(block.text).label : "";
    // What began as a paragraph may turn out to be a note, when its first line is whole.
    if (this.#openBox && label !== this.#openLabel) {
      if (!this.#openLabel) this.#openBox.remove();
      this.#openBox = null;
    }
    if (!this.#openBox) {
      this.#drawn = "";
      this.#parsedChars = 0;
      this.#tail = null;
      this.#openLabel = label;
      this.#openBox = label ? this.#notes.boxOf(label) : el("div", { "data-block": "" });
      if (!label) this.#notes.add(this.#openBox);
    }
    return this.#openBox;
  }
}
