// <model-picker>: which model answers. Fires "model-chosen" with the model's name.

import { el, find, icon } from "../lib/dom";
import { short } from "../lib/numbers";
import { pageState } from "../lib/page_state";
import type { ChatModel } from "../lib/protocol";
import { strings } from "../lib/strings";

export class ModelPicker extends HTMLElement {
  #models: ChatModel[] = pageState.models ?? [];
  #chosen: string | null = pageState.thread?.model ?? null;

  connectedCallback(): void {
    this.#draw();
    this.addEventListener("click", (event) => {
      const item = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-model]") : null;
      if (item) this.#choose(item.dataset["model"] ?? "");
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
    find(this, ".menu").replaceChildren(...(items.length ? items : [el("div", { class: "menu__head" }, strings.noModelHint)]));
  }

  #item(model: ChatModel, isChosen: boolean): HTMLElement {
    const facts = [model.is_default && strings.defaultModel, model.context_length > 0 && strings.tokens(short(model.context_length))];
    return el(
      "button",
      { type: "button", class: "menu__item", role: "menuitemradio", "aria-checked": String(isChosen), "data-model": model.name },
      el("span", {}, model.title, el("small", {}, facts.filter(Boolean).join(" · "))),
      icon("check", "menu__tick"),
    );
  }
}
