// <key-list>: making a key, seeing it once, deleting it.

import { api } from "../lib/api";
import { confirmDanger } from "../lib/dialog";
import { actionOf, el, find } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { date } from "../lib/numbers";
import { strings } from "../lib/strings";
import { secretBox } from "./secret_box";

interface Key { id: number; label: string; prefix: string; created_at: string }

export class KeyList extends HTMLElement {
  connectedCallback(): void {
    const form = find<HTMLFormElement>(this, "form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#create(form);
    });
    this.addEventListener("click", (event) => {
      const button = actionOf(event);
      const row = button?.closest<HTMLElement>("[data-key]");
      if (row && button?.dataset["action"] === "delete-key") void this.#delete(row);
    });
  }

  async #create(form: HTMLFormElement): Promise<void> {
    const field = find<HTMLInputElement>(form, "[name=label]");
    try {
      const { key, secret } = await api<{ key: Key; secret: string }>("POST", "/account/keys/", { label: field.value });
      field.value = "";
      find(this, ".key-list__fresh").replaceChildren(secretBox(strings.keyOnce, secret));
      this.querySelector(".table__none")?.closest("tr")?.remove();
      find(this, "tbody").prepend(rowOf(key, [...this.querySelectorAll("th")].map((head) => head.textContent ?? "")));
    } catch (error) {
      showFailure(error);
    }
  }

  async #delete(row: HTMLElement): Promise<void> {
    if (!(await confirmDanger(strings.deleteKey, strings.deleteKeyText, strings.delete))) return;
    try {
      await api("DELETE", `/account/keys/${row.dataset["key"]}/`);
      row.remove();
    } catch (error) {
      showFailure(error);
    }
  }
}

function rowOf(key: Key, heads: string[]): HTMLElement {
  return el(
    "tr",
    { "data-key": key.id },
    el("td", { class: "table__main" }, el("span", { class: "table__name" }, key.label), el("code", { class: "table__small" }, `${key.prefix}…`)),
    el("td", { "data-label": heads[1] }, date(key.created_at)),
    el("td", { "data-label": heads[2] }, strings.never),
    el("td", {}, el("button", { type: "button", class: "button button--small button--danger", "data-action": "delete-key" }, strings.delete)),
  );
}
