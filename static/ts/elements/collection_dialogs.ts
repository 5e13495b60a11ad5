// Questions about a collection: what it is called, and who may read and look after it. Rights count at once.

import { api } from "../lib/api";
import { ask } from "../lib/dialog";
import { el, iconButton } from "../lib/dom";
import { sentenceOf } from "../lib/failure";
import type { Collection, Named } from "../lib/protocol";
import { strings } from "../lib/strings";
import { nameCell, peopleFinder } from "./people_finder";

const NAME_CHARS = 120;
const DESCRIPTION_CHARS = 500;

type Role = "reader" | "curator";
type Member = Named & { role: Role };

export async function askCollection(title: string, name: string, description: string): Promise<{ name: string; description: string } | null> {
  const nameField = el("input", { id: "collection-name", type: "text", value: name, maxlength: NAME_CHARS, required: true, autofocus: true, autocomplete: "off" });
  const textField = el("textarea", { id: "collection-text", rows: 3, maxlength: DESCRIPTION_CHARS }, description);
  const form = el(
    "form",
    { class: "form", method: "dialog" },
    el("div", { class: "field" }, el("label", { for: "collection-name" }, strings.collectionName), nameField),
    el("div", { class: "field" }, el("label", { for: "collection-text" }, strings.collectionText), textField),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    form.closest("dialog")?.close("yes");
  });
  const answer = await ask(title, [form], [{ label: strings.cancel, value: "" }, { label: strings.save, value: "yes", modifier: "button--primary" }]);
  const typed = { name: nameField.value.trim(), description: textField.value.trim() };
  return answer === "yes" && typed.name ? typed : null;
}

/** Resolves when the dialog is closed. */
export async function showMembers(collection: Collection): Promise<void> {
  const list = el("ul", { class: "members", "aria-label": strings.members });
  const said = el("p", { class: "field__error", role: "alert" });
  const path = `/collections/${collection.id}/members/`;

  const show = (members: Member[]): void => list.replaceChildren(...members.map(row));
  const change = async (method: "GET" | "PUT" | "DELETE", principal?: number, body?: unknown): Promise<void> => {
    try {
      said.textContent = "";
      show((await api<{ members: Member[] }>(method, principal === undefined ? path : `${path}${principal}/`, body)).members);
    } catch (error) {
      said.textContent = sentenceOf(error);
      if (method !== "GET") await change("GET").then(() => (said.textContent = sentenceOf(error)));
    }
  };
  const row = (member: Member): HTMLElement => {
    const option = (role: Role, label: string): HTMLElement => el("option", { value: role, selected: member.role === role }, label);
    const choice = el("select", { class: "members__role", "aria-label": strings.rightOf(member.name) }, option("reader", strings.reader), option("curator", strings.curator));
    choice.addEventListener("change", () => void change("PUT", member.principal, { role: choice.value }));
    return el("li", { class: "members__row" }, nameCell(member), choice, iconButton("close", strings.takeRight(member.name), () => void change("DELETE", member.principal), "icon-button--small"));
  };

  await change("GET");
  const finder = peopleFinder(strings.addMember, (found) => void change("PUT", found.principal, { role: "reader" }));
  await ask(strings.membersOf(collection.name), [el("p", {}, strings.membersText), finder, said, list], [{ label: strings.close, value: "" }]);
}
