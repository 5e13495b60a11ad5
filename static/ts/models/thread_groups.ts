// Under which heading a thread stands in the sidebar, by the reader's own days.

export type Period = "today" | "yesterday" | "previous7" | "previous30" | { month: Date };

const DAY_MS = 24 * 3600 * 1000;

export function periodOf(updated: Date, now: Date): Period {
  const days = Math.round((midnight(now).getTime() - midnight(updated).getTime()) / DAY_MS);
  if (days <= 0) return "today";
  if (days === 1) return "yesterday";
  if (days < 7) return "previous7";
  if (days < 30) return "previous30";
  return { month: new Date(updated.getFullYear(), updated.getMonth(), 1) };
}

function midnight(time: Date): Date {
  return new Date(time.getFullYear(), time.getMonth(), time.getDate());
}
