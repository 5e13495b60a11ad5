import assert from "node:assert/strict";
import { test } from "node:test";
import type { DocumentState } from "../../static/ts/lib/protocol";
import { de } from "../../static/ts/lib/strings_de";
import { en } from "../../static/ts/lib/strings_en";
import { backoff } from "../../static/ts/models/backoff";
import { citationPieces, withMarks } from "../../static/ts/models/citation_marks";
import { documentWords } from "../../static/ts/models/document_words";
import { type Extent, ScrollKeeper } from "../../static/ts/models/scroll_keeper";
import { periodOf } from "../../static/ts/models/thread_groups";
import { isPassing, nextPiece, PIECE_BYTES } from "../../static/ts/models/upload_plan";
import { waitWords } from "../../static/ts/models/wait_words";

const at = (top: number, total: number): Extent => ({ top, visible: 500, total });

test("the view follows the end while the answer grows", () => {
  const keeper = new ScrollKeeper();
  keeper.scrolled(at(500, 1000));
  assert.equal(keeper.resized(at(500, 1200)), 700);
});

test("a reader who scrolls up is left alone", () => {
  const keeper = new ScrollKeeper();
  keeper.scrolled(at(500, 1000));
  keeper.scrolled(at(300, 1000));
  assert.equal(keeper.resized(at(300, 1400)), null);
});

test("back at the end, the view follows again", () => {
  const keeper = new ScrollKeeper();
  keeper.scrolled(at(500, 1000));
  keeper.scrolled(at(300, 1000));
  keeper.scrolled(at(480, 1000));
  assert.equal(keeper.resized(at(480, 1100)), 600);
});

test("content that shrinks does not count as scrolling up", () => {
  const keeper = new ScrollKeeper();
  keeper.scrolled(at(500, 1000));
  keeper.scrolled(at(420, 990));
  assert.equal(keeper.isFollowing, true);
});

test("content that grew by itself does not let go of the end", () => {
  const keeper = new ScrollKeeper();
  keeper.scrolled(at(500, 1000));
  keeper.scrolled(at(500, 2000));
  assert.equal(keeper.isFollowing, true);
});

test("a reader who opened a source is not carried to the end", () => {
  const keeper = new ScrollKeeper();
  keeper.scrolled(at(500, 1000));
  keeper.letGo();
  assert.equal(keeper.resized(at(500, 1400)), null);
});

test("marks become numbers only for sources that exist", () => {
  const known = new Set([1, 2, 3]);
  assert.deepEqual(citationPieces("a [1] b [2, 3].", known), ["a ", 1, " b ", 2, 3, "."]);
  assert.deepEqual(citationPieces("[1][2]", known), [1, 2]);
  assert.deepEqual(citationPieces("see [4], arr[0] and [x]", known), ["see [4], arr[0] and [x]"]);
  assert.deepEqual(citationPieces("", known), []);
});

test("waiting doubles, is capped and spread", () => {
  assert.ok(backoff(0, 0) >= 100 && backoff(0, 0.99) <= 200);
  assert.ok(backoff(30, 0.99) <= 5_000);
  assert.notEqual(backoff(5, 0.1), backoff(5, 0.9));
});

test("threads stand under the reader's own days", () => {
  const now = new Date(2026, 10, 24, 0, 30);
  assert.equal(periodOf(new Date(2026, 10, 24, 0, 10), now), "today");
  assert.equal(periodOf(new Date(2026, 10, 23, 23, 50), now), "yesterday");
  assert.equal(periodOf(new Date(2026, 10, 18, 12, 0), now), "previous7");
  assert.equal(periodOf(new Date(2026, 9, 30, 12, 0), now), "previous30");
  assert.deepEqual(periodOf(new Date(2026, 7, 3), now), { month: new Date(2026, 7, 1) });
  assert.equal(periodOf(new Date(2026, 10, 25), now), "today");
});

test("a file travels in pieces of at most 1 MiB without a gap", () => {
  const size = 3 * PIECE_BYTES + 5;
  let offset = 0;
  for (let piece = nextPiece(offset, size); piece; piece = nextPiece(offset, size)) {
    assert.equal(piece.start, offset);
    assert.ok(piece.end - piece.start <= PIECE_BYTES);
    offset = piece.end;
  }
  assert.equal(offset, size);
});

test("only what may pass is tried again", () => {
  assert.deepEqual([0, 409, 429, 500, 503].map(isPassing), [true, true, true, true, true]);
  assert.deepEqual([400, 401, 403, 404, 413].map(isPassing), [false, false, false, false, false]);
});

test("waiting says its stage, its place and how far it is", () => {
  assert.deepEqual(waitWords({ stage: "queued", position: 2, wait_seconds: 7.6 }), { line: "Place 2 in line · about 8 s", percent: null });
  assert.deepEqual(waitWords({ stage: "loading", percent: 40 }), { line: "Loading the model, 40 %", percent: 40 });
  assert.equal(waitWords({ stage: "reading", num_prompt_tokens: 900, num_done: 450 }).line, "Reading the prompt, 50 % · 900 tokens");
  assert.equal(waitWords(null).line, "Waiting");
});

const DOCUMENT: DocumentState = {
  id: "d", title: "T", status: "extracting", num_pages: 10, num_pages_done: 5, num_scans: 0,
  num_scans_done: 0, num_scans_poor: 0, num_hidden_chars: 0, num_left_out: 0, num_chunks: 4, num_chunks_embedded: 1,
  is_searchable: false, is_ready: false, error: null, created_at: "", collection: null, is_thread_file: false, version: 1, is_replacing: false, size_bytes: 1,
};

test("each stage of a document has its words and its share", () => {
  assert.deepEqual(documentWords(DOCUMENT), { line: "Reading page 5 of 10", percent: 50, tone: "busy" });
  const scanned = { ...DOCUMENT, num_pages_done: 10, num_scans: 4, num_scans_done: 3, num_scans_poor: 1 };
  assert.deepEqual(documentWords(scanned), { line: "Reading scans, 3 of 4", percent: 75, tone: "busy" });
  assert.equal(documentWords({ ...scanned, status: "ready" }).line, "Ready, 10 pages · 4 pages read from scans · 1 hard to read");
  assert.equal(documentWords({ ...DOCUMENT, status: "embedding" }).percent, 25);
  assert.equal(documentWords({ ...DOCUMENT, status: "ready" }).tone, "good");
  assert.equal(documentWords({ ...DOCUMENT, status: "failed", error: "Locked." }).line, "Locked.");
});

test("German says everything that English says, in other words", () => {
  const same = ["text", "name", "topP", "promptText", "stateLoaded", "kindEmbedding", "kindRerank"];
  for (const key of Object.keys(en) as (keyof typeof en)[]) {
    assert.equal(typeof de[key], typeof en[key], key);
    if (typeof en[key] === "string" && !same.includes(key)) assert.notEqual(de[key], en[key], key);
  }
});

test("marks that the model left out stand where the server counted them, also behind characters of two units", () => {
  assert.equal(withMarks("Ein 🔥. Aus.", [[11, 2], [6, 1]]), "Ein 🔥. [1] Aus. [2]");
  assert.equal(withMarks("a.", []), "a.");
});
