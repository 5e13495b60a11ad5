// One file on its way up, in pieces that can be sent again. The server's offset is the truth; ours is a guess.

import { backoff } from "../models/backoff";
import { isPassing, MAX_ATTEMPTS, nextPiece } from "../models/upload_plan";
import { api, ApiError, request } from "./api";
import type { DocumentState } from "./protocol";

interface Begun { upload: { id: string; offset: number; url: string } }
interface Appended { offset: number; document: DocumentState | null; is_duplicate?: boolean }
/** Where a file goes; nothing of it: among one's own documents. for_thread: the thread that the next question makes. */
export interface UploadPlace { folder?: string; collection?: string; replaces?: string; thread?: string; for_thread?: boolean }

export class Upload {
  offset = 0;
  isPaused = false;
  /** The same bytes were there already: the document is the one that has them. */
  isDuplicate = false;
  #url = "";
  #stop = new AbortController();

  constructor(readonly file: File, readonly onProgress: (upload: Upload) => void, readonly place: UploadPlace = {}) {}

  get percent(): number {
    return this.file.size ? Math.floor((100 * this.offset) / this.file.size) : 0;
  }

  /** Send the file. Resolves with its document; rejects with an ApiError, or an AbortError after `cancel`. */
  async run(): Promise<DocumentState> {
    await this.#begin();
    let attempt = 0;
    for (;;) {
      try {
        const document = await this.#step();
        attempt = 0;
        this.#report(false);
        if (document) {
          localStorage.removeItem(this.#key);
          return document;
        }
      } catch (error) {
        if (!(error instanceof ApiError) || !isPassing(error.status) || attempt >= MAX_ATTEMPTS) throw error;
        this.#report(true);
        await this.#pause(backoff(attempt, Math.random()));
        attempt += 1;
        await this.#askOffset();
      }
    }
  }

  cancel(): void {
    localStorage.removeItem(this.#key);
    this.#stop.abort();
  }

  /** The same file at the same place: an upload that a closed page left behind goes on where it stopped. */
  get #key(): string {
    const { name, size, lastModified } = this.file;
    return `upload:${JSON.stringify([name, size, lastModified, this.place])}`;
  }

  async #begin(): Promise<void> {
    const kept = localStorage.getItem(this.#key);
    if (kept) {
      try {
        const response = await request("HEAD", kept, { signal: this.#stop.signal });
        const offset = Number(response.headers.get("Upload-Offset") ?? 0);
        if (offset < this.file.size) {
          this.#url = kept;
          this.offset = offset;
          return;
        }
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
    }
    const body = { name: this.file.name, size_bytes: this.file.size, ...this.place };
    const begun = await api<Begun>("POST", "/documents/", body);
    this.#url = begun.upload.url;
    this.offset = begun.upload.offset;
    localStorage.setItem(this.#key, this.#url);
  }

  async #step(): Promise<DocumentState | null> {
    // An empty last piece asks for the document again when the answer to the last real one was lost.
    const piece = nextPiece(this.offset, this.file.size) ?? { start: this.offset, end: this.offset };
    const response = await request("PATCH", this.#url, {
      body: this.file.slice(piece.start, piece.end),
      headers: { "Content-Type": "application/octet-stream", "Upload-Offset": String(piece.start) },
      signal: this.#stop.signal,
    });
    const { offset, document, is_duplicate: isDuplicate } = (await response.json()) as Appended;
    this.offset = offset;
    this.isDuplicate = isDuplicate ?? false;
    return document;
  }

  async #askOffset(): Promise<void> {
    try {
      const response = await request("HEAD", this.#url, { signal: this.#stop.signal });
      this.offset = Number(response.headers.get("Upload-Offset") ?? this.offset);
    } catch (error) {
      if (!(error instanceof ApiError) || !isPassing(error.status)) throw error;
    }
  }

  #report(isPaused: boolean): void {
    this.isPaused = isPaused;
    this.onProgress(this);
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#stop.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(new DOMException("cancelled", "AbortError"));
      });
    });
  }
}
