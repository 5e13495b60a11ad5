// A form in a modal dialog. What the server refuses is said in the dialog, and what was typed stays.

import { el, type Child } from "./dom";
import { sentenceOf } from "./failure";
import { strings } from "./strings";

/** True when `save` went through, false when the dialog was closed. `label`: of the button that saves. */
export function askForm(title: string, content: Child[], label: string, save: () => Promise<unknown> | void): Promise<boolean> {
  const problem = el("p", { class: "field__error", role: "alert", hidden: true });
  const button = el("button", { type: "submit", class: "button button--primary" }, label);
  const cancel = el("button", { type: "button", class: "button", click: () => dialog.close("") }, strings.cancel);
  const form = el("form", { class: "dialog__form" }, ...content, problem, el("div", { class: "dialog__acts" }, cancel, button));
  const dialog = el("dialog", { class: "dialog", "aria-label": title }, el("h2", {}, title), form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  const submit = async (): Promise<void> => {
    button.disabled = true;
    try {
      await save();
      dialog.close("saved");
    } catch (error) {
      problem.textContent = sentenceOf(error);
      problem.hidden = false;
    } finally {
      button.disabled = false;
    }
  };
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "saved");
    });
  });
}

export function labelled(label: string, field: HTMLElement, help = ""): HTMLElement {
  return el("label", { class: "field" }, el("span", { class: "field__label" }, label), field, help && el("small", { class: "field__help" }, help));
}
