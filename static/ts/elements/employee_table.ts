// <employee-table>: who works here; inviting, deactivating, making admins. Every switch acts at once.

import { api } from "../lib/api";
import { confirmDanger } from "../lib/dialog";
import { el, find } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { date } from "../lib/numbers";
import { pageState } from "../lib/page_state";
import { strings } from "../lib/strings";
import { secretBox } from "./secret_box";

interface Person { id: number; name: string; email: string; is_admin: boolean; is_active: boolean; created_at: string }
interface Invitation { id: number; email: string; is_admin: boolean; expires_at: string }
interface State { employees?: Person[]; invitations?: Invitation[] }

export class EmployeeTable extends HTMLElement {
  #people = (pageState as State).employees ?? [];
  #invitations = (pageState as State).invitations ?? [];

  connectedCallback(): void {
    const form = find<HTMLFormElement>(this, "form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#invite(form);
    });
    this.#draw();
  }

  async #invite(form: HTMLFormElement): Promise<void> {
    const email = find<HTMLInputElement>(form, "[name=email]");
    const isAdmin = find<HTMLInputElement>(form, "[name=is_admin]");
    try {
      const body = { email: email.value, is_admin: isAdmin.checked };
      const { invitation, url } = await api<{ invitation: Invitation; url: string }>("POST", "/manage/employees/", body);
      form.reset();
      find(this, ".employee-table__fresh").replaceChildren(secretBox(strings.inviteOnce(invitation.email), url));
      this.#invitations = [...this.#invitations.filter(({ email: other }) => other !== invitation.email), invitation];
      this.#draw();
    } catch (error) {
      showFailure(error);
    }
  }

  async #change(person: Person, change: Partial<Person>): Promise<void> {
    try {
      const { employee } = await api<{ employee: Person }>("PATCH", `/manage/employees/${person.id}/`, change);
      this.#people = this.#people.map((other) => (other.id === employee.id ? employee : other));
    } catch (error) {
      showFailure(error);
    }
    this.#draw();
  }

  async #setActive(person: Person, isActive: boolean): Promise<void> {
    const name = person.name || person.email;
    const isSure = isActive || (await confirmDanger(strings.deactivate(name), strings.deactivateText, strings.deactivateDo));
    if (isSure) await this.#change(person, { is_active: isActive });
    else this.#draw();
  }

  #draw(): void {
    find(this, "tbody").replaceChildren(
      ...this.#people.map((person) => this.#row(person)),
      ...this.#invitations.map((invitation) => this.#invitationRow(invitation)),
    );
  }

  #row(person: Person): HTMLElement {
    const name = person.name || person.email;
    const isMe = person.id === pageState.employee?.id;
    const toggle = (isOn: boolean, label: string, change: (value: boolean) => void): HTMLElement => {
      const box = el("input", { type: "checkbox", class: "switch", role: "switch", checked: isOn, disabled: isMe, "aria-label": label, change: () => change(box.checked) });
      return box;
    };
    return el(
      "tr",
      { "data-employee": person.id, "data-off": !person.is_active },
      el(
        "td",
        { class: "table__main" },
        el("span", { class: "table__name" }, name, isMe && " ", isMe && el("span", { class: "badge" }, strings.thatIsYou)),
        el("span", { class: "table__small" }, person.email),
      ),
      el("td", { "data-label": this.#label(1) }, date(person.created_at)),
      el("td", { "data-label": this.#label(2) }, toggle(person.is_admin, strings.isAdmin(name), (value) => void this.#change(person, { is_admin: value }))),
      el("td", { "data-label": this.#label(3) }, toggle(person.is_active, strings.isActive(name), (value) => void this.#setActive(person, value))),
    );
  }

  #invitationRow(invitation: Invitation): HTMLElement {
    return el(
      "tr",
      { "data-off": true },
      el("td", { class: "table__main" }, el("span", { class: "table__name" }, invitation.email), " ", el("span", { class: "badge" }, strings.invited)),
      el("td"),
      el("td", { "data-label": this.#label(2) }, invitation.is_admin ? strings.admin : ""),
      el("td"),
    );
  }

  #label(column: number): string {
    return this.querySelectorAll("thead th")[column]?.textContent ?? "";
  }
}
