// How a file travels: pieces of at most 1 MiB, and what to do after an answer or a failure.

export const PIECE_BYTES = 1024 * 1024;
export const MAX_ATTEMPTS = 8;

export interface Piece { start: number; end: number }

/** The piece to send from `offset`, or null when everything has arrived. */
export function nextPiece(offset: number, size: number): Piece | null {
  return offset >= size ? null : { start: offset, end: Math.min(size, offset + PIECE_BYTES) };
}

/** Worth another attempt: the network failed, the server was busy or away. Everything else is an answer. */
export function isPassing(status: number): boolean {
  return status === 0 || status === 409 || status === 423 || status === 429 || status >= 500;
}
