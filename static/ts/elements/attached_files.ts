// The files above the message: on their way up, being read, or ready. One chip each.

import { api, ApiError } from "../lib/api";
import { socket } from "../lib/connection";
import { el, iconButton } from "../lib/dom";
import { sentenceOf } from "../lib/failure";
import { newId } from "../lib/ids";
import type { DocumentState } from "../lib/protocol";
import { strings } from "../lib/strings";
import { Upload, type UploadPlace } from "../lib/upload";
import { DocumentNews } from "../models/document_news";
import { documentWords } from "../models/document_words";

interface Attached {
  key: string;
  name: string;
  upload: Upload | null;
  document: DocumentState | null;
  problem: string;
  /** What one may do instead, as with a text that became a file. */
  instead?: Instead | undefined;
}
export interface Instead { label: string; run(): void }

export class AttachedFiles {
  #files = new Map<string, Attached>();
  #news = new DocumentNews<DocumentState>();
  #numComing = 0;
  #hasMissed = false;

  /** `onRemove` is told of a document that left, `onChange` of everything. */
  constructor(
    readonly box: HTMLElement,
    readonly onChange: () => void,
    readonly onRemove: (document: DocumentState) => void,
  ) {
    socket.on("document.changed", ({ document }) => {
      this.#news.tell(document);
      this.#learn(document);
    });
  }

  get documents(): string[] {
    return [...this.#files.values()].flatMap(({ document }) => (document ? [document.id] : []));
  }

  /** Another text whenever other documents, or more of them, can be searched. */
  get signature(): string {
    return [...this.#files.values()].map(({ document }) => (document ? `${document.id} ${document.is_searchable}` : "")).join();
  }

  get isUploading(): boolean {
    return this.#numComing > 0 || [...this.#files.values()].some(({ upload, problem }) => upload && !problem);
  }

  /** Whether one did not arrive and is still shown. */
  get hasFailed(): boolean {
    return this.#hasMissed || [...this.#files.values()].some(({ problem }) => problem);
  }

  addDocument(document: DocumentState): void {
    if (this.documents.includes(document.id)) return;
    const key = newId();
    this.#put({ key, name: document.title, upload: null, document, problem: "" });
  }

  /** A document that has to be asked for; nothing is sent before it is here. */
  async addComing(coming: Promise<DocumentState>): Promise<void> {
    this.#numComing += 1;
    this.#hasMissed = false;
    try {
      this.addDocument(await coming);
    } catch (error) {
      this.#hasMissed = true;
      throw error;
    } finally {
      this.#numComing -= 1;
      this.onChange();
    }
  }

  /** Rights may have changed: what cannot be read any more leaves. */
  async lookAgain(): Promise<void> {
    for (const attached of [...this.#files.values()]) {
      if (!attached.document) continue;
      const mark = this.#news.mark();
      try {
        const answer = await api<{ document: DocumentState }>("GET", `/documents/${attached.document.id}/`);
        this.#learn(this.#news.newest(answer.document, mark));
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) this.#learn({ ...attached.document, deleted: true });
      }
    }
  }

  /** `instead`: takes the file away again and does something else with it. */
  async addFile(file: File, place: UploadPlace, instead?: Instead): Promise<void> {
    const key = newId();
    const attached: Attached = { key, name: file.name, upload: null, document: null, problem: "", instead };
    // No model that is served here sees; a picture that is taken and never looked at would be a lie.
    const refusal = file.size ? file.type.startsWith("image/") && strings.noImages : strings.emptyFile;
    if (refusal) {
      this.#put({ ...attached, problem: refusal });
      return;
    }
    const upload = new Upload(file, () => this.#draw(), place);
    attached.upload = upload;
    this.#put(attached);
    const mark = this.#news.mark();
    try {
      // A small file may be read before the answer to its upload is here.
      attached.document = this.#news.newest(await upload.run(), mark);
      attached.name = attached.document.title;
      if (attached.document.deleted) this.#files.delete(key);
    } catch (error) {
      if (!this.#files.has(key)) return;
      attached.problem = sentenceOf(error);
    }
    attached.upload = null;
    this.#draw();
  }

  #put(attached: Attached): void {
    this.#files.set(attached.key, attached);
    this.#draw();
  }

  #learn(document: DocumentState): void {
    for (const attached of this.#files.values()) {
      if (attached.document?.id !== document.id) continue;
      if (document.deleted) this.#files.delete(attached.key);
      else attached.document = document;
      this.#draw();
    }
  }

  #remove(attached: Attached): void {
    this.#files.delete(attached.key);
    attached.upload?.cancel();
    this.#draw();
    if (attached.document) this.onRemove(attached.document);
  }

  #doInstead(attached: Attached): void {
    const { document, instead } = attached;
    this.#remove(attached);
    instead?.run();
    // It was only ever made out of the text, which is in the message now.
    if (document) void api("DELETE", `/documents/${document.id}/`).catch(() => null);
  }

  #draw(): void {
    this.box.hidden = this.#files.size === 0;
    this.box.replaceChildren(...[...this.#files.values()].map((attached) => this.#chip(attached)));
    this.onChange();
  }

  #chip(attached: Attached): HTMLElement {
    const { line, percent, isBad } = wordsOf(attached);
    return el(
      "div",
      { class: "file", "data-state": isBad ? "failed" : null, title: attached.name },
      el("div", { class: "file__about" }, el("div", { class: "file__name" }, attached.name), el("div", { class: "file__state" }, line)),
      attached.instead && el("button", { type: "button", class: "file__instead", click: () => this.#doInstead(attached) }, attached.instead.label),
      iconButton("close", strings.detach(attached.name), () => this.#remove(attached), "icon-button--small"),
      percent !== null && el("progress", { class: "file__bar", max: 100, value: percent, "aria-label": line }),
    );
  }
}

function wordsOf({ upload, document, problem }: Attached): { line: string; percent: number | null; isBad: boolean } {
  if (problem) return { line: problem, percent: null, isBad: true };
  if (document) {
    const { line, percent, tone } = documentWords(document);
    return { line, percent, isBad: tone === "bad" };
  }
  const percent = upload?.percent ?? 0;
  return { line: upload?.isPaused ? strings.uploadPaused : strings.uploading(percent), percent, isBad: false };
}
