// A part of an answer in the next question: select it, and a small button puts it into the message as a quotation. From
// the keyboard: Alt Q, wherever the selection was made.

import { el, icon } from "../lib/dom";
import { strings } from "../lib/strings";
import { quotation } from "../models/quotation";

const GAP_PX = 8;

export function watchQuotes(quote: (text: string) => void): void {
  const take = (): void => {
    const range = selectedRange();
    if (!range) return;
    const text = wordsOf(range);
    hide();
    getSelection()?.removeAllRanges();
    quote(quotation(text));
  };
  const shape = { type: "button", class: "quote-button", "aria-keyshortcuts": "Alt+Q", hidden: true, click: take } as const;
  const button = el("button", { ...shape, pointerdown: (event) => event.preventDefault() }, icon("quote"), strings.quote);
  document.body.append(button);
  const hide = (): void => void (button.hidden ||= true);
  const show = (): void => {
    const box = selectedRange()?.getBoundingClientRect();
    if (!box?.height) return hide();
    button.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = button;
    const above = box.top - height - GAP_PX;
    button.style.left = `${Math.max(GAP_PX, Math.min(box.left, innerWidth - width - GAP_PX))}px`;
    button.style.top = `${above > GAP_PX ? above : Math.min(box.bottom + GAP_PX, innerHeight - height - GAP_PX)}px`;
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  document.addEventListener("selectionchange", () => {
    clearTimeout(timer);
    timer = setTimeout(show, 200);
  });
  document.addEventListener("scroll", hide, { capture: true, passive: true });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !button.hidden) hide();
    if (!event.altKey || event.ctrlKey || event.metaKey || event.code !== "KeyQ" || !selectedRange()) return;
    event.preventDefault();
    take();
  });
}

/** The range that is selected, if all of it lies in one answer. */
function selectedRange(): Range | null {
  const selection = getSelection();
  if (!selection?.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  return elementOf(range)?.closest(".answer__text") && selection.toString().trim() ? range : null;
}

function elementOf({ commonAncestorContainer: common }: Range): Element | null {
  return common instanceof Element ? common : common.parentElement;
}

/** Its words as one reads them: formulas as they were written, without marks and buttons. */
function wordsOf(range: Range): string {
  const inside = elementOf(range)?.closest<HTMLElement>(".math")?.dataset["tex"];
  if (inside) return inside;
  const copy = el("div", { class: "visually-hidden", "aria-hidden": "true" });
  copy.append(range.cloneContents());
  for (const formula of copy.querySelectorAll<HTMLElement>(".math")) formula.replaceWith(formula.dataset["tex"] ?? formula.textContent ?? "");
  for (const button of copy.querySelectorAll("button")) button.remove();
  // Where lines end is known of what is laid out alone.
  document.body.append(copy);
  const words = copy.innerText.trim();
  copy.remove();
  return words;
}
