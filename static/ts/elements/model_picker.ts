// <model-picker>: which model answers. Fires "model-chosen" with the model's name, and "models-compared" with the names
// of those that answer the next question side by side.

import { el, find, icon } from "../lib/dom";
import { short } from "../lib/numbers";
import { keepModelTitles } from "../lib/model_titles";
import { pageState } from "../lib/page_state";
import type { ChatModel } from "../lib/protocol";
import { strings } from "../lib/strings";

export const MAX_COMPARED = 4;

export class ModelPicker extends HTMLElement {
  #models: ChatModel[] = pageState.models ?? [];
  #chosen: string | null = pageState.thread?.model ?? null;
  /** The names of the models that were chosen for the next message alone. */
  compared: () => string[] = () => [];

  connectedCallback(): void {
    this.#draw();
    this.addEventListener("click", (event) => {
      const item = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-model]") : null;
      if (item?.role === "menuitemcheckbox") this.#compare(item.dataset["model"] ?? "");
      else if (item) this.#choose(item.dataset["model"] ?? "");
    });
    find(this, ".menu").addEventListener("toggle", (event) => {
      if ((event as ToggleEvent).newState === "closed") this.#draw();
    });
  }

  /** The model that will answer, or null when there is none. */
  get model(): ChatModel | null {
    const named = this.#models.find(({ name }) => name === this.#chosen);
    return named ?? this.#models.find(({ is_default }) => is_default) ?? this.#models[0] ?? null;
  }

  get models(): ChatModel[] {
    return this.#models;
  }

  set models(models: ChatModel[]) {
    this.#models = models;
    keepModelTitles(models);
    this.#draw();
  }

  /** Without telling anybody: whoever calls knows. */
  choose(name: string): void {
    this.#chosen = name;
    this.#draw();
  }

  #choose(name: string): void {
    this.#chosen = name;
    find<HTMLElement>(this, ".menu").hidePopover();
    this.#draw();
    this.dispatchEvent(new CustomEvent("model-chosen", { bubbles: true, detail: name }));
  }

  #draw(): void {
    const current = this.model;
    find(this, ".pick__title").textContent = current?.title ?? strings.noModel;
    const items = this.#models.map((model) => this.#item(model, model === current));
    if (items.length > 1) {
      const compare = el("button", { type: "button", class: "menu__item", role: "menuitem", click: () => this.#drawCompared() }, icon("columns"), strings.compareWith);
      items.push(el("div", { class: "menu__line", role: "separator" }) as HTMLElement, compare);
    }
    find(this, ".menu").replaceChildren(...(items.length ? items : [el("div", { class: "menu__head" }, strings.noModelHint)]));
  }

  /** The menu as the choice of several models for the next question. */
  #drawCompared(focused?: string): void {
    const compared = this.#compared;
    const items = this.#models.map((model) => {
      const isChosen = compared.includes(model.name);
      const item = this.#item(model, isChosen, "menuitemcheckbox");
      item.toggleAttribute("disabled", !isChosen && compared.length >= MAX_COMPARED);
      return item;
    });
    const done = el("button", { type: "button", class: "menu__item", role: "menuitem", click: () => find<HTMLElement>(this, ".menu").hidePopover() }, icon("check"), strings.compareDone);
    find(this, ".menu").replaceChildren(el("div", { class: "menu__head" }, strings.compareHead(MAX_COMPARED)), ...items, el("div", { class: "menu__line", role: "separator" }), done);
    (items.find(({ dataset }) => dataset["model"] === focused) ?? items.find(({ ariaChecked }) => ariaChecked === "false") ?? items[0])?.focus();
  }

  /** Those that answer now, the model of the thread where nobody chose. */
  get #compared(): string[] {
    const compared = this.compared();
    return compared.length ? compared : this.model ? [this.model.name] : [];
  }

  #compare(name: string): void {
    const before = this.#compared;
    const compared = before.includes(name) ? before.filter((one) => one !== name) : [...before, name];
    const isUsual = compared.length === 1 && compared[0] === this.model?.name;
    this.dispatchEvent(new CustomEvent("models-compared", { detail: isUsual ? [] : compared }));
    this.#drawCompared(name);
  }

  #item(model: ChatModel, isChosen: boolean, role = "menuitemradio"): HTMLElement {
    const facts = [model.is_default && strings.defaultModel, model.context_length > 0 && strings.tokens(short(model.context_length))];
    return el(
      "button",
      { type: "button", class: "menu__item", role, "aria-checked": String(isChosen), "data-model": model.name },
      el("span", {}, model.title, el("small", {}, facts.filter(Boolean).join(" · "))),
      icon("check", "menu__tick"),
    );
  }
}
