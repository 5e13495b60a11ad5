// <import-list>: files of threads from other programs: sent in pieces, watched while they are read, and what came of them.

import { api, ApiError, request } from "../lib/api";
import { actionOf, el, find, icon, iconButton } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { pageState } from "../lib/page_state";
import type { ImportState } from "../lib/protocol";
import { strings } from "../lib/strings";
import { backoff } from "../models/backoff";
import { isPassing, MAX_ATTEMPTS, nextPiece } from "../models/upload_plan";

const LOOK_MS = 1000;

export class ImportList extends HTMLElement {
  #rows: ImportState[] = [];

  connectedCallback(): void {
    this.#rows = pageState.imports ?? [];
    const field = find<HTMLInputElement>(this, "input");
    field.addEventListener("change", () => {
      const file = field.files?.[0];
      field.value = "";
      if (file) void this.#send(file);
    });
    this.addEventListener("click", (event) => {
      if (actionOf(event)?.dataset["action"] === "choose-import") field.click();
    });
    this.#draw();
    for (const row of this.#rows) if (["waiting", "reading"].includes(row.status)) void this.#watch(row.id);
  }

  async #send(file: File): Promise<void> {
    try {
      let { import: row } = await api<{ import: ImportState }>("POST", "/account/imports/", { name: file.name, size_bytes: file.size });
      this.#rows = [row, ...this.#rows.filter(({ status }) => status !== "coming")];
      this.#draw();
      for (let attempt = 0; row.status === "coming"; ) {
        try {
          row = await this.#piece(file, row);
          attempt = 0;
        } catch (error) {
          if (!(error instanceof ApiError) || !isPassing(error.status) || attempt >= MAX_ATTEMPTS) throw error;
          await new Promise((resolve) => setTimeout(resolve, backoff(attempt, Math.random())));
          attempt += 1;
          row = (await api<{ import: ImportState }>("GET", `/account/imports/${row.id}/`)).import;
        }
        this.#keep(row);
      }
      await this.#watch(row.id);
    } catch (error) {
      showFailure(error);
    }
  }

  async #piece(file: File, row: ImportState): Promise<ImportState> {
    const piece = nextPiece(row.received_bytes, file.size) ?? { start: file.size, end: file.size };
    const response = await request("PATCH", `/account/imports/${row.id}/`, {
      body: file.slice(piece.start, piece.end),
      headers: { "Content-Type": "application/octet-stream", "Upload-Offset": String(piece.start) },
    });
    return ((await response.json()) as { import: ImportState }).import;
  }

  /** Until it is read; a page that is left finds the result when it comes back. */
  async #watch(id: string): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      try {
        const { import: row } = await api<{ import: ImportState }>("GET", `/account/imports/${id}/`);
        this.#keep(row);
        if (["done", "failed"].includes(row.status)) return;
      } catch (error) {
        if (error instanceof ApiError && isPassing(error.status)) continue;
        return;
      }
    }
  }

  async #remove(id: string): Promise<void> {
    try {
      await api("DELETE", `/account/imports/${id}/`);
      this.#rows = this.#rows.filter((row) => row.id !== id);
      this.#draw();
    } catch (error) {
      showFailure(error);
    }
  }

  #keep(row: ImportState): void {
    this.#rows = this.#rows.map((old) => (old.id === row.id ? row : old));
    this.#draw();
  }

  #draw(): void {
    find(this, ".imports").replaceChildren(...this.#rows.map((row) => this.#row(row)));
  }

  #row(row: ImportState): HTMLElement {
    const percent = row.size_bytes ? Math.floor((100 * row.received_bytes) / row.size_bytes) : 0;
    const result = row.result;
    const facts = result && [
      strings.importedThreads(result.num_new),
      result.num_grown && strings.importedGrown(result.num_grown),
      result.num_there && strings.importedThere(result.num_there),
      result.num_left_out && strings.importedLeftOut(result.num_left_out, row.reasons.join(", ")),
      result.num_hidden && strings.importedHidden(result.num_hidden),
      result.num_images && strings.importedImages(result.num_images),
    ];
    const state = { coming: strings.importComing(percent), waiting: strings.importReading, reading: strings.importReading, done: "", failed: "" }[row.status];
    return el(
      "li",
      { class: "imports__one", "data-status": row.status },
      el("div", { class: "imports__head" }, el("span", { class: "table__name" }, row.name), iconButton("close", strings.remove, () => void this.#remove(row.id), "icon-button--small")),
      state && el("p", { class: "state", "data-tone": "busy" }, state),
      row.error && el("p", { class: "imports__error", role: "alert" }, icon("warning"), row.error),
      facts && el("ul", { class: "points" }, ...facts.map((fact) => Boolean(fact) && el("li", {}, String(fact)))),
    );
  }
}
