// How long to wait before the next attempt: doubling, capped, and spread out so that not everybody comes back at once.

const FIRST_MS = 200;
const MOST_MS = 5_000;

/** Milliseconds before attempt `attempt` (0 is the first retry). `random` is in [0, 1). */
export function backoff(attempt: number, random: number): number {
  const ceiling = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt, 20));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
