// The links of a page: those to another page of the same file turn to it, those to elsewhere are buttons like the links of
// answers, which ask first and show the address (pages/frame.ts). Nothing else of an annotation is ever used.

import type { PDFDocumentProxy, PDFPageProxy, PageViewport } from "pdfjs-dist";
import { el } from "../lib/dom";
import { words } from "./words";

const MAX_LINKS = 500;
const LARGEST_SHARE = 0.5; // a link over a whole page is a trap, and hides the text from selecting

interface Place { pageNo: number; top: number }
interface LinkAnnotation { subtype: string; rect: [number, number, number, number]; dest?: string | unknown[]; url?: string }

/** Buttons over the page, in its order. turn: the page from 0, and how far down it in fractions. */
export async function linksOver(document: PDFDocumentProxy, page: PDFPageProxy, viewport: PageViewport, turn: (place: Place) => void): Promise<HTMLElement> {
  const found = (await page.getAnnotations({ intent: "display" })) as LinkAnnotation[];
  const layer = el("div", { class: "source__links" });
  for (const link of found.filter(({ subtype }) => subtype === "Link").slice(0, MAX_LINKS)) {
    const button = buttonFor(document, link, turn);
    if (button && place(button, link.rect, viewport)) layer.append(button);
  }
  return layer;
}

function buttonFor(document: PDFDocumentProxy, { dest, url }: LinkAnnotation, turn: (place: Place) => void): HTMLElement | null {
  if (dest) {
    const go = async (): Promise<void> => {
      const target = await targetOf(document, dest).catch(() => null);
      if (target) turn(target);
    };
    return el("button", { type: "button", class: "source__link", "aria-label": words.linkInside, title: words.linkInside, click: () => void go() });
  }
  // pdf.js has made sure that it is an address; only the web's own are offered.
  if (!url || !/^https?:\/\//i.test(url)) return null;
  return el("button", { type: "button", class: "source__link", "aria-label": words.linkOutside(url), title: url, "data-url": url });
}

async function targetOf(document: PDFDocumentProxy, dest: string | unknown[]): Promise<Place | null> {
  const explicit = typeof dest === "string" ? await document.getDestination(dest) : dest;
  const page: unknown = explicit?.[0];
  if (!explicit || page === null || page === undefined) return null;
  const pageNo = typeof page === "number" ? page : await document.getPageIndex(page as { num: number; gen: number });
  if (pageNo < 0 || pageNo >= document.numPages) return null;
  const mode = (explicit[1] as { name?: string } | undefined)?.name ?? "";
  const y = mode === "XYZ" ? explicit[3] : mode === "FitH" ? explicit[2] : null;
  if (typeof y !== "number") return { pageNo, top: 0 };
  const viewport = (await document.getPage(pageNo + 1)).getViewport({ scale: 1 });
  const [, top] = viewport.convertToViewportPoint(0, y) as [number, number];
  return { pageNo, top: Math.min(Math.max(0, top / viewport.height), 1) };
}

/** Where it lies, in fractions of the page. False for what is too large or lies outside. */
function place(button: HTMLElement, rect: [number, number, number, number], viewport: PageViewport): boolean {
  const [x0, y0] = viewport.convertToViewportPoint(rect[0], rect[1]) as [number, number];
  const [x1, y1] = viewport.convertToViewportPoint(rect[2], rect[3]) as [number, number];
  const [left, right] = [Math.min(x0, x1) / viewport.width, Math.max(x0, x1) / viewport.width];
  const [top, bottom] = [Math.min(y0, y1) / viewport.height, Math.max(y0, y1) / viewport.height];
  const isOn = [left, right, top, bottom].every(Number.isFinite) && left < 1 && top < 1 && right > 0 && bottom > 0;
  if (!isOn || (right - left) * (bottom - top) > LARGEST_SHARE) return false;
  const sides = { left, top, width: right - left, height: bottom - top };
  for (const [name, share] of Object.entries(sides)) button.style.setProperty(`--link-${name}`, String(share));
  return true;
}
