import { copyText } from "../lib/clipboard";
import { icon } from "../lib/dom";
import { strings } from "../lib/strings";
import { toast } from "../lib/toast";

const SHOWN_MS = 1600;

/** Copy and say so where the reader looks: the button's picture becomes a tick for a moment. */
export async function copyFeedback(button: HTMLElement, text: string): Promise<void> {
  if (!(await copyText(text))) {
    toast(strings.copyFailed);
    return;
  }
  const label = button.getAttribute("aria-label") ?? strings.copy;
  button.querySelector("svg")?.replaceWith(icon("check"));
  button.setAttribute("aria-label", strings.copied);
  setTimeout(() => {
    button.querySelector("svg")?.replaceWith(icon("copy"));
    button.setAttribute("aria-label", label);
  }, SHOWN_MS);
}
