// Draws a growing Markdown text: closed blocks once, the open block again at each step.

import { type Block, MarkdownBlocks, codeOf } from "../models/markdown_blocks";
import { highlightLater } from "./code_block";
import { patchChildren } from "./patch";
import { blockToNodes, type Context } from "./to_nodes";

export class MarkdownView {
  #blocks = new MarkdownBlocks();
  #text = "";
  #hasEnded = false;
  #openBox: HTMLElement | null = null;

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
  }

  #box(): HTMLElement {
    if (!this.#openBox) {
      this.#openBox = document.createElement("div");
      this.#openBox.dataset["block"] = "";
      this.root.append(this.#openBox);
    }
    return this.#openBox;
  }
}
