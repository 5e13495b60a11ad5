// <context-gauge>: how much of the model's context the conversation fills after an answer, or would with what is typed.

import { el } from "../lib/dom";
import { number, short } from "../lib/numbers";
import { strings } from "../lib/strings";

export class ContextGauge extends HTMLElement {
  /** "last": after the last answer; "next": with the question that is being written; "over": and it does not fit. most: what
   *  sources may take besides; how much they will take is known only when they have been searched. */
  show(used: number, length: number, kind: "last" | "next" | "over" = "last", most = 0): void {
    this.hidden = !used || !length;
    if (this.hidden) return;
    const words = most ? strings.contextWithSources(short(used), short(most), short(length)) : strings.contextOf(short(used), short(length));
    this.dataset["kind"] = kind;
    this.title = kind === "last" ? strings.contextLast : most ? strings.contextNextWithSources(number(most)) : strings.contextNext;
    this.replaceChildren(el("progress", { class: "context__gauge", max: length, value: Math.min(used + most, length), "aria-label": words }), words);
  }
}
