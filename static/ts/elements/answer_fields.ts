// The fields that say how a model is to answer, for an assistant and for a thread.

import { labelled } from "../lib/form_dialog";
import { el } from "../lib/dom";
import type { AnswerSettings, Audience, ChatModel } from "../lib/protocol";
import { strings } from "../lib/strings";

const INSTRUCTIONS_CHARS = 8000;

export class AnswerFields {
  #prompt = el("textarea", { name: "system_prompt", rows: 6, maxlength: INSTRUCTIONS_CHARS });
  #temperature = numberField("temperature", 0, 2, 0.1);
  #topP = numberField("top_p", 0.01, 1, 0.01);
  #maxTokens = numberField("max_tokens", 1, 16_384, 1);
  readonly box: HTMLElement[];

  constructor(settings: AnswerSettings | null) {
    const row = el(
      "div",
      { class: "field-row" },
      labelled(strings.temperature, this.#temperature, strings.temperatureHelp),
      labelled(strings.topP, this.#topP, strings.topPHelp),
      labelled(strings.maxTokens, this.#maxTokens, strings.maxTokensHelp),
    );
    this.box = [labelled(strings.instructions, this.#prompt, strings.systemPromptHelp), row];
    this.fill(settings);
  }

  fill(settings: AnswerSettings | null): void {
    this.#prompt.value = settings?.system_prompt ?? "";
    this.#temperature.value = String(settings?.temperature ?? "");
    this.#topP.value = String(settings?.top_p ?? "");
    this.#maxTokens.value = String(settings?.max_tokens ?? "");
  }

  get settings(): AnswerSettings {
    return {
      system_prompt: this.#prompt.value,
      temperature: numberIn(this.#temperature),
      top_p: numberIn(this.#topP),
      max_tokens: numberIn(this.#maxTokens),
    };
  }
}

function numberField(name: string, min: number, max: number, step: number): HTMLInputElement {
  // Any step: 0.75 is as good a temperature as 0.7.
  return el("input", { type: "number", name, min, max, step: Number.isInteger(step) ? step : "any", inputmode: "decimal", placeholder: strings.byItself, autocomplete: "off" });
}

function numberIn(field: HTMLInputElement): number | null {
  return field.value === "" ? null : field.valueAsNumber;
}

export function modelSelect(models: ChatModel[], chosen: string | null, none: string): HTMLSelectElement {
  return selectOf("model", [["", none], ...models.map(({ name, title }): [string, string] => [name, title])], chosen ?? "");
}

export function audienceSelect(audiences: Audience[], chosen: number | null): HTMLSelectElement {
  const options = audiences.map(({ id, name }): [string, string] => [String(id), name || strings.everybody]);
  return selectOf("shared_with", [["", strings.onlyMe], ...options], String(chosen ?? ""));
}

export function selectOf(name: string, options: [value: string, label: string][], chosen: string): HTMLSelectElement {
  return el("select", { name }, ...options.map(([value, label]) => el("option", { value, selected: value === chosen }, label)));
}
