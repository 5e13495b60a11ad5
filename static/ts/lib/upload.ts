// One file on its way up, in pieces that can be sent again. The server's offset is the truth; ours is a guess.

import { backoff } from "../models/backoff";
import { isPassing, MAX_ATTEMPTS, nextPiece } from "../models/upload_plan";
import { api, ApiError, request } from "./api";
import type { DocumentState } from "./protocol";

interface Begun { upload: { id: string; offset: number; url: string } }
interface Appended { offset: number; document: DocumentState | null }

export class Upload {
  offset = 0;
  isPaused = false;
  #url = "";
  #stop = new AbortController();

  constructor(readonly file: File, readonly onProgress: (upload: Upload) => void) {}

  get percent(): number {
    return this.file.size ? Math.floor((100 * this.offset) / this.file.size) : 0;
  }

  /** Send the file. Resolves with its document; rejects with an ApiError, or an AbortError after `cancel`. */
  async run(): Promise<DocumentState> {
    const begun = await api<Begun>("POST", "/documents/", { name: this.file.name, size_bytes: this.file.size });
    this.#url = begun.upload.url;
    this.offset = begun.upload.offset;
    let attempt = 0;
    for (;;) {
      try {
        const document = await this.#step();
        attempt = 0;
        this.#report(false);
        if (document) return document;
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
    this.#stop.abort();
  }

  async #step(): Promise<DocumentState | null> {
    // An empty last piece asks for the document again when the answer to the last real one was lost.
    const piece = nextPiece(this.offset, this.file.size) ?? { start: this.offset, end: this.offset };
    const response = await request("PATCH", this.#url, {
      body: this.file.slice(piece.start, piece.end),
      headers: { "Content-Type": "application/octet-stream", "Upload-Offset": String(piece.start) },
      signal: this.#stop.signal,
    });
    const { offset, document } = (await response.json()) as Appended;
    this.offset = offset;
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
