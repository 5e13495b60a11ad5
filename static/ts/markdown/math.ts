// Formulas as MathML, which browsers draw and screen readers read, without fonts or styles of ours. Temml comes in a chunk
// of its own with the first formula; until then, and where it finds a mistake, the source stands there.

import { el } from "../lib/dom";
import type { Formula } from "../models/math_spans";

/** Where static/build.mjs put the chunk. */
declare const MATH_URL: string;

type Typeset = (tex: string, isDisplay: boolean) => Node | null;

const MAX_KEPT = 500;
const waiting = new Set<HTMLElement>();
const kept = new Map<string, Node | null>();
let typeset: Typeset | null = null;
let isComing = false;

export function mathNode(formula: Formula): HTMLElement {
  const box = el("span", { class: "math", "data-display": formula.isDisplay, "data-tex": formula.source });
  if (typeset) draw(box, formula, typeset);
  else void drawLater(box, formula);
  return box;
}

function draw(box: HTMLElement, { source, tex, isDisplay }: Formula, make: Typeset): void {
  // An open block is drawn again with each word: its formulas are made once.
  const drawn = kept.has(source) ? kept.get(source) : make(tex, isDisplay);
  if (kept.size > MAX_KEPT) kept.clear();
  kept.set(source, drawn ?? null);
  if (drawn) box.replaceChildren(drawn.cloneNode(true));
  else box.replaceChildren(el("code", { class: "math__source" }, source));
}

const formulas = new WeakMap<HTMLElement, Formula>();

async function drawLater(box: HTMLElement, formula: Formula): Promise<void> {
  box.replaceChildren(el("code", { class: "math__source" }, formula.source));
  formulas.set(box, formula);
  waiting.add(box);
  if (isComing) return;
  isComing = true;
  try {
    ({ typeset } = (await import(MATH_URL)) as typeof import("./typeset"));
    for (const each of waiting) draw(each, formulas.get(each) ?? formula, typeset);
  } catch {
    // Without the chunk the source stays; the next formula asks again.
    isComing = false;
  }
  waiting.clear();
}
