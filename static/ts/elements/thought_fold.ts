// What the model thought before its words, folded: a line that says for how long, and the text for whoever opens it.
// While the model thinks the line counts the seconds. The text is drawn only where it is open.

import { el, find } from "../lib/dom";
import { strings } from "../lib/strings";
import { MarkdownView } from "../markdown/markdown_view";
import { thoughtTime } from "../models/thought_time";

const TICK_MS = 1000;

export class ThoughtFold {
  #box: HTMLDetailsElement | null = null;
  #label = el("span");
  #view: MarkdownView | null = null;
  #text = "";
  #isThinking = false;
  /** When the model would have begun, had it thought without a break. */
  #begunAt = 0;
  #seconds = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Below the head of `answer`; without a text there is nothing to see. */
  show(answer: HTMLElement, text: string, seconds: number, isThinking = false): void {
    if (!text) {
      this.#box?.remove();
      this.#box = null;
      this.#tick(false);
      return;
    }
    const box = this.#box ?? this.#make(answer);
    if (seconds !== this.#seconds || !this.#begunAt) this.#begunAt = performance.now() - seconds * 1000;
    this.#seconds = seconds;
    this.#text = text;
    this.#isThinking = isThinking;
    box.toggleAttribute("data-thinking", isThinking);
    this.#tick(isThinking);
    this.#name();
    if (box.open) this.#draw();
  }

  #make(answer: HTMLElement): HTMLDetailsElement {
    const words = el("div", { class: "thought__text prose", role: "group", "aria-label": strings.thoughts });
    this.#view = new MarkdownView(words, { sources: new Set(), sourceLabel: String });
    this.#box = el("details", { class: "thought", toggle: () => this.#draw() }, el("summary", {}, this.#label), words);
    find(answer, ".answer__head").after(this.#box);
    return this.#box;
  }

  #draw(): void {
    if (this.#box?.open) this.#view?.show(this.#text.trimStart(), !this.#isThinking);
  }

  #name(): void {
    const seconds = this.#isThinking ? (performance.now() - this.#begunAt) / 1000 : this.#seconds;
    const time = thoughtTime(seconds);
    const words = this.#isThinking ? strings.thinking(time) : seconds < 1 ? strings.thoughtBriefly : strings.thoughtFor(time);
    if (this.#label.textContent !== words) this.#label.textContent = words;
  }

  #tick(isThinking: boolean): void {
    if (!isThinking) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    else this.#timer ??= setInterval(() => (this.#box?.isConnected ? this.#name() : this.#tick(false)), TICK_MS);
  }
}
