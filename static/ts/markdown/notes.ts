// The footnotes of one text: a list behind its last block, a number at each mark, and links both ways. Marks and notes
// come in any order while the text grows, so numbers are given anew whenever a note has come.

import { el } from "../lib/dom";
import { strings } from "../lib/strings";
import { noteOrder } from "../models/footnotes";

let numTexts = 0;

/** A mark as it stands until its note has come. */
export function noteMark(label: string): HTMLElement {
  return el("span", { class: "note-mark", "data-note": label }, `[^${label}]`);
}

export class Notes {
  #id = (numTexts += 1);
  #items = new Map<string, HTMLElement>();
  #list = el("ol");
  #section = el("section", { class: "notes", role: "doc-endnotes", "aria-label": strings.footnotes }, this.#list);

  constructor(readonly root: HTMLElement) {}

  /** Where the words of this note are drawn. */
  boxOf(label: string): HTMLElement {
    const known = this.#items.get(label);
    if (known) return known.firstElementChild as HTMLElement;
    const words = el("div", { class: "note__text" });
    this.#items.set(label, el("li", { tabindex: -1 }, words));
    return words;
  }

  /** Number marks and notes as they stand now. Costs nothing in a text without notes. */
  settle(): void {
    if (!this.#items.size) return;
    if (this.root.lastElementChild !== this.#section) this.root.append(this.#section);
    const marks = [...this.root.querySelectorAll<HTMLElement>(".note-mark")];
    const order = noteOrder(marks.map(labelOf), new Set(this.#items.keys()));
    const numbers = new Map(order.map((label, index) => [label, index + 1]));
    for (const [label, n] of numbers) this.#place(label, n, marks.filter((mark) => labelOf(mark) === label));
  }

  #place(label: string, n: number, marks: readonly HTMLElement[]): void {
    const item = this.#items.get(label);
    if (!item) return;
    const id = `note-${this.#id}-${n}`;
    item.id = id;
    marks.forEach((mark, index) => {
      const from = `${id}-from-${index + 1}`;
      const link = mark.querySelector("a");
      if (link?.textContent === String(n) && link.id === from) return;
      mark.replaceChildren(el("a", { href: `#${id}`, id: from, role: "doc-noteref", "aria-label": strings.footnote(n) }, String(n)));
    });
    item.querySelector(":scope > .note__back")?.remove();
    const back = (_mark: HTMLElement, index: number): HTMLElement =>
      el("a", { href: `#${id}-from-${index + 1}`, role: "doc-backlink", "aria-label": strings.backToText(n) }, "↩\uFE0E");
    if (marks.length) item.append(el("span", { class: "note__back" }, ...marks.map(back)));
    if (this.#list.children[n - 1] !== item) this.#list.insertBefore(item, this.#list.children[n - 1] ?? null);
  }

  forget(): void {
    this.#items.clear();
    this.#list.replaceChildren();
    this.#section.remove();
  }

  /** What is drawn from now on stands before the notes. */
  add(box: HTMLElement): void {
    if (this.#section.parentNode === this.root) this.#section.before(box);
    else this.root.append(box);
  }
}

const labelOf = (mark: HTMLElement): string => mark.dataset["note"] ?? "";
