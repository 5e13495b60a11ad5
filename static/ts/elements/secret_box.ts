import { el, iconButton } from "../lib/dom";
import { strings } from "../lib/strings";
import { copyFeedback } from "./copy_feedback";

/** Something that is shown once, with a button to copy it. */
export function secretBox(text: string, secret: string): HTMLElement {
  const copy = iconButton("copy", strings.copy, () => void copyFeedback(copy, secret));
  return el("div", { class: "note note--good secret-note" }, el("p", {}, text), el("div", { class: "secret" }, el("code", {}, secret), copy));
}
