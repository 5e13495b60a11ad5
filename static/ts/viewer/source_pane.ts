// <source-pane>: the page that an answer rests on, with the sentence marked. Beside the chat, on phones over all of it.

import { api } from "../lib/api";
import { type Child, el, icon, iconButton } from "../lib/dom";
import { sentenceOf } from "../lib/failure";
import type { Use } from "../lib/protocol";
import { strings } from "../lib/strings";
import { type Citation, type Spot, citationOf, isGone, wholeDocument } from "./citation";
import { notesOf } from "./notes";
import { PdfFile } from "./pdf_file";
import { PdfView } from "./pdf_view";
import { type TextPage, textSheet } from "./text_sheet";
import { words } from "./words";

const PHONE = "(max-width: 48rem)";
const REDRAW_MS = 150;

/** A mark's citation, or a whole document. */
export interface Opening { citation?: string; document?: string; use: Use | null; title: string }

export class SourcePane extends HTMLElement {
  #opening: Opening | null = null;
  #returnTo: HTMLElement | null = null;
  #citation: Citation | null = null;
  #spots: Spot[] = [];
  #at = 0;
  #pageNo = 0;
  #view: PdfView | null = null;
  #scroll = el("div", { class: "source__scroll", tabindex: 0, role: "group", "aria-describedby": "source-quote" });
  #place = el("div", { class: "source__place" });
  #notes = el("div", { class: "source__notes" });
  #quote = el("blockquote", { class: "visually-hidden", id: "source-quote" });
  #foot = el("div", { class: "source__foot" });
  #resize = new ResizeObserver(() => this.#resized());
  #redraw: ReturnType<typeof setTimeout> | undefined;
  #width = 0;

  connectedCallback(): void {
    this.classList.add("source");
    this.addEventListener("keydown", (event) => this.#pressed(event));
    this.#resize.observe(this.#scroll);
  }

  /** Show where a mark points; the focus comes back to `from` when the pane closes. */
  async open(opening: Opening, from: HTMLElement): Promise<void> {
    this.#view?.close();
    this.#opening = opening;
    this.#returnTo = from;
    this.hidden = false;
    this.#coverPage(true);
    this.#frame(opening.title, el("p", { class: "source__state", role: "status" }, strings.loading));
    this.#scroll.focus({ preventScroll: true });
    try {
      const citation = await (opening.document ? wholeDocument(opening.document) : citationOf(opening.citation ?? "", true));
      if (this.#opening === opening) await this.#show(citation, opening.use);
    } catch (error) {
      if (this.#opening === opening) this.#fail(error);
    }
  }

  close(): void {
    this.hidden = true;
    this.#opening = null;
    this.#view?.close();
    this.#view = null;
    this.replaceChildren();
    this.#coverPage(false);
    this.#returnTo?.focus();
    this.dispatchEvent(new CustomEvent("source-closed", { bubbles: true }));
  }

  async #show(citation: Citation, use: Use | null): Promise<void> {
    this.#citation = citation;
    const wanted = (use?.places ?? []).map((index) => citation.places[index]).filter((spot): spot is Spot => Boolean(spot));
    // Those of this mark first, then what other marks with the same number rest on.
    this.#spots = [...wanted, ...citation.places.filter((spot) => !wanted.includes(spot))];
    this.#at = 0;
    const isPdf = citation.document.place === "page";
    this.#view = isPdf ? new PdfView(citation, this.#scroll, (pageNo) => this.#turn(pageNo)) : null;
    this.#frame(citation.document.title, this.#view?.sheet.element ?? el("div"), this.#view?.tools);
    await this.#goTo(0);
  }

  async #goTo(index: number): Promise<void> {
    this.#at = Math.min(Math.max(0, index), this.#spots.length - 1);
    const spot = this.#spots[this.#at];
    await this.#turn(spot?.page.index ?? 0, spot);
  }

  async #turn(pageNo: number, spot?: Spot): Promise<void> {
    const citation = this.#citation;
    if (!citation || pageNo < 0 || pageNo >= citation.document.num_pages) return;
    this.#pageNo = pageNo;
    const shown = spot ?? this.#spots.find((each) => each.page.index === pageNo) ?? null;
    if (spot) this.#quote.textContent = `${words.quote}: ${spot.quote}`;
    this.#describe(citation, shown?.page.label ?? "", shown);
    try {
      if (this.#view) await this.#view.show(pageNo, shown ?? this.#sameShape());
      else await this.#showText(citation, pageNo, shown);
    } catch (error) {
      if (this.#pageNo === pageNo && !isCancelled(error)) await this.#instead(citation, pageNo, shown, error);
    }
    const label = await this.#labelOf(pageNo);
    if (this.#pageNo === pageNo && label && !shown) this.#describe(citation, label, shown);
  }

  /** A page that nothing is marked on has the shape of the others until it says so itself. */
  #sameShape(): Spot | null {
    const known = this.#spots[0];
    return known ? { ...known, page: { ...known.page, index: -1 }, fractions: [] } : null;
  }

  async #labelOf(pageNo: number): Promise<string> {
    return (await this.#view?.label(pageNo).catch(() => "")) ?? "";
  }

  async #showText(citation: Citation, pageNo: number, spot: Spot | null): Promise<void> {
    const page = await api<TextPage>("GET", `${citation.address}pages/${pageNo}/`);
    if (this.#pageNo !== pageNo) return;
    const sheet = textSheet(page, spot?.page.index === pageNo ? spot.chars : null, spot?.strength ?? "strong");
    this.#scroll.replaceChildren(sheet);
    this.#describe(citation, page.label, spot);
    const mark = sheet.querySelector("mark");
    if (mark) mark.scrollIntoView({ block: "center", inline: "nearest" });
    else this.#scroll.scrollTop = 0;
  }

  /** A file that no viewer can draw has its text all the same: it is what the answer was given. */
  async #instead(citation: Citation, pageNo: number, spot: Spot | null, error: unknown): Promise<void> {
    if (isGone(error)) return this.#fail(error);
    console.warn(error);
    PdfFile.abandon();
    this.#view?.close();
    this.#view = null;
    this.querySelector(".source__tools")?.remove();
    try {
      await this.#showText(citation, pageNo, spot);
      this.#notes.append(el("p", { class: "source__note" }, icon("warning"), el("span", {}, words.cannotDraw)));
    } catch (again) {
      this.#fail(again);
    }
  }

  #fail(error: unknown): void {
    this.#view?.close();
    this.#view = null;
    this.#citation = null;
    this.#quote.textContent = "";
    this.#notes.replaceChildren();
    this.#foot.replaceChildren();
    this.#place.textContent = "";
    this.querySelector(".source__tools")?.remove();
    const sentence = isGone(error) ? words.sourceGone : sentenceOf(error);
    this.#scroll.replaceChildren(el("p", { class: "source__state", role: "alert" }, sentence));
    if (isGone(error)) {
      this.querySelector(".source__title")?.replaceChildren(strings.sourceUnavailable);
      this.dispatchEvent(new CustomEvent("source-gone", { bubbles: true, detail: this.#opening?.citation }));
    }
  }

  #frame(title: string, content: HTMLElement, tools: HTMLElement | null = null): void {
    this.setAttribute("aria-label", words.sourceNamed(title));
    const head = el(
      "div",
      { class: "source__head" },
      el("div", { class: "source__about" }, el("h2", { class: "source__title" }, title), this.#place),
      iconButton("close", strings.close, () => this.close()),
    );
    this.#notes.replaceChildren();
    this.#foot.replaceChildren();
    this.#place.replaceChildren();
    this.#quote.textContent = "";
    this.#scroll.replaceChildren(content);
    const hadFocus = this.contains(document.activeElement);
    this.replaceChildren(...[head, this.#notes, this.#quote, tools, this.#scroll, this.#foot].filter((part): part is HTMLElement => part !== null));
    if (hadFocus) this.#scroll.focus({ preventScroll: true });
  }

  /** What the page is called, what to know of the source, and the way to other pages and places. */
  #describe(citation: Citation, label: string, spot: Spot | null): void {
    const { place, num_pages: count } = citation.document;
    const called = label ? strings.place(place, label) : "";
    this.#place.textContent = [called, words.pageOf(this.#pageNo + 1, count), spot && citation.heading].filter(Boolean).join(" · ");
    this.#scroll.setAttribute("aria-label", place === "page" ? words.pageImage(label || String(this.#pageNo + 1)) : called);
    const isOwn = spot === this.#spots[0];
    this.#notes.replaceChildren(...notesOf(citation, spot, isOwn ? (this.#opening?.use ?? null) : null, "source__note"));
    this.#drawFoot(citation, count);
  }

  #drawFoot(citation: Citation, count: number): void {
    const held = document.activeElement instanceof HTMLElement && this.#foot.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    const previous = iconButton("left", words.previousPage, () => void this.#turn(this.#pageNo - 1));
    const next = iconButton("right", words.nextPage, () => void this.#turn(this.#pageNo + 1));
    previous.disabled = this.#pageNo <= 0;
    next.disabled = this.#pageNo + 1 >= count;
    const field = el("input", { class: "source__page-no", type: "text", inputmode: "numeric", "aria-label": words.goToPage, value: this.#pageNo + 1 });
    field.addEventListener("change", () => this.#jump(field, count));
    const file = el("a", { class: "icon-button", href: `${citation.address}file/`, download: true, "aria-label": words.download, title: words.download }, icon("download"));
    this.#foot.replaceChildren(...this.#placesNav(), previous, field, el("span", {}, words.ofPages(count)), next, file);
    for (const button of this.#foot.querySelectorAll<HTMLElement>("[aria-label]")) if (held && button.getAttribute("aria-label") === held) button.focus({ preventScroll: true });
    if (held && !this.#foot.contains(document.activeElement)) this.#scroll.focus({ preventScroll: true });
  }

  #placesNav(): Child[] & Node[] {
    const count = this.#spots.length;
    if (count < 2) return [];
    const to = (by: number): void => void this.#goTo((this.#at + by + count) % count);
    return [
      el(
        "div",
        { class: "source__places" },
        iconButton("left", words.previousPlace, () => to(-1), "icon-button--small"),
        el("span", { role: "status" }, words.placeOf(this.#at + 1, count)),
        iconButton("right", words.nextPlace, () => to(1), "icon-button--small"),
      ),
    ];
  }

  #jump(field: HTMLInputElement, count: number): void {
    const wanted = Math.round(Number(field.value));
    if (Number.isFinite(wanted) && wanted > 0) void this.#turn(Math.min(wanted, count) - 1);
    else field.value = String(this.#pageNo + 1);
  }

  #pressed(event: KeyboardEvent): void {
    if (event.key === "Escape") {
      event.preventDefault();
      this.close();
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key === "f" && this.#view) {
      event.preventDefault();
      this.#view.focusSearch();
      return;
    }
    if (event.target !== this.#scroll || event.ctrlKey || event.altKey || event.metaKey) return;
    const { scrollTop, scrollHeight, clientHeight, scrollWidth, clientWidth } = this.#scroll;
    const [isAtTop, isAtEnd] = [scrollTop <= 1, scrollTop + clientHeight >= scrollHeight - 1];
    const isWide = scrollWidth > clientWidth + 1;
    const acts: Record<string, () => unknown> = {
      "+": () => this.#view?.zoom(1),
      "-": () => this.#view?.zoom(-1),
      "0": () => this.#view?.zoom(0),
      ...(!isWide && { ArrowLeft: () => this.#turn(this.#pageNo - 1), ArrowRight: () => this.#turn(this.#pageNo + 1) }),
      ...(isAtTop && { PageUp: () => this.#turn(this.#pageNo - 1) }),
      ...(isAtEnd && { PageDown: () => this.#turn(this.#pageNo + 1) }),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    void act();
  }

  #resized(): void {
    const width = this.#scroll.clientWidth;
    if (!this.#view || width === this.#width) return;
    this.#width = width;
    clearTimeout(this.#redraw);
    this.#redraw = setTimeout(() => void this.#view?.redraw(), REDRAW_MS);
  }

  /** On a phone the pane covers the page, which then must not be reachable behind it. */
  #coverPage(isOpen: boolean): void {
    const isCovering = isOpen && matchMedia(PHONE).matches;
    this.setAttribute("role", isCovering ? "dialog" : "complementary");
    if (isCovering) this.setAttribute("aria-modal", "true");
    else this.removeAttribute("aria-modal");
    for (const part of document.querySelectorAll<HTMLElement>(".page__main, #sidebar")) part.inert = isCovering;
  }
}

function isCancelled(error: unknown): boolean {
  return error instanceof Error && (error.name === "RenderingCancelledException" || error.name === "AbortException");
}
