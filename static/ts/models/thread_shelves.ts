// Where threads lie: in the list, in folders, in the archive, in the trash. Without a DOM.

import type { Folder, ThreadSummary } from "../lib/protocol";

export type Side = "archive" | "trash";

export class ThreadShelves {
  folders = new Map<string, Folder>();
  #listed = new Map<string, ThreadSummary>();
  /** What the archive or the trash holds, while it is looked at. */
  #aside = new Map<string, ThreadSummary>();
  side: Side | null = null;

  /** What the server says the list holds now. */
  fill(threads: Iterable<ThreadSummary>): void {
    this.#listed = new Map([...threads].map((thread) => [thread.id, thread]));
  }

  look(side: Side | null, threads: Iterable<ThreadSummary> = []): void {
    this.side = side;
    this.#aside = new Map([...threads].map((thread) => [thread.id, thread]));
  }

  /** One thread is new or has changed: it goes where it belongs, and leaves where it lay. */
  put(thread: ThreadSummary): void {
    place(this.#listed, thread, !thread.deleted && !thread.archived && !thread.temporary);
    const belongs = this.side === "trash" ? thread.deleted : !thread.deleted && thread.archived;
    if (this.side) place(this.#aside, thread, belongs && !thread.temporary);
  }

  /** It is gone for ever. */
  drop(id: string): void {
    this.#listed.delete(id);
    this.#aside.delete(id);
  }

  get(id: string): ThreadSummary | undefined {
    return this.#listed.get(id) ?? this.#aside.get(id);
  }

  get aside(): ThreadSummary[] {
    return [...this.#aside.values()];
  }

  /** In no folder, newest first. A folder that was deleted elsewhere counts as none. */
  get loose(): ThreadSummary[] {
    return this.#newest.filter(({ folder }) => !folder || !this.folders.has(folder));
  }

  inFolder(id: string): ThreadSummary[] {
    return this.#newest.filter(({ folder }) => folder === id);
  }

  titled(words: string): ThreadSummary[] {
    return this.#newest.filter(({ title }) => title.toLowerCase().includes(words));
  }

  get tags(): string[] {
    return [...new Set(this.#newest.flatMap(({ tags }) => tags))].sort((a, b) => a.localeCompare(b));
  }

  get foldersByName(): Folder[] {
    return [...this.folders.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  get #newest(): ThreadSummary[] {
    return [...this.#listed.values()].sort((a, b) => Date.parse(b.updated_at) - Date.parse(a.updated_at));
  }
}

function place(threads: Map<string, ThreadSummary>, thread: ThreadSummary, isIn: boolean): void {
  if (isIn) threads.set(thread.id, { ...threads.get(thread.id), ...thread });
  else threads.delete(thread.id);
}

/** What a person typed as tags: parted by commas, each once, without number signs in front. */
export function tagsIn(text: string): string[] {
  const names = text.split(",").map((name) => name.trim().replace(/^#+/, "").replace(/\s+/g, " ").trim());
  return [...new Set(names.filter(Boolean))];
}
