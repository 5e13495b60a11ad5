// One PDF, fetched by ranges as its pages are looked at, and parsed in a worker. Nothing in it runs: no scripts, no
// forms. Every range is a request of its own, so rights that end while a file is open end here too.

import { type PDFDocumentProxy, PDFDataRangeTransport, PDFWorker, VerbosityLevel, getDocument } from "pdfjs-dist";
import { request } from "../lib/api";

const PIECE_BYTES = 1024 * 1024; // the server's largest answer
const CHUNK_BYTES = 128 * 1024;
const KEPT_FILES = 2;
const MAX_IMAGE_PIXELS = 64_000_000;

export class PdfFile {
  static #kept = new Map<string, Promise<PdfFile>>();
  static #worker: Promise<PDFWorker> | null = null;

  private constructor(readonly document: PDFDocumentProxy, readonly destroy: () => void) {}

  /** Opened once; the last two stay open. Rejects with an ApiError, or an Error where the file cannot be shown. */
  static open(address: string, sizeBytes: number, key: string): Promise<PdfFile> {
    const kept = PdfFile.#kept;
    const opened = kept.get(key) ?? PdfFile.#open(address, sizeBytes);
    kept.delete(key);
    kept.set(key, opened);
    opened.catch(() => kept.delete(key));
    for (const [oldest, file] of [...kept].slice(0, -KEPT_FILES)) {
      kept.delete(oldest);
      void file.then(({ destroy }) => destroy(), () => {});
    }
    return opened;
  }

  /** The worker takes a moment to start: do it before it is needed. */
  static prepare(): void {
    PdfFile.#worker ??= startWorker();
    PdfFile.#worker.catch(() => (PdfFile.#worker = null));
  }

  /** Forget what is open: a file that hangs takes its worker with it. */
  static abandon(): void {
    for (const file of PdfFile.#kept.values()) void file.then(({ destroy }) => destroy(), () => {});
    PdfFile.#kept.clear();
    document.querySelector("#viewer-worker")?.remove();
    PdfFile.#worker = null;
  }

  static async #open(address: string, sizeBytes: number): Promise<PdfFile> {
    PdfFile.prepare();
    const end = Math.max(0, sizeBytes - CHUNK_BYTES);
    // A PDF is read from its end: fetch that together with its beginning, while the worker starts.
    const tail = end > 0 ? fetchRange(address, end, sizeBytes) : null;
    const [worker, head] = await Promise.all([PdfFile.#worker, fetchRange(address, 0, Math.min(CHUNK_BYTES, sizeBytes))]);
    const ranges = new Ranges(address, sizeBytes, head, end, tail);
    const task = getDocument({
      range: ranges,
      worker: worker as PDFWorker,
      rangeChunkSize: CHUNK_BYTES,
      disableAutoFetch: true,
      disableStream: true,
      disableWorkerRendering: true, // drawing in a worker needs a second one; a page takes some 30 ms here
      enableXfa: false,
      maxImageSize: MAX_IMAGE_PIXELS,
      cMapUrl: new URL(`${ASSETS_URL}cmaps/`, import.meta.url).href,
      iccUrl: new URL(`${ASSETS_URL}iccs/`, import.meta.url).href,
      standardFontDataUrl: new URL(`${ASSETS_URL}standard_fonts/`, import.meta.url).href,
      wasmUrl: new URL(`${ASSETS_URL}wasm/`, import.meta.url).href,
      verbosity: VerbosityLevel.ERRORS,
    });
    const failed = new Promise<never>((_resolve, reject) => (ranges.failed = reject));
    const opened = await Promise.race([task.promise, failed]).catch((error: unknown) => {
      void task.destroy();
      throw error;
    });
    return new PdfFile(opened, () => void task.destroy());
  }
}

/** Where static/build.mjs put what pdf.js reads: seen from this chunk. */
declare const ASSETS_URL: string;

class Ranges extends PDFDataRangeTransport {
  failed: (error: unknown) => void = () => {};

  constructor(readonly address: string, sizeBytes: number, head: Uint8Array, readonly tailStart: number, readonly tail: Promise<Uint8Array> | null) {
    super(sizeBytes, head);
    tail?.catch(() => {});
  }

  override requestDataRange(begin: number, end: number): void {
    void this.#give(begin, end);
  }

  async #give(begin: number, end: number): Promise<void> {
    try {
      const isTail = this.tail !== null && begin >= this.tailStart;
      const bytes = isTail ? (await this.tail!).slice(begin - this.tailStart, end - this.tailStart) : await fetchRange(this.address, begin, end);
      this.onDataRange(begin, bytes);
    } catch (error) {
      this.failed(error);
    }
  }
}

async function fetchRange(address: string, begin: number, end: number): Promise<Uint8Array> {
  const starts: number[] = [];
  for (let start = begin; start < end; start += PIECE_BYTES) starts.push(start);
  const pieces = await Promise.all(
    starts.map(async (start) => {
      const last = Math.min(start + PIECE_BYTES, end) - 1;
      const response = await request("GET", address, { headers: { Range: `bytes=${start}-${last}` } });
      return new Uint8Array(await response.arrayBuffer());
    }),
  );
  const whole = new Uint8Array(end - begin);
  pieces.forEach((piece, index) => whole.set(piece.subarray(0, whole.length - index * PIECE_BYTES), index * PIECE_BYTES));
  return whole;
}

function startWorker(): Promise<PDFWorker> {
  const frame = document.createElement("iframe");
  frame.id = "viewer-worker";
  frame.hidden = true;
  frame.src = "/viewer/worker/";
  return new Promise((resolve, reject) => {
    frame.addEventListener("load", () => {
      const inside = frame.contentWindow as (Window & { startWorker?: () => Worker }) | null;
      try {
        if (!inside?.startWorker) throw new Error("The viewer's worker did not start.");
        resolve(PDFWorker.create({ port: inside.startWorker() }));
      } catch (error) {
        frame.remove();
        reject(error);
      }
    });
    document.body.append(frame);
  });
}
