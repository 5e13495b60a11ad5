// The card beside [n]: where the sentence stands, what it says there, and how well it bears the answer out. It shows
// nothing that the reader may no longer see: the quote comes from the server each time.

import { el } from "../lib/dom";
import { sentenceOf } from "../lib/failure";
import type { Source, Use } from "../lib/protocol";
import { strings } from "../lib/strings";
import { type Citation, citationOf, isGone } from "./citation";
import { notesOf } from "./notes";
import { words } from "./words";

const GAP_PX = 6;
const EDGE_PX = 8;

export class SourceCard {
  #card = el("div", { class: "source-card", id: "source-card", popover: "manual", role: "tooltip" });
  #mark: HTMLElement | null = null;

  constructor(readonly open: (mark: HTMLElement) => void) {
    this.#card.addEventListener("click", () => this.#mark && this.open(this.#mark));
  }

  get mark(): HTMLElement | null {
    return this.#mark;
  }

  holds(node: EventTarget | null): boolean {
    return node instanceof Node && (this.#card.contains(node) || Boolean(this.#mark?.contains(node)));
  }

  async show(mark: HTMLElement, source: Source, use: Use | null, isTouched = false): Promise<void> {
    if (this.#mark === mark) return;
    this.hide();
    this.#mark = mark;
    mark.setAttribute("aria-describedby", this.#card.id);
    const waiting = el("div", { class: "source-card__quote", "aria-busy": true }, strings.loading);
    this.#draw(source.title, strings.place(source.place, source.label), [waiting], isTouched);
    (mark.closest("main") ?? document.body).append(this.#card);
    this.#card.showPopover();
    this.#place(mark);
    try {
      const citation = await citationOf(source.citation ?? "");
      if (this.#mark === mark) this.#fill(citation, use, isTouched);
    } catch (error) {
      if (this.#mark === mark) this.#draw(isGone(error) ? "" : source.title, "", [el("p", { class: "source-card__note" }, isGone(error) ? words.sourceGone : sentenceOf(error))], false);
    }
    if (this.#mark === mark) this.#place(mark);
  }

  hide(): void {
    this.#mark?.removeAttribute("aria-describedby");
    this.#mark = null;
    if (this.#card.isConnected) this.#card.hidePopover();
  }

  #fill(citation: Citation, use: Use | null, isTouched: boolean): void {
    const spot = citation.places[use?.places[0] ?? 0] ?? citation.places[0];
    if (!spot) return;
    const { place, num_pages: count } = citation.document;
    const where = strings.place(place, spot.page.label);
    const index = String(spot.page.index + 1) === spot.page.label && place === "page" ? "" : words.pageOf(spot.page.index + 1, count);
    const quote = el("div", { class: "source-card__quote" }, spot.before && el("span", {}, `… ${spot.before} `), el("b", { "data-strength": spot.strength }, spot.quote), spot.after && el("span", {}, ` ${spot.after} …`));
    const others = (use?.places.length ?? 0) > 1 ? el("p", { class: "source-card__note" }, words.morePlaces((use?.places.length ?? 1) - 1)) : null;
    this.#draw(citation.document.title, [where, index, citation.heading].filter(Boolean).join(" · "), [quote, ...notesOf(citation, spot, use, "source-card__note", true), others], isTouched);
  }

  #draw(title: string, where: string, content: (Node | null)[], isTouched: boolean): void {
    const hint = isTouched ? el("p", { class: "source-card__hint" }, words.tapAgain) : null;
    const parts = [title && el("div", { class: "source-card__title" }, title), where && el("div", { class: "source-card__place" }, where), ...content, hint];
    this.#card.replaceChildren(...parts.filter((part): part is HTMLElement => Boolean(part)));
  }

  /** Below the mark, or above it where there is more room; the page itself does not move. */
  #place(mark: HTMLElement): void {
    const beside = mark.getBoundingClientRect();
    const { width, height } = this.#card.getBoundingClientRect();
    const below = innerHeight - beside.bottom - GAP_PX;
    const top = below >= height + EDGE_PX || below >= beside.top ? beside.bottom + GAP_PX : beside.top - GAP_PX - height;
    const left = Math.min(Math.max(EDGE_PX, beside.left - 24), innerWidth - width - EDGE_PX);
    this.#card.style.top = `${Math.max(EDGE_PX, top)}px`;
    this.#card.style.left = `${Math.max(EDGE_PX, left)}px`;
  }
}
