// <answer-stream>: one answer. Drawn from the page's markup when it is old, from an AnswerStream while it is written.

import { el, find, icon, iconButton } from "../lib/dom";
import { number, speed } from "../lib/numbers";
import { pageState } from "../lib/page_state";
import type { Finish, FoundSources, Source } from "../lib/protocol";
import { strings } from "../lib/strings";
import { MarkdownView } from "../markdown/markdown_view";
import type { AnswerStream } from "../models/answer_stream";
import { withMarks } from "../models/citation_marks";
import { waitWords } from "../models/wait_words";
import { copyFeedback } from "./copy_feedback";

const BEAT_MS = 24;
const HIDDEN_MS = 250;
const STALL_MS = 4000;

export class AnswerStreamElement extends HTMLElement {
  #stream: AnswerStream | null = null;
  #view: MarkdownView | null = null;
  #text = "";
  #sources: Source[] = [];
  #found: FoundSources | null = null;
  #hasAddedMarks = false;
  #stall: ReturnType<typeof setTimeout> | undefined;
  #isDue = false;
  #restUntil = 0;

  connectedCallback(): void {
    if (this.#view || this.closest("template")) return;
    const text = find<HTMLElement>(this, ".answer__text");
    this.#text = text.textContent ?? "";
    this.#view = new MarkdownView(text, { sources: new Set(), sourceLabel: (n) => this.#sourceLabel(n) });
    const block = this.querySelector('script[type="application/json"]');
    const found = block?.textContent ? (JSON.parse(block.textContent) as FoundSources) : null;
    if (found?.sources) this.#setSources(found);
    const status = this.dataset["status"] ?? "";
    if (status && status !== "pending") this.#drawOld(status);
    else if (this.#text) this.#view.show(this.#text);
  }

  /** The text as Markdown, for copying and for taking up a running answer. */
  get text(): string {
    return this.#text;
  }

  source(n: number): Source | undefined {
    return this.#sources.find((source) => source.n === n);
  }

  get contextTokens(): number {
    return Number(this.dataset["promptTokens"] || 0) + Number(this.dataset["completionTokens"] || 0);
  }

  /** Show a question that is on its way, before the server has said anything. */
  wait(): void {
    this.#drawWait();
  }

  follow(stream: AnswerStream): void {
    this.#stream = stream;
    this.#draw();
  }

  /** Something changed in the followed stream: draw soon, once. The first word at the next frame, later ones in a calm beat. */
  refresh(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    const rest = this.#restUntil - performance.now();
    if (document.hidden) setTimeout(() => this.#beat(), HIDDEN_MS);
    else if (rest > 0) setTimeout(() => requestAnimationFrame(() => this.#beat()), rest);
    else requestAnimationFrame(() => this.#beat());
  }

  #beat(): void {
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
    // A repeat of what the page showed already must not make the text shrink and grow again.
    const isCatchingUp = !stream.isOver && this.#text.startsWith(stream.text);
    if (!isCatchingUp || stream.text.length === this.#text.length) {
      this.#text = stream.text;
      this.#view.show(stream.text, stream.isOver);
    }
    if (stream.status === "finished") {
      this.#showMarks(stream.finish?.marks ?? stream.found?.marks);
      this.#drawEnd(stream.finish ?? { reason: "stop" });
    }
    else if (stream.status === "failed") this.#drawProblem(stream.problem?.sentence ?? "");
    else this.#drawWait();
    // Words that do not come are a worker that was lost, and another that will take over: say so.
    clearTimeout(this.#stall);
    if (stream.status === "writing") this.#stall = setTimeout(() => this.#drawWait(strings.resuming), STALL_MS);
  }

  #drawOld(status: string): void {
    this.#view?.show(this.#text, true);
    this.#showMarks(this.#found?.marks);
    if (status === "failed") {
      this.#drawProblem(this.dataset["problem"] ?? "");
      return;
    }
    const value = (name: string): number | null => (this.dataset[name] ? Number(this.dataset[name]) : null);
    this.#drawEnd({
      reason: status === "stopped" ? "stopped" : (this.dataset["reason"] ?? "stop"),
      model: this.dataset["model"] ?? "",
      tokens_per_second: value("speed"),
      num_prompt_tokens: value("promptTokens"),
      num_completion_tokens: value("completionTokens"),
    });
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
      if (this.#text) this.#view.redraw();
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
    if (stream?.text && !stream.progress && !stalled) {
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

  #drawEnd(finish: Finish): void {
    if (finish.num_prompt_tokens) this.dataset["promptTokens"] = String(finish.num_prompt_tokens);
    if (finish.num_completion_tokens) this.dataset["completionTokens"] = String(finish.num_completion_tokens);
    const copy = iconButton("copy", strings.copy, () => void copyFeedback(copy, this.#text));
    find(this, ".answer__end").replaceChildren(
      this.#citedSources(),
      el(
        "div",
        { class: "answer__foot" },
        this.#text && el("div", { class: "answer__acts" }, copy),
        ...this.#facts(finish).map((fact) => el("span", { class: "answer__fact" }, fact)),
      ),
    );
  }

  #facts(finish: Finish): string[] {
    const title = pageState.models?.find(({ name }) => name === finish.model)?.title ?? finish.model;
    const facts: (string | 0 | false | null | undefined)[] = [
      finish.reason === "stopped" && strings.answerStopped,
      finish.reason === "length" && strings.answerCut,
      finish.reason === "interrupted" && strings.answerInterrupted,
      title,
      finish.tokens_per_second && strings.tokensPerSecond(speed(finish.tokens_per_second)),
      finish.num_completion_tokens && strings.tokens(number(finish.num_completion_tokens)),
    ];
    return [...facts, ...this.#omissions()].filter((fact): fact is string => Boolean(fact));
  }

  /** The truth in small print: what the model was not given. */
  #omissions(): (string | false)[] {
    const found = this.#found;
    if (!found) return [];
    const passages = found.num_left_out ?? 0;
    const isWhole = !passages && !found.num_history_left_out && !found.left_out?.length;
    return [
      this.#hasAddedMarks && strings.marksAdded,
      found.weak === true && found.sources.length > 0 && strings.weakSources,
      passages > 0 && strings.passagesLeftOut(passages),
      Boolean(found.num_history_left_out) && strings.historyLeftOut(found.num_history_left_out ?? 0),
      ...(found.left_out ?? []).map(({ title }) => strings.notReadYet(title)),
      isWhole && found.sources.length > 0 && strings.nothingLeftOut,
    ];
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
          { type: "button", class: "answer__source", "data-source": source.n, "aria-label": this.#sourceLabel(source.n) },
          el("b", {}, String(source.n)),
          el("span", {}, source.title),
          el("small", {}, strings.place(source.place, source.label)),
        ),
      ),
    );
  }

  #drawProblem(sentence: string): void {
    find(this, ".answer__end").replaceChildren(
      el(
        "div",
        { class: "answer__problem", role: "alert" },
        icon("warning"),
        el("span", {}, sentence || strings.answerFailed),
        el("button", { type: "button", class: "button button--small", "data-action": "ask-again" }, strings.retry),
      ),
    );
  }
}
