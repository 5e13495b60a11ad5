// Marks, what the server says of them, and finding words on a page.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Source } from "../../static/ts/lib/protocol";
import { citationPieces, withoutBegunMark } from "../../static/ts/models/citation_marks";
import { usesOf } from "../../static/ts/models/citation_uses";
import { matchesIn } from "../../static/ts/models/page_words";

const known = new Set([1, 2, 3]);

test("marks are read as models write them", () => {
  assert.deepEqual(citationPieces("a 【1】 b 【2†source】", known), ["a ", 1, " b ", 2]);
  assert.deepEqual(citationPieces("a [Source 2] [Quellen 1 und 3]", known), ["a ", 2, " ", 1, 3]);
  assert.deepEqual(citationPieces("a [1; 9] [9]", known), ["a ", 1, " [9]"]);
  assert.deepEqual(citationPieces("[1234] [1a] [] [-1]", known), ["[1234] [1a] [] [-1]"]);
});

test("a mark that is only half there is held back", () => {
  for (const begun of ["[", "[1", "[1, ", "[1, 2", "【", "【2†sou", "[Sour", "[Quelle 1"]) assert.equal(withoutBegunMark(`So it is ${begun}`), "So it is ", begun);
  for (const whole of ["So it is [1]", "an [array", "[x", "", "x".repeat(200)]) assert.equal(withoutBegunMark(whole), whole);
});

test("what is shown only ever grows", () => {
  const text = "See [1, 2] and [note] or 【3】, [Source 1] too.";
  let before = "";
  for (let end = 0; end <= text.length; end++) {
    const shown = withoutBegunMark(text.slice(0, end));
    assert.ok(shown.startsWith(before), `${before} | ${shown}`);
    before = shown;
  }
  assert.equal(before, text);
});

const source = (n: number, ...missing: string[][]): Source => ({
  n, document: "d", title: "t", page: 0, label: "1",
  uses: missing.map((words, index) => ({ places: [index], strength: "strong", missing: words })),
});

test("each shown mark gets what the server says of it, in order", () => {
  const found = usesOf([1, 2, 1], [source(1, ["a"], ["b"]), source(2, [])]);
  assert.deepEqual(found.map(({ use }) => use?.missing), [["a"], [], ["b"]]);
  assert.deepEqual(found.map(({ index }) => index), [0, 0, 1]);
});

test("where the counts differ nothing is claimed", () => {
  assert.deepEqual(usesOf([1, 1], [source(1, ["a"])]).map(({ use }) => use), [null, null]);
  assert.deepEqual(usesOf([3], [source(1, ["a"])]).map(({ use }) => use), [null]);
});

const piece = (str: string, hasEOL = false): { str: string; hasEOL: boolean } => ({ str, hasEOL });

test("words are found over pieces, line ends and capitals", () => {
  const pieces = [piece("The first"), piece(" class", true), piece("Carriage of the FIRST CLASS")];
  assert.deepEqual(matchesIn(pieces, "first  class"), [{ from: [0, 4], to: [1, 6] }, { from: [2, 16], to: [2, 27] }]);
  assert.deepEqual(matchesIn(pieces, "class carriage"), [{ from: [1, 1], to: [2, 8] }]);
  assert.deepEqual(matchesIn(pieces, "  "), []);
  assert.deepEqual(matchesIn([piece("İstanbul ist")], "ist"), [{ from: [0, 9], to: [0, 12] }]);
});
