// What the model was given to read of a slide, a part of a text or a run of cells, with the sentence marked.

import { el } from "../lib/dom";

export interface TextPage { index: number; label: string; place: string; text: string }

/** chars: the marked characters, in code points as the server counts. */
export function textSheet(page: TextPage, chars: readonly [number, number] | null, strength: string): HTMLElement {
  const [from, to] = chars ?? [0, 0];
  return page.place === "cells" ? cells(page.text, from, to, strength) : prose(page.text, from, to, strength);
}

function prose(text: string, from: number, to: number, strength: string): HTMLElement {
  return el("div", { class: "source__text" }, ...pieces(text, from, to, strength));
}

/** What nobody sees, or what turns the direction of text: the model is not given it either (rag/clean.py). */
const UNSEEN = /[\u{e0000}-\u{e007f}\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f\u061c\u2060-\u2065\ufeff\u180e\ufff9-\ufffb]/gu;

const seen = (text: string): string => text.replace(UNSEEN, "");

function pieces(text: string, from: number, to: number, strength: string): (Node | string)[] {
  const points = Array.from(text);
  const part = (a: number, b?: number): string => seen(points.slice(Math.max(0, a), b === undefined ? b : Math.max(0, b)).join(""));
  if (to <= 0 || to <= from || from >= points.length) return [seen(text)];
  return [part(0, from), el("mark", { "data-strength": strength }, part(from, to)), part(to)];
}

const CELLS = " | ";
const NAMED = /^([^:|]{1,80}): (.*)$/s;

interface Row { cells: [name: string, value: string][]; isMarked: boolean }

/** Rows are lines "Country: Norway | Limit: 180 EUR", or without names where the sheet has no header. */
function cells(text: string, from: number, to: number, strength: string): HTMLElement {
  const rows: Row[] = [];
  const before: HTMLElement[] = [];
  let start = 0;
  for (const line of text.split("\n")) {
    const end = start + Array.from(line).length;
    if (line.includes(CELLS)) {
      const split = line.split(CELLS).map((cell): [string, string] => {
        const named = NAMED.exec(cell);
        return named ? [named[1] ?? "", named[2] ?? ""] : ["", cell];
      });
      rows.push({ cells: split, isMarked: to > from && start < to && end > from });
    } else if (line.trim()) {
      before.push(el("p", {}, ...pieces(line, from - start, Math.min(to, end) - start, strength)));
    }
    start = end + 1;
  }
  if (!rows.length) return prose(text, from, to, strength);
  const names = [...new Set(rows.flatMap((row) => row.cells.map(([name]) => name)))].filter(Boolean);
  // The line of names itself stands in the text as well.
  const isHead = (row: Row): boolean => row.cells.every(([name, value]) => !name && names.includes(value));
  const body = rows.filter((row) => !isHead(row));
  const isNamed = names.length > 0 && body.every((row) => row.cells.every(([name]) => name));
  return el(
    "div",
    { class: "source__cells" },
    ...before,
    el(
      "table",
      {},
      isNamed && el("thead", {}, el("tr", {}, ...names.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, ...(isNamed ? body : rows).map((row) => tableRow(row.isMarked, isNamed ? inOrder(row.cells, names) : row.cells.map(([name, value]) => (name ? `${name}: ${value}` : value)), strength))),
    ),
  );
}

function inOrder(row: [string, string][], names: string[]): string[] {
  const values = new Map(row);
  return names.map((name) => values.get(name) ?? "");
}

function tableRow(isMarked: boolean, values: string[], strength: string): HTMLElement {
  const shown = values.map(seen).map((value) => el("td", {}, isMarked && value ? el("mark", { "data-strength": strength }, value) : value));
  return el("tr", { "data-marked": isMarked }, ...shown);
}
