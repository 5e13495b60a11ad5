// The messages on the page: adding the pair of a new question, and keeping the view where the reader wants it.

import { AnswerColumnsElement } from "../elements/answer_columns";
import type { AnswerStreamElement } from "../elements/answer_stream";
import { branchSwitch } from "../elements/branch_switch";
import { el, find } from "../lib/dom";
import type { Branch, MessageState } from "../lib/protocol";
import { strings } from "../lib/strings";
import { type Extent, ScrollKeeper } from "../models/scroll_keeper";

const SLOW_MS = 1500;

export class Conversation {
  #keeper = new ScrollKeeper();
  #inner: HTMLElement;
  /** As last told: asking the view for them at each word would cost more than drawing it. */
  #extent: Extent = { top: 0, visible: 0, total: 0 };
  #near: IntersectionObserver;

  constructor(readonly scroller: HTMLElement, readonly downButton: HTMLElement) {
    this.#inner = find<HTMLElement>(scroller, "#messages");
    scroller.addEventListener("scroll", () => {
      this.#extent.top = scroller.scrollTop;
      // What has grown in this frame is not told yet; who has let go must not be caught by an end that is no longer there.
      if (!this.#keeper.isFollowing) this.#extent.total = scroller.scrollHeight;
      this.#keeper.scrolled(this.#extent);
      this.#showDown();
    }, { passive: true });
    const watch = new ResizeObserver((entries) => this.#resized(entries));
    watch.observe(this.#inner);
    watch.observe(scroller);
    for (const question of this.#inner.querySelectorAll<HTMLElement>(":scope > .question")) this.#drawSwitch(question);
    this.#near = new IntersectionObserver((entries) => this.#drawNear(entries), { root: scroller, rootMargin: "150% 0px" });
    for (const answer of this.#plainAnswers) this.#near.observe(answer);
    this.lastAnswer?.draw();
    addEventListener("beforeprint", () => this.#plainAnswers.forEach((answer) => answer.draw()));
  }

  get #articles(): HTMLElement[] {
    return [...this.#inner.querySelectorAll<HTMLElement>(":scope > :is(article, answer-columns)")];
  }

  /** The answers that stand side by side at the end, if any. */
  get columns(): AnswerColumnsElement | null {
    return this.#inner.querySelector<AnswerColumnsElement>(":scope > answer-columns");
  }

  get #plainAnswers(): AnswerStreamElement[] {
    return [...this.#inner.querySelectorAll<AnswerStreamElement>(".answer answer-stream")].filter(({ isPlain }) => isPlain);
  }

  /** Old answers become Markdown as the reader comes near; what they look at stays where it is. */
  #drawNear(entries: IntersectionObserverEntry[]): void {
    const near = entries.filter(({ isIntersecting }) => isIntersecting).map(({ target }) => target as AnswerStreamElement);
    if (!near.length) return;
    const top = this.scroller.getBoundingClientRect().top;
    const seen = this.#articles.find((article) => article.getBoundingClientRect().bottom > top);
    const draw = (): void => {
      for (const answer of near) {
        this.#near.unobserve(answer);
        answer.draw();
      }
    };
    if (seen && !this.#keeper.isFollowing) this.#hold(seen, draw);
    else draw();
  }

  /** The id of the last message, or null while there is none that the server knows. */
  get lastMessage(): string | null {
    return this.#articles.at(-1)?.dataset["message"] || null;
  }

  answerOf(message: string): AnswerStreamElement | null {
    return this.#inner.querySelector(`.answer[data-message="${message}"] answer-stream`);
  }

  /** The id of the first message on the page; others may stand before it. */
  get firstMessage(): string | null {
    return this.#articles[0]?.dataset["message"] || null;
  }

  /** How many messages stand before the first one on the page. */
  get numEarlier(): number {
    return Number(this.#inner.dataset["earlier"] ?? 0);
  }

  /** Put the messages that come before the first one where they belong; what the reader sees stays where it is. */
  prepend(messages: MessageState[], numEarlier: number): void {
    this.#inner.dataset["earlier"] = String(numEarlier);
    const first = this.#articles[0];
    if (!first) return;
    this.#hold(first, () => {
      for (const message of messages) {
        const article = this.#draw(message);
        article.dataset["siblings"] = message.siblings.join(" ");
        first.before(article);
        const answer = article.querySelector<AnswerStreamElement>("answer-stream");
        if (answer) answer.load(message);
        else this.#drawSwitch(article);
      }
    });
  }

  get lastAnswer(): AnswerStreamElement | null {
    const last = this.#articles.at(-1);
    if (last instanceof AnswerColumnsElement) return this.answerOf(last.dataset["message"] ?? "");
    return last?.querySelector<AnswerStreamElement>("answer-stream") ?? null;
  }

  /** A question that is on its way, and the room for its answers, of one model or several. It moves to the top of the view. */
  add(text: string, models: string[] = []): { question: HTMLElement; answers: AnswerStreamElement[] } {
    const question = this.#copyOf("message-template-user");
    find(question, ".question__text").textContent = text;
    this.#inner.append(question);
    const answers = models.length > 1 ? this.#addColumns(models) : [this.addAnswer()];
    const state = find<HTMLElement>(question, ".question__state");
    setTimeout(() => {
      if (!question.dataset["message"]) state.replaceChildren(strings.sending);
      state.hidden = Boolean(question.dataset["message"]);
    }, SLOW_MS);
    new MutationObserver((_, observer) => {
      state.hidden = true;
      observer.disconnect();
    }).observe(question, { attributeFilter: ["data-message"] });
    return { question, answers };
  }

  #addColumns(models: string[]): AnswerStreamElement[] {
    const articles = models.map(() => this.#copyOf("message-template-assistant"));
    this.#inner.append(el("answer-columns" as "div", { class: "columns columns--fresh" }, ...articles));
    const answers = articles.map((article) => find<AnswerStreamElement>(article, "answer-stream"));
    answers.forEach((answer, at) => {
      answer.dataset["model"] = models[at] ?? "";
      answer.wait();
    });
    this.#keeper.follow();
    this.toEnd();
    return answers;
  }

  /** Of the answers side by side show this one alone, or the one that the thread goes on from. Whether there were any. */
  keep(message?: string): boolean {
    const columns = this.columns;
    const article = columns?.articleOf(message ?? columns.dataset["message"] ?? "");
    if (!columns || !article) return false;
    const numCompared = columns.articles.length;
    columns.before(columns.release(article));
    columns.remove();
    const answer = find<AnswerStreamElement>(article, "answer-stream");
    answer.dataset["compared"] = String(numCompared);
    answer.redrawEnd();
    return true;
  }

  /** The room for another answer, at the end. */
  addAnswer(): AnswerStreamElement {
    const article = this.#copyOf("message-template-assistant");
    article.classList.add("answer--fresh");
    this.#inner.append(article);
    const answer = find<AnswerStreamElement>(article, "answer-stream");
    answer.wait();
    this.#keeper.follow();
    this.toEnd();
    return answer;
  }

  /** Take a message and all that follows it off the page: another branch begins here. */
  cutAt(article: HTMLElement): void {
    const articles = this.#articles;
    for (const gone of articles.slice(articles.indexOf(article))) gone.remove();
  }

  /** Show this branch. What is on the page already stays as it is, unless `isDrawn` says that its state is old. */
  show({ messages, num_earlier: numEarlier }: Branch, isDrawn: (answer: AnswerStreamElement) => boolean): void {
    this.#inner.dataset["earlier"] = String(numEarlier);
    const shown = new Set(messages.map(({ id }) => id));
    const kept = messages.find(({ id, beside }) => !beside?.length && this.columns?.articleOf(id));
    if (kept) this.keep(kept.id);
    for (const article of this.#articles) {
      if (!shown.has(article.dataset["message"] ?? "")) article.remove();
    }
    let before: Element | null = null;
    for (const message of messages) {
      const article = this.#placeOf(message);
      if (before && before.nextElementSibling !== article) before.after(article);
      else if (!before && this.#articles[0] !== article) this.#inner.prepend(article);
      if (article instanceof AnswerColumnsElement) {
        for (const each of message.beside ?? []) this.#renew(article.articleOf(each.id), each, isDrawn);
      } else this.#renew(article, message, isDrawn);
      before = article;
    }
  }

  #renew(article: HTMLElement | null, message: MessageState, isDrawn: (answer: AnswerStreamElement) => boolean): void {
    if (!article) return;
    const siblings = message.siblings.join(" ");
    const isMoved = article.dataset["siblings"] !== siblings;
    article.dataset["siblings"] = siblings;
    const answer = article.querySelector<AnswerStreamElement>("answer-stream");
    if (answer && !isDrawn(answer) && (answer.text !== message.text || answer.status !== message.status)) answer.load(message);
    else if (isMoved) this.#drawSwitch(article);
  }

  /** Where the message stands on the page already, or a place that is drawn for it. */
  #placeOf(message: MessageState): HTMLElement {
    const there = this.#inner.querySelector<HTMLElement>(`:scope > [data-message="${message.id}"]`);
    const beside = message.beside ?? [];
    if (!beside.length) return there ?? this.#draw(message);
    if (there instanceof AnswerColumnsElement && there.holds(beside)) return there;
    there?.remove();
    return el("answer-columns" as "div", { class: "columns", "data-message": message.id }, ...beside.map((each) => this.#draw(each)));
  }

  #draw(message: MessageState): HTMLElement {
    const article = this.#copyOf(`message-template-${message.role}`);
    article.dataset["message"] = message.id;
    if (message.role === "user") find(article, ".question__text").textContent = message.text;
    return article;
  }

  #drawSwitch(article: HTMLElement): void {
    const answer = article.querySelector<AnswerStreamElement>("answer-stream");
    if (answer) {
      answer.redrawEnd();
      return;
    }
    const acts = find(article, ".question__acts");
    acts.querySelector(".branches")?.remove();
    const branches = branchSwitch(article);
    if (branches) acts.prepend(branches);
    acts.toggleAttribute("data-steady", Boolean(branches));
  }

  textOf(question: HTMLElement): string {
    return question.querySelector(".question__text")?.textContent ?? "";
  }

  toEnd(): void {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  /** Do something that changes the width of the text, and keep `element` where the reader sees it. */
  keepInPlace(element: HTMLElement, change: () => void): void {
    this.#hold(element, change);
    if (element.isConnected) this.#keeper.letGo();
  }

  #hold(element: HTMLElement, change: () => void): void {
    const before = element.getBoundingClientRect().top;
    change();
    if (element.isConnected) this.scroller.scrollTop += element.getBoundingClientRect().top - before;
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

  #resized(entries: readonly ResizeObserverEntry[]): void {
    for (const { target, borderBoxSize, contentRect } of entries) {
      if (target === this.#inner) this.#extent.total = borderBoxSize[0]?.blockSize ?? contentRect.height;
      else this.#extent.visible = contentRect.height;
    }
    const to = this.#keeper.resized(this.#extent);
    if (to !== null) this.scroller.scrollTop = this.#extent.top = to;
    this.#showDown();
  }

  #showDown(): void {
    const { top, visible, total } = this.#extent;
    const isNear = total - visible - top < visible / 3;
    if (this.downButton.hidden !== isNear) this.downButton.hidden = isNear;
  }
}
