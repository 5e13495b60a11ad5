// The marks of an ended answer: weak ones look weak, and what a sentence says beyond its source stands beside its mark.

import { el } from "../lib/dom";
import type { Source, Use } from "../lib/protocol";
import { strings } from "../lib/strings";
import { usesOf } from "../models/citation_uses";

/** Draws all that and says which mark is which. Again and again is once. */
export function showUses(text: HTMLElement, sources: readonly Source[], labelOf: (n: number) => string): Map<HTMLElement, Use> {
  for (const old of text.querySelectorAll(".doubt")) old.remove();
  const marks = [...text.querySelectorAll<HTMLElement>(".cite")];
  const found = usesOf(marks.map((mark) => Number(mark.dataset["source"])), sources);
  const uses = new Map<HTMLElement, Use>();
  marks.forEach((mark, index) => {
    const { n = 0, use = null } = found[index] ?? {};
    if (sources.find((source) => source.n === n)?.gone) showGone(mark);
    if (!use) return;
    uses.set(mark, use);
    mark.dataset["strength"] = use.strength;
    if (use.strength === "weak") mark.setAttribute("aria-label", `${labelOf(n)}, ${strings.weakSupport}`);
    // Of several marks behind one sentence the last one says it.
    const isLast = !(marks[index + 1] && marks[index + 1] === mark.nextSibling);
    if (use.missing.length && isLast) mark.after(el("span", { class: "doubt", role: "note" }, strings.notInSource(use.missing.join(", "))));
  });
  return uses;
}

/** The reader has lost what the mark leads to. */
export function showGone(mark: HTMLElement): void {
  mark.dataset["gone"] = "";
  if (mark.matches(".cite")) mark.setAttribute("aria-label", `${mark.textContent} · ${strings.sourceUnavailable}`);
  const name = mark.querySelector("span");
  if (name) name.textContent = strings.sourceUnavailable;
}
