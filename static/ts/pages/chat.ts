// The conversation page: wires composer, messages, model picker, source pane and socket together.

import type { AnswerStreamElement } from "../elements/answer_stream";
import type { ChatComposer, Draft } from "../elements/chat_composer";
import type { ContextGauge } from "../elements/context_gauge";
import { copyFeedback } from "../elements/copy_feedback";
import type { ModelPicker } from "../elements/model_picker";
import type { ThreadList } from "../elements/thread_list";
import { api } from "../lib/api";
import { socket } from "../lib/connection";
import { actionOf, find } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { newId } from "../lib/ids";
import { pageState } from "../lib/page_state";
import type { Accepted, DocumentState, TurnEvent } from "../lib/protocol";
import { strings } from "../lib/strings";
import { AnswerStream } from "../models/answer_stream";
import { Conversation } from "./conversation";
import { closeSource, openSource } from "./sources";

interface Pending { text: string; question: HTMLElement; answer: AnswerStreamElement }

export class ChatPage {
  #thread: string | null = pageState.thread?.id ?? null;
  #model: string | null = pageState.thread?.model ?? null;
  #composer = find<ChatComposer>(document, "chat-composer");
  #picker = find<ModelPicker>(document, "model-picker");
  #list = find<ThreadList>(document, "thread-list");
  #conversation = new Conversation(find(document, "#thread"), find(document, "[data-action=jump-down]"));
  #pending = new Map<string, Pending>();
  #turn: { stream: AnswerStream; element: AnswerStreamElement } | null = null;

  start(): void {
    this.#composer.openDraft(this.#thread);
    this.#composer.addEventListener("message-send", (event) => this.#send((event as CustomEvent<Draft>).detail));
    this.#composer.addEventListener("answer-stop", () => this.#stop());
    this.#composer.addEventListener("document-detach", (event) => void this.#detach((event as CustomEvent<string>).detail));
    this.#picker.addEventListener("model-chosen", (event) => void this.#choose((event as CustomEvent<string>).detail));
    this.#list.addEventListener("thread-changed", (event) => this.#retitle((event as CustomEvent<{ id: string; title: string }>).detail));
    document.addEventListener("click", (event) => this.#clicked(event));
    document.addEventListener("keydown", (event) => this.#escape(event));
    socket.on("message.accepted", (frame) => this.#accepted(frame));
    socket.on("error", ({ ref, sentence }) => ref && this.#refused(ref, sentence));
    for (const type of ["turn.progress", "sources.found", "answer.extended", "answer.finished", "answer.failed", "turn.snapshot"] as const) {
      socket.on(type, (event) => this.#applied(event));
    }
    socket.on("models.changed", ({ models }) => {
      if (models) this.#picker.models = models;
    });
    for (const document of pageState.thread?.documents ?? []) this.#composer.attachDocument(document);
    void this.#attachFromAddress();
    this.#resume();
    this.#conversation.toEnd();
    this.#showContext();
  }

  #send({ text, documents }: Draft): void {
    const id = newId();
    const { question, answer } = this.#conversation.add(text);
    this.#pending.set(id, { text, question, answer });
    this.#composer.isAnswering = true;
    const model = this.#thread ? this.#model : (this.#picker.model?.name ?? null);
    socket.sendMessage({ type: "message.send", ref: id, id, thread: this.#thread, text, model, documents });
  }

  #accepted({ ref, thread, answer, turn }: Accepted): void {
    const pending = this.#pending.get(ref);
    if (!pending) return;
    this.#pending.delete(ref);
    this.#composer.forgetDraft();
    pending.question.dataset["message"] = ref;
    const article = pending.answer.closest<HTMLElement>(".answer");
    if (article) article.dataset["message"] = answer.id;
    if (thread.id !== this.#thread) this.#enter(thread);
    this.#follow(new AnswerStream(turn.id), pending.answer);
  }

  #refused(ref: string, sentence: string): void {
    const pending = this.#pending.get(ref);
    if (!pending) return;
    this.#pending.delete(ref);
    this.#conversation.remove(pending.question, pending.answer);
    this.#composer.isAnswering = false;
    this.#composer.giveBack(pending.text, `${strings.notSent} ${sentence}`);
  }

  /** The first message made the thread: its address and its row in the list come without a new page. */
  #enter(thread: { id: string; title: string }): void {
    this.#thread = thread.id;
    this.#model ??= this.#picker.model?.name ?? null;
    history.replaceState(null, "", `/threads/${thread.id}/`);
    this.#composer.openDraft(thread.id);
    sessionStorage.removeItem("draft:new");
    this.#list.put({ ...thread, updated_at: new Date().toISOString(), deleted: false });
    this.#list.current = thread.id;
  }

  /** An answer was being written when the page was drawn: take it up from where the page is. */
  #resume(): void {
    const running = pageState.running_turn;
    const element = this.#conversation.lastAnswer;
    if (!running || !element) return;
    const known = running.seq > 0 ? { text: element.text, seq: running.seq } : { text: "", seq: 0 };
    this.#composer.isAnswering = true;
    this.#follow(new AnswerStream(running.id, known), element);
  }

  #follow(stream: AnswerStream, element: AnswerStreamElement): void {
    this.#turn = { stream, element };
    element.follow(stream);
    socket.follow(stream.turn, () => stream.seq);
  }

  #applied(event: TurnEvent): void {
    const turn = this.#turn;
    if (!turn || event.turn !== turn.stream.turn) return;
    const outcome = turn.stream.apply(event);
    if (outcome === "refollow") socket.refollow(event.turn);
    if (outcome === "changed") {
      socket.acknowledge(event.turn, turn.stream.seq, turn.stream.isOver);
      turn.element.refresh();
    }
    if (turn.stream.isOver) this.#over(turn.stream);
  }

  #over(stream: AnswerStream): void {
    this.#turn = null;
    socket.unfollow(stream.turn);
    this.#composer.isAnswering = false;
    const words = stream.status === "failed" ? strings.answerFailed : strings.answerReady;
    find(document, "#announcer").textContent = words;
    // The figures are drawn at the next frame.
    requestAnimationFrame(() => requestAnimationFrame(() => this.#showContext()));
  }

  #stop(): void {
    if (this.#turn) socket.stop(this.#turn.stream.turn);
  }

  #showContext(): void {
    const gauge = document.querySelector<ContextGauge>("context-gauge");
    gauge?.show(this.#conversation.lastAnswer?.contextTokens ?? 0, this.#picker.model?.context_length ?? 0);
  }

  async #choose(model: string): Promise<void> {
    this.#model = model;
    this.#composer.focus();
    this.#showContext();
    if (!this.#thread) return;
    try {
      await api("PATCH", `/threads/${this.#thread}/`, { model });
    } catch (error) {
      showFailure(error);
    }
  }

  async #detach(document: string): Promise<void> {
    if (!this.#thread) return;
    try {
      await api("DELETE", `/threads/${this.#thread}/documents/${document}/`);
    } catch (error) {
      showFailure(error);
    }
  }

  /** "Ask about this" on the documents page leads to /?document=ID. */
  async #attachFromAddress(): Promise<void> {
    const id = new URLSearchParams(location.search).get("document");
    if (!id) return;
    history.replaceState(null, "", location.pathname);
    try {
      const answer = await api<DocumentState | { document: DocumentState }>("GET", `/documents/${id}/`);
      this.#composer.attachDocument("document" in answer ? answer.document : answer);
    } catch (error) {
      showFailure(error);
    }
  }

  #retitle({ id, title }: { id: string; title: string }): void {
    if (id === this.#thread && title) document.title = `${title} · Hearth`;
  }

  #clicked(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    const mark = target?.closest<HTMLElement>("[data-source]");
    if (mark) this.#conversation.keepInPlace(mark, () => openSource(mark));
    const idea = target?.closest<HTMLElement>("[data-idea]")?.dataset["idea"];
    if (idea === "document") this.#composer.chooseFiles();
    else if (idea) this.#composer.fill(idea);
    const button = actionOf(event);
    const question = button?.closest<HTMLElement>(".question");
    if (button?.dataset["action"] === "copy-message" && question) void copyFeedback(button, this.#conversation.textOf(question));
    if (button?.dataset["action"] === "ask-again") this.#composer.fill(this.#conversation.questionBefore(button));
    if (button?.dataset["action"] === "jump-down") this.#conversation.jumpToEnd();
  }

  #escape(event: KeyboardEvent): void {
    if (event.key !== "Escape" || event.defaultPrevented || event.shiftKey || document.querySelector("dialog[open], .menu:popover-open, .sidebar:popover-open")) return;
    if (!closeSource() && this.#turn) this.#stop();
  }
}
