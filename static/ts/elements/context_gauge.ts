// <context-gauge>: how much of the model's context the conversation fills, after an answer.

import { el } from "../lib/dom";
import { short } from "../lib/numbers";
import { strings } from "../lib/strings";

export class ContextGauge extends HTMLElement {
  show(used: number, length: number): void {
    this.hidden = !used || !length;
    if (this.hidden) return;
    const words = strings.contextOf(short(used), short(length));
    this.replaceChildren(el("progress", { class: "context__gauge", max: length, value: used, "aria-label": words }), words);
  }
}
