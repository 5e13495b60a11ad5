// Whether the conversation follows its end. It does until the reader scrolls up, and again from when they are back.

export interface Extent { top: number; visible: number; total: number }

/** So close to the end counts as being there. */
const NEAR_PX = 48;

export class ScrollKeeper {
  #following = true;
  #lastTop = 0;
  #lastTotal = 0;

  get isFollowing(): boolean {
    return this.#following;
  }

  /** The reader, the browser or we moved the view. Only an upward move by itself lets go of the end. */
  scrolled(extent: Extent): void {
    const distance = extent.total - extent.visible - extent.top;
    if (distance <= NEAR_PX) this.#following = true;
    else if (extent.top < this.#lastTop && extent.total >= this.#lastTotal) this.#following = false;
    this.#lastTop = extent.top;
    this.#lastTotal = extent.total;
  }

  /** The content grew or shrank. Where to scroll to, or null to leave the view as it is. */
  resized(extent: Extent): number | null {
    const end = Math.max(0, extent.total - extent.visible);
    this.#lastTotal = extent.total;
    if (!this.#following || Math.abs(end - extent.top) < 1) return null;
    this.#lastTop = end;
    return end;
  }

  /** The reader looks at a certain place: what changes around it must not carry them to the end. */
  letGo(): void {
    this.#following = false;
  }

  /** The reader asked for the end: a new question, or the button. */
  follow(): void {
    this.#following = true;
  }
}
