// The live region: an answer sentence by sentence for those who hear the page. Never every word, and not faster than it
// can be read aloud: what comes meanwhile is said together.

import { strings } from "../lib/strings";
import type { AnswerStream } from "../models/answer_stream";
import { Sentences } from "../models/sentences";

const REST_MS = 1500;
/** Screen readers have read it by then; a region that grows for ever slows them down. */
const MAX_LINES = 8;

export class Announcer {
  #heard = new WeakMap<AnswerStream, Sentences>();
  #thinking = new WeakSet<AnswerStream>();
  #waiting: string[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(readonly region: HTMLElement) {}

  /** The answer has grown. What stood there when it was first seen is not news. */
  hear(stream: AnswerStream): void {
    const sentences = this.#heard.get(stream) ?? new Sentences(strings.codeSpoken);
    this.#heard.set(stream, sentences);
    this.#waiting.push(...sentences.next(stream.text, stream.isOver));
    if (this.#waiting.length) this.#sayLater();
  }

  /** Said once: what the model thinks is there to be opened, not to be listened to. */
  noteThinking(stream: AnswerStream): void {
    if (this.#thinking.has(stream)) return;
    this.#thinking.add(stream);
    this.say(strings.thinks);
  }

  say(words: string): void {
    this.#waiting.push(words);
    this.#sayLater();
  }

  #sayLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      const line = document.createElement("p");
      line.textContent = this.#waiting.splice(0).join(" ");
      this.region.append(line);
      while (this.region.childElementCount > MAX_LINES) this.region.firstElementChild?.remove();
    }, this.region.childElementCount ? REST_MS : 0);
  }
}
