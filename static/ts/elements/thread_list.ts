// <thread-list>: the sidebar's threads, grouped by the reader's days.

import { api } from "../lib/api";
import { socket } from "../lib/connection";
import { el, icon } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { openMenu } from "../lib/menu";
import { monthOf } from "../lib/numbers";
import type { ThreadSummary } from "../lib/protocol";
import { strings } from "../lib/strings";
import { toast } from "../lib/toast";
import { type Period, periodOf } from "../models/thread_groups";

const UNDO_KEY = "deleted-thread";

export class ThreadList extends HTMLElement {
  #threads = new Map<string, ThreadSummary>();
  #current = "";
  #filter = "";
  #renaming = "";
  #hasBeenOpen = false;

  connectedCallback(): void {
    for (const row of this.querySelectorAll<HTMLElement>("[data-thread]")) this.#adopt(row);
    this.#draw();
    this.addEventListener("click", (event) => {
      const more = event.target instanceof Element ? event.target.closest<HTMLElement>(".threads__more") : null;
      if (more) this.#openActions(more);
    });
    const deleted = sessionStorage.getItem(UNDO_KEY);
    sessionStorage.removeItem(UNDO_KEY);
    if (deleted) this.#offerUndo(JSON.parse(deleted) as ThreadSummary);
    socket.on("thread.changed", ({ thread }) => this.put(thread));
    socket.addEventListener("open", () => void this.#catchUp());
  }

  get current(): string {
    return this.#current;
  }

  /** Mark the thread that the page shows now. */
  set current(id: string) {
    this.#current = id;
    this.#draw();
  }

  put(thread: ThreadSummary): void {
    const known = this.#threads.get(thread.id);
    if (thread.deleted) this.#threads.delete(thread.id);
    else this.#threads.set(thread.id, { ...known, ...thread });
    this.dispatchEvent(new CustomEvent("thread-changed", { bubbles: true, detail: thread }));
    this.#draw();
  }

  filter(text: string): void {
    this.#filter = text.trim().toLowerCase();
    this.#draw();
  }

  /** The first thread that the filter leaves, for Enter in the search field. */
  get firstLink(): HTMLAnchorElement | null {
    return this.querySelector<HTMLAnchorElement>(".threads__link");
  }

  #adopt(row: HTMLElement): void {
    const id = row.dataset["thread"] ?? "";
    const title = row.textContent?.trim() ?? "";
    this.#threads.set(id, { id, title, updated_at: row.dataset["updated"] ?? "", deleted: false });
    if (row.dataset["current"] !== undefined) this.#current = id;
  }

  /** The socket was away: other tabs and devices may have changed the list. */
  async #catchUp(): Promise<void> {
    if (!this.#hasBeenOpen) {
      this.#hasBeenOpen = true;
      return;
    }
    try {
      const { threads } = await api<{ threads: ThreadSummary[] }>("GET", "/threads/");
      this.#threads = new Map(threads.map((thread) => [thread.id, thread]));
      this.#draw();
    } catch {
      // The list is a convenience: the next change or page brings it up to date.
    }
  }

  #draw(): void {
    if (this.#renaming) return;
    const focused = this.contains(document.activeElement) ? (document.activeElement as HTMLElement).closest<HTMLElement>("[data-thread]")?.dataset["thread"] : null;
    const shown = [...this.#threads.values()]
      .filter(({ title }) => !this.#filter || title.toLowerCase().includes(this.#filter))
      .sort((a, b) => Date.parse(b.updated_at) - Date.parse(a.updated_at));
    const groups = new Map<string, HTMLElement[]>();
    for (const thread of shown) {
      const label = labelOf(periodOf(new Date(thread.updated_at), new Date()));
      groups.set(label, [...(groups.get(label) ?? []), this.#row(thread)]);
    }
    const nodes = [...groups].flatMap(([label, rows]) => [el("h2", { class: "threads__group" }, label), el("ul", { class: "threads" }, ...rows)]);
    const none = el("p", { class: "sidebar__none" }, this.#filter ? strings.nothingFound : strings.noThreads);
    this.replaceChildren(...(nodes.length ? nodes : [none]));
    if (focused) this.querySelector<HTMLElement>(`[data-thread="${focused}"] .threads__link`)?.focus();
  }

  #row(thread: ThreadSummary): HTMLElement {
    const isCurrent = thread.id === this.#current;
    const title = thread.title || strings.newThread;
    return el(
      "li",
      { class: "threads__row", "data-thread": thread.id, "data-current": isCurrent },
      el("a", { class: "threads__link", href: `/threads/${thread.id}/`, "aria-current": isCurrent ? "page" : null }, title),
      moreButton(title),
    );
  }

  #openActions(button: HTMLElement): void {
    const row = button.closest<HTMLElement>("[data-thread]");
    const thread = this.#threads.get(row?.dataset["thread"] ?? "");
    if (!row || !thread) return;
    const menu = el("div", { class: "menu", popover: "auto", role: "menu" });
    const item = (name: string, label: string, modifier: string, run: () => void): HTMLElement =>
      el("button", { type: "button", role: "menuitem", class: `menu__item ${modifier}`, click: () => { menu.hidePopover(); run(); } }, icon(name), label);
    menu.append(
      item("pencil", strings.rename, "", () => this.#rename(row, thread)),
      item("trash", strings.delete, "menu__item--danger", () => void this.#delete(thread)),
    );
    menu.addEventListener("toggle", (event) => {
      if ((event as ToggleEvent).newState === "closed") menu.remove();
    });
    (button.closest("[popover]") ?? document.body).append(menu);
    openMenu(menu, button);
  }

  #rename(row: HTMLElement, thread: ThreadSummary): void {
    const input = el("input", { class: "threads__rename", value: thread.title, maxlength: 120, "aria-label": strings.rename });
    this.#renaming = thread.id;
    row.replaceChildren(input);
    input.select();
    input.focus();
    const end = (title: string): void => {
      if (this.#renaming !== thread.id) return;
      this.#renaming = "";
      this.#draw();
      if (title && title !== thread.title) void this.#saveTitle(thread, title);
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") end(input.value.trim());
      if (event.key === "Escape") {
        event.stopPropagation();
        end("");
      }
    });
    input.addEventListener("blur", () => end(input.value.trim()));
  }

  async #saveTitle(thread: ThreadSummary, title: string): Promise<void> {
    this.put({ ...thread, title });
    try {
      await api("PATCH", `/threads/${thread.id}/`, { title });
    } catch (error) {
      this.put(thread);
      showFailure(error);
    }
  }

  async #delete(thread: ThreadSummary): Promise<void> {
    this.put({ ...thread, deleted: true });
    try {
      await api("DELETE", `/threads/${thread.id}/`);
      if (thread.id === this.#current) {
        // The page of a deleted thread is no place to stay; the way back comes along.
        sessionStorage.setItem(UNDO_KEY, JSON.stringify(thread));
        location.assign("/");
      } else {
        this.#offerUndo(thread);
      }
    } catch (error) {
      this.put(thread);
      showFailure(error);
    }
  }

  #offerUndo(thread: ThreadSummary): void {
    toast(strings.threadDeleted, { label: strings.undo, run: () => void this.#restore(thread) });
  }

  async #restore(thread: ThreadSummary): Promise<void> {
    try {
      await api("POST", `/threads/${thread.id}/restoration/`);
      this.put({ ...thread, deleted: false });
    } catch (error) {
      showFailure(error);
    }
  }
}

function moreButton(title: string): HTMLElement {
  return el("button", { type: "button", class: "threads__more", "aria-haspopup": "menu", "aria-label": strings.threadActions(title) }, icon("more"));
}

function labelOf(period: Period): string {
  return typeof period === "string" ? strings[period] : monthOf(period.month);
}
