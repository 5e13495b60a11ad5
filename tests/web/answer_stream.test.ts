import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { TurnEvent } from "../../static/ts/lib/protocol";
import { AnswerStream, countChars } from "../../static/ts/models/answer_stream";
import { sha256 } from "../../static/ts/models/sha256";

const turn = "t";
const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
const said = (seq: number, text: string, start?: number): TurnEvent =>
  start === undefined ? { type: "answer.extended", turn, seq, text } : { type: "answer.extended", turn, seq, text, start };
const finished = (seq: number, text: string): TurnEvent => ({
  type: "answer.finished", turn, seq, reason: "stop", num_chars: [...text].length, sha256: hash(text),
});

function fed(...events: TurnEvent[]): AnswerStream {
  const stream = new AnswerStream(turn);
  for (const event of events) stream.apply(event);
  return stream;
}

test("events in order become the text and its end", () => {
  const stream = fed(said(1, "Hello"), said(2, " 🌍"), finished(3, "Hello 🌍"));
  assert.equal(stream.text, "Hello 🌍");
  assert.equal(stream.status, "finished");
});

test("a repeated event changes nothing", () => {
  const stream = fed(said(1, "a"), said(2, "b"));
  assert.equal(stream.apply(said(2, "b")), "ignored");
  assert.equal(stream.apply(said(1, "a")), "ignored");
  assert.equal(stream.text, "ab");
});

test("a gap asks for the missing part and takes nothing from behind it", () => {
  const stream = fed(said(1, "a"));
  assert.equal(stream.apply(said(3, "c")), "refollow");
  assert.equal(stream.text, "a");
  assert.equal(stream.seq, 1);
});

test("after a gap the replay fills in without losing or doubling a character", () => {
  const stream = fed(said(1, "a"), said(4, "d"));
  for (const event of [said(2, "b"), said(3, "c"), said(4, "d")]) stream.apply(event);
  assert.equal(stream.text, "abcd");
});

test("a next worker that begins at an older checkpoint overwrites what it repeats", () => {
  const stream = fed(said(1, "One 🌍 two"), said(2, "🌍 three", 4));
  assert.equal(stream.text, "One 🌍 three");
});

test("text that starts beyond what is known restarts from the beginning", () => {
  const stream = fed(said(1, "abc"));
  assert.equal(stream.apply(said(2, "xyz", 10)), "refollow");
  assert.equal(stream.seq, 0);
  assert.equal(stream.text, "");
});

test("an end whose digest does not fit the text asks for everything again", () => {
  const stream = fed(said(1, "abX"));
  assert.equal(stream.apply(finished(2, "abc")), "refollow");
  assert.equal(stream.seq, 0);
  stream.apply(said(1, "abc"));
  assert.equal(stream.apply(finished(2, "abc")), "changed");
  assert.equal(stream.text, "abc");
});

test("a server that is wrong about its own digest does not keep the page asking for ever", () => {
  const stream = new AnswerStream(turn);
  const outcomes: string[] = [];
  for (let i = 0; i < 5; i += 1) {
    stream.apply(said(1, "abX"));
    outcomes.push(stream.apply(finished(2, "abc")));
  }
  assert.deepEqual(outcomes.slice(0, 4), ["refollow", "refollow", "changed", "ignored"]);
  assert.equal(stream.status, "finished");
});

test("a snapshot replaces the text and live events go on from it", () => {
  const stream = fed(said(1, "a"));
  stream.apply({ type: "turn.snapshot", turn, seq: 7, text: "abcdefg", sources: null, status: "running" });
  assert.equal(stream.apply(said(8, "h", 7)), "changed");
  assert.equal(stream.text, "abcdefgh");
});

test("a snapshot older than what is known is ignored", () => {
  const stream = fed(said(1, "a"), said(2, "b"));
  assert.equal(stream.apply({ type: "turn.snapshot", turn, seq: 1, text: "a", status: "running" }), "ignored");
  assert.equal(stream.text, "ab");
});

test("a snapshot of a finished turn ends it", () => {
  const stream = new AnswerStream(turn);
  const text = "All of it.";
  stream.apply({ type: "turn.snapshot", turn, seq: 5, text, status: "finished", finish: { reason: "stop", num_chars: text.length, sha256: hash(text) } });
  assert.equal(stream.status, "finished");
  assert.equal(stream.text, text);
});

test("a failure keeps the text and says why", () => {
  const stream = fed(said(1, "Half"), { type: "answer.failed", turn, seq: 2, code: "backend_lost", sentence: "The model was lost." });
  assert.equal(stream.status, "failed");
  assert.equal(stream.text, "Half");
  assert.equal(stream.problem?.sentence, "The model was lost.");
});

test("progress is shown until text comes, and again when the answer pauses", () => {
  const queued = (seq: number): TurnEvent => ({ type: "turn.progress", turn, seq, stage: "queued", position: 2 });
  assert.equal(fed(queued(1)).progress?.stage, "queued");
  assert.equal(fed(queued(1), said(2, "a")).progress, null);
  assert.equal(fed(queued(1), said(2, "a"), queued(3)).progress?.stage, "queued");
});

test("any cut and any repeat of a log gives the same text", () => {
  const words = Array.from({ length: 60 }, (_, i) => (i % 7 ? `w${i} ` : `🌍${i}é `));
  const text = words.join("");
  let chars = 0;
  const log: TurnEvent[] = words.map((word, i) => {
    const event = said(i + 1, word, chars);
    chars += [...word].length;
    return event;
  });
  log.push(finished(log.length + 1, text));
  for (let cut = 0; cut < log.length; cut += 3) {
    const stream = new AnswerStream(turn);
    for (const event of log.slice(0, cut)) stream.apply(event);
    for (const event of log.slice(Math.max(0, cut - 4))) stream.apply(event);
    assert.equal(stream.text, text);
    assert.equal(stream.status, "finished");
  }
});

test("characters are counted as the server counts them", () => {
  for (const text of ["", "abc", "é", "🌍", "a🌍b", "👩‍👩‍👧", "\ud83c"]) assert.equal(countChars(text), [...text].length);
});

test("the digest is SHA-256 over UTF-8", () => {
  for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000]) {
    const text = "aé🌍".repeat(length).slice(0, length);
    if (/[\ud800-\udbff]$/.test(text)) continue;
    assert.equal(sha256(text), hash(text));
  }
});
