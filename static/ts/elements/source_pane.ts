// <source-pane>: the page that an answer names, as printed, with the sentence marked. A sheet from below on phones.

import { api } from "../lib/api";
import { el, icon, iconButton, svg } from "../lib/dom";
import { sentenceOf } from "../lib/failure";
import { strings } from "../lib/strings";

export interface Place { document: string; page: number; title?: string; heading?: string; quote?: string; citation?: string | null }

type Rect = [number, number, number, number];
interface Page { label: string; place: string; index: number; num_pages: number; title: string; text: string; width: number; height: number }
interface Citation { quote?: string; heading?: string; fractions?: Rect[]; chars?: [number, number]; page?: { index: number }; document?: { is_current?: boolean } }

export class SourcePane extends HTMLElement {
  #place: Place | null = null;
  #returnTo: HTMLElement | null = null;

  connectedCallback(): void {
    this.classList.add("source");
    this.setAttribute("role", "complementary");
    this.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
  }

  /** Show a page; the focus comes back to `from` when the pane closes. */
  async open(place: Place, from: HTMLElement | null = null): Promise<void> {
    this.#place = place;
    if (from) this.#returnTo = from;
    this.hidden = false;
    this.#draw(place, null, [], el("p", { class: "source__state" }, strings.loading));
    try {
      const [page, citation] = await Promise.all([
        api<Page>("GET", `/documents/${place.document}/pages/${place.page}/`),
        place.citation ? api<Citation>("GET", `/citations/${place.citation}/`).catch(() => null) : null,
      ]);
      if (this.#place === place) this.#show(place, page, citation);
    } catch (error) {
      const sentence = sentenceOf(error) === strings.failed ? strings.sourceMissing : sentenceOf(error);
      if (this.#place === place) this.#draw(place, null, [], el("p", { class: "source__state" }, sentence));
    }
  }

  close(): void {
    this.hidden = true;
    this.#place = null;
    this.replaceChildren();
    this.#returnTo?.focus();
    this.dispatchEvent(new CustomEvent("source-closed", { bubbles: true }));
  }

  #show(place: Place, page: Page, citation: Citation | null): void {
    const rects = citation?.fractions ?? [];
    const quote = citation?.quote || place.quote || "";
    const said = quote && !rects.length ? el("blockquote", { class: "source__quote" }, quote) : null;
    const old = citation?.document?.is_current === false ? el("p", { class: "note" }, strings.olderVersion) : null;
    const about = { ...place, ...(citation?.heading ? { heading: citation.heading } : {}) };
    const chars = citation?.page?.index === page.index ? citation.chars : undefined;
    // Only pages that were printed have a picture.
    if (page.place !== "page") {
      const text = markedText(page.text, quote, chars);
      this.#draw(about, page, [old, text.querySelector("mark") ? null : said], text);
      text.querySelector("mark")?.scrollIntoView({ block: "center" });
      return;
    }
    const image = el("img", {
      class: "source__image",
      src: `/documents/${place.document}/pages/${place.page}/image/`,
      alt: strings.pageImage(page.label),
      width: Math.round(page.width) || 595,
      height: Math.round(page.height) || 842,
      decoding: "async",
    });
    const sheet = el("div", { class: "source__page" }, image, marksOver(rects));
    // Without a picture the text is as good: it is what the answer was given.
    image.addEventListener("error", () => sheet.replaceChildren(markedText(page.text, quote, chars)));
    image.addEventListener("load", () => this.#scrollTo(sheet, rects[0]));
    this.#draw(about, page, [old, said], sheet);
  }

  #scrollTo(sheet: HTMLElement, rect: Rect | undefined): void {
    const scroll = this.querySelector(".source__scroll");
    if (scroll && rect) scroll.scrollTop = sheet.offsetTop + rect[1] * sheet.clientHeight - scroll.clientHeight / 3;
  }

  #draw(place: Place, page: Page | null, before: (Node | null)[], content: Node): void {
    const title = page?.title ?? place.title ?? "";
    const label = page?.label ?? String(place.page + 1);
    this.setAttribute("aria-label", title);
    const close = iconButton("close", strings.close, () => this.close());
    this.replaceChildren(
      el(
        "div",
        { class: "source__head" },
        el("div", { class: "source__about" }, el("div", { class: "source__title" }, title), el("div", { class: "source__place" }, [strings.place(page?.place, label), place.heading].filter(Boolean).join(" · "))),
        close,
      ),
      el("div", { class: "source__scroll", tabindex: 0 }, ...before, content),
      this.#foot(place, page),
    );
    if (this.#returnTo) close.focus({ preventScroll: true });
  }

  #foot(place: Place, page: Page | null): HTMLElement {
    const count = page?.num_pages ?? 0;
    const turn = (by: number): void => void this.open({ document: place.document, page: place.page + by, ...(place.title ? { title: place.title } : {}) });
    const previous = iconButton("left", strings.previousPage, () => turn(-1));
    const next = iconButton("right", strings.nextPage, () => turn(1));
    previous.disabled = place.page <= 0;
    next.disabled = place.page + 1 >= count;
    const file = el("a", { class: "button button--small", href: `/documents/${place.document}/file/`, download: true }, icon("download"), strings.download);
    return el("div", { class: "source__foot" }, previous, el("span", {}, count ? strings.pageOf(place.page + 1, count) : " "), next, file);
  }
}

/** Rectangles in fractions of the page: left, top, right, bottom. */
function marksOver(rects: Rect[]): SVGElement {
  return svg(
    "svg",
    { class: "source__marks", viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" },
    ...rects.map(([left, top, right, bottom]) => svg("rect", { class: "source__mark", x: left, y: top, width: right - left, height: bottom - top })),
  );
}

/** chars count code points, as the server does. */
function markedText(text: string, quote: string, chars?: [number, number]): HTMLElement {
  const points = [...text];
  const [from, to] = chars ?? foundIn(text, quote);
  if (to <= from) return el("div", { class: "source__text" }, text);
  const part = (a: number, b?: number): string => points.slice(a, b).join("");
  return el("div", { class: "source__text" }, part(0, from), el("mark", {}, part(from, to)), part(to));
}

function foundIn(text: string, quote: string): [number, number] {
  const at = quote ? text.indexOf(quote) : -1;
  if (at < 0) return [0, 0];
  const from = [...text.slice(0, at)].length;
  return [from, from + [...quote].length];
}
