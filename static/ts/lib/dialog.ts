import { el, type Child } from "./dom";
import { strings } from "./strings";

export interface Choice { label: string; value: string; modifier?: string }

/** Ask in a modal dialog. The value of the chosen button, or "" when it was closed. */
export function ask(title: string, content: Child[], choices: Choice[]): Promise<string> {
  const dialog = el(
    "dialog",
    { class: "dialog", "aria-label": title },
    el("h2", {}, title),
    ...content,
    el(
      "div",
      { class: "dialog__acts" },
      ...choices.map(({ label, value, modifier }) =>
        el("button", { type: "button", class: `button ${modifier ?? ""}`.trim(), click: () => dialog.close(value) }, label),
      ),
    ),
  );
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

export async function confirmDanger(title: string, text: string, label: string): Promise<boolean> {
  const answer = await ask(title, [el("p", {}, text)], [
    { label: strings.cancel, value: "" },
    { label, value: "yes", modifier: "button--danger" },
  ]);
  return answer === "yes";
}
