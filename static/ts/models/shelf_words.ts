// What a shelf holds, and whether its reader may add to it.

import type { Collection, DocumentState, Shelves } from "../lib/protocol";

export const OWN = "own";
export const SHOWN = "shown";

export function collectionOf(shelves: Shelves, shelf: string): Collection | null {
  return shelves.collections.find(({ id }) => id === shelf) ?? null;
}

/** Files may be put there: among one's own, and where one is a curator. */
export function takesFiles(shelves: Shelves, shelf: string): boolean {
  return shelf === OWN || collectionOf(shelves, shelf)?.role === "curator";
}

/** Whether the document stands on this shelf. What others show is told apart by its collection being none of ours. */
export function isOn(shelves: Shelves, shelf: string, document: DocumentState): boolean {
  if (document.deleted || document.is_thread_file) return false;
  if (shelf === OWN) return document.collection === null;
  if (shelf === SHOWN) return document.collection !== null && !collectionOf(shelves, document.collection);
  return document.collection === shelf;
}

/** Somebody works on it, so that it can be stopped. */
export function isOnItsWay({ status }: DocumentState): boolean {
  return status === "queued" || status === "extracting" || status === "searchable" || status === "embedding";
}
