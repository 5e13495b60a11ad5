import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { TurnEvent } from "../../static/ts/lib/protocol";
import { AnswerStream } from "../../static/ts/models/answer_stream";
import { thoughtTime } from "../../static/ts/models/thought_time";

const turn = "t";
const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
const proof = (text: string): { num_chars: number; sha256: string } => ({ num_chars: [...text].length, sha256: hash(text) });
const thought = (seq: number, text: string, start: number, seconds = 1): TurnEvent => ({ type: "answer.thought", turn, seq, text, start, seconds });
const said = (seq: number, text: string, start: number): TurnEvent => ({ type: "answer.extended", turn, seq, text, start });
const finished = (seq: number, text: string, reasoning: string): TurnEvent => ({
  type: "answer.finished", turn, seq, reason: "stop", ...proof(text), reasoning: { seconds: 12.3, ...proof(reasoning) },
});

function fed(...events: TurnEvent[]): AnswerStream {
  const stream = new AnswerStream(turn);
  for (const event of events) stream.apply(event);
  return stream;
}

test("reasoning grows apart from the answer, and both are proven by the last event", () => {
  const stream = fed(thought(1, "Hm 🌍", 0), thought(2, " so", 4, 2.5), said(3, "Yes", 0), finished(4, "Yes", "Hm 🌍 so"));
  assert.equal(stream.reasoning, "Hm 🌍 so");
  assert.equal(stream.text, "Yes");
  assert.equal(stream.status, "finished");
  assert.equal(stream.thoughtSeconds, 12.3);
});

test("it thinks until the first word, also while the engine is lost and comes back", () => {
  const stream = fed(thought(1, "Hm", 0));
  assert.equal(stream.isThinking, true);
  stream.apply({ type: "turn.progress", turn, seq: 2, stage: "reading" });
  assert.equal(stream.isThinking, true);
  stream.apply(said(3, "Yes", 0));
  assert.equal(stream.isThinking, false);
});

test("reasoning whose digest does not fit asks for everything again", () => {
  const stream = fed(thought(1, "Hm", 0), said(2, "Yes", 0));
  assert.equal(stream.apply(finished(3, "Yes", "Hm!")), "refollow");
  assert.equal(stream.reasoning, "");
});

test("a piece beyond what is known, and one that repeats, are put right", () => {
  assert.equal(fed(thought(1, "Hm", 0)).apply(thought(2, "x", 9)), "refollow");
  assert.equal(fed(thought(1, "One 🌍 two", 0), thought(2, "🌍 three", 4)).reasoning, "One 🌍 three");
});

test("a snapshot brings both texts, and says whether the model still thinks", () => {
  const stream = fed({ type: "turn.snapshot", turn, seq: 7, text: "", reasoning: "Hm", reasoning_seconds: 3, status: "running" });
  assert.deepEqual([stream.reasoning, stream.thoughtSeconds, stream.isThinking, stream.status], ["Hm", 3, true, "writing"]);
});

test("times are said in minutes and seconds", () => {
  assert.deepEqual([0.4, 12.9, 60, 65].map(thoughtTime), ["0 s", "12 s", "1 min", "1 min 5 s"]);
});
