// Questions about folders. Loaded when the first of them is asked.

import { ask } from "../lib/dialog";
import { el, icon } from "../lib/dom";
import type { Folder } from "../lib/protocol";
import { strings } from "../lib/strings";

const NAME_CHARS = 60;
const INSTRUCTIONS_CHARS = 4000;

/** The name that was typed; null when nothing was. */
export async function askFolderName(title: string, name: string): Promise<string | null> {
  const field = el("input", { type: "text", name: "folder-name", value: name, maxlength: NAME_CHARS, autofocus: true, autocomplete: "off" });
  const form = el("form", { class: "field", method: "dialog" }, el("label", {}, strings.folderName, field));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    form.closest("dialog")?.close("yes");
  });
  const answer = await ask(title, [form], [{ label: strings.cancel, value: "" }, { label: strings.save, value: "yes", modifier: "button--primary" }]);
  return answer === "yes" ? field.value.trim() || null : null;
}

/** What was written for the folder; null when it stays as it was. */
export async function askInstructions(folder: Folder): Promise<string | null> {
  const field = el("textarea", { name: "instructions", rows: 8, maxlength: INSTRUCTIONS_CHARS, autofocus: true }, folder.instructions);
  const box = el("div", { class: "field" }, el("label", {}, strings.instructionsFor(folder.name), field), el("p", { class: "field__help" }, strings.instructionsHelp));
  const answer = await ask(strings.instructions, [box], [{ label: strings.cancel, value: "" }, { label: strings.save, value: "yes", modifier: "button--primary" }]);
  return answer === "yes" ? field.value : null;
}

/** A folder's id, null for none, "new", or undefined when nothing was chosen. */
export async function chooseFolder(folders: Folder[], current: string | null): Promise<string | null | undefined> {
  const choice = (label: string, value: string, name = "folder"): HTMLElement => {
    const button = el("button", { type: "button", class: "menu__item", "aria-pressed": String(value === (current ?? "none")) }, icon(name), label, icon("check", "menu__tick"));
    button.addEventListener("click", () => button.closest("dialog")?.close(value));
    return button;
  };
  const list = el("div", { class: "choices" }, choice(strings.noFolder, "none", "list"), ...folders.map(({ id, name }) => choice(name, id)), choice(strings.newFolder, "new", "plus"));
  const answer = await ask(strings.moveToFolder, [list], [{ label: strings.cancel, value: "" }]);
  return answer === "" ? undefined : answer === "none" ? null : answer;
}
