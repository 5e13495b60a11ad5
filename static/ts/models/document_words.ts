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
      if (document.num_scans > 0 && document.num_pages_done >= pages) {
        const { num_scans_done: done, num_scans: total } = document;
        return { line: [strings.statusScans(done, total), ...soFar(document)].join(" · "), percent: share(done, total), tone: "busy" };
      }
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
      return { line: [strings.statusReady(pages), ...notes(document)].join(" · "), percent: null, tone: "good" };
    case "cancelled":
      return { line: [strings.statusCancelled, ...soFar(document)].join(" · "), percent: null, tone: "bad" };
    default:
      return { line: [document.error || strings.statusFailed, ...soFar(document)].join(" · "), percent: null, tone: "bad" };
  }
}

/** What a reader should know of how the text came about. */
const notes = (document: DocumentState): string[] => [
  document.num_scans > 0 ? strings.readFromScans(document.num_scans) : "",
  document.num_scans_poor > 0 ? strings.poorScans(document.num_scans_poor) : "",
  document.num_hidden_chars > 0 ? strings.hiddenText : "",
  document.num_left_out > 0 ? strings.partsNotRead(document.num_left_out) : "",
].filter(Boolean);

/** Of a document that is read in part: how much of it a question finds. */
function soFar({ is_searchable, is_replacing, num_pages_done, num_scans, num_scans_done }: DocumentState): string[] {
  const read = num_pages_done - num_scans + num_scans_done;
  return is_searchable && !is_replacing && read > 0 ? [strings.searchableSoFar(read)] : [];
}

const share = (done: number, total: number): number => (total > 0 ? Math.floor((100 * done) / total) : 0);
