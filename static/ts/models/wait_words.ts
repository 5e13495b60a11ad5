// What the page says while one waits for an answer: one line and, where known, how far it is.

import { number } from "../lib/numbers";
import type { Progress } from "../lib/protocol";
import { strings } from "../lib/strings";

export interface WaitWords { line: string; percent: number | null }

export function waitWords(progress: Progress | null): WaitWords {
  switch (progress?.stage) {
    case "queued": {
      const place = strings.queued(progress.position ?? 1);
      const seconds = Math.ceil(progress.wait_seconds ?? 0);
      return { line: seconds > 0 ? `${place} · ${strings.aboutSeconds(seconds)}` : place, percent: null };
    }
    case "unattended":
      return { line: strings.unattended, percent: null };
    case "loading":
      return withPercent(strings.loadingModel, progress.percent ?? null);
    case "searching":
      return { line: progress.waiting_for ? strings.waitingFor(progress.waiting_for) : strings.searching, percent: null };
    case "reading":
      return reading(progress);
    case "writing":
      return { line: strings.writing, percent: null };
    default:
      return { line: strings.waiting, percent: null };
  }
}

function reading(progress: Progress): WaitWords {
  const total = progress.num_prompt_tokens ?? 0;
  const percent = total > 0 ? Math.min(100, Math.floor((100 * (progress.num_done ?? 0)) / total)) : null;
  const words = withPercent(strings.reading, percent);
  return total ? { ...words, line: `${words.line} · ${strings.tokens(number(total))}` } : words;
}

function withPercent(line: string, percent: number | null): WaitWords {
  return percent === null ? { line, percent } : { line: `${line}, ${Math.round(percent)} %`, percent };
}
