import assert from "node:assert/strict";
import { test } from "node:test";
import { noteOf, noteOrder, notePieces } from "../../static/ts/models/footnotes";
import { MarkdownBlocks } from "../../static/ts/models/markdown_blocks";

const kindsOf = (text: string): string[] => {
  const blocks = new MarkdownBlocks();
  return [...blocks.extend(text), ...blocks.end()].map(({ kind, text: words }) => `${kind}: ${words.trim()}`);
};

test("a definition is a block of its own, with the lines that belong to it", () => {
  assert.deepEqual(kindsOf("Words[^1].\n[^1]: One\nmore\n\n    and more\n[^b]: Two\n\nAfter"), [
    "text: Words[^1].",
    "note: [^1]: One\nmore\n\n    and more",
    "note: [^b]: Two",
    "text: After",
  ]);
  assert.deepEqual(kindsOf("```\n[^1]: code\n```\n"), ["code: ```\n[^1]: code\n```"]);
});

test("a note is its label and its words, without marks and indents", () => {
  assert.deepEqual(noteOf("[^a-b]: One\n\n    two\n"), { label: "a-b", text: "One\n\ntwo\n" });
});

test("marks are cut out of text, and are no marks of sources", () => {
  assert.deepEqual(notePieces("a[^1] [1] b[^x y] [^2]: c"), ["a", { label: "1" }, " [1] b[^x y] [^2]: c"]);
});

test("notes are numbered as the text names them, then those that it does not name", () => {
  assert.deepEqual(noteOrder(["b", "gone", "a", "b"], new Set(["a", "c", "b"])), ["b", "a", "c"]);
});
