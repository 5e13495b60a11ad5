// <answer-columns>: the answers of several models to one question, side by side until one is kept.
//
// Its articles are ordinary answers. Each gets a head with the model's name and what it is doing; where not all of them
// fit, a row of tabs leads to each. data-message is the answer that the thread goes on from as long as none is kept.

import { actButton, el, find } from "../lib/dom";
import { modelTitle } from "../lib/model_titles";
import { strings } from "../lib/strings";

/** So much of the tab before is in view. */
const PEEK_PX = 40;

export class AnswerColumnsElement extends HTMLElement {
  #row = el("div", { class: "columns__row" });
  #tabs = el("div", { class: "columns__tabs", role: "group", "aria-label": strings.sideBySide });
  #note = el("p", { class: "columns__note" });
  #stopAll = el("button", { type: "button", class: "button button--small columns__stop", "data-action": "stop-all" }, strings.stopAll);
  #states = new MutationObserver(() => this.#refresh());
  #fit = new ResizeObserver(() => this.#refit());

  connectedCallback(): void {
    if (!this.#row.isConnected) {
      this.#row.append(...this.querySelectorAll(":scope > .answer"));
      this.append(el("div", { class: "columns__bar" }, this.#tabs, this.#note, this.#stopAll), this.#row);
      for (const article of this.articles) this.#head(article);
      this.#row.addEventListener("scroll", () => this.#mark(), { passive: true });
      this.setAttribute("role", "group");
      this.setAttribute("aria-label", strings.sideBySide);
    }
    this.dataset["count"] = String(this.articles.length);
    this.#states.observe(this.#row, { subtree: true, attributeFilter: ["data-status", "data-model"] });
    this.#fit.observe(this.#row);
    this.#refresh();
  }

  disconnectedCallback(): void {
    this.#states.disconnect();
    this.#fit.disconnect();
  }

  get articles(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>(".answer")];
  }

  articleOf(message: string): HTMLElement | null {
    return this.articles.find(({ dataset }) => dataset["message"] === message) ?? null;
  }

  /** Whether these, in this order, are its answers. */
  holds(messages: { id: string }[]): boolean {
    return messages.map(({ id }) => id).join() === this.articles.map(({ dataset }) => dataset["message"]).join();
  }

  /** An answer as it stands alone. */
  release(article: HTMLElement): HTMLElement {
    article.querySelector(".column__head")?.remove();
    article.setAttribute("aria-label", strings.answer);
    article.remove();
    return article;
  }

  #head(article: HTMLElement): void {
    article.prepend(el("header", { class: "column__head" }, el("b", { class: "column__model" }), el("span", { class: "column__state" }), actButton("stop", "", "stop-one", "icon-button--small")));
    this.#tabs.append(el("button", { type: "button", class: "columns__tab", click: () => this.#goTo(article) }, el("span"), el("small", { class: "visually-hidden" })));
  }

  #refresh(): void {
    this.articles.forEach((article, at) => {
      const answer = find<HTMLElement>(article, "answer-stream");
      const title = modelTitle(answer.dataset["model"] ?? "");
      const status = answer.dataset["status"] || "pending";
      const words = strings.columnStates[status] ?? "";
      article.setAttribute("aria-label", strings.answerOf(title));
      article.dataset["state"] = status;
      write(find(article, ".column__model"), title);
      write(find(article, ".column__state"), words);
      const stop = find<HTMLElement>(article, "[data-action=stop-one]");
      stop.hidden = status !== "pending";
      stop.title = strings.stopOne(title);
      stop.setAttribute("aria-label", strings.stopOne(title));
      const tab = this.#tabs.children[at] as HTMLElement;
      tab.dataset["state"] = status;
      write(find(tab, "span"), title);
      write(find(tab, "small"), `, ${words}`);
      if (article.dataset["message"] === this.dataset["message"]) write(this.#note, strings.goesOnFrom(title));
    });
    this.#stopAll.hidden = !this.articles.some(({ dataset }) => dataset["state"] === "pending");
    this.#mark();
  }

  #refit(): void {
    this.toggleAttribute("data-narrow", this.#row.scrollWidth > this.#row.clientWidth + 1);
    this.#mark();
  }

  #goTo(article: HTMLElement): void {
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#row.scrollTo({ left: article.offsetLeft - this.#row.offsetLeft, behavior: isCalm ? "auto" : "smooth" });
  }

  /** Which tab's answer stands at the beginning of the row. */
  #mark(): void {
    const left = this.#row.scrollLeft + this.#row.offsetLeft;
    const isAtEnd = this.#row.scrollLeft > 0 && this.#row.scrollLeft + this.#row.clientWidth >= this.#row.scrollWidth - 1;
    const articles = this.articles;
    const distances = articles.map((article) => Math.abs(article.offsetLeft - left));
    const at = isAtEnd ? articles.length - 1 : distances.indexOf(Math.min(...distances));
    [...this.#tabs.children].forEach((tab, index) => {
      if (index === at && tab.ariaPressed !== "true") this.#tabs.scrollTo({ left: (tab as HTMLElement).offsetLeft - this.#tabs.offsetLeft - PEEK_PX });
      tab.ariaPressed = String(index === at);
    });
  }
}

/** Text that stays is not written again: those who hear the page would hear it again. */
function write(element: HTMLElement, words: string): void {
  if (element.textContent !== words) element.textContent = words;
}
