// <document-list>: everything one may ask about, shelf by shelf: uploading, stages, new versions, moving, deleting.

import { api, ApiError } from "../lib/api";
import { socket } from "../lib/connection";
import { confirmDanger } from "../lib/dialog";
import { el, find } from "../lib/dom";
import { filesOfDrop, filesOfInput, type FoundFile } from "../lib/dropped";
import { sentenceOf, showFailure } from "../lib/failure";
import { newId } from "../lib/ids";
import { pageState } from "../lib/page_state";
import { Press } from "../lib/press";
import type { DocumentState, Shelves } from "../lib/protocol";
import { strings } from "../lib/strings";
import { toast } from "../lib/toast";
import { Upload, type UploadPlace } from "../lib/upload";
import { DocumentNews } from "../models/document_news";
import { collectionOf, isOn, isOnItsWay, OWN, SHOWN, takesFiles } from "../models/shelf_words";
import { Turns } from "../models/turns";
import { openDocument } from "../pages/sources";
import { chooseShelf, showExceptions } from "./document_dialogs";
import { documentRow, incomingRow, type Incoming } from "./document_row";
import { shelfHead, shelfLinks } from "./shelf_list";

interface Listed { documents: DocumentState[]; has_more: boolean; shelf: string; shelves: Shelves }

const UPLOADS_AT_ONCE = 3;
const LOOK_AFTER_MS = 300;
const NOTHING: Shelves = { num_own: 0, num_shown: 0, may_make: false, collections: [] };

export class DocumentList extends HTMLElement {
  #documents = new Map<string, DocumentState>();
  #incoming = new Map<string, Incoming>();
  #shelf = pageState.shelf ?? OWN;
  readonly #press = new Press(this);
  #shelves = pageState.shelves ?? NOTHING;
  #hasMore = pageState.has_more ?? false;
  #turns = new Turns(UPLOADS_AT_ONCE);
  #news = new DocumentNews<DocumentState>();
  /** Where documents of other shelves were last, so that each is counted once. */
  #elsewhere = new Map<string, string | null>();
  #looking: ReturnType<typeof setTimeout> | undefined;

  connectedCallback(): void {
    for (const document of pageState.documents ?? []) this.#documents.set(document.id, document);
    for (const input of this.querySelectorAll<HTMLInputElement>("input[type=file]")) {
      input.addEventListener("change", () => {
        this.#uploadAll(filesOfInput(input));
        input.value = "";
      });
    }
    socket.on("document.changed", ({ document }) => {
      this.#news.tell(document);
      this.#learn(document);
    });
    socket.on("library.changed", () => this.#lookSoon());
    let wasOpen = false;
    // What happened while the line was down nobody told.
    socket.addEventListener("open", () => {
      if (wasOpen) this.#lookSoon();
      wasOpen = true;
    });
    addEventListener("popstate", () => void this.#show(new URLSearchParams(location.search).get("shelf") ?? OWN, false));
    find(this, ".documents__more").addEventListener("click", () => void this.#showMore());
    this.#watchDrops();
    this.#draw();
  }

  // Shelves

  async #show(shelf: string, isNew = true): Promise<void> {
    this.#shelf = shelf;
    if (isNew) history.pushState(null, "", shelf === OWN ? "/documents/" : `/documents/?shelf=${shelf}`);
    await this.#look();
    if (isNew) this.#focusHead();
  }

  #lookSoon(): void {
    clearTimeout(this.#looking);
    this.#looking = setTimeout(() => void this.#look(), LOOK_AFTER_MS);
  }

  /** What is on the shelf now. One that went away leads to one's own. */
  async #look(): Promise<void> {
    const shelf = this.#shelf;
    const mark = this.#news.mark();
    try {
      const listed = await api<Listed>("GET", `/documents/?shelf=${encodeURIComponent(shelf)}`);
      if (shelf !== this.#shelf) return;
      this.#shelves = listed.shelves;
      this.#hasMore = listed.has_more;
      this.#documents = new Map();
      this.#take([...listed.documents, ...this.#news.since(mark)], mark);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404 && shelf !== OWN) {
        this.#say(strings.shelfGone);
        await this.#show(OWN);
      } else showFailure(error);
    }
  }

  async #showMore(): Promise<void> {
    const mark = this.#news.mark();
    try {
      const listed = await api<Listed>("GET", `/documents/?shelf=${encodeURIComponent(this.#shelf)}&from=${this.#documents.size}`);
      this.#hasMore = listed.has_more;
      this.#take(listed.documents, mark);
    } catch (error) {
      showFailure(error);
    }
  }

  /** Of an answer that was asked for at the mark: what was told meanwhile is newer. */
  #take(answered: DocumentState[], mark: number): void {
    for (const document of answered.map((each) => this.#news.newest(each, mark))) {
      if (isOn(this.#shelves, this.#shelf, document)) this.#documents.set(document.id, document);
    }
    this.#draw();
  }

  #learn(document: DocumentState): void {
    const before = this.#documents.get(document.id);
    const isHere = isOn(this.#shelves, this.#shelf, document);
    if (isHere) this.#documents.set(document.id, document);
    else this.#documents.delete(document.id);
    if (isHere && before) this.#redraw(document);
    else if (isHere || before) this.#draw();
    const isNews = !isHere && this.#elsewhere.get(document.id) !== document.collection && !document.is_thread_file;
    if (isNews) this.#elsewhere.set(document.id, document.collection);
    if (isHere !== Boolean(before) || isNews || document.deleted) this.#lookSoon();
    if (isHere && before && before.status !== document.status && (document.is_ready || document.status === "failed")) {
      this.#say(`${document.title}: ${document.is_ready ? strings.statusReadyShort : document.error || strings.statusFailed}`);
    }
  }

  // Uploads

  #uploadAll(found: FoundFile[]): void {
    if (found.length > 1) this.#say(strings.uploadingFiles(found.length));
    const place: UploadPlace = this.#shelf === OWN ? {} : { collection: this.#shelf };
    for (const { file, folder } of found) void this.#upload(file, folder ? { ...place, folder } : place);
  }

  async #upload(file: File, place: UploadPlace): Promise<void> {
    const key = newId();
    const upload = new Upload(file, () => this.#redrawIncoming(key), place);
    const name = place.folder ? `${place.folder}/${file.name}` : file.name;
    const incoming: Incoming = { name, upload, problem: file.size ? "" : strings.emptyFile, isWaiting: true, shelf: this.#shelf };
    this.#incoming.set(key, incoming);
    this.#draw();
    if (incoming.problem) return;
    try {
      const document = await this.#turns.run(async () => {
        if (!this.#incoming.has(key)) throw new DOMException("cancelled", "AbortError");
        incoming.isWaiting = false;
        return upload.run();
      });
      this.#arrived(key, incoming, document);
    } catch (error) {
      if (error instanceof DOMException) this.#incoming.delete(key);
      else incoming.problem = sentenceOf(error);
    }
    this.#draw();
  }

  #arrived(key: string, incoming: Incoming, document: DocumentState): void {
    if (incoming.upload.isDuplicate) {
      incoming.twin = document;
      this.#say(strings.alreadyHere(document.title));
    } else {
      this.#incoming.delete(key);
      // The socket may have told a later state already.
      if (!this.#documents.has(document.id) && isOn(this.#shelves, this.#shelf, document)) this.#documents.set(document.id, document);
      this.#lookSoon();
    }
  }

  #watchDrops(): void {
    this.addEventListener("dragover", (event) => {
      if (!takesFiles(this.#shelves, this.#shelf)) return;
      event.preventDefault();
      this.dataset["dragging"] = "";
    });
    this.addEventListener("dragleave", () => delete this.dataset["dragging"]);
    this.addEventListener("drop", (event) => {
      delete this.dataset["dragging"];
      if (!event.dataTransfer || !takesFiles(this.#shelves, this.#shelf)) return;
      event.preventDefault();
      void filesOfDrop(event.dataTransfer).then((found) => this.#uploadAll(found));
    });
  }

  // What one may do with a document

  #acts = {
    open: (document: DocumentState, from: HTMLElement): void => void openDocument(document.id, document.title, from),
    retry: (document: DocumentState): void => void this.#change(document, "POST", "retry/"),
    cancel: (document: DocumentState): void => void this.#change(document, "POST", "cancel/"),
    replace: (document: DocumentState): void => this.#chooseVersion(document),
    move: (document: DocumentState): void => void this.#move(document),
    exceptions: (document: DocumentState): void => void showExceptions(document),
    remove: (document: DocumentState): void => void this.#delete(document),
  };

  async #change(document: DocumentState, method: "POST" | "PUT", path: string, body?: unknown): Promise<void> {
    const mark = this.#news.mark();
    try {
      const answer = await api<{ document: DocumentState }>(method, `/documents/${document.id}/${path}`, body);
      this.#learn(this.#news.newest(answer.document, mark));
    } catch (error) {
      showFailure(error);
    }
  }

  #chooseVersion(document: DocumentState): void {
    const input = el("input", { type: "file", accept: find<HTMLInputElement>(this, "input[type=file]").accept });
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      if (file) void this.#upload(file, { replaces: document.id });
    });
    input.click();
  }

  async #move(document: DocumentState): Promise<void> {
    const collection = await chooseShelf(document, this.#shelves);
    if (collection !== null) await this.#change(document, "PUT", "place/", { collection });
  }

  async #delete(document: DocumentState): Promise<void> {
    if (!(await confirmDanger(strings.deleteDocument, strings.deleteDocumentText, strings.delete))) return;
    try {
      await api("DELETE", `/documents/${document.id}/`);
      this.#documents.delete(document.id);
      this.#draw();
      this.#lookSoon();
      toast(strings.documentDeleted(document.title));
    } catch (error) {
      showFailure(error);
    }
  }

  // Drawing

  #draw(): void {
    this.#press.draw(() => this.#drawNow());
  }

  #drawNow(): void {
    const changed = (shelf: string | null): void => void (shelf ? this.#show(shelf) : this.#look());
    find(this, ".shelves").replaceChildren(...shelfLinks(this.#shelves, this.#shelf, changed));
    find(this, ".shelf").replaceChildren(...shelfHead(this.#shelves, this.#shelf, changed));
    find<HTMLElement>(this, ".drop").hidden = !takesFiles(this.#shelves, this.#shelf);
    const documents = [...this.#documents.values()].sort((a, b) => b.created_at.localeCompare(a.created_at));
    const incoming = [...this.#incoming].filter(([, { shelf }]) => shelf === this.#shelf);
    const rows = [...incoming.map(([key, each]) => this.#incomingRow(key, each)), ...documents.map((each) => this.#row(each))];
    const none = el("li", { class: "documents__none" }, this.#shelf === SHOWN ? strings.nothingShown : strings.noDocuments);
    keepFocus(find(this, ".documents"), () => find(this, ".documents").replaceChildren(...(rows.length ? rows : [none])));
    find<HTMLElement>(this, ".documents__more").hidden = !this.#hasMore;
  }

  #redraw(document: DocumentState): void {
    if (this.#press.isDown) return this.#draw();
    const old = this.querySelector(`[data-document="${document.id}"]`);
    if (old) keepFocus(old.parentElement ?? this, () => old.replaceWith(this.#row(document)));
  }

  #redrawIncoming(key: string): void {
    if (this.#press.isDown) return this.#draw();
    const old = this.querySelector(`[data-incoming="${key}"]`);
    const incoming = this.#incoming.get(key);
    if (old && incoming) keepFocus(old.parentElement ?? this, () => old.replaceWith(this.#incomingRow(key, incoming)));
  }

  #row(document: DocumentState): HTMLElement {
    return documentRow(document, this.#acts, { mayMove: this.#shelves.collections.some(({ role }) => role === "curator"), isInCollection: collectionOf(this.#shelves, this.#shelf) !== null, isOnItsWay: isOnItsWay(document) });
  }

  #incomingRow(key: string, incoming: Incoming): HTMLElement {
    const remove = (): void => {
      incoming.upload.cancel();
      this.#incoming.delete(key);
      this.#draw();
    };
    return incomingRow(key, incoming, remove, (id) => this.#point(id));
  }

  /** Lead to the document that was there already. */
  #point(id: string): void {
    const row = this.querySelector<HTMLElement>(`[data-document="${id}"]`);
    row?.scrollIntoView({ block: "center" });
    row?.querySelector<HTMLElement>("button, a")?.focus();
  }

  #focusHead(): void {
    this.querySelector<HTMLElement>(".shelf h2")?.focus();
  }

  #say(text: string): void {
    find(this, ".documents__said").textContent = text;
  }
}

/** Draw anew, and give the focus back to the button that had it. */
function keepFocus(box: Element, draw: () => void): void {
  const focused = document.activeElement;
  const row = focused && box.contains(focused) ? focused.closest<HTMLElement>("[data-document], [data-incoming]") : null;
  const act = focused instanceof HTMLElement ? focused.dataset["act"] : undefined;
  const id = row?.dataset["document"] ?? row?.dataset["incoming"];
  draw();
  if (!row || !id) return;
  const now = box.querySelector<HTMLElement>(`[data-document="${id}"], [data-incoming="${id}"]`);
  (now?.querySelector<HTMLElement>(`[data-act="${act ?? ""}"]`) ?? now?.querySelector<HTMLElement>("button, a"))?.focus();
}
