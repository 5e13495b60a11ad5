// A page of a PDF as it is shown: drawn on a canvas, its text above to select, its marked sentences between.

import { OutputScale, type PDFPageProxy, TextLayer } from "pdfjs-dist";
import type { TextItem } from "pdfjs-dist/types/src/display/api";
import { el, svg } from "../lib/dom";
import type { PdfFile } from "./pdf_file";
import { linksOver } from "./pdf_links";

export type Rect = [number, number, number, number];

const MAX_PIXELS = 16_000_000;

export interface DrawnPage { items: TextItem[]; spans: HTMLElement[] }

export class PdfSheet {
  readonly element = el("div", { class: "source__page" });
  #stop: () => void = () => {};

  /** turn: a link leads to this page, so far down it. */
  constructor(readonly turn: (pageNo: number, top: number) => void) {}

  /** Room of the right shape and the marks, at once; the picture follows. */
  layOut(width: number, height: number, rects: readonly Rect[], strength: string): void {
    this.element.style.setProperty("--page-ratio", String(width > 0 && height > 0 ? width / height : 0.707));
    this.element.replaceChildren(marksOver(rects, strength));
  }

  /** Draw the page (from 0) as wide as the element. Rejects when it is told to stop meanwhile. */
  async draw(file: PdfFile, pageNo: number): Promise<DrawnPage> {
    this.#stop();
    const page = await file.document.getPage(pageNo + 1);
    const natural = page.getViewport({ scale: 1 });
    this.element.style.setProperty("--page-ratio", String(natural.width / natural.height));
    const scale = this.element.clientWidth / natural.width;
    const viewport = page.getViewport({ scale });
    const canvas = canvasFor(viewport.width, viewport.height);
    const layer = el("div", { class: "source__words" });
    const task = page.render({ canvas, viewport: page.getViewport({ scale: (scale * canvas.width) / viewport.width }), annotationMode: 0 });
    this.#stop = () => task.cancel();
    const links = linksOver(file.document, page, viewport, ({ pageNo: target, top }) => this.turn(target, top)).catch(() => null);
    const [content] = await Promise.all([page.getTextContent(), task.promise]);
    this.element.querySelector("canvas")?.remove();
    this.element.querySelector(".source__words")?.remove();
    this.element.querySelector(".source__links")?.remove();
    this.element.style.setProperty("--total-scale-factor", String(scale));
    this.element.prepend(canvas);
    this.element.append(layer);
    const words = new TextLayer({ textContentSource: content, container: layer, viewport });
    this.#stop = () => words.cancel();
    await words.render();
    this.#stop = () => {};
    void links.then((over) => over && layer.isConnected && layer.after(over));
    return { items: itemsOf(content.items), spans: words.textDivs };
  }

  stop(): void {
    this.#stop();
    this.#stop = () => {};
  }
}

export async function textOf(page: PDFPageProxy): Promise<TextItem[]> {
  return itemsOf((await page.getTextContent()).items);
}

function itemsOf(items: readonly object[]): TextItem[] {
  return items.filter((item): item is TextItem => "str" in item);
}

/** As sharp as the screen, within what a browser can hold. */
function canvasFor(width: number, height: number): HTMLCanvasElement {
  const ratio = Math.min(OutputScale.pixelRatio, Math.sqrt(MAX_PIXELS / Math.max(1, width * height)));
  return el("canvas", { class: "source__image", width: Math.max(1, Math.floor(width * ratio)), height: Math.max(1, Math.floor(height * ratio)), "aria-hidden": "true" });
}

/** Rectangles in fractions of the page: left, top, right, bottom. */
function marksOver(rects: readonly Rect[], strength: string): SVGElement {
  return svg(
    "svg",
    { class: "source__marks", viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true", "data-strength": strength },
    ...rects.map(([left, top, right, bottom]) => svg("rect", { class: "source__mark", x: left, y: top, width: right - left, height: bottom - top })),
  );
}
