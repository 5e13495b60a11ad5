import assert from "node:assert/strict";
import { test } from "node:test";
import { endsLike, plainTail } from "../../static/ts/models/plain_tail";

test("plain words after a settled line are appended without parsing", () => {
  assert.equal(plainTail("A hearth is the floor", "A hearth is the floor of a fireplace,"), " of a fireplace,");
});

test("a line whose words have begun needs no length", () => {
  for (const before of ["A", "- st", "2. Fi", "Some words here\nbu"]) assert.equal(plainTail(before, `${before}ne, b`), "ne, b", before);
});

test("whatever Markdown knows is parsed", () => {
  for (const added of ["**", "`", " [1]", "\n", " a_b", "&amp;", " | ", "#", "<b>", "~~", "\\", ")", ";"]) {
    assert.equal(plainTail("A hearth is the floor", `A hearth is the floor${added}`), null, added);
  }
});

test("a line that may still become something else is parsed", () => {
  for (const before of ["1", "1.", "-", "#", "Some words here\n-", "***", "A hearth is *the*"]) {
    assert.equal(plainTail(before, `${before} x`), null, before);
  }
});

test("a text that does not go on is parsed", () => {
  assert.equal(plainTail("A hearth is the floor", "A house is the floor of it"), null);
});

test("a text node is the tail only when the raw text ends in it", () => {
  assert.ok(endsLike("of a fireplace,", "**The floor** of a fireplace, "));
  assert.ok(endsLike("stone", "- stone"));
  assert.ok(endsLike("it was a", "## What it was a "));
  assert.ok(!endsLike("fire", "a fire `"));
  assert.ok(!endsLike("the home", "[the home](https://example.com/)"));
});
