// A list that draws itself anew between the press and the release of a button would lose the click: the browser gives
// it to what was pressed and released, and the pressed one is gone.

/** Draws at once, or right after the click when something within the element is being pressed. */
export class Press {
  #isDown = false;
  #waiting: (() => void) | null = null;

  constructor(element: HTMLElement) {
    element.addEventListener("pointerdown", () => (this.#isDown = true));
    // A release anywhere ends it; the click itself comes before the next task.
    for (const end of ["pointerup", "pointercancel", "dragend"]) addEventListener(end, () => setTimeout(() => this.#release()));
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  /** Of several that wait only the last is drawn. */
  draw(how: () => void): void {
    if (this.#isDown) this.#waiting = how;
    else how();
  }

  #release(): void {
    this.#isDown = false;
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.();
  }
}
