// A field that finds people and groups by name, and a list of whom it may mean.

import { api } from "../lib/api";
import { el, icon } from "../lib/dom";
import type { Named } from "../lib/protocol";
import { strings } from "../lib/strings";

const WAIT_MS = 200;
let count = 0;

/** `pick` is told of whoever is chosen. */
export function peopleFinder(label: string, pick: (found: Named) => void): HTMLElement {
  const id = `people-${(count += 1)}`;
  const field = el("input", { id, type: "search", autocomplete: "off", placeholder: strings.findPeople });
  const list = el("ul", { class: "members members--found", "aria-live": "polite" });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const choose = (found: Named): void => {
    field.value = "";
    list.replaceChildren();
    field.focus();
    pick(found);
  };
  const look = async (): Promise<void> => {
    const words = field.value.trim();
    const { people } = await api<{ people: Named[] }>("GET", `/people/?q=${encodeURIComponent(words)}`);
    if (words !== field.value.trim()) return;
    const rows = people.map((found) => el("li", {}, el("button", { type: "button", class: "menu__item", click: () => choose(found) }, nameCell(found))));
    list.replaceChildren(...(rows.length ? rows : [el("li", { class: "members__none" }, strings.nobodyFound)]));
  };
  field.addEventListener("input", () => {
    clearTimeout(timer);
    if (field.value.trim()) timer = setTimeout(() => void look().catch(() => list.replaceChildren()), WAIT_MS);
    else list.replaceChildren();
  });
  field.addEventListener("focus", () => {
    if (!field.value.trim()) void look().catch(() => list.replaceChildren());
  });
  return el("div", { class: "field" }, el("label", { for: id }, label), field, list);
}

export function nameCell({ kind, name, detail }: Named): HTMLElement {
  return el("span", { class: "members__name" }, icon(kind === "employee" ? "person" : "people"), el("span", {}, name, detail && el("small", {}, detail)));
}
