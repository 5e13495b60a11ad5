// Asks the server for the threads that have some words, a moment after the last key, and forgets what comes too late.

import type { ThreadHit } from "../lib/protocol";

const PAUSE_MS = 180;
const MIN_CHARS = 2;

export class ThreadFinder {
  hits: ThreadHit[] = [];
  /** Whether the hits are those of the words; until then, nothing can be said to be missing. */
  isDone = true;
  #words = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly load: (words: string) => Promise<ThreadHit[]>, readonly changed: () => void) {}

  find(words: string): void {
    if (words === this.#words) return;
    this.#words = words;
    clearTimeout(this.#timer);
    this.isDone = words.length < MIN_CHARS;
    if (this.isDone) this.hits = [];
    else this.#timer = setTimeout(() => void this.#ask(words), PAUSE_MS);
  }

  async #ask(words: string): Promise<void> {
    let hits: ThreadHit[] = [];
    try {
      hits = await this.load(words);
    } catch {
      // The titles that the page knows are shown all the same.
    }
    if (words !== this.#words) return;
    this.hits = hits;
    this.isDone = true;
    this.changed();
  }
}
