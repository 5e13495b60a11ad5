// The list that opens above the composer while a sign is being typed. The focus stays in the text: the keys move
// aria-activedescendant, as in a combobox with a list.
//
// A textarea may not take the role of a combobox (it has several lines); as a textbox it may name its list.

import { el, icon } from "../lib/dom";
import { strings } from "../lib/strings";

export interface Offered { name: string; about: string; icon: string; choose(): void }

/** The composer's list, and one of each question that is being edited. */
let numLists = 0;

export class OfferList {
  #id = numLists++ ? `offer${numLists}` : "offer";
  #box = el("div", { class: "offer", id: this.#id, role: "listbox", hidden: true });
  #said = el("span", { class: "visually-hidden", role: "status" });
  #offered: Offered[] = [];
  #at = 0;

  constructor(readonly text: HTMLTextAreaElement, home: HTMLElement) {
    text.setAttribute("aria-autocomplete", "list");
    text.setAttribute("aria-controls", this.#id);
    home.append(this.#box, this.#said);
    // The text keeps the focus when the list is touched.
    this.#box.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#box.addEventListener("click", (event) => {
      const item = event.target instanceof Element ? event.target.closest<HTMLElement>("[role=option]") : null;
      if (item) this.#offered[Number(item.dataset["at"])]?.choose();
    });
  }

  get isOpen(): boolean {
    return !this.#box.hidden;
  }

  show(label: string, offered: Offered[], none: string): void {
    this.#offered = offered;
    this.#at = 0;
    this.#box.setAttribute("aria-label", label);
    this.#box.replaceChildren(...offered.map((one, at) => itemOf(one, at, this.#id)), ...(offered.length ? [] : [el("div", { class: "offer__none", role: "option", "aria-disabled": "true", "aria-selected": "false" }, none)]));
    this.#box.hidden = false;
    const words = offered.length ? strings.numOffered(offered.length) : none;
    if (this.#said.textContent !== words) this.#said.textContent = words;
    this.#mark();
  }

  close(): void {
    this.#box.hidden = true;
    this.#said.textContent = "";
    this.text.removeAttribute("aria-activedescendant");
  }

  /** Whether the key was for the list. */
  key(event: KeyboardEvent): boolean {
    if (!this.isOpen || event.isComposing) return false;
    const last = this.#offered.length - 1;
    const to: Record<string, number> = { ArrowDown: this.#at >= last ? 0 : this.#at + 1, ArrowUp: this.#at <= 0 ? last : this.#at - 1 };
    if (event.key === "Escape") this.close();
    else if (last < 0) return false;
    else if ((event.key === "Enter" && !event.shiftKey) || event.key === "Tab") this.#offered[this.#at]?.choose();
    else if (to[event.key] !== undefined) {
      this.#at = to[event.key] ?? 0;
      this.#mark();
    } else return false;
    event.preventDefault();
    return true;
  }

  #mark(): void {
    const items = [...this.#box.querySelectorAll<HTMLElement>(".offer__item")];
    items.forEach((item, at) => item.setAttribute("aria-selected", String(at === this.#at)));
    items[this.#at]?.scrollIntoView({ block: "nearest" });
    if (items.length) this.text.setAttribute("aria-activedescendant", `${this.#id}-${this.#at}`);
    else this.text.removeAttribute("aria-activedescendant");
  }
}

function itemOf({ name, about, icon: picture }: Offered, at: number, list: string): HTMLElement {
  return el("div", { class: "offer__item", role: "option", id: `${list}-${at}`, "data-at": at, "aria-selected": "false" }, icon(picture), el("span", {}, name), about && el("small", {}, about));
}
