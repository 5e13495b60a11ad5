// One Markdown block to a syntax tree. CommonMark with tables, strikethrough and task lists, less what an answer must
// not do: raw HTML is text, addresses link only where written as links, definitions and bare URLs do nothing.

import type { Root } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmStrikethroughFromMarkdown } from "mdast-util-gfm-strikethrough";
import { gfmTableFromMarkdown } from "mdast-util-gfm-table";
import { gfmTaskListItemFromMarkdown } from "mdast-util-gfm-task-list-item";
import { gfmStrikethrough } from "micromark-extension-gfm-strikethrough";
import { gfmTable } from "micromark-extension-gfm-table";
import { gfmTaskListItem } from "micromark-extension-gfm-task-list-item";

// Setext headings are off because a list that is just beginning ("-" below a line) would flash as a heading.
const LESS = { disable: { null: ["htmlFlow", "htmlText", "definition", "autolink", "setextUnderline"] } };
const OPTIONS = {
  extensions: [gfmTable(), gfmStrikethrough({ singleTilde: false }), gfmTaskListItem(), LESS],
  mdastExtensions: [gfmTableFromMarkdown(), gfmStrikethroughFromMarkdown(), gfmTaskListItemFromMarkdown()],
};

const MAX_CHARS = 100_000;
/** More openings of quotes, lists or brackets than any text has: their parsing is quadratic. */
const BOMB = /^(?:[ \t]*(?:>|[-+*]|\d{1,9}[.)])){24}|(?:[[\]!*_~`(]\s?){400}/m;

/** The tree of a block, or null when it is too long or too deep to be worth parsing: show it as plain text. */
export function parse(markdown: string): Root | null {
  if (markdown.length > MAX_CHARS || BOMB.test(markdown)) return null;
  return fromMarkdown(markdown, OPTIONS);
}
