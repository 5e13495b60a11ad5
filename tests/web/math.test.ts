import assert from "node:assert/strict";
import { test } from "node:test";
import { MarkdownBlocks } from "../../static/ts/models/markdown_blocks";
import { cutMath, mathPieces, withoutMath } from "../../static/ts/models/math_spans";

const found = (text: string): string[] => cutMath(text).formulas.map(({ tex, isDisplay }) => (isDisplay ? `[${tex}]` : tex));

test("all four forms are found, and each comes back where it stood", () => {
  const text = "If $x^2$ and \\(y_1\\), then\n$$\na + b\n$$\nor \\[c_d\\].";
  assert.deepEqual(found(text), ["x^2", "y_1", "[a + b]", "[c_d]"]);
  const cut = cutMath(text);
  assert.equal(withoutMath(cut.text, cut.formulas), text);
  assert.equal(mathPieces(cut.text, cut.formulas).length, 9);
});

test("money stays text", () => {
  for (const text of [
    "$5 and $10", "from $5-$10", "$5, $6 and $7", "between $1.50/month and $2.00/month", "US$5 or C$6", "It costs $20 (US$).",
    "I paid $5 (not 6$) for it", "$100k–$200k", "We have $3 million left and owe 5$.", "a $ b $ c", "$$", "only one $ here", "\\$5 and 6$",
  ]) assert.deepEqual(found(text), [], text);
});

test("variables of the shell and code are no formulas", () => {
  for (const text of ["$HOME/$USER", "`$x$`", "``a `$x$` b``", "Run `echo $A` and `echo $B`.", "- ```\n  $x$\n  ```"]) assert.deepEqual(found(text), [], text);
});

test("formulas beside words, digits and marks are found", () => {
  assert.deepEqual(found("the $n$th, $x$-axis, ($a$), $1{,}000$, $E=mc^2$."), ["n", "x", "a", "1{,}000", "E=mc^2"]);
  assert.deepEqual(found("$f(x) = \\text{if it is so}$ and $[0, 1)$"), ["f(x) = \\text{if it is so}", "[0, 1)"]);
  assert.deepEqual(found("$\\$5$"), ["\\$5"]);
});

test("a formula that is not closed yet is text, and one never reaches over a blank line", () => {
  for (const text of ["so $x^2", "so \\(x", "$$\nx", "\\[x\n\ny\\]", "$x\n\ny$"]) assert.deepEqual(found(text), [], text);
});

test("an escaped backslash opens nothing", () => {
  assert.deepEqual(found("\\\\(x\\\\)"), []);
});

test("a text with our marks in it loses nothing", () => {
  const text = "\ue0000\ue001 $x$";
  assert.deepEqual(cutMath(text), { text, formulas: [] });
});

test("a quotation's marks are no part of its formula", () => {
  assert.deepEqual(found("> $$\n> a\n> $$"), ["[a]"]);
});

test("lines of a formula that look like a list do not cut it", () => {
  const blocks = new MarkdownBlocks();
  const text = "So:\n\n$$\na\n+ b\n- c\n$$\n\n- item\n";
  const kinds = [...blocks.extend(text), ...blocks.end()].map(({ text: each }) => each.trim());
  assert.deepEqual(kinds, ["So:", "$$\na\n+ b\n- c\n$$", "- item"]);
});

test("what opens and never closes is over at the next blank line", () => {
  const blocks = new MarkdownBlocks();
  assert.equal([...blocks.extend("\\[\na\n\nb\n\nc\n"), ...blocks.end()].length, 3);
});

test("a long text of dollars costs no time", () => {
  const begun = performance.now();
  cutMath("$a ".repeat(30_000));
  cutMath("`$".repeat(10_000));
  assert.ok(performance.now() - begun < 1500);
});
