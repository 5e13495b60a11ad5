// What the next question would take of the model's context, by the model's own count, a moment after the last key.

import type { ChatComposer } from "../elements/chat_composer";
import type { ContextGauge } from "../elements/context_gauge";
import { request } from "../lib/api";
import { number } from "../lib/numbers";
import { strings } from "../lib/strings";

const PAUSE_MS = 600;

export interface Measured { num_tokens: number; room_tokens: number; context_length: number; fits: boolean; num_history_left_out: number; most_source_tokens: number }
/** asksMore: collections or everything, besides the documents. */
export interface Asked { thread: string | null; model: string; title: string; systemPrompt: string; documents: string[]; asksMore: boolean }

export class ContextWatch {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | null = null;

  /** `asked`: of whom; null while there is no model. `idle`: nothing is typed, show what the last answer took. */
  constructor(readonly composer: ChatComposer, readonly gauge: ContextGauge, readonly asked: () => Asked | null, readonly idle: () => void) {
    composer.addEventListener("draft-changed", () => this.look());
    composer.addEventListener("documents-changed", () => this.look());
  }

  look(): void {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.composer.warning = "";
    if (this.composer.isEmpty) this.idle();
    else this.#timer = setTimeout(() => void this.#measure(), PAUSE_MS);
  }

  async #measure(): Promise<void> {
    const asked = this.asked();
    if (!asked) return;
    const running = (this.#running = new AbortController());
    const { thread, model, title, systemPrompt, documents, asksMore } = asked;
    const body = JSON.stringify({ thread, text: this.composer.text, model, system_prompt: systemPrompt, documents, asks_more: asksMore });
    try {
      const response = await request("POST", "/composer/measure/", { body, headers: { "Content-Type": "application/json" }, signal: running.signal });
      const found = (await response.json()) as Measured;
      if (this.#running === running && !this.composer.isEmpty) this.#show(found, title);
    } catch {
      // A gauge that cannot be read says nothing; sending says what is wrong.
    }
  }

  #show(found: Measured, title: string): void {
    this.gauge.show(found.num_tokens, found.context_length, found.fits ? "next" : "over", found.most_source_tokens);
    if (!found.fits) this.composer.warning = strings.willNotFit(title, number(found.num_tokens), number(found.room_tokens));
    else if (found.num_history_left_out) this.composer.warning = strings.willForget(found.num_history_left_out);
  }
}
