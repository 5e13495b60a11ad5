// The shelves beside the list of documents, and the head of the one that is shown.

import { api } from "../lib/api";
import { confirmDanger } from "../lib/dialog";
import { el, icon, iconButton } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { number } from "../lib/numbers";
import type { Collection, Shelves } from "../lib/protocol";
import { strings } from "../lib/strings";
import { collectionOf, OWN, SHOWN } from "../models/shelf_words";
import { askCollection, showMembers } from "./collection_dialogs";

/** With a shelf: show it; with null: the shown one has changed. */
type Changed = (shelf: string | null) => void;

export function shelfLinks(shelves: Shelves, shelf: string, changed: Changed): HTMLElement[] {
  const link = (id: string, name: string, count: number, picture: string): HTMLElement => {
    const follow = (event: Event): void => {
      const click = event as MouseEvent;
      if (click.ctrlKey || click.metaKey || click.shiftKey) return;
      event.preventDefault();
      changed(id);
    };
    const href = id === OWN ? "/documents/" : `/documents/?shelf=${id}`;
    return el("a", { class: "shelves__link", href, title: name, "aria-current": id === shelf ? "page" : null, click: follow }, icon(picture), el("span", { class: "shelves__name" }, name), el("span", { class: "shelves__count" }, el("span", { "aria-hidden": "true" }, number(count)), el("span", { class: "visually-hidden" }, strings.numDocuments(count))));
  };
  return [
    link(OWN, strings.ownDocuments, shelves.num_own, "person"),
    ...(shelves.num_shown || shelf === SHOWN ? [link(SHOWN, strings.shownToYou, shelves.num_shown, "document")] : []),
    ...shelves.collections.map(({ id, name, num_documents: count }) => link(id, name, count, "people")),
    ...(shelves.may_make ? [el("button", { type: "button", class: "shelves__link", click: () => void make(changed) }, icon("plus"), el("span", { class: "shelves__name" }, strings.newCollection))] : []),
  ];
}

export function shelfHead(shelves: Shelves, shelf: string, changed: Changed): HTMLElement[] {
  const collection = collectionOf(shelves, shelf);
  const name = collection?.name ?? (shelf === SHOWN ? strings.shownToYou : strings.ownDocuments);
  const text = collection?.description || (collection ? "" : shelf === SHOWN ? strings.shownToYouText : strings.ownDocumentsText);
  const role = collection && el("span", { class: "badge" }, collection.role === "curator" ? strings.curator : strings.reader);
  return [
    el("div", { class: "shelf__about" }, el("h2", { tabindex: -1 }, name, " ", role), text && el("p", {}, text)),
    ...(collection?.role === "curator" ? [curatorActs(collection, changed)] : []),
  ];
}

function curatorActs(collection: Collection, changed: Changed): HTMLElement {
  return el(
    "div",
    { class: "shelf__acts" },
    el("button", { type: "button", class: "button button--small", click: () => void showMembers(collection).then(() => changed(null)) }, icon("people"), strings.members),
    iconButton("pencil", strings.editCollection, () => void edit(collection, changed)),
    iconButton("trash", strings.deleteCollection, () => void remove(collection, changed)),
  );
}

async function make(changed: Changed): Promise<void> {
  const typed = await askCollection(strings.newCollection, "", "");
  if (!typed) return;
  try {
    changed((await api<{ id: string }>("POST", "/collections/", typed)).id);
  } catch (error) {
    showFailure(error);
  }
}

async function edit({ id, name, description }: Collection, changed: Changed): Promise<void> {
  const typed = await askCollection(strings.editCollection, name, description);
  if (!typed) return;
  try {
    await api("PATCH", `/collections/${id}/`, typed);
    changed(null);
  } catch (error) {
    showFailure(error);
  }
}

async function remove({ id, name }: Collection, changed: Changed): Promise<void> {
  if (!(await confirmDanger(strings.deleteCollectionSure(name), strings.deleteCollectionText, strings.delete))) return;
  try {
    await api("DELETE", `/collections/${id}/`);
    changed(OWN);
  } catch (error) {
    showFailure(error);
  }
}
