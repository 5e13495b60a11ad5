// A PDF in the pane: one page at a time, zoom, and finding words in all of it.

import { el, iconButton } from "../lib/dom";
import { type Match, matchesIn } from "../models/page_words";
import type { Citation, Spot } from "./citation";
import { PdfFile } from "./pdf_file";
import { type DrawnPage, PdfSheet, textOf } from "./pdf_sheet";
import { words } from "./words";

const ZOOMS = [1, 1.25, 1.5, 2, 3, 4];
const PATIENCE_MS = 20_000;

export class PdfView {
  readonly sheet = new PdfSheet((pageNo, top) => void this.#follow(pageNo, top));
  readonly tools: HTMLElement;
  #zoom = 0;
  #pageNo = -1;
  #drawn: DrawnPage | null = null;
  #field = el("input", { class: "source__find", type: "search", placeholder: words.findInDocument, "aria-label": words.findInDocument, autocomplete: "off" });
  #count = el("span", { class: "source__count", role: "status" });
  #search: AbortController | null = null;
  /** Of the page at hand, and which of them is shown. */
  #matches: Match[] = [];
  #match = -1;
  #out = iconButton("minus", words.zoomOut, () => void this.zoom(-1), "icon-button--small");
  #in = iconButton("plus", words.zoomIn, () => void this.zoom(1), "icon-button--small");

  constructor(readonly citation: Citation, readonly scroll: HTMLElement, readonly turnTo: (pageNo: number) => Promise<void>) {
    const find = (by: number): void => void this.find(by);
    const form = el(
      "form",
      { class: "source__search", role: "search", submit: (event) => { event.preventDefault(); find(1); } },
      this.#field,
      this.#count,
      iconButton("left", words.previousMatch, () => find(-1), "icon-button--small"),
      iconButton("right", words.nextMatch, () => find(1), "icon-button--small"),
    );
    this.#field.addEventListener("keydown", (event) => event.key === "Enter" && event.shiftKey && (event.preventDefault(), find(-1)));
    this.#field.addEventListener("input", () => this.#forget());
    this.tools = el("div", { class: "source__tools" }, form, this.#out, this.#in);
    this.#showZoom();
  }

  focusSearch(): void {
    this.#field.focus();
    this.#field.select();
  }

  /** Draw the page and, if the spot is on it, mark and show that. Rejects where the file cannot be shown. */
  async show(pageNo: number, spot: Spot | null): Promise<void> {
    const isHere = spot?.page.index === pageNo;
    this.#pageNo = pageNo;
    this.#drawn = null;
    this.#setMatches([]);
    const { element } = this.sheet;
    delete element.dataset["drawn"];
    element.setAttribute("aria-busy", "true");
    this.sheet.layOut(spot?.page.width ?? 0, spot?.page.height ?? 0, isHere ? spot.fractions : [], spot?.strength ?? "strong");
    this.#scrollTo(isHere ? (spot.fractions[0]?.[1] ?? 0) : 0);
    await this.#draw();
    if (this.#pageNo === pageNo && isHere) this.#scrollTo(spot.fractions[0]?.[1] ?? 0);
  }

  async zoom(by: number): Promise<void> {
    const next = by === 0 ? 0 : Math.min(Math.max(0, this.#zoom + by), ZOOMS.length - 1);
    if (next === this.#zoom) return;
    const { scroll } = this;
    const ratio = (ZOOMS[next] ?? 1) / (ZOOMS[this.#zoom] ?? 1);
    const [x, y] = [scroll.scrollLeft + scroll.clientWidth / 2, scroll.scrollTop + scroll.clientHeight / 2];
    this.#zoom = next;
    this.#showZoom();
    scroll.scrollTo(x * ratio - scroll.clientWidth / 2, y * ratio - scroll.clientHeight / 2);
    await this.redraw();
  }

  /** The same page at another size. */
  async redraw(): Promise<void> {
    const matches = this.#matches;
    await this.#draw().catch(() => {});
    this.#setMatches(matches, this.#match);
  }

  /** The next match, on this page or the nearest that has one; searching goes on from where the reader is. */
  async find(by: number): Promise<void> {
    const wanted = this.#field.value;
    if (!wanted.trim()) return;
    this.#search?.abort();
    const search = (this.#search = new AbortController());
    if (!this.#matches.length && this.#drawn) this.#setMatches(matchesIn(this.#drawn.items, wanted), by > 0 ? -1 : Infinity);
    const next = Math.min(this.#match, this.#matches.length) + by;
    if (this.#matches[next]) return this.#goTo(next);
    this.#count.textContent = words.searchingPages;
    const file = await this.#file();
    const total = file.document.numPages;
    for (let step = 1; step <= total; step++) {
      const pageNo = (this.#pageNo + by * step + total * step) % total;
      const matches = matchesIn(await textOf(await file.document.getPage(pageNo + 1)), wanted);
      if (search.signal.aborted) return;
      if (!matches.length) continue;
      if (pageNo !== this.#pageNo) await this.turnTo(pageNo);
      if (search.signal.aborted) return;
      this.#setMatches(matches, 0);
      return this.#goTo(by > 0 ? 0 : matches.length - 1);
    }
    this.#count.textContent = words.nothingOnPages;
  }

  /** What is printed on the page where the file says so, else "". */
  async label(pageNo: number): Promise<string> {
    const labels = await (await this.#file()).document.getPageLabels();
    return labels?.[pageNo] ?? "";
  }

  close(): void {
    this.#search?.abort();
    this.sheet.stop();
    this.#setMatches([]);
  }

  #file(): Promise<PdfFile> {
    const { address, document: { id, version, size_bytes: size } } = this.citation;
    const opened = PdfFile.open(`${address}file/`, size, `${id}/${version}/${size}`);
    return Promise.race([opened, late()]);
  }

  async #draw(): Promise<void> {
    const pageNo = this.#pageNo;
    const { element } = this.sheet;
    const file = await this.#file();
    if (this.#pageNo !== pageNo) return;
    const drawn = await Promise.race([this.sheet.draw(file, pageNo), late()]);
    if (this.#pageNo !== pageNo) return;
    this.#drawn = drawn;
    element.dataset["drawn"] = String(pageNo);
    element.removeAttribute("aria-busy");
  }

  async #follow(pageNo: number, top: number): Promise<void> {
    await this.turnTo(pageNo);
    if (this.#pageNo === pageNo) this.#scrollTo(top);
    this.scroll.focus();
  }

  #scrollTo(top: number): void {
    const { element } = this.sheet;
    this.scroll.scrollTop = element.offsetTop + top * element.clientHeight - this.scroll.clientHeight / 3;
  }

  #showZoom(): void {
    this.sheet.element.style.setProperty("--zoom", String(ZOOMS[this.#zoom] ?? 1));
    this.#out.disabled = this.#zoom === 0;
    this.#in.disabled = this.#zoom === ZOOMS.length - 1;
  }

  #forget(): void {
    this.#search?.abort();
    this.#setMatches([]);
    this.#count.textContent = "";
  }

  #goTo(index: number): void {
    this.#setMatches(this.#matches, index);
    this.#count.textContent = words.matchOf(index + 1, this.#matches.length);
    const match = this.#matches[index];
    const span = match && this.#drawn?.spans[match.from[0]];
    span?.scrollIntoView({ block: "center", inline: "nearest" });
  }

  /** Coloured by the browser's own highlights, so the page's nodes stay as they are and selecting goes on. */
  #setMatches(matches: Match[], current = -1): void {
    this.#matches = matches;
    this.#match = current;
    if (typeof Highlight === "undefined") return;
    const ranges = matches.map((match) => this.#range(match));
    CSS.highlights.set("found", new Highlight(...ranges.filter((range): range is Range => range !== null)));
    const shown = ranges[current];
    CSS.highlights.set("found-current", shown ? new Highlight(shown) : new Highlight());
  }

  #range({ from, to }: Match): Range | null {
    const [first, last] = [this.#drawn?.spans[from[0]]?.firstChild, this.#drawn?.spans[to[0]]?.firstChild];
    if (!first || !last) return null;
    const range = new Range();
    range.setStart(first, Math.min(from[1], first.textContent?.length ?? 0));
    range.setEnd(last, Math.min(to[1], last.textContent?.length ?? 0));
    return range;
  }
}

function late(): Promise<never> {
  return new Promise((_resolve, reject) => setTimeout(() => reject(new Error("The page takes too long.")), PATIENCE_MS));
}
