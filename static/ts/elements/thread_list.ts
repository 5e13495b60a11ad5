// <thread-list>: the sidebar's threads: pinned ones, then by the reader's days; what a search found; the archive.

import { api } from "../lib/api";
import { socket } from "../lib/connection";
import { el, icon } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { monthOf } from "../lib/numbers";
import type { ThreadHit, ThreadSummary } from "../lib/protocol";
import { strings } from "../lib/strings";
import { toast } from "../lib/toast";
import { ThreadFinder } from "../models/thread_finder";
import { type Period, periodOf } from "../models/thread_groups";
import { openThreadMenu, threadRow } from "./thread_row";

const UNDO_KEY = "deleted-thread";

export class ThreadList extends HTMLElement {
  #threads = new Map<string, ThreadSummary>();
  #current = "";
  #filter = "";
  #renaming = "";
  #hasBeenOpen = false;
  /** The threads of the archive, while it is shown. */
  #archive: Map<string, ThreadSummary> | null = null;
  #finder = new ThreadFinder(
    async (words) => (await api<{ threads: ThreadHit[] }>("GET", `/threads/search/?q=${encodeURIComponent(words)}`)).threads,
    () => this.#draw(),
  );

  connectedCallback(): void {
    for (const row of this.querySelectorAll<HTMLElement>("[data-thread]")) this.#adopt(row);
    this.#draw();
    this.addEventListener("click", (event) => {
      const more = event.target instanceof Element ? event.target.closest<HTMLElement>(".threads__more") : null;
      if (more) this.#openActions(more);
    });
    this.addEventListener("keydown", (event) => this.#walk(event));
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
    const { deleted, archived } = thread;
    place(this.#threads, thread, !deleted && !archived);
    if (this.#archive) place(this.#archive, thread, !deleted && archived);
    this.#finder.hits = this.#finder.hits.flatMap((hit) => (hit.id !== thread.id ? [hit] : deleted ? [] : [{ ...hit, ...thread }]));
    this.dispatchEvent(new CustomEvent("thread-changed", { bubbles: true, detail: thread }));
    this.#draw();
  }

  filter(text: string): void {
    this.#filter = text.trim().toLowerCase();
    this.#finder.find(this.#filter);
    this.#draw();
  }

  /** The first thread that the filter leaves, for Enter in the search field. */
  get firstLink(): HTMLAnchorElement | null {
    return this.querySelector<HTMLAnchorElement>(".threads__link");
  }

  #adopt(row: HTMLElement): void {
    const id = row.dataset["thread"] ?? "";
    const title = row.textContent?.trim() ?? "";
    this.#threads.set(id, { id, title, updated_at: row.dataset["updated"] ?? "", pinned: row.dataset["pinned"] !== undefined, archived: false, deleted: false });
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
    this.replaceChildren(...(this.#filter ? this.#found() : this.#archive ? this.#archived(this.#archive) : this.#grouped()));
    if (focused) this.querySelector<HTMLElement>(`[data-thread="${focused}"] .threads__link`)?.focus();
  }

  #grouped(): HTMLElement[] {
    const groups = new Map<string, ThreadSummary[]>();
    const newest = [...this.#threads.values()].sort(byTime);
    for (const thread of [...newest.filter(({ pinned }) => pinned), ...newest.filter(({ pinned }) => !pinned)]) {
      const label = thread.pinned ? strings.pinned : labelOf(periodOf(new Date(thread.updated_at), new Date()));
      groups.set(label, [...(groups.get(label) ?? []), thread]);
    }
    const nodes = [...groups].flatMap(([label, threads]) => [el("h2", { class: "threads__group" }, label), this.#rows(threads)]);
    const more = el("button", { type: "button", class: "threads__way", click: () => void this.#openArchive() }, icon("archive"), strings.archive);
    return [...(nodes.length ? nodes : [none(strings.noThreads)]), more];
  }

  /** Titles that the page knows at once, and what the server finds in titles and messages a moment later. */
  #found(): HTMLElement[] {
    const { hits, isDone } = this.#finder;
    const known = new Set(hits.map(({ id }) => id));
    const titled = [...this.#threads.values()].filter(({ id, title }) => !known.has(id) && title.toLowerCase().includes(this.#filter)).sort(byTime);
    if (titled.length + hits.length > 0) return [this.#rows([...titled, ...hits])];
    return [none(isDone ? strings.nothingFound : strings.searchingThreads)];
  }

  #archived(archive: Map<string, ThreadSummary>): HTMLElement[] {
    const back = el("button", { type: "button", class: "threads__way", click: () => this.#closeArchive() }, icon("left"), strings.allThreads);
    const threads = [...archive.values()];
    return [back, el("h2", { class: "threads__group" }, strings.archive), threads.length ? this.#rows(threads) : none(strings.archiveEmpty)];
  }

  async #openArchive(): Promise<void> {
    try {
      const { threads } = await api<{ threads: ThreadSummary[] }>("GET", "/threads/archive/");
      this.#archive = new Map(threads.map((thread) => [thread.id, thread]));
      this.#draw();
      this.querySelector<HTMLElement>(".threads__way")?.focus();
    } catch (error) {
      showFailure(error);
    }
  }

  #closeArchive(): void {
    this.#archive = null;
    this.#draw();
    this.querySelector<HTMLElement>(".threads__way")?.focus();
  }

  #rows(threads: ThreadSummary[]): HTMLElement {
    return el("ul", { class: "threads" }, ...threads.map((thread) => threadRow(thread, thread.id === this.#current)));
  }

  #walk(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const links = [...this.querySelectorAll<HTMLElement>(".threads__link")];
    const at = links.indexOf(document.activeElement as HTMLElement);
    if (!step || at < 0) return;
    event.preventDefault();
    links[at + step]?.focus();
  }

  #openActions(button: HTMLElement): void {
    const row = button.closest<HTMLElement>("[data-thread]");
    const id = row?.dataset["thread"] ?? "";
    const thread = this.#threads.get(id) ?? this.#archive?.get(id) ?? this.#finder.hits.find((hit) => hit.id === id);
    if (!row || !thread) return;
    openThreadMenu(button, row, thread, {
      rename: () => this.#rename(row, thread),
      pin: () => void this.#change(thread, { pinned: !thread.pinned }),
      archive: () => void this.#archiveOrBack(thread),
      delete: () => void this.#delete(thread),
    });
  }

  async #archiveOrBack(thread: ThreadSummary): Promise<void> {
    const archived = !thread.archived;
    if (!(await this.#change(thread, { archived }))) return;
    const undo = (): void => void this.#change({ ...thread, archived }, { archived: !archived });
    toast(archived ? strings.threadArchived : strings.threadUnarchived, { label: strings.undo, run: undo });
  }

  /** Show the change at once, and take it back when it is refused. */
  async #change(thread: ThreadSummary, change: Partial<ThreadSummary>): Promise<boolean> {
    this.put({ ...thread, ...change });
    try {
      await api("PATCH", `/threads/${thread.id}/`, change);
      return true;
    } catch (error) {
      this.put(thread);
      showFailure(error);
      return false;
    }
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
      if (title && title !== thread.title) void this.#change(thread, { title });
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

function none(words: string): HTMLElement {
  return el("p", { class: "sidebar__none" }, words);
}

function byTime(a: ThreadSummary, b: ThreadSummary): number {
  return Date.parse(b.updated_at) - Date.parse(a.updated_at);
}

function place(threads: Map<string, ThreadSummary>, thread: ThreadSummary, isIn: boolean): void {
  if (isIn) threads.set(thread.id, { ...threads.get(thread.id), ...thread });
  else threads.delete(thread.id);
}

function labelOf(period: Period): string {
  return typeof period === "string" ? strings[period] : monthOf(period.month);
}
