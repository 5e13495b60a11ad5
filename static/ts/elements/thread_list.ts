// <thread-list>: the sidebar's threads: pinned ones, folders, then by the reader's days; what a search found; the
// archive and the trash.

import { api } from "../lib/api";
import { socket } from "../lib/connection";
import { el, icon } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { foldersOfPage } from "../lib/folders";
import { monthOf } from "../lib/numbers";
import { Press } from "../lib/press";
import type { Folder, ThreadHit, ThreadSummary } from "../lib/protocol";
import { strings } from "../lib/strings";
import { ThreadFinder } from "../models/thread_finder";
import { type Period, periodOf } from "../models/thread_groups";
import { type Side, ThreadShelves } from "../models/thread_shelves";
import { folderRow } from "./folder_row";
import { ThreadActs } from "./thread_acts";
import { openThreadMenu, openTrashMenu, threadRow } from "./thread_row";

const OPEN_FOLDERS_KEY = "open-folders";

export class ThreadList extends HTMLElement {
  shelves = new ThreadShelves();
  #acts = new ThreadActs(this);
  #current = "";
  readonly #press = new Press(this);
  #filter = "";
  #renaming = "";
  #hasBeenOpen = false;
  #openFolders = new Set<string>(JSON.parse(sessionStorage.getItem(OPEN_FOLDERS_KEY) ?? "[]") as string[]);
  #finder = new ThreadFinder(
    async (words) => (await api<{ threads: ThreadHit[] }>("GET", `/threads/search/?q=${encodeURIComponent(words)}`)).threads,
    () => this.draw(),
  );

  connectedCallback(): void {
    for (const row of this.querySelectorAll<HTMLElement>("[data-thread]")) this.#adopt(row);
    for (const folder of foldersOfPage()) this.shelves.folders.set(folder.id, folder);
    this.#openFolderOfCurrent();
    this.draw();
    this.addEventListener("click", (event) => this.#clicked(event));
    this.addEventListener("keydown", (event) => this.#walk(event));
    this.#acts.offerUndoAfterReload();
    socket.on("thread.changed", ({ thread }) => this.put(thread));
    socket.addEventListener("open", () => void this.#catchUp());
    document.addEventListener("visibilitychange", () => this.#see());
  }

  get current(): string {
    return this.#current;
  }

  /** Mark the thread that the page shows now. */
  set current(id: string) {
    this.#current = id;
    this.#openFolderOfCurrent();
    this.draw();
  }

  put(thread: ThreadSummary): void {
    this.shelves.put(thread);
    const { deleted } = thread;
    this.#finder.hits = this.#finder.hits.flatMap((hit) => (hit.id !== thread.id ? [hit] : deleted ? [] : [{ ...hit, ...thread }]));
    this.dispatchEvent(new CustomEvent("thread-changed", { bubbles: true, detail: thread }));
    this.draw();
    this.#see();
  }

  putFolder(folder: Folder): void {
    this.shelves.folders.set(folder.id, folder);
    this.draw();
  }

  filter(text: string): void {
    this.#filter = text.trim().toLowerCase();
    this.#finder.find(this.#filter);
    this.draw();
  }

  /** The first thread that the filter leaves, for Enter in the search field. */
  get firstLink(): HTMLAnchorElement | null {
    return this.querySelector<HTMLAnchorElement>(".threads__link");
  }

  #adopt(row: HTMLElement): void {
    const { thread: id = "", updated = "", folder = "", tags = "" } = row.dataset;
    const is = (name: string): boolean => row.dataset[name] !== undefined;
    this.shelves.put({
      id,
      title: row.textContent?.trim() ?? "",
      updated_at: updated,
      pinned: is("pinned"),
      archived: false,
      deleted: false,
      folder: folder || null,
      tags: tags ? tags.split("\u001f") : [],
      unread: is("unread"),
      temporary: false,
    });
    if (is("current")) this.#current = id;
  }

  /** The socket was away: other tabs and devices may have changed the list. */
  async #catchUp(): Promise<void> {
    if (!this.#hasBeenOpen) {
      this.#hasBeenOpen = true;
      return;
    }
    try {
      const [{ threads }, { folders }] = await Promise.all([
        api<{ threads: ThreadSummary[] }>("GET", "/threads/"),
        api<{ folders: Folder[] }>("GET", "/folders/"),
      ]);
      this.shelves.fill(threads);
      this.shelves.folders = new Map(folders.map((folder) => [folder.id, folder]));
      this.draw();
    } catch {
      // The list is a convenience: the next change or page brings it up to date.
    }
  }

  /** Whoever looks at the page has seen the answer that ended on it. */
  #see(): void {
    const thread = this.shelves.get(this.#current);
    if (!thread?.unread || document.visibilityState !== "visible") return;
    this.shelves.put({ ...thread, unread: false });
    this.draw();
    api("PUT", `/threads/${thread.id}/seen/`).catch(() => {
      // The dot is back with the next page; nothing is lost.
    });
  }

  draw(): void {
    this.#press.draw(() => this.#drawNow());
  }

  #drawNow(): void {
    if (this.#renaming) return;
    const focused = this.contains(document.activeElement) ? (document.activeElement as HTMLElement).closest<HTMLElement>("[data-thread]")?.dataset["thread"] : null;
    this.replaceChildren(...(this.#filter ? this.#found() : this.shelves.side ? this.#beside(this.shelves.side) : this.#shelf()));
    if (focused) this.querySelector<HTMLElement>(`[data-thread="${focused}"] .threads__link`)?.focus();
  }

  #shelf(): HTMLElement[] {
    const loose = this.shelves.loose;
    const pinned = loose.filter((thread) => thread.pinned);
    const groups = new Map<string, ThreadSummary[]>();
    for (const thread of loose.filter((each) => !each.pinned)) {
      const label = labelOf(periodOf(new Date(thread.updated_at), new Date()));
      groups.set(label, [...(groups.get(label) ?? []), thread]);
    }
    const folders = this.shelves.foldersByName.flatMap((folder) => this.#folder(folder));
    const nodes = [
      ...(pinned.length ? [heading(strings.pinned), this.#rows(pinned)] : []),
      ...(folders.length ? [heading(strings.folders), ...folders] : []),
      ...[...groups].flatMap(([label, threads]) => [heading(label), this.#rows(threads)]),
    ];
    return [...(nodes.length ? nodes : [none(strings.noThreads)]), ...this.#ways()];
  }

  #folder(folder: Folder): HTMLElement[] {
    const threads = this.shelves.inFolder(folder.id);
    const isOpen = this.#openFolders.has(folder.id);
    const row = folderRow(folder, threads, isOpen, {
      toggle: () => this.#toggle(folder.id),
      rename: () => void this.#acts.renameFolder(folder),
      instruct: () => void this.#acts.instructFolder(folder),
      delete: () => void this.#acts.deleteFolder(folder),
    });
    if (!isOpen) return [row];
    return [row, threads.length ? this.#rows(threads, "threads--inside") : el("p", { class: "sidebar__none threads--inside" }, strings.folderEmpty)];
  }

  #ways(): HTMLElement[] {
    const way = (name: string, label: string, click: () => void): HTMLElement =>
      el("button", { type: "button", class: "threads__way", click }, icon(name), label);
    return [
      el("div", { class: "threads__ways" },
        way("folder", strings.newFolder, () => void this.#acts.makeFolder()),
        way("archive", strings.archive, () => void this.#lookBeside("archive")),
        way("trash", strings.trash, () => void this.#lookBeside("trash")),
      ),
    ];
  }

  /** Titles that the page knows at once, and what the server finds in titles and messages a moment later. */
  #found(): HTMLElement[] {
    const { hits, isDone } = this.#finder;
    const known = new Set(hits.map(({ id }) => id));
    const titled = isDone && hits.length ? [] : this.shelves.titled(this.#filter).filter(({ id }) => !known.has(id));
    if (titled.length + hits.length > 0) return [this.#rows([...titled, ...hits])];
    return [none(isDone ? strings.nothingFound : strings.searchingThreads), ...(isDone ? [el("p", { class: "sidebar__none" }, strings.searchFilters)] : [])];
  }

  #beside(side: Side): HTMLElement[] {
    const back = el("button", { type: "button", class: "threads__way", click: () => this.#lookBack() }, icon("left"), strings.allThreads);
    const threads = this.shelves.aside;
    const empty = side === "trash" && threads.length > 0 && el("button", { type: "button", class: "threads__way", click: () => void this.#acts.emptyTrash() }, icon("trash"), strings.emptyTrash);
    const about = side === "trash" && el("p", { class: "sidebar__none" }, strings.trashNote);
    const rows = threads.length ? this.#rows(threads) : none(side === "trash" ? strings.trashEmpty : strings.archiveEmpty);
    return [back, heading(side === "trash" ? strings.trash : strings.archive), rows, about, empty].filter((node): node is HTMLElement => Boolean(node));
  }

  async #lookBeside(side: Side): Promise<void> {
    try {
      const { threads } = await api<{ threads: ThreadSummary[] }>("GET", `/threads/${side}/`);
      this.shelves.look(side, threads);
      this.draw();
      this.querySelector<HTMLElement>(".threads__way")?.focus();
    } catch (error) {
      showFailure(error);
    }
  }

  #lookBack(): void {
    this.shelves.look(null);
    this.draw();
    this.querySelector<HTMLElement>(".threads__way")?.focus();
  }

  #toggle(folder: string, isOpen = !this.#openFolders.has(folder)): void {
    if (isOpen) this.#openFolders.add(folder);
    else this.#openFolders.delete(folder);
    sessionStorage.setItem(OPEN_FOLDERS_KEY, JSON.stringify([...this.#openFolders]));
    this.draw();
    this.querySelector<HTMLElement>(`[data-folder="${folder}"] .folder__name`)?.focus();
  }

  #openFolderOfCurrent(): void {
    const folder = this.shelves.get(this.#current)?.folder;
    if (folder) this.#openFolders.add(folder);
  }

  #rows(threads: ThreadSummary[], modifier = ""): HTMLElement {
    return el("ul", { class: `threads ${modifier}`.trim() }, ...threads.map((thread) => threadRow(thread, thread.id === this.#current)));
  }

  #walk(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const links = [...this.querySelectorAll<HTMLElement>(".threads__link, .folder__name")];
    const at = links.indexOf(document.activeElement as HTMLElement);
    if (!step || at < 0) return;
    event.preventDefault();
    links[at + step]?.focus();
  }

  #clicked(event: MouseEvent): void {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>(".threads__more") : null;
    const row = button?.closest<HTMLElement>("[data-thread]");
    const id = row?.dataset["thread"] ?? "";
    const thread = this.shelves.get(id) ?? this.#finder.hits.find((hit) => hit.id === id);
    if (!button || !row || !thread) return;
    if (thread.deleted) openTrashMenu(button, thread, this.#acts);
    else openThreadMenu(button, thread, this.#acts, () => this.#rename(row, thread));
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
      this.draw();
      if (title && title !== thread.title) void this.#acts.change(thread, { title });
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
}

function heading(words: string): HTMLElement {
  return el("h2", { class: "threads__group" }, words);
}

function none(words: string): HTMLElement {
  return el("p", { class: "sidebar__none" }, words);
}

function labelOf(period: Period): string {
  return typeof period === "string" ? strings[period] : monthOf(period.month);
}
