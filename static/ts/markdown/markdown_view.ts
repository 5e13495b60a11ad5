// Draws a growing Markdown text: closed blocks once, the open block again at each step.

import { type Block, MarkdownBlocks, codeOf } from "../models/markdown_blocks";
import { endsLike, plainTail } from "../models/plain_tail";
import { highlightLater } from "./code_block";
import { patchChildren } from "./patch";
import { blockToNodes, type Context } from "./to_nodes";

export class MarkdownView {
  #blocks = new MarkdownBlocks();
  #text = "";
  #hasEnded = false;
  #openBox: HTMLElement | null = null;
  /** The open block as it was last drawn, and the text node that its last words stand in. */
  #drawn = "";
  #tail: Text | null = null;

  constructor(readonly root: HTMLElement, public context: Context) {
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
  }

  redraw(): void {
    this.#hasEnded = false;
    this.#blocks.reset();
    this.#text = "";
    this.#openBox = null;
    this.root.replaceChildren();
  }

  #close(block: Block): void {
    const box = this.#box();
    patchChildren(box, blockToNodes(block, this.context));
    this.#openBox = null;
    highlightLater(box);
  }

  #drawOpen(block: Block): void {
    const box = this.#box();
    const added = block.kind === "code" ? null : plainTail(this.#drawn, block.text);
    if (added !== null && this.#tail?.isConnected) {
      this.#tail.appendData(added);
      this.#drawn = block.text;
      return;
    }
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

  /** Where plain words may be appended next time; spaces at the end are not drawn yet. */
  #noteTail(box: HTMLElement, raw: string): void {
    let last: Node | null = box;
    while (last?.lastChild) last = last.lastChild;
    this.#tail = last instanceof Text && endsLike(last.data, raw) ? last : null;
    this.#drawn = raw;
    if (this.#tail) this.#tail.data = this.#tail.data.trimEnd() + (/ *$/.exec(raw)?.[0] ?? "");
  }

  #box(): HTMLElement {
    if (!this.#openBox) {
      this.#drawn = "";
      this.#tail = null;
      this.#openBox = document.createElement("div");
      this.#openBox.dataset["block"] = "";
      this.root.append(this.#openBox);
    }
    return this.#openBox;
  }
}
