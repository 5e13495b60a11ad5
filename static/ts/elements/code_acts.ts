// What one does with a block of code or a table of an answer: wrap its lines, save it as a file, take it along as CSV.

import { copyText } from "../lib/clipboard";
import { el } from "../lib/dom";
import { strings } from "../lib/strings";
import { toast } from "../lib/toast";
import { codeFileName } from "../models/code_files";
import { csv } from "../models/csv";
import { copyFeedback } from "./copy_feedback";

/** Of the page, not of the table's words: marks of sources, and what is said beside them. */
const NOT_WORDS = ".cite, .doubt, .note-mark";

export function wrapCode(button: HTMLElement): void {
  const isWrapped = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(isWrapped));
  button.closest(".code")?.toggleAttribute("data-wrap", isWrapped);
}

export function saveCode(button: HTMLElement): void {
  const code = button.closest(".code")?.querySelector("code");
  if (!code) return;
  const text = code.textContent ?? "";
  const address = URL.createObjectURL(new Blob([text.endsWith("\n") ? text : `${text}\n`], { type: "text/plain;charset=utf-8" }));
  el("a", { href: address, download: codeFileName(code.dataset["language"] ?? "") }).click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export async function copyTable(button: HTMLElement): Promise<void> {
  const rows = [...(button.closest(".table-box")?.querySelectorAll("tr") ?? [])].map((row) => [...row.cells].map(wordsOf));
  if (!(await copyText(csv(rows)))) {
    toast(strings.copyFailed);
    return;
  }
  toast(strings.tableCopied(rows.length));
}

export function copyCode(button: HTMLElement): void {
  void copyFeedback(button, button.closest(".code")?.querySelector("code")?.textContent ?? "");
}

function wordsOf(cell: HTMLTableCellElement): string {
  const copy = cell.cloneNode(true) as HTMLElement;
  for (const each of copy.querySelectorAll(NOT_WORDS)) each.remove();
  return (copy.textContent ?? "").trim();
}
