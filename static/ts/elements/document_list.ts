// <document-list>: everything one may ask about: uploading, stages, asking, trying again, deleting.

import { api } from "../lib/api";
import { socket } from "../lib/connection";
import { el, find, icon, iconButton } from "../lib/dom";
import { confirmDanger } from "../lib/dialog";
import { sentenceOf, showFailure } from "../lib/failure";
import { newId } from "../lib/ids";
import { date, size } from "../lib/numbers";
import { pageState } from "../lib/page_state";
import type { DocumentState } from "../lib/protocol";
import { strings } from "../lib/strings";
import { toast } from "../lib/toast";
import { Upload } from "../lib/upload";
import { documentWords } from "../models/document_words";
import { openDocument } from "../pages/sources";

interface Incoming { name: string; upload: Upload; problem: string }

export class DocumentList extends HTMLElement {
  #documents = new Map<string, DocumentState>();
  #incoming = new Map<string, Incoming>();

  connectedCallback(): void {
    for (const document of pageState.documents ?? []) this.#documents.set(document.id, document);
    const input = find<HTMLInputElement>(this, "input[type=file]");
    input.addEventListener("change", () => {
      for (const file of input.files ?? []) void this.#upload(file);
      input.value = "";
    });
    socket.on("document.changed", ({ document }) => {
      if (document.deleted) this.#documents.delete(document.id);
      else this.#documents.set(document.id, document);
      this.#draw();
    });
    // What happened while the line was down: ask about everything that was on its way.
    socket.addEventListener("open", () => void this.#catchUp());
    this.#watchDrops();
    this.#draw();
  }

  async #upload(file: File): Promise<void> {
    const key = newId();
    const upload = new Upload(file, () => this.#draw());
    const incoming: Incoming = { name: file.name, upload, problem: file.size ? "" : strings.emptyFile };
    this.#incoming.set(key, incoming);
    this.#draw();
    if (incoming.problem) return;
    try {
      const document = await upload.run();
      this.#incoming.delete(key);
      if (!this.#documents.has(document.id)) this.#documents.set(document.id, document);
    } catch (error) {
      if (error instanceof DOMException) this.#incoming.delete(key);
      else incoming.problem = sentenceOf(error);
    }
    this.#draw();
  }

  async #catchUp(): Promise<void> {
    const open = [...this.#documents.values()].filter((document) => !document.is_ready && document.status !== "failed");
    for (const { id } of open) {
      try {
        this.#documents.set(id, (await api<{ document: DocumentState }>("GET", `/documents/${id}/`)).document);
      } catch {
        // The next change brings it up to date.
      }
    }
    if (open.length) this.#draw();
  }

  #draw(): void {
    const documents = [...this.#documents.values()].sort((a, b) => b.created_at.localeCompare(a.created_at));
    const rows = [
      ...[...this.#incoming].map(([key, incoming]) => this.#incomingRow(key, incoming)),
      ...documents.map((document) => this.#row(document)),
    ];
    const none = el("p", { class: "documents__none" }, strings.noDocuments);
    find(this, ".documents").replaceChildren(...(rows.length ? rows : [none]));
  }

  #incomingRow(key: string, { name, upload, problem }: Incoming): HTMLElement {
    const line = problem || (upload.isPaused ? strings.uploadPaused : strings.uploading(upload.percent));
    const remove = (): void => {
      upload.cancel();
      this.#incoming.delete(key);
      this.#draw();
    };
    return el(
      "div",
      { class: "documents__row" },
      el("div", {}, el("div", { class: "documents__name" }, name), el("div", { class: "documents__facts" }, size(upload.file.size))),
      stateCell(line, problem ? null : upload.percent, problem ? "bad" : "busy"),
      el("div", { class: "documents__acts" }, iconButton("close", problem ? strings.remove : strings.cancel, remove)),
    );
  }

  #row(document: DocumentState): HTMLElement {
    const { line, percent, tone } = documentWords(document);
    const open = (event: Event): void => void openDocument(document.id, document.title, event.currentTarget as HTMLElement);
    const facts = [document.num_pages ? strings.pages(document.num_pages) : "", size(document.size_bytes), date(document.created_at)];
    const name = document.is_searchable
      ? el("button", { type: "button", class: "documents__name", click: open }, document.title)
      : el("div", { class: "documents__name" }, document.title);
    return el(
      "div",
      { class: "documents__row", "data-document": document.id },
      el("div", {}, name, el("div", { class: "documents__facts" }, facts.filter(Boolean).join(" · "))),
      stateCell(tone === "good" ? strings.statusReadyShort : line, percent, tone),
      el("div", { class: "documents__acts" }, this.#mainAction(document), iconButton("trash", strings.delete, () => void this.#delete(document))),
    );
  }

  #mainAction(document: DocumentState): HTMLElement | null {
    if (document.status === "failed" || document.status === "cancelled") {
      return el("button", { type: "button", class: "button button--small", click: () => void this.#retry(document) }, icon("retry"), strings.retry);
    }
    if (!document.is_searchable) return null;
    return el("a", { class: "button button--small", href: `/?document=${document.id}` }, icon("chat"), strings.ask);
  }

  async #retry(document: DocumentState): Promise<void> {
    try {
      const answer = await api<{ document: DocumentState }>("POST", `/documents/${document.id}/retry/`);
      this.#documents.set(document.id, answer.document);
      this.#draw();
    } catch (error) {
      showFailure(error);
    }
  }

  async #delete(document: DocumentState): Promise<void> {
    if (!(await confirmDanger(strings.deleteDocument, strings.deleteDocumentText, strings.delete))) return;
    try {
      await api("DELETE", `/documents/${document.id}/`);
      this.#documents.delete(document.id);
      this.#draw();
      toast(strings.documentDeleted(document.title));
    } catch (error) {
      showFailure(error);
    }
  }

  #watchDrops(): void {
    this.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.dataset["dragging"] = "";
    });
    this.addEventListener("dragleave", () => delete this.dataset["dragging"]);
    this.addEventListener("drop", (event) => {
      event.preventDefault();
      delete this.dataset["dragging"];
      for (const file of event.dataTransfer?.files ?? []) void this.#upload(file);
    });
  }
}

function stateCell(line: string, percent: number | null, tone: string): HTMLElement {
  return el(
    "div",
    { class: "documents__state" },
    el("span", { class: "state", "data-tone": tone }, line),
    percent !== null && el("progress", { max: 100, value: percent, "aria-label": line }),
  );
}
