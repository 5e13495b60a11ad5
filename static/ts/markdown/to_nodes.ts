// A Markdown syntax tree to DOM nodes. Nobody's text meets an HTML parser, no image and no address is ever fetched.

import type { List, ListItem, Nodes, Parents, Table } from "mdast";
import { el, icon } from "../lib/dom";
import { strings } from "../lib/strings";
import { type Block, codeOf } from "../models/markdown_blocks";
import { citationPieces } from "../models/citation_marks";
import { noteOf, notePieces } from "../models/footnotes";
import { type Formula, cutMath, mathPieces, withoutMath } from "../models/math_spans";
import { codeBlock } from "./code_block";
import { mathNode } from "./math";
import { noteMark } from "./notes";
import { parse } from "./parse";

export interface Context {
  /** Numbers of the sources that exist: [n] becomes a button only for these. */
  sources: ReadonlySet<number>;
  /** What the button of source n says to those who cannot see it. */
  sourceLabel: (n: number) => string;
}

/** With the formulas that were taken out of the block. */
interface Drawing extends Context { formulas: readonly Formula[] }

const MAX_DEPTH = 40;

export function blockToNodes(block: Block, context: Context): Node[] {
  if (block.kind === "code") {
    const { language, code } = codeOf(block.text);
    return [codeBlock(code, language)];
  }
  if (block.kind === "note") return blockToNodes({ kind: "text", text: noteOf(block.text).text }, context);
  const { text, formulas } = block.kind === "indented" ? { text: block.text, formulas: [] } : cutMath(block.text);
  const tree = parse(text);
  return tree ? children(tree, { ...context, formulas }, 0) : [el("p", {}, block.text)];
}

function children(parent: Parents, context: Drawing, depth: number): Node[] {
  if (depth > MAX_DEPTH) return [];
  return parent.children.flatMap((child) => toNodes(child, context, depth + 1));
}

function toNodes(node: Nodes, context: Drawing, depth: number): Node[] {
  const inside = (): Node[] => ("children" in node ? children(node, context, depth) : []);
  switch (node.type) {
    case "paragraph": return [el("p", {}, ...inside())];
    case "heading": return [el(`h${node.depth}`, {}, ...inside())];
    case "text": return textNodes(node.value, context);
    case "strong": return [el("strong", {}, ...inside())];
    case "emphasis": return [el("em", {}, ...inside())];
    case "delete": return [el("del", {}, ...inside())];
    case "inlineCode": return [el("code", {}, withoutMath(node.value, context.formulas))];
    case "break": return [el("br")];
    case "thematicBreak": return [el("hr")];
    case "blockquote": return [el("blockquote", {}, ...inside())];
    case "code": return [codeBlock(withoutMath(node.value, context.formulas), node.lang ?? "")];
    case "list": return [list(node, context, depth)];
    case "listItem": return [listItem(node, inside())];
    case "table": return [table(node, context, depth)];
    case "link": return [link(withoutMath(node.url, context.formulas), inside())];
    case "image": return [el("span", { class: "image" }, strings.image(withoutMath(node.alt || node.url, context.formulas)))];
    case "html": return [document.createTextNode(withoutMath(node.value, context.formulas))];
    default: return inside();
  }
}

function textNodes(text: string, context: Drawing): Node[] {
  return mathPieces(text, context.formulas).flatMap((piece) => (typeof piece === "string" ? wordNodes(piece, context) : [mathNode(piece)]));
}

function wordNodes(text: string, context: Context): Node[] {
  return notePieces(text).flatMap((piece) => (typeof piece === "string" ? markedNodes(piece, context) : [noteMark(piece.label)]));
}

function markedNodes(text: string, context: Context): Node[] {
  return citationPieces(text, context.sources).map((piece) =>
    typeof piece === "string"
      ? document.createTextNode(piece)
      : el("button", { type: "button", class: "cite", "data-source": piece, "aria-label": context.sourceLabel(piece) }, String(piece)),
  );
}

function list(node: List, context: Drawing, depth: number): Node {
  const items = children(node, context, depth);
  if (!node.ordered) return el("ul", {}, ...items);
  return el("ol", { start: node.start === 1 ? null : node.start }, ...items);
}

function listItem(node: ListItem, inside: Node[]): Node {
  // A tight item is one line: its paragraph would only add space.
  const content = node.spread ? inside : inside.flatMap((child) => (child instanceof HTMLParagraphElement ? [...child.childNodes] : [child]));
  if (typeof node.checked !== "boolean") return el("li", {}, ...content);
  const box = el("input", { type: "checkbox", disabled: true, checked: node.checked, "aria-label": node.checked ? strings.done : strings.notDone });
  return el("li", { class: "task" }, box, el("span", {}, ...content));
}

function table(node: Table, context: Drawing, depth: number): Node {
  const [head, ...rows] = node.children.map((row, index) =>
    el(
      "tr",
      {},
      ...row.children.map((cell, column) =>
        el(index ? "td" : "th", { "data-align": node.align?.[column] ?? null, scope: index ? null : "col" }, ...children(cell, context, depth)),
      ),
    ),
  );
  return el(
    "div",
    { class: "table-box" },
    el("div", { class: "scroll-x", tabindex: 0, role: "group" }, el("table", {}, el("thead", {}, head), rows.length > 0 && el("tbody", {}, ...rows))),
    el("button", { type: "button", class: "table-box__copy", "data-action": "copy-csv" }, icon("copy"), strings.copyAsCsv),
  );
}

/** A button that asks before it leads out, and says where to. Anything but the web and mail is text. */
function link(url: string, inside: Node[]): Node {
  const target = URL.canParse(url) ? new URL(url) : null;
  if (!target || !["http:", "https:", "mailto:"].includes(target.protocol)) return el("span", {}, ...inside);
  const where = target.protocol === "mailto:" ? target.pathname : target.host;
  const label = el("button", { type: "button", class: "link", "data-url": target.href }, ...inside);
  const says = label.textContent?.includes(where);
  return says ? label : el("span", {}, label, " ", el("span", { class: "link__host" }, `(${where})`));
}
