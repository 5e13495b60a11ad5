import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { matching, mentionAt } from "../../static/ts/models/mentions";
import { fieldsOf, fillIn } from "../../static/ts/models/prompt_fields";

interface Case { text: string; fields: [string, string, string[]][] }
const cases = JSON.parse(readFileSync(`${process.cwd()}/tests/prompt_fields.json`, "utf8")) as Case[];

test("fields are read as the server reads them", () => {
  for (const { text, fields } of cases) {
    assert.deepEqual(fieldsOf(text).map(({ name, kind, choices }) => [name, kind, choices]), fields, text);
  }
});

test("every place of a field is filled, and what is filled in is not read again", () => {
  const values = new Map([["name", "{{other}} $& Ada"], ["other", "no"]]);
  assert.equal(fillIn("Dear {{name}}, {{ name:line }}. {{odd:kind}}", values), "Dear {{other}} $& Ada, {{other}} $& Ada. {{odd:kind}}");
});

test("a sign is one where a word begins, up to the caret", () => {
  assert.deepEqual(mentionAt("/let", 4), { sign: "/", query: "let", start: 0, end: 4 });
  assert.equal(mentionAt("a /let", 6), null);
  assert.equal(mentionAt("/let\nmore", 9), null);
  assert.deepEqual(mentionAt("ask @qw now", 7), { sign: "@", query: "qw", start: 4, end: 7 });
  assert.deepEqual(mentionAt("in #travel po", 13), { sign: "#", query: "travel po", start: 3, end: 13 });
  assert.equal(mentionAt("mail ada@example.com", 20), null);
  assert.equal(mentionAt("# Title", 7), null);
});

test("those that begin with the word come first", () => {
  const all = [{ name: "A letter" }, { name: "Letter" }, { name: "Poem" }];
  assert.deepEqual(matching(all, "LET").map(({ name }) => name), ["Letter", "A letter"]);
  assert.equal(matching(all, "let poem").length, 0);
});
