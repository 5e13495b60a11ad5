// A question being written anew, in its own place. Nothing is lost: the old one stays on its branch.

import { el, find } from "../lib/dom";
import { strings } from "../lib/strings";

/** Put a field in the place of the question's text; `send` gets what was written, unless it stayed the same. */
export function editQuestion(article: HTMLElement, text: string, send: (text: string) => void): void {
  if (article.querySelector(".question__edit")) return;
  const shown = find<HTMLElement>(article, ".question__text");
  const field = el("textarea", { class: "question__field", rows: 1, "aria-label": strings.edit });
  field.value = text;
  const leave = (): void => {
    form.remove();
    shown.hidden = false;
    delete article.dataset["editing"];
    article.querySelector<HTMLElement>("[data-action=edit]")?.focus();
  };
  const resize = (): void => {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
  };
  const form = el(
    "form",
    { class: "question__edit" },
    field,
    el(
      "div",
      { class: "question__decide" },
      el("button", { type: "button", class: "button button--small", click: leave }, strings.cancel),
      el("button", { type: "submit", class: "button button--small button--primary" }, strings.send),
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const written = field.value.trim();
    if (!written) return;
    leave();
    if (written !== text) send(written);
  });
  field.addEventListener("input", resize);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault();
      leave();
    }
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  shown.hidden = true;
  article.dataset["editing"] = "";
  shown.after(form);
  resize();
  field.focus();
  field.setSelectionRange(text.length, text.length);
}
