// What a reader must know of a source before trusting it: it was replaced, it supports little, something is not in it.

import { el, icon } from "../lib/dom";
import type { Use } from "../lib/protocol";
import { strings } from "../lib/strings";
import type { Citation, Spot } from "./citation";
import { words } from "./words";

/** className: of each note. hasPraise: strong support is said too. */
export function notesOf(citation: Citation, spot: Spot | null, use: Use | null, className: string, hasPraise = false): HTMLElement[] {
  const note = (text: string, name = "warning"): HTMLElement => el("p", { class: className }, icon(name), el("span", {}, text));
  // Before the answer has ended nobody knows.
  const isJudged = spot !== null && (use !== null || citation.uses.length > 0);
  const isWeak = (use ?? spot)?.strength === "weak";
  const notes = [
    !citation.document.is_current && note(words.olderVersion),
    isJudged && isWeak && note(strings.weakSupport),
    isJudged && !isWeak && hasPraise && note(words.strongSupport, "check"),
    spot?.is_scanned && note(words.scanned),
    use?.missing.length && note(strings.notInSource(use.missing.join(", "))),
  ];
  return notes.filter((each): each is HTMLElement => Boolean(each));
}
