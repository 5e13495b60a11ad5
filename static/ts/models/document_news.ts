// What the socket told of documents, kept against answers of the server that were overtaken by it.
//
// A socket's events come in order and each is read from the database after its ring, so the last one is the truth. An
// answer to a request may have been read before an event and arrive after it: then it is the older of the two.

export class DocumentNews<State extends { id: string }> {
  #told = new Map<string, { document: State; at: number }>();
  #clock = 0;

  tell(document: State): void {
    this.#clock += 1;
    this.#told.set(document.id, { document, at: this.#clock });
  }

  /** Take it before a request is sent, and hand it over with the answer. */
  mark(): number {
    return this.#clock;
  }

  /** The answer, or what was told of the same document since the mark. */
  newest(answer: State, mark: number): State {
    const told = this.#told.get(answer.id);
    return told && told.at > mark ? told.document : answer;
  }

  /** All that was told since the mark. */
  since(mark: number): State[] {
    return [...this.#told.values()].filter(({ at }) => at > mark).map(({ document }) => document);
  }
}
