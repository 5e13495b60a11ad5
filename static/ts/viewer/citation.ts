// A citation as the server describes it to somebody who may read its document now.

import { ApiError, api } from "../lib/api";
import type { DocumentState, Place, Use } from "../lib/protocol";
import type { Rect } from "./pdf_sheet";

export interface Spot {
  page: { index: number; label: string; width: number; height: number; rotation: number };
  quote: string;
  before: string;
  after: string;
  /** Code points of the page's text. */
  chars: [number, number];
  fractions: Rect[];
  strength: "strong" | "weak";
  /** The text was read out of the page's picture. */
  is_scanned?: boolean;
}

/** What the pane shows: a citation, or a document from its beginning, which has no places. */
export interface Citation {
  /** Where its file and its pages are. */
  address: string;
  document: { id: string; title: string; version: number; is_current: boolean; place: Place; num_pages: number; size_bytes: number };
  heading: string;
  places: Spot[];
  uses: Use[];
}

const FRESH_MS = 5000;
const known = new Map<string, { at: number; coming: Promise<Citation> }>();

/** Asked anew after some seconds, so that rights which end are noticed. Rejects with an ApiError. */
export function citationOf(id: string, isFresh = false): Promise<Citation> {
  const kept = known.get(id);
  if (kept && !isFresh && performance.now() - kept.at < FRESH_MS) return kept.coming;
  const address = `/citations/${id}/`;
  const coming = api<Citation>("GET", address).then((citation) => ({ ...citation, address }));
  known.set(id, { at: performance.now(), coming });
  coming.catch(() => known.delete(id));
  return coming;
}

export async function wholeDocument(id: string): Promise<Citation> {
  const address = `/documents/${id}/`;
  const { document: state } = await api<{ document: DocumentState }>("GET", address);
  const { title, place = "page", num_pages: pages, size_bytes } = state;
  const document = { id, title, version: 0, is_current: true, place, num_pages: pages ?? 0, size_bytes };
  return { address, document, heading: "", places: [], uses: [] };
}

/** The document was deleted, or may no longer be read: the server tells neither from the other. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}
