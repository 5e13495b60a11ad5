// <answer-stream>: one answer. Drawn from the page's markup when it is old, from an AnswerStream while it is written.

import { actButton, el, find, icon, iconButton } from "../lib/dom";
import { date } from "../lib/numbers";
import type { Finish, FoundSources, MessageState, Source, Use } from "../lib/protocol";
import { strings } from "../lib/strings";
import { MarkdownView } from "../markdown/markdown_view";
import { answerFacts } from "../models/answer_facts";
import type { AnswerStream } from "../models/answer_stream";
import { withMarks, withoutBegunMark } from "../models/citation_marks";
import { waitWords } from "../models/wait_words";
import { keepRating, ratingButtons } from "./answer_rating";
import { prepareViewer } from "../pages/sources";
import { branchSwitch } from "./branch_switch";
import { showGone, showUses } from "./cited_marks";
import { copyFeedback } from "./copy_feedback";
import { ThoughtFold } from "./thought_fold";

/** Each draw costs a style, a layout and two frames: see docs/decisions.md for what other beats cost. */
const BEAT_MS = 150;
const HIDDEN_MS = 250;
const STALL_MS = 4000;

export class AnswerStreamElement extends HTMLElement {
  #stream: AnswerStream | null = null;
  #view: MarkdownView | null = null;
  #thought = new ThoughtFold();
  #text = "";
  #sources: Source[] = [];
  #found: FoundSources | null = null;
  #hasAddedMarks = false;
  #uses = new Map<HTMLElement, Use>();
  #redrawEnd: (() => void) | null = null;
  #stall: ReturnType<typeof setTimeout> | undefined;
  #isDue = false;
  #due: ReturnType<typeof setTimeout> | undefined;
  #isPlain = false;
  #restUntil = 0;

  connectedCallback(): void {
    if (this.#view || this.closest("template")) return;
    const text = find<HTMLElement>(this, ".answer__text");
    this.#text = text.textContent ?? "";
    this.#view = new MarkdownView(text, { sources: new Set(), sourceLabel: (n) => this.#sourceLabel(n) });
    const thought = this.querySelector<HTMLElement>(".answer__thought");
    if (thought) {
      this.#thought.show(this, thought.textContent ?? "", Number(this.dataset["thoughtSeconds"]));
      thought.remove();
    }
    const block = this.querySelector('script[type="application/json"]');
    const found = block?.textContent ? (JSON.parse(block.textContent) as FoundSources) : null;
    if (found?.sources) this.#setSources(found);
    const status = this.dataset["status"] ?? "";
    // What is old is plain text until somebody comes near it: see Conversation.
    if (status && status !== "pending") this.#isPlain = true;
    else if (this.#text) this.#view.show(this.#text);
    if (this.#isPlain) text.textContent = this.#text;
  }

  /** Whether an old answer still stands there as plain text. */
  get isPlain(): boolean {
    return this.#isPlain;
  }

  /** Draw an old answer as what it is. */
  draw(): void {
    if (!this.#isPlain) return;
    this.#isPlain = false;
    this.#view?.redraw();
    this.#drawOld(this.dataset["status"] ?? "");
  }

  /** The text as Markdown, for copying and for taking up a running answer. */
  get text(): string {
    return this.#text;
  }

  /** The answer as another tab or branch made it. */
  load(state: MessageState): void {
    const { dataset } = this;
    dataset["status"] = state.status;
    dataset["reason"] = state.reason;
    dataset["model"] = state.model;
    dataset["version"] = state.version;
    dataset["problem"] = state.problem;
    dataset["speed"] = String(state.tokens_per_second ?? "");
    dataset["promptTokens"] = String(state.num_prompt_tokens ?? "");
    dataset["completionTokens"] = String(state.num_completion_tokens ?? "");
    dataset["contextLength"] = String(state.context_length ?? "");
    dataset["compared"] = String(state.num_compared || "");
    keepRating(this, state.rating);
    this.#text = state.text;
    this.#isPlain = false;
    this.#thought.show(this, state.reasoning, state.reasoning_seconds ?? 0);
    if (state.sources?.sources) this.#setSources(state.sources);
    if (state.status === "pending") {
      this.#view?.show(state.text);
      this.#drawWait();
    } else {
      this.#drawOld(state.status);
    }
  }

  get status(): string {
    return this.dataset["status"] ?? "";
  }

  /** What stands under an ended answer, again: its siblings have changed, or its rest was refused. */
  redrawEnd(): void {
    this.#redrawEnd?.();
  }

  source(n: number): Source | undefined {
    return this.#sources.find((source) => source.n === n);
  }

  /** What the server knows of this very mark, once the answer has ended. */
  useOf(mark: HTMLElement): Use | null {
    return this.#uses.get(mark) ?? null;
  }

  /** The reader has lost the source: its marks say so, its quote is forgotten. */
  forget(citation: string): void {
    for (const source of this.#sources) {
      if (source.citation !== citation || source.gone) continue;
      Object.assign(source, { gone: true, quote: "", title: strings.sourceUnavailable });
      for (const mark of this.querySelectorAll<HTMLElement>(`[data-source="${source.n}"]`)) showGone(mark);
    }
  }

  get contextTokens(): number {
    return Number(this.dataset["promptTokens"] || 0) + Number(this.dataset["completionTokens"] || 0);
  }

  /** Show a question that is on its way, before the server has said anything. */
  wait(): void {
    this.#drawWait();
  }

  follow(stream: AnswerStream): void {
    if (this.#isPlain) this.#view?.redraw();
    this.#isPlain = false;
    this.#stream = stream;
    this.#redrawEnd = null;
    this.dataset["status"] = "pending";
    this.#draw();
  }

  /** Something changed in the followed stream: draw soon, once. The first word at the next frame, later ones in a calm beat. */
  refresh(): void {
    const isOver = this.#stream?.isOver;
    if (this.#isDue && !isOver) return;
    this.#isDue = true;
    clearTimeout(this.#due);
    const rest = document.hidden ? HIDDEN_MS : this.#restUntil - performance.now();
    // Not at the next animation frame: asking for one costs more than what the change asks for by itself.
    if (rest > 0 && !isOver) this.#due = setTimeout(() => this.#beat(), rest);
    else queueMicrotask(() => this.#beat());
  }

  #beat(): void {
    if (!this.#isDue) return;
    this.#isDue = false;
    const begun = performance.now();
    this.#draw();
    // A long open block costs more: rest in proportion, so that drawing never takes more than a fifth of the time.
    this.#restUntil = begun + Math.max(BEAT_MS, 5 * (performance.now() - begun));
  }

  #draw(): void {
    const stream = this.#stream;
    if (!stream || !this.#view) return;
    if (stream.found && stream.found !== this.#found) this.#setSources(stream.found);
    this.#thought.show(this, stream.reasoning, stream.thoughtSeconds, stream.isThinking && !stream.isOver);
    // A repeat of what the page showed already must not make the text shrink and grow again.
    const isCatchingUp = !stream.isOver && this.#text.startsWith(stream.text);
    if (!isCatchingUp || stream.text.length === this.#text.length) {
      this.#text = stream.text;
      this.#view.show(stream.isOver ? stream.text : withoutBegunMark(stream.text), stream.isOver);
    }
    if (stream.status === "finished") {
      this.#showMarks(stream.finish?.marks ?? stream.found?.marks);
      this.#drawEnd(stream.finish ?? { reason: "stop" });
    }
    else if (stream.status === "failed") this.#drawEnd({ reason: "failed" }, stream.problem?.sentence || strings.answerFailed);
    else this.#drawWait();
    // Words that do not come are a worker that was lost, and another that will take over: say so.
    clearTimeout(this.#stall);
    if (stream.status === "writing") this.#stall = setTimeout(() => this.#drawWait(strings.resuming), STALL_MS);
  }

  #drawOld(status: string): void {
    this.#view?.show(this.#text, true);
    this.#showMarks(this.#found?.marks);
    const problem = status === "failed" ? this.dataset["problem"] || strings.answerFailed : "";
    const value = (name: string): number | null => (this.dataset[name] ? Number(this.dataset[name]) : null);
    this.#drawEnd({
      reason: status === "complete" ? (this.dataset["reason"] ?? "stop") : status,
      context_length: value("contextLength"),
      model: this.dataset["model"] ?? "",
      version: this.dataset["version"] ?? "",
      tokens_per_second: value("speed"),
      num_prompt_tokens: value("promptTokens"),
      num_completion_tokens: value("completionTokens"),
    }, problem);
  }

  /** The reader sees the marks that the model left out; the text itself stays the model's. */
  #showMarks(marks: FoundSources["marks"]): void {
    if (!marks?.length) return;
    this.#hasAddedMarks = true;
    this.#view?.redraw();
    this.#view?.show(withMarks(this.#text, marks), true);
  }

  #setSources(found: FoundSources): void {
    this.#found = found;
    this.#sources = found.sources;
    if (this.#view) {
      this.#view.context.sources = new Set(found.sources.map((source) => source.n));
      if (this.#text && !this.#isPlain) this.#view.redraw();
    }
    const count = found.sources.length;
    const line = count ? strings.searched(count) : strings.searchedNothing;
    find(this, ".answer__head").replaceChildren(el("div", { class: "answer__steps" }, icon("check"), line));
  }

  #sourceLabel(n: number): string {
    const source = this.source(n);
    return source ? strings.source(n, source.title, strings.place(source.place, source.label)) : String(n);
  }

  #drawWait(stalled = ""): void {
    const end = find(this, ".answer__end");
    const stream = this.#stream;
    if ((stream?.text || stream?.reasoning) && !stream.progress && !stalled) {
      if (end.firstChild) end.replaceChildren();
      return;
    }
    const { line, percent } = waitWords(stream?.progress ?? null);
    const words = stalled || (stream?.text && stream.progress?.stage !== "writing" ? strings.resuming : line);
    const box = end.querySelector(".answer__wait") ?? el("div", { class: "answer__wait" }, el("span"));
    find(box, "span").textContent = words;
    const bar = box.querySelector("progress");
    if (percent === null) bar?.remove();
    else if (bar) bar.value = percent;
    else box.append(el("progress", { max: 100, value: percent, "aria-label": words }));
    if (!box.isConnected) end.replaceChildren(box);
  }

  #drawEnd(finish: Finish, problem = ""): void {
    this.#redrawEnd = () => this.#drawEnd(finish, problem);
    this.dataset["status"] = problem ? "failed" : finish.reason === "stopped" ? "stopped" : "complete";
    if (finish.model) this.dataset["model"] = finish.model;
    if (finish.version) this.dataset["version"] = finish.version;
    if (finish.num_prompt_tokens) this.dataset["promptTokens"] = String(finish.num_prompt_tokens);
    if (finish.num_completion_tokens) this.dataset["completionTokens"] = String(finish.num_completion_tokens);
    this.#showUses();
    find(this, ".answer__end").replaceChildren(
      this.#citedSources(),
      problem ? this.#problem(problem) : "",
      el(
        "div",
        { class: "answer__foot" },
        this.#acts(),
        this.#isBeside && el("button", { type: "button", class: "button button--small", "data-action": "keep" }, strings.keepThis),
        Number(this.dataset["compared"]) > 1 && !this.#isBeside && el("button", { type: "button", class: "button button--small answer__compare", "data-action": "compare-again" }, strings.compareAgain),
        !problem && ["stopped", "length"].includes(finish.reason) && this.#goOn(strings.goOn),
        el("div", { class: "answer__facts" }, ...answerFacts(finish, this.#found, this.#hasAddedMarks).map((fact) => el("span", { class: "answer__fact" }, fact))),
      ),
    );
  }

  #showUses(): void {
    this.#uses = showUses(find(this, ".answer__text"), this.#sources, (n) => this.#sourceLabel(n));
    if (this.#uses.size) prepareViewer();
  }

  /** It stands beside the answers of other models, and none of them is kept yet. */
  get #isBeside(): boolean {
    return this.closest("answer-columns") !== null;
  }

  #acts(): HTMLElement {
    const isBeside = this.#isBeside;
    const copy = iconButton("copy", strings.copy, () => void copyFeedback(copy, this.#text));
    return el(
      "div",
      { class: "answer__acts" },
      !isBeside && branchSwitch(this.closest<HTMLElement>(".answer")),
      this.#text && copy,
      ...(this.#text ? ratingButtons(this, () => this.redrawEnd()) : []),
      !isBeside && actButton("retry", strings.again, "regenerate"),
      actButton("fork", strings.fork, "fork"),
    );
  }

  /** What was written stays, and its rest is one click away. */
  #goOn(label: string): HTMLElement {
    return el("button", { type: "button", class: "button button--small", "data-action": "continue" }, label);
  }

  #problem(sentence: string): HTMLElement {
    const words = el("span", {}, this.#text && el("b", {}, strings.answerInterrupted, ". "), sentence);
    const box = { class: "answer__problem", role: "alert" };
    return el("div", box, icon("warning"), words, this.#goOn(this.#text ? strings.goOn : strings.retry));
  }

  /** The sources that the text names, as a row of buttons; where it names none, all that was read. */
  #citedSources(): HTMLElement | string {
    const cited = new Set([...this.querySelectorAll<HTMLElement>(".answer__text .cite")].map((mark) => mark.dataset["source"]));
    const named = this.#sources.filter(({ n }) => cited.has(String(n)));
    const sources = named.length ? named : this.#sources;
    if (!sources.length) return "";
    return el(
      "div",
      { class: "answer__sources" },
      !named.length && el("span", { class: "answer__unnamed" }, strings.readNotNamed),
      ...sources.map((source) =>
        el(
          "button",
          { type: "button", class: "answer__source", "data-source": source.n, "data-gone": source.gone ? "" : null },
          el("i", { class: "visually-hidden" }, strings.sourceWord),
          el("b", {}, String(source.n)),
          " ",
          el("span", {}, source.title),
          " ",
          el("small", {}, strings.place(source.place, source.label)),
          source.replaced && el("small", {}, ` · ${strings.replacedOn(date(source.replaced))}`),
        ),
      ),
    );
  }
}
