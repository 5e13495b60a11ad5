// From a click on [n] to the page it names.

import type { AnswerStreamElement } from "../elements/answer_stream";
import { type Place, SourcePane } from "../elements/source_pane";

export function openSource(mark: HTMLElement): void {
  const answer = mark.closest<AnswerStreamElement>("answer-stream");
  const source = answer?.source(Number(mark.dataset["source"]));
  if (!answer || !source) return;
  const wasPressed = mark.getAttribute("aria-pressed") === "true";
  release();
  if (wasPressed) {
    closeSource();
    return;
  }
  for (const other of answer.querySelectorAll(`[data-source="${source.n}"]`)) other.setAttribute("aria-pressed", "true");
  const { document: id, page, title, quote, citation } = source;
  void pane().open({ document: id, page, title, citation: citation ?? null, ...(quote ? { quote } : {}) }, mark);
}

export function openPlace(place: Place, from: HTMLElement | null): void {
  void pane().open(place, from);
}

/** Whether there was a pane to close. */
export function closeSource(): boolean {
  const open = document.querySelector<SourcePane>("source-pane:not([hidden])");
  open?.close();
  return Boolean(open);
}

function pane(): SourcePane {
  const present = document.querySelector<SourcePane>("source-pane");
  if (present) return present;
  const made = document.createElement("source-pane") as SourcePane;
  made.addEventListener("source-closed", release);
  document.body.append(made);
  return made;
}

function release(): void {
  for (const pressed of document.querySelectorAll("[data-source][aria-pressed=true]")) pressed.setAttribute("aria-pressed", "false");
}
