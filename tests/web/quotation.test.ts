import assert from "node:assert/strict";
import { test } from "node:test";
import { quotation, withQuotation } from "../../static/ts/models/quotation";

test("each line is quoted, and room is left for the question", () => {
  assert.equal(quotation("One\n\n\n\ntwo \r\nthree"), "> One\n>\n> two\n> three\n\n");
});

test("what is written already stays in front", () => {
  assert.equal(withQuotation("Why? ", "> One\n\n"), "Why?\n\n> One\n\n");
  assert.equal(withQuotation("  ", "> One\n\n"), "> One\n\n");
});

test("a very long selection is shortened, and says so", () => {
  assert.match(quotation("word ".repeat(2000)), /word …\n\n$/);
});
