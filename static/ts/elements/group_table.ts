// <group-table>: groups of people and what they may. Every change acts at once.

import { api } from "../lib/api";
import { ask, confirmDanger } from "../lib/dialog";
import { el, find, icon, iconButton } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { pageState } from "../lib/page_state";
import { strings } from "../lib/strings";

interface Group { id: number; kind: "everyone" | "group"; name: string; may_make_collections: boolean; members: number[] }
interface Person { id: number; name: string; email: string; is_active: boolean }
interface State { groups?: Group[]; people?: Person[] }

export class GroupTable extends HTMLElement {
  #groups = (pageState as State).groups ?? [];
  #people = (pageState as State).people ?? [];

  connectedCallback(): void {
    const form = find<HTMLFormElement>(this, "form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const name = find<HTMLInputElement>(form, "[name=name]");
      void this.#send("POST", "/manage/groups/", { name: name.value }).then((isDone) => isDone && form.reset());
    });
    this.#draw();
  }

  async #send(method: "POST" | "PATCH", path: string, body: unknown): Promise<boolean> {
    try {
      const { groups, people } = await api<Required<State>>(method, path, body);
      [this.#groups, this.#people] = [groups, people];
      this.#draw();
      return true;
    } catch (error) {
      showFailure(error);
      this.#draw();
      return false;
    }
  }

  #change(group: Group, body: Partial<Group>): Promise<boolean> {
    return this.#send("PATCH", `/manage/groups/${group.id}/`, body);
  }

  async #delete(group: Group): Promise<void> {
    if (!(await confirmDanger(strings.deleteGroupSure(group.name), strings.deleteGroupText, strings.delete))) return;
    try {
      await api("DELETE", `/manage/groups/${group.id}/`);
      this.#groups = this.#groups.filter(({ id }) => id !== group.id);
      this.#draw();
    } catch (error) {
      showFailure(error);
    }
  }

  async #chooseMembers(group: Group): Promise<void> {
    const boxes = this.#people.map((person) => {
      const box = el("input", { type: "checkbox", value: person.id, checked: group.members.includes(person.id) });
      const name = el("span", {}, person.name, el("small", {}, person.is_active ? person.email : `${person.email} · ${strings.notActive}`));
      return { box, text: `${person.name} ${person.email}`.toLowerCase(), row: el("li", {}, el("label", { class: "field__check members__name" }, box, name)) };
    });
    const filter = el("input", { id: "member-filter", type: "search", placeholder: strings.findPeople, autocomplete: "off" });
    filter.addEventListener("input", () => {
      const words = filter.value.toLowerCase().split(/\s+/);
      for (const { text, row } of boxes) row.hidden = !words.every((word) => text.includes(word));
    });
    const list = el("ul", { class: "members members--tall", "aria-label": strings.members }, ...boxes.map(({ row }) => row));
    const answer = await ask(strings.membersOf(group.name), [el("div", { class: "field" }, el("label", { for: "member-filter" }, strings.findPeople), filter), list], [
      { label: strings.cancel, value: "" },
      { label: strings.save, value: "yes", modifier: "button--primary" },
    ]);
    if (answer === "yes") await this.#change(group, { members: boxes.filter(({ box }) => box.checked).map(({ box }) => Number(box.value)) });
  }

  #draw(): void {
    find(this, "tbody").replaceChildren(...this.#groups.map((group) => this.#row(group)));
  }

  #row(group: Group): HTMLElement {
    const isEveryone = group.kind === "everyone";
    const name = isEveryone ? strings.allEmployees : group.name;
    const may = el("input", { type: "checkbox", class: "switch", role: "switch", checked: group.may_make_collections, "aria-label": strings.mayMakeCollections(name) });
    may.addEventListener("change", () => void this.#change(group, { may_make_collections: may.checked }));
    const field = el("input", { class: "input-quiet", value: group.name, maxlength: 80, "aria-label": strings.groupName });
    field.addEventListener("change", () => void this.#change(group, { name: field.value }));
    const members = el("button", { type: "button", class: "button button--small", click: () => void this.#chooseMembers(group) }, icon("people"), strings.people(group.members.length));
    return el(
      "tr",
      { "data-group": group.id },
      el("td", { class: "table__main" }, isEveryone ? el("span", { class: "table__name" }, name) : field),
      el("td", { "data-label": this.#label(1) }, isEveryone ? strings.people(this.#people.filter(({ is_active: isActive }) => isActive).length) : members),
      el("td", { "data-label": this.#label(2) }, may),
      el("td", {}, isEveryone ? null : iconButton("trash", strings.deleteGroup(group.name), () => void this.#delete(group))),
    );
  }

  #label(column: number): string {
    return this.querySelectorAll("th")[column]?.textContent ?? "";
  }
}
