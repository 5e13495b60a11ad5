// What the questions of a thread are asked of: its own files, collections, or everything one may see.

import { api } from "../lib/api";
import { ask } from "../lib/dialog";
import { el, find, icon } from "../lib/dom";
import { showFailure } from "../lib/failure";
import type { Collection, Shelves } from "../lib/protocol";
import { strings } from "../lib/strings";

export interface Scope { collections: string[]; everything: boolean }

export class ScopeChip {
  #scope: Scope;
  #names = new Map<string, string>();
  /** Chosen on this page, and not told the server yet. */
  isChosen = false;

  /** `chosen` is told of every choice. */
  constructor(readonly button: HTMLButtonElement, scope: Scope, readonly chosen: (scope: Scope) => void) {
    this.#scope = scope;
    button.addEventListener("click", () => void this.#choose());
    this.#draw();
    if (scope.collections.length) void this.look();
  }

  get scope(): Scope {
    return this.#scope;
  }

  /** Rights may have changed: what is gone is asked no more. */
  async look(): Promise<Collection[]> {
    const { collections } = await api<Shelves>("GET", "/collections/");
    this.#names = new Map(collections.map(({ id, name }) => [id, name]));
    this.#scope = { ...this.#scope, collections: this.#scope.collections.filter((id) => this.#names.has(id)) };
    this.#draw();
    return collections;
  }

  /** One collection more, as with # in the message. */
  add(id: string, name: string): void {
    this.#names.set(id, name);
    if (this.#scope.everything || this.#scope.collections.includes(id)) return;
    this.#scope = { ...this.#scope, collections: [...this.#scope.collections, id] };
    this.isChosen = true;
    this.#draw();
    this.chosen(this.#scope);
  }

  async #choose(): Promise<void> {
    try {
      const collections = await this.look();
      const { everything, collections: asked } = this.#scope;
      const all = check(strings.asksEverything, strings.asksEverythingText, everything);
      const boxes = collections.map((each) => ({ id: each.id, ...check(each.name, strings.numDocuments(each.num_documents), asked.includes(each.id)) }));
      const dim = (): void => boxes.forEach(({ box }) => (box.disabled = all.box.checked));
      all.box.addEventListener("change", dim);
      dim();
      const list = el("ul", { class: "members members--tall" }, all.row, ...boxes.map(({ row }) => row));
      const answer = await ask(strings.whatToAsk, [el("p", {}, strings.whatToAskText), list], [
        { label: strings.cancel, value: "" },
        { label: strings.save, value: "yes", modifier: "button--primary" },
      ]);
      if (answer !== "yes") return;
      this.#scope = { everything: all.box.checked, collections: boxes.filter(({ box }) => box.checked).map(({ id }) => id) };
      this.isChosen = true;
      this.#draw();
      this.chosen(this.#scope);
    } catch (error) {
      showFailure(error);
    }
  }

  #draw(): void {
    const { everything, collections } = this.#scope;
    const only = collections.length === 1 ? this.#names.get(collections[0] ?? "") : undefined;
    const words = everything ? strings.allDocuments : only ?? (collections.length ? strings.collections(collections.length) : strings.askDocuments);
    const isOn = everything || collections.length > 0;
    this.button.replaceChildren(icon("document"), el("span", {}, words));
    this.button.toggleAttribute("data-on", isOn);
    this.button.setAttribute("aria-label", `${words}. ${strings.chooseWhatToAsk}`);
    this.button.title = strings.chooseWhatToAsk;
  }
}

function check(name: string, detail: string, isChecked: boolean): { box: HTMLInputElement; row: HTMLElement } {
  const box = el("input", { type: "checkbox", checked: isChecked });
  return { box, row: el("li", {}, el("label", { class: "field__check members__name" }, box, el("span", {}, name, el("small", {}, detail)))) };
}

/** The button of the page, if it has one. */
export function scopeButton(root: ParentNode): HTMLButtonElement {
  return find(root, ".composer__scope");
}
