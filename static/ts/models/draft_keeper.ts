// Takes a draft to the server a moment after the last key, so that it is there on the person's other devices.

const PAUSE_MS = 1500;

export class DraftKeeper {
  #kept: string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #next: string | null = null;

  /** save: takes the text to the server; a failure costs nothing but the other devices' view. */
  constructor(kept: string, readonly save: (text: string) => Promise<unknown>, readonly pauseMs = PAUSE_MS) {
    this.#kept = kept;
  }

  edit(text: string): void {
    this.#next = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), this.pauseMs);
  }

  /** At once: the message was sent, or the page is left. */
  flush(): void {
    clearTimeout(this.#timer);
    const text = this.#next;
    this.#next = null;
    if (text === null || text === this.#kept) return;
    this.#kept = text;
    this.save(text).catch(() => {
      // The next change tries again.
      if (this.#kept === text) this.#kept = "\0";
    });
  }
}
