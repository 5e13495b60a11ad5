// A document's stage as a person reads it, and how far it is.

import type { DocumentState } from "../lib/protocol";
import { strings } from "../lib/strings";

export interface DocumentWords { line: string; percent: number | null; tone: "busy" | "good" | "bad" }

export function documentWords(document: DocumentState): DocumentWords {
  const pages = document.num_pages ?? 0;
  switch (document.status) {
    case "queued":
      return { line: strings.statusQueued, percent: 0, tone: "busy" };
    case "extracting":
      return { line: strings.statusExtracting(document.num_pages_done, pages), percent: share(document.num_pages_done, pages), tone: "busy" };
    case "searchable":
      return { line: strings.statusSearchable, percent: 0, tone: "busy" };
    case "embedding":
      return {
        line: strings.statusEmbedding(document.num_chunks_embedded, document.num_chunks),
        percent: share(document.num_chunks_embedded, document.num_chunks),
        tone: "busy",
      };
    case "ready":
      return { line: strings.statusReady(pages), percent: null, tone: "good" };
    case "cancelled":
      return { line: strings.statusCancelled, percent: null, tone: "bad" };
    default:
      return { line: document.error || strings.statusFailed, percent: null, tone: "bad" };
  }
}

const share = (done: number, total: number): number => (total > 0 ? Math.floor((100 * done) / total) : 0);
