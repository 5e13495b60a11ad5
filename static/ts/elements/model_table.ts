// <model-table>: the model files of this machine. Renaming and switching act at once; the state refreshes itself.

import { api } from "../lib/api";
import { socket } from "../lib/connection";
import { el, find } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { number, parameters, size } from "../lib/numbers";
import { pageState } from "../lib/page_state";
import { strings } from "../lib/strings";

interface Row {
  id: number;
  name: string;
  title: string;
  kind: "chat" | "embedding" | "rerank";
  file_name: string;
  size_bytes: number;
  architecture: string;
  context_length: number;
  quantization: string;
  num_parameters: number | null;
  is_enabled: boolean;
  is_default: boolean;
  is_embedding: boolean;
  state: "unloaded" | "loading" | "loaded" | "failed" | "broken" | "missing";
  load_percent: number | null;
  error: string;
  /** Of an embedding model that documents are indexed with, or will be. */
  index: { status: "active" | "building"; num_done: number; num_all: number; problem: string } | null;
  can_be_lifted: boolean;
  placement: Placement | null;
}
interface Placement { context_length: number; wanted_context_length: number; kv_type: string; gpu_layers: number; num_layers: number; ram_bytes: number; lent_bytes: number; mode: { is_unified: boolean; reason: string }; note: string }
interface State { served_models?: Row[]; problem?: string }

const REFRESH_MS = 3000;

export class ModelTable extends HTMLElement {
  #rows = (pageState as State).served_models ?? [];

  connectedCallback(): void {
    socket.on("models.changed", () => void this.#refresh());
    // The service says nothing when a file appears or a load goes on: look while somebody is looking.
    setInterval(() => {
      if (!document.hidden) void this.#refresh();
    }, REFRESH_MS);
    this.#draw();
    this.#say((pageState as State).problem ?? "");
  }

  async #refresh(): Promise<void> {
    try {
      const { served_models: rows, problem } = await api<State>("GET", "/manage/models/");
      this.#say(problem ?? "");
      this.#show(rows ?? []);
    } catch {
      // The next look will do.
    }
  }

  async #change(row: Row, change: Partial<Row> & { lift?: true }): Promise<void> {
    try {
      const answer = await api<State>("PATCH", `/manage/models/${row.id}/`, change);
      this.#show(answer.served_models ?? []);
    } catch (error) {
      showFailure(error);
      this.#draw();
    }
  }

  #show(rows: Row[]): void {
    if (JSON.stringify(rows) === JSON.stringify(this.#rows)) return;
    this.#rows = rows;
    // Not under somebody's fingers: a name that is being typed is drawn over by the next change.
    if (!this.querySelector(".input-quiet:focus")) this.#draw();
  }

  #say(problem: string): void {
    const present = this.querySelector(".note--bad");
    if (!problem) present?.remove();
    else if (present) present.textContent = problem;
    else this.prepend(el("p", { class: "note note--bad", role: "alert" }, problem));
  }

  #draw(): void {
    const focused = document.activeElement instanceof HTMLElement && this.contains(document.activeElement) ? document.activeElement.dataset["key"] : null;
    const none = el("tr", {}, el("td", { class: "table__none", colspan: 6 }, strings.noModels));
    find(this, "tbody").replaceChildren(...(this.#rows.length ? this.#rows.map((row) => this.#row(row)) : [none]));
    if (focused) this.querySelector<HTMLElement>(`[data-key="${focused}"]`)?.focus();
  }

  #row(row: Row): HTMLElement {
    const enabled = el("input", {
      type: "checkbox", class: "switch", role: "switch", checked: row.is_enabled, "data-key": `enabled-${row.id}`,
      disabled: !row.is_enabled && (row.state === "broken" || row.state === "missing"),
      "aria-label": strings.enabled(row.title),
      change: () => void this.#change(row, { is_enabled: enabled.checked }),
    });
    return el(
      "tr",
      { "data-model": row.name, "data-off": !row.is_enabled },
      el("td", { class: "table__main" }, this.#title(row), el("span", { class: "table__small" }, factsOf(row))),
      el("td", { class: "table__number", "data-label": this.#label(1) }, size(row.size_bytes)),
      el("td", { class: "table__number", "data-label": this.#label(2) }, row.context_length ? strings.tokens(number(row.context_length)) : ""),
      el("td", { "data-label": this.#label(3) }, stateOf(row), row.can_be_lifted && this.#lift(row)),
      el("td", { "data-label": this.#label(4) }, this.#role(row)),
      el("td", { "data-label": this.#label(5) }, enabled),
    );
  }

  #title(row: Row): HTMLElement {
    const input = el("input", { class: "input-quiet", value: row.title, maxlength: 120, "aria-label": strings.modelName, "data-key": `title-${row.id}` });
    input.addEventListener("change", () => {
      const title = input.value.trim();
      if (!title) {
        input.value = row.title;
        return;
      }
      // At once, or leaving the field would show the old name until the server has answered.
      row.title = title;
      void this.#change(row, { title });
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") input.value = row.title;
      if (event.key === "Enter" || event.key === "Escape") input.blur();
    });
    input.addEventListener("blur", () => this.#draw());
    return input;
  }

  #role(row: Row): HTMLElement | string {
    if (row.is_default) return el("span", { class: "badge" }, strings.isDefault);
    const badge = row.is_embedding && el("span", {}, el("span", { class: "badge" }, strings.isEmbedding), indexOf(row));
    if (badge && !row.index?.problem) return badge;
    if (row.state === "broken" || row.state === "missing") return badge || "";
    const button = (label: string, change: Partial<Row>): HTMLElement =>
      el("button", { type: "button", class: "button button--small", "data-key": `role-${row.id}`, click: () => void this.#change(row, change) }, label);
    if (badge) return el("span", {}, badge, button(strings.indexAgain, { is_embedding: true }));
    if (row.kind === "embedding") return el("span", {}, button(strings.makeEmbedding, { is_embedding: true }), indexOf(row));
    if (row.kind === "rerank" && row.is_enabled) return el("span", { class: "badge" }, strings.isReranking);
    return row.kind === "chat" && row.is_enabled ? button(strings.makeDefault, { is_default: true }) : "";
  }

  #lift(row: Row): HTMLElement {
    const attributes = { type: "button", class: "button button--small", "data-key": `lift-${row.id}`, "aria-label": strings.lift(row.title) };
    return el("button", { ...attributes, click: () => void this.#change(row, { lift: true }) }, strings.retry);
  }

  #label(column: number): string {
    return this.querySelectorAll("thead th")[column]?.textContent ?? "";
  }
}

function factsOf(row: Row): string {
  const kind = row.kind === "embedding" ? strings.kindEmbedding : row.kind === "rerank" ? strings.kindRerank : "";
  const weight = row.num_parameters ? parameters(row.num_parameters) : "";
  return [row.file_name || row.name, row.architecture, weight, row.quantization, kind].filter(Boolean).join(" · ");
}

/** How far documents are indexed with the model, and what is wrong with it. */
function indexOf(row: Row): HTMLElement | "" {
  if (!row.index) return "";
  const { status, num_done: done, num_all: all, problem } = row.index;
  if (problem) return el("span", { class: "table__small", role: "alert" }, problem);
  const percent = all ? Math.floor((100 * done) / all) : 100;
  if (status === "building") return el("span", { class: "table__small" }, strings.indexBuilding(percent));
  return percent < 100 ? el("span", { class: "table__small" }, strings.indexFilling(percent)) : row.is_embedding ? "" : el("span", { class: "table__small" }, strings.indexStillUsed);
}

function stateOf(row: Row): HTMLElement {
  const [tone, words] = ({
    loaded: ["good", strings.stateLoaded],
    loading: ["busy", strings.stateLoading(row.load_percent)],
    unloaded: ["", strings.stateUnloaded],
    failed: ["bad", strings.stateFailed],
    broken: ["bad", row.can_be_lifted ? strings.stateOff : strings.stateBroken],
    missing: ["bad", strings.stateMissing],
  } as const)[row.state];
  const more = row.error || fitOf(row.placement);
  return el("span", {}, el("span", { class: "state", "data-tone": tone }, words), more && el("span", { class: "table__small" }, more));
}

/** How much memory it was given, and what had to be made smaller for it. */
function fitOf(fit: Placement | null): string {
  if (!fit) return "";
  const reduced = [
    fit.context_length < fit.wanted_context_length && strings.shorterContext(number(fit.context_length), number(fit.wanted_context_length)),
    fit.note && fit.kv_type !== "f16" && strings.coarseCache,
    fit.gpu_layers < fit.num_layers && strings.fewerLayers(fit.gpu_layers, fit.num_layers),
  ].filter(Boolean);
  const lent = fit.lent_bytes > 0 && strings.memoryLent(size(fit.lent_bytes));
  const cells = fit.mode.reason === "texts" || !fit.mode.reason ? "" : fit.mode.is_unified ? strings.cellsShared : strings.cellsOwn;
  const why = cells && strings.cellsReason(fit.mode.reason);
  return [strings.memoryNeeded(size(fit.ram_bytes)), lent, ...reduced, cells && `${cells} (${why})`].filter(Boolean).join(" · ");
}
