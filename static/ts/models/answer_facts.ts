// What stands in small print under an ended answer: how it ended, who wrote it, and what the model was not given.

import { number, speed } from "../lib/numbers";
import { pageState } from "../lib/page_state";
import type { Finish, FoundSources } from "../lib/protocol";
import { strings } from "../lib/strings";

/** The same for an answer that has just ended and for one that was kept. */
export function answerFacts(finish: Finish, found: FoundSources | null, hasAddedMarks: boolean): string[] {
  const model = pageState.models?.find(({ name }) => name === finish.model);
  const facts: (string | 0 | false | null | undefined)[] = [
    finish.reason === "stopped" && strings.answerStopped,
    finish.reason === "length" && strings.answerCut,
    model?.title ?? finish.model,
    finish.version,
    finish.tokens_per_second && strings.tokensPerSecond(speed(finish.tokens_per_second)),
    contextUsed(finish),
  ];
  return [...facts, ...omissions(found, hasAddedMarks)].filter((fact): fact is string => Boolean(fact));
}

/** Prompt and answer together, by the engine's count; the answer alone where the context's length was not kept. */
function contextUsed({ num_prompt_tokens: prompt, num_completion_tokens: written, context_length: length }: Finish): string | null {
  if (!written) return null;
  return prompt && length ? strings.contextUsed(number(prompt + written), number(length)) : strings.tokens(number(written));
}

function omissions(found: FoundSources | null, hasAddedMarks: boolean): (string | false)[] {
  if (!found) return [];
  const passages = found.num_left_out ?? 0;
  const withoutRoom = found.num_without_room ?? 0;
  const isWhole = !passages && !found.num_same && !found.num_history_left_out && !found.left_out?.length;
  return [
    hasAddedMarks && strings.marksAdded,
    Boolean(found.searched_for) && strings.searchedFor(shortened(found.searched_for ?? "")),
    found.mode === "whole" && strings.readWhole,
    found.mode === "spread" && strings.readSpread,
    found.by_meaning === false && strings.searchedWordsOnly,
    found.reranked === "done" && strings.reranked,
    found.reranked === "late" && strings.rerankedLate,
    found.reranked === "unfit" && strings.rerankedUnfit,
    found.weak === true && found.sources.length > 0 && strings.weakSources,
    withoutRoom > 0 && strings.withoutRoom(withoutRoom),
    Boolean(found.num_same) && strings.sayTheSame(found.num_same ?? 0),
    passages > withoutRoom && strings.passagesLeftOut(passages - withoutRoom),
    Boolean(found.num_history_left_out) && strings.historyLeftOut(found.num_history_left_out ?? 0),
    ...(found.left_out ?? []).map(({ title, num_read, num_pages }) => num_pages ? strings.readInPart(title, num_read ?? 0, num_pages) : strings.notReadYet(title)),
    isWhole && found.sources.length > 0 && strings.nothingLeftOut,
  ];
}

const LONGEST_QUERY = 120;

function shortened(text: string): string {
  return text.length > LONGEST_QUERY ? `${text.slice(0, LONGEST_QUERY).trimEnd()} …` : text;
}
