// Questions about a document: where it lies, and who sees it there otherwise than the collection says.

import { api } from "../lib/api";
import { ask } from "../lib/dialog";
import { el, icon, iconButton } from "../lib/dom";
import { showFailure } from "../lib/failure";
import type { DocumentState, Named, Shelves } from "../lib/protocol";
import { strings } from "../lib/strings";
import { nameCell, peopleFinder } from "./people_finder";

interface Exceptions { shown: Named[]; hidden: Named[] }

/** A collection's id, "" for one's own documents, null when nothing was chosen. */
export async function chooseShelf(document: DocumentState, shelves: Shelves): Promise<string | null> {
  const choice = (label: string, value: string, picture: string): HTMLElement => {
    const isHere = (document.collection ?? "own") === value;
    const button = el("button", { type: "button", class: "menu__item", disabled: isHere, "aria-pressed": String(isHere) }, icon(picture), label, isHere && icon("check", "menu__tick"));
    button.addEventListener("click", () => button.closest("dialog")?.close(value));
    return button;
  };
  const curated = shelves.collections.filter(({ role }) => role === "curator");
  const list = el("div", { class: "choices" }, choice(strings.ownDocuments, "own", "person"), ...curated.map(({ id, name }) => choice(name, id, "people")));
  const answer = await ask(strings.moveDocument, [el("p", {}, strings.moveDocumentText), list], [{ label: strings.cancel, value: "" }]);
  return answer === "" ? null : answer === "own" ? "" : answer;
}

export async function showExceptions(document: DocumentState): Promise<void> {
  const path = `/documents/${document.id}/exceptions/`;
  try {
    const found = await api<Exceptions>("GET", path);
    const hidden = namedList(strings.hiddenFrom, found.hidden);
    const shown = namedList(strings.alsoShownTo, found.shown);
    const content = [el("p", {}, strings.exceptionsText), hidden.box, shown.box];
    const answer = await ask(strings.exceptionsOf(document.title), content, [
      { label: strings.cancel, value: "" },
      { label: strings.save, value: "yes", modifier: "button--primary" },
    ]);
    if (answer === "yes") await api("PUT", path, { shown: shown.principals(), hidden: hidden.principals() });
  } catch (error) {
    showFailure(error);
  }
}

function namedList(label: string, names: Named[]): { box: HTMLElement; principals: () => number[] } {
  const chosen = new Map(names.map((each) => [each.principal, each]));
  const list = el("ul", { class: "members", "aria-label": label });
  const draw = (): void => list.replaceChildren(...[...chosen.values()].map(row));
  const row = (each: Named): HTMLElement => {
    const remove = (): void => {
      chosen.delete(each.principal);
      draw();
    };
    return el("li", { class: "members__row" }, nameCell(each), iconButton("close", strings.removeName(each.name), remove, "icon-button--small"));
  };
  const finder = peopleFinder(label, (found) => {
    chosen.set(found.principal, found);
    draw();
  });
  draw();
  return { box: el("div", { class: "members__part" }, finder, list), principals: () => [...chosen.keys()] };
}
