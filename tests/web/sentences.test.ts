import assert from "node:assert/strict";
import { test } from "node:test";
import { Sentences } from "../../static/ts/models/sentences";

function said(text: string, size = 3): string[] {
  const sentences = new Sentences("Code.");
  const found: string[] = [];
  for (let end = size; end < text.length; end += size) found.push(...sentences.next(text.slice(0, end)));
  return [...found, ...sentences.next(text, true)];
}

test("each sentence is said once, when it is whole", () => {
  assert.deepEqual(said("It is warm. It costs 3.5 euros! Why? Because"), ["It is warm.", "It costs 3.5 euros!", "Why?", "Because"]);
});

test("nothing is said of a sentence that is not whole", () => {
  assert.deepEqual(new Sentences("").next("It is war"), []);
});

test("marks of Markdown are not read aloud", () => {
  assert.deepEqual(said("## Wood\n\n- **Oak** burns [long](https://a.example/)\n| a | b |\n|---|---|\n"), ["Wood", "Oak burns long", "a b"]);
});

test("code is named and not read", () => {
  assert.deepEqual(said("Like this:\n```py\nx = 1. \ny\n```\nDone."), ["Like this:", "Code.", "Done."]);
});
