// Which mark is which: the server describes the marks of an answer by their number and order, the page shows buttons.

import type { Source, Use } from "../lib/protocol";

export interface MarkedUse { n: number; index: number; use: Use | null }

/** For each shown mark, in order, what the server knows of it. Where the counts differ, nothing is claimed of a number. */
export function usesOf(shown: readonly number[], sources: readonly Source[]): MarkedUse[] {
  const known = new Map(sources.map(({ n, uses }) => [n, uses ?? []]));
  const counts = new Map<number, number>();
  for (const n of shown) counts.set(n, (counts.get(n) ?? 0) + 1);
  const next = new Map<number, number>();
  return shown.map((n) => {
    const index = next.get(n) ?? 0;
    next.set(n, index + 1);
    const uses = known.get(n) ?? [];
    return { n, index, use: uses.length === counts.get(n) ? (uses[index] ?? null) : null };
  });
}
