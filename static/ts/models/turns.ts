// So many at a time; the others wait for their turn, first come first served.

export class Turns {
  #running = 0;
  #waiting: (() => void)[] = [];

  constructor(readonly limit: number) {}

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // The place goes on to the next one without becoming free in between.
      if (next) next();
      else this.#running -= 1;
    }
  }
}
