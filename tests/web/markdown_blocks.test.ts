import assert from "node:assert/strict";
import { test } from "node:test";
import type { Nodes } from "mdast";
import { parse } from "../../static/ts/markdown/parse";
import { type Block, codeOf, MarkdownBlocks } from "../../static/ts/models/markdown_blocks";

function blocksOf(text: string, step = text.length || 1): Block[] {
  const blocks = new MarkdownBlocks();
  const closed: Block[] = [];
  for (let end = step; end < text.length + step; end += step) closed.push(...blocks.extend(text.slice(0, end)));
  return [...closed, ...blocks.end()];
}

const kinds = (text: string): string[] => blocksOf(text).map(({ kind }) => kind);

/** The tree without positions: what is drawn. Looseness of lists is not, beyond its items' paragraphs. */
function shape(node: Nodes): unknown {
  const { position: _, ...rest } = node as Nodes & { position?: unknown };
  return "children" in rest ? { ...rest, children: rest.children.map((child) => shape(child as Nodes)) } : rest;
}

const drawn = (text: string): unknown[] => parse(text)!.children.map((child) => shape(child));

const CORPUS = [
  "One paragraph.",
  "One.\n\nTwo\nlines.\n\n\nThree.",
  "# Title\nText below.\n\n## Second\n\nMore.",
  "- a\n- b\n\n- c\n\nAfter.",
  "1. a\n   - inner\n\n   second paragraph\n2. b\n\nAfter.",
  "Before:\n- a\n- b\n\nAfter.",
  "Before:\n1. a\n2. b\n\n3. c",
  "```python\nprint(1)\n\n# not a heading\n```\n\nAfter.",
  "Text\n```\ncode\n```\nmore text",
  "~~~~\n~~~\n```\n~~~~\nAfter",
  "- item\n\n  ```js\n  a();\n\n  b();\n  ```\n- next",
  "| a | b |\n|---|--:|\n| 1 | 2 |\n\nAfter.",
  "> quote\n> more\n\nAfter.",
  "a\n\n---\n\nb",
  "    indented\n\n    code\n\nAfter.",
  "<script>alert(1)</script>\n\n<b>bold</b>",
  "[1]: http://example.com\n\nSee [1].",
  "Line\n-",
  "Unclosed **bold and `code",
  "```\nnever closed",
];

test("the blocks drawn one by one are the whole", () => {
  for (const text of CORPUS) {
    const apart = blocksOf(text).flatMap((block) => drawn(block.text));
    assert.deepEqual(apart, drawn(text), text);
  }
});

test("how the text arrives does not change the blocks", () => {
  const text = CORPUS.join("\n\n");
  const whole = blocksOf(text);
  for (const step of [1, 2, 3, 7, 50]) assert.deepEqual(blocksOf(text, step), whole);
});

test("no character is lost between the blocks", () => {
  const text = CORPUS.join("\n\n");
  const kept = blocksOf(text).map((block) => block.text).join("").replace(/\s/g, "");
  assert.equal(kept, text.replace(/\s/g, ""));
});

test("a blank line inside a fence closes nothing", () => {
  assert.deepEqual(kinds("```\na\n\nb\n```\n"), ["code"]);
});

test("a fence closes its block at once, without a blank line", () => {
  const blocks = new MarkdownBlocks();
  assert.equal(blocks.extend("```js\na()\n```\n").length, 1);
  assert.equal(blocks.open, null);
});

test("a list stays one block over blank lines between its items", () => {
  assert.deepEqual(kinds("1. a\n\n2. b\n\n3. c\n\nText"), ["list", "text"]);
});

test("the open block is only what is not closed yet", () => {
  const blocks = new MarkdownBlocks();
  assert.equal(blocks.extend("First.\n\nSecond\ngoes on").length, 1);
  assert.equal(blocks.open?.text, "Second\ngoes on");
});

test("the first character of the next block closes the one before it", () => {
  for (const before of ["## Title\n\n", "Words.\n\n", "- a\n- b\n\n"]) {
    const blocks = new MarkdownBlocks();
    assert.equal(blocks.extend(`${before}A`).length, 1, before);
    assert.equal(blocks.open?.text, "A");
  }
  assert.equal(new MarkdownBlocks().extend("- a\n\n-").length, 0);
});

test("a fence that is still coming is code from its first line on", () => {
  const blocks = new MarkdownBlocks();
  blocks.extend("Text\n\n```py\nprint(");
  assert.deepEqual(blocks.open, { kind: "code", text: "```py\nprint(" });
});

test("code comes out of its fence with its language", () => {
  assert.deepEqual(codeOf("```python\nprint(1)\n```\n"), { language: "python", code: "print(1)" });
  assert.deepEqual(codeOf("~~~~\n~~~\n"), { language: "", code: "~~~" });
  assert.deepEqual(codeOf("```js title=x\na\n\nb"), { language: "js", code: "a\n\nb" });
  assert.deepEqual(codeOf("  ```\n    a\n  ```"), { language: "", code: "  a" });
  assert.deepEqual(codeOf("```"), { language: "", code: "" });
});

test("growing text is split in linear time", () => {
  const text = "word ".repeat(8).concat("\n\n").repeat(2500);
  const blocks = new MarkdownBlocks();
  const begun = performance.now();
  for (let end = 40; end < text.length; end += 40) blocks.extend(text.slice(0, end));
  assert.ok(performance.now() - begun < 1000);
});

test("bombs are refused before they are parsed", () => {
  for (const text of [">".repeat(5000), "- ".repeat(5000), "[".repeat(5000), "*a ".repeat(0) + "**".repeat(5000), "x".repeat(200_000)]) {
    const begun = performance.now();
    parse(text);
    assert.ok(performance.now() - begun < 200, text.slice(0, 10));
  }
});

test("HTML, definitions, bare addresses and setext headings are text", () => {
  assert.deepEqual(JSON.stringify(drawn("<b>x</b> <http://a.b> http://c.d")).includes('"link"'), false);
  assert.equal(JSON.stringify(drawn("<img src=x onerror=alert(1)>")).includes('"html"'), false);
  assert.equal(JSON.stringify(drawn("Title\n---")).includes("heading"), false);
});
