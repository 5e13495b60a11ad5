// The messages on the page: adding the pair of a new question, and keeping the view where the reader wants it.

import type { AnswerStreamElement } from "../elements/answer_stream";
import { find } from "../lib/dom";
import { strings } from "../lib/strings";
import { type Extent, ScrollKeeper } from "../models/scroll_keeper";

const SLOW_MS = 1500;

export class Conversation {
  #keeper = new ScrollKeeper();
  #inner: HTMLElement;

  constructor(readonly scroller: HTMLElement, readonly downButton: HTMLElement) {
    this.#inner = find<HTMLElement>(scroller, "#messages");
    scroller.addEventListener("scroll", () => {
      this.#keeper.scrolled(this.#extent());
      this.#showDown();
    }, { passive: true });
    const watch = new ResizeObserver(() => {
      const to = this.#keeper.resized(this.#extent());
      if (to !== null) scroller.scrollTop = to;
      this.#showDown();
    });
    watch.observe(this.#inner);
    watch.observe(scroller);
  }

  get lastAnswer(): AnswerStreamElement | null {
    return this.#inner.querySelector<AnswerStreamElement>(".answer:last-of-type answer-stream");
  }

  /** A question that is on its way, and the room for its answer. The question moves to the top of the view. */
  add(text: string): { question: HTMLElement; answer: AnswerStreamElement } {
    const question = this.#copyOf("message-template-user");
    find(question, ".question__text").textContent = text;
    const article = this.#copyOf("message-template-assistant");
    article.classList.add("answer--fresh");
    this.#inner.append(question, article);
    const answer = find<AnswerStreamElement>(article, "answer-stream");
    answer.wait();
    const state = find<HTMLElement>(question, ".question__state");
    setTimeout(() => {
      if (!question.dataset["message"]) state.replaceChildren(strings.sending);
      state.hidden = Boolean(question.dataset["message"]);
    }, SLOW_MS);
    new MutationObserver((_, observer) => {
      state.hidden = true;
      observer.disconnect();
    }).observe(question, { attributeFilter: ["data-message"] });
    this.#keeper.follow();
    this.toEnd();
    return { question, answer };
  }

  remove(question: HTMLElement, answer: AnswerStreamElement): void {
    question.remove();
    answer.closest(".answer")?.remove();
  }

  textOf(question: HTMLElement): string {
    return question.querySelector(".question__text")?.textContent ?? "";
  }

  questionBefore(element: Element): string {
    const question = element.closest(".answer")?.previousElementSibling;
    return question instanceof HTMLElement ? this.textOf(question) : "";
  }

  toEnd(): void {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  /** Do something that changes the width of the text, and keep `element` where the reader sees it. */
  keepInPlace(element: HTMLElement, change: () => void): void {
    const before = element.getBoundingClientRect().top;
    change();
    if (!element.isConnected) return;
    this.#keeper.letGo();
    this.scroller.scrollTop += element.getBoundingClientRect().top - before;
  }

  jumpToEnd(): void {
    this.#keeper.follow();
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: isCalm ? "auto" : "smooth" });
  }

  #copyOf(template: string): HTMLElement {
    const fragment = find<HTMLTemplateElement>(document, `#${template}`).content;
    return document.importNode(find<HTMLElement>(fragment, "article"), true);
  }

  #extent(): Extent {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    return { top: scrollTop, visible: clientHeight, total: scrollHeight };
  }

  #showDown(): void {
    const { top, visible, total } = this.#extent();
    this.downButton.hidden = total - visible - top < visible / 3;
  }
}
