// A question being written anew, in its own place. Nothing is lost: the old one stays on its branch.

import { el, find } from "../lib/dom";
import type { ChatModel } from "../lib/protocol";
import { strings } from "../lib/strings";
import type { ChatComposer, Draft } from "./chat_composer";
import { ComposerSigns } from "./composer_signs";

/** Put a field in the place of the question's text; `send` gets what was written, unless all of it stayed the same.
 * / @ # work as in the composer, which shows the documents and collections that the thread asks from then on. */
export function editQuestion(article: HTMLElement, text: string, models: ChatModel[], composer: ChatComposer, send: (draft: Draft) => void): void {
  if (article.querySelector(".question__edit")) return;
  const shown = find<HTMLElement>(article, ".question__text");
  const field = el("textarea", { class: "question__field", rows: 1, "aria-label": strings.edit });
  const documents: string[] = [];
  field.value = text;
  const leave = (): void => {
    form.remove();
    shown.hidden = false;
    delete article.dataset["editing"];
    article.querySelector<HTMLElement>("[data-action=edit]")?.focus();
  };
  const write = (words: string, start: number, end: number): void => {
    field.setRangeText(words, start, end, "end");
    field.focus();
    resize();
  };
  const resize = (): void => {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
  };
  const row = el(
    "div",
    { class: "question__decide" },
    el("button", { type: "button", class: "button button--small", click: leave }, strings.cancel),
    el("button", { type: "submit", class: "button button--small button--primary" }, strings.send),
  );
  const form = el("form", { class: "question__edit" }, field, row);
  const signs = new ComposerSigns(field, form, row, {
    fill: (words) => write(words, 0, field.value.length),
    replace: (start, end) => write("", start, end),
    attach: (document) => {
      documents.push(document.id);
      composer.attachDocument(document);
    },
    choose: (collection) => composer.dispatchEvent(new CustomEvent("collection-choose", { detail: collection })),
  });
  signs.models = () => models;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const written = field.value.trim();
    if (!written) return;
    const draft = { text: written, documents, models: signs.takeModels() };
    leave();
    if (written !== text || documents.length || draft.models.length) send(draft);
  });
  field.addEventListener("input", resize);
  field.addEventListener("keydown", (event) => {
    if (signs.key(event)) return;
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
  // After the thread has settled at its end, which has moved by the height of the form.
  requestAnimationFrame(() => requestAnimationFrame(() => form.scrollIntoView({ block: "nearest" })));
  field.setSelectionRange(text.length, text.length);
}
