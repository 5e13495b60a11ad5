// What assistants and saved prompts look like in their lists.

import { el, icon, iconButton } from "../lib/dom";
import { pageState } from "../lib/page_state";
import { strings } from "../lib/strings";

interface Shown { name: string; description: string; is_own: boolean; owner: string; shared_with: number | null }
interface Acts { edit(): void; delete(): void }

export function libraryHead(label: string, make: () => void): HTMLElement {
  return el("div", { class: "library__head" }, el("button", { type: "button", class: "button button--primary", click: make }, icon("plus"), label));
}

export function libraryCard(shown: Shown, facts: string[], text: string, use: HTMLElement | null, acts: Acts): HTMLElement {
  const said = [...facts, whose(shown)].filter(Boolean).join(" · ");
  const own = shown.is_own && [
    iconButton("pencil", strings.editNamed(shown.name), acts.edit),
    iconButton("trash", strings.deleteNamed(shown.name), acts.delete),
  ];
  return el(
    "li",
    { class: "library__card" },
    el("h2", { class: "library__name" }, shown.name),
    shown.description && el("p", {}, shown.description),
    text && el("p", { class: "library__text" }, text),
    said && el("p", { class: "library__facts" }, said),
    el("div", { class: "library__acts" }, use, ...(own || [])),
  );
}

function whose({ is_own: isOwn, owner, shared_with: sharedWith }: Shown): string {
  if (!isOwn) return strings.sharedBy(owner);
  if (sharedWith === null) return "";
  const audience = pageState.audiences?.find(({ id }) => id === sharedWith);
  return strings.sharedWith(audience?.name || strings.everybody);
}
