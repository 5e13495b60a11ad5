// The conversation page: wires composer, messages, model picker, source pane and socket together.

import { askAgain } from "../elements/again_menu";
import type { AnswerStreamElement } from "../elements/answer_stream";
import type { ChatComposer, Draft } from "../elements/chat_composer";
import type { OfferedCollection } from "../elements/composer_signs";
import type { ContextGauge } from "../elements/context_gauge";
import { copyFeedback } from "../elements/copy_feedback";
import type { ModelPicker } from "../elements/model_picker";
import { editQuestion } from "../elements/question_edit";
import { ScopeChip, scopeButton, type Scope } from "../elements/scope_chip";
import type { ThreadList } from "../elements/thread_list";
import { api } from "../lib/api";
import { socket } from "../lib/connection";
import { actionOf, find } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { modelTitle } from "../lib/model_titles";
import { pageState } from "../lib/page_state";
import type { Accepted, Branch, DocumentState, RunningTurn } from "../lib/protocol";
import { strings } from "../lib/strings";
import type { AnswerStream } from "../models/answer_stream";
import { withQuotation } from "../models/quotation";
import { Announcer } from "./announcer";
import { Answers } from "./answers";
import { Asking, type Place } from "./asking";
import { Conversation } from "./conversation";
import { Earlier } from "./earlier";
import { watchQuotes } from "./quoting";
import { type Asked, ContextWatch } from "./context_watch";
import { closeSource, openSource, watchSources } from "./sources";
import { endWithPage } from "./temporary";
import { Settings } from "./thread_settings";
import { WaitingQuestions } from "./waiting_questions";

export class ChatPage {
  #thread: string | null = pageState.thread?.id ?? null;
  #model: string | null = pageState.thread?.model ?? null;
  #isTemporary = pageState.thread?.temporary ?? pageState.new_thread?.temporary ?? false;
  #composer = find<ChatComposer>(document, "chat-composer");
  #picker = find<ModelPicker>(document, "model-picker");
  #list = find<ThreadList>(document, "thread-list");
  #conversation = new Conversation(find(document, "#thread"), find(document, "[data-action=jump-down]"));
  #announcer = new Announcer(find(document, "#announcer"));
  #answers = new Answers((stream, element) => this.#over(stream, element), this.#announcer);
  #scope = new ScopeChip(scopeButton(this.#composer), { collections: pageState.thread?.collections ?? [], everything: pageState.thread?.everything ?? false }, (scope) => void this.#ask(scope));
  /** Something was asked elsewhere while this tab waited for what it asked itself. */
  #shouldLook = false;
  #asking = new Asking(this.#conversation, this.#answers, this.#composer, () => this.#showWriting(), () => void this.#look());

  #settings = new Settings(this.#picker, () => this.#thread, () => this.#settled());

  #waiting = new WaitingQuestions(this.#answers, this.#composer, () => void this.#look());
  #watch = new ContextWatch(this.#composer, find(document, "context-gauge"), () => this.#asked, () => this.#showContext());

  start(): void {
    this.#composer.models = () => this.#picker.models;
    this.#composer.openDraft(this.#thread, pageState.draft, !this.#isTemporary);
    if (this.#isTemporary) endWithPage(() => this.#thread);
    this.#composer.addEventListener("message-send", (event) => this.#asking.send((event as CustomEvent<Draft>).detail, this.#place));
    this.#composer.addEventListener("answer-stop", () => this.#stop());
    this.#composer.addEventListener("collection-choose", (event) => {
      const { id, name } = (event as CustomEvent<OfferedCollection>).detail;
      this.#scope.add(id, name);
    });
    this.#composer.addEventListener("document-detach", (event) => void this.#detach((event as CustomEvent<string>).detail));
    this.#picker.addEventListener("model-chosen", (event) => void this.#choose((event as CustomEvent<string>).detail));
    this.#picker.compared = () => this.#composer.chosenModels;
    this.#picker.addEventListener("models-compared", (event) => (this.#composer.chosenModels = (event as CustomEvent<string[]>).detail));
    this.#list.addEventListener("thread-changed", (event) => this.#retitle((event as CustomEvent<{ id: string; title: string }>).detail));
    document.addEventListener("click", (event) => this.#clicked(event));
    document.addEventListener("keydown", (event) => this.#escape(event));
    this.#hear();
    new Earlier(this.#conversation, () => this.#thread);
    watchSources();
    watchQuotes((quoted) => this.#composer.fill(withQuotation(this.#composer.text, quoted)));
    for (const document of pageState.thread?.documents ?? []) this.#composer.attachDocument(document);
    void this.#attachFromAddress();
    this.#followRunning(pageState.running_turns ?? []);
    this.#conversation.toEnd();
    this.#showContext();
  }

  #hear(): void {
    let wasOpen = false;
    socket.on("message.accepted", (frame) => this.#accepted(frame));
    socket.on("error", ({ ref, sentence }) => ref && this.#asking.refused(ref, sentence));
    socket.on("models.changed", ({ models }) => {
      if (models) this.#picker.models = models;
    });
    socket.on("library.changed", () => {
      void this.#composer.lookAgain();
      void this.#scope.look().catch(showFailure);
    });
    // Somebody asked in another tab or on another device; while the line was down nobody would have told us.
    socket.on("branch.changed", ({ thread, ref }) => thread === this.#thread && !this.#asking.isOwn(ref) && void this.#look());
    socket.addEventListener("open", () => {
      if (wasOpen) void this.#look();
      wasOpen = true;
    });
  }

  get #place(): Place {
    const begins = this.#thread ? {} : { ...pageState.new_thread, ...this.#settings.beginning };
    const model = this.#thread ? this.#model : (this.#picker.model?.name ?? null);
    return { thread: this.#thread, model, begins, scope: this.#scope.isChosen ? this.#scope.scope : null };
  }

  /** A thread that exists is told at once, a new one with its first question. */
  async #ask(scope: Scope): Promise<void> {
    this.#watch.look();
    if (!this.#thread) return;
    try {
      await api("PATCH", `/threads/${this.#thread}/`, scope);
      this.#scope.isChosen = false;
    } catch (error) {
      showFailure(error);
    }
  }

  /** Of whom the next question would be asked. */
  get #asked(): Asked | null {
    // Of several that answer side by side, the one that has the least room.
    const chosen = this.#picker.models.filter(({ name }) => this.#composer.chosenModels.includes(name));
    const model = chosen.sort((a, b) => a.context_length - b.context_length)[0] ?? this.#picker.model;
    const { everything, collections } = this.#scope.scope;
    const systemPrompt = this.#settings.beginning.settings.system_prompt;
    const asksMore = everything || collections.length > 0;
    return model && { thread: this.#thread, model: model.name, title: model.title, systemPrompt, documents: this.#composer.documents, asksMore };
  }

  #accepted(frame: Accepted): void {
    if (!this.#asking.accepted(frame)) return;
    this.#composer.forgetDraft();
    this.#scope.isChosen = false;
    if (frame.thread.id !== this.#thread) this.#enter(frame.thread);
  }

  /** The first message made the thread: its address and its row in the list come without a new page. */
  #enter(thread: { id: string; title: string }): void {
    this.#thread = thread.id;
    this.#model ??= this.#picker.model?.name ?? null;
    // A temporary thread has no address to come back to.
    if (this.#isTemporary) return;
    history.replaceState(null, "", `/threads/${thread.id}/`);
    document.querySelector("[data-action=temporary]")?.remove();
    this.#composer.openDraft(thread.id);
    const folder = pageState.new_thread?.folder ?? null;
    const state = { pinned: false, archived: false, deleted: false, folder, tags: [], unread: false, temporary: false };
    this.#list.put({ ...thread, ...state, updated_at: new Date().toISOString() });
    this.#list.current = thread.id;
  }

  /** Show the branch that the thread shows now, without what this tab still waits for. */
  async #look(choose?: string, isBeside = false): Promise<void> {
    this.#shouldLook = this.#asking.isWaiting;
    if (!this.#thread || this.#shouldLook) return;
    const first = this.#conversation.firstMessage;
    const path = `/threads/${this.#thread}/branch/${first ? `?first=${first}` : ""}`;
    try {
      const branch = await (choose ? api<Branch>("PUT", path, { message: choose, beside: isBeside }) : api<Branch>("GET", path));
      this.#shouldLook = this.#asking.isWaiting;
      if (this.#shouldLook) return;
      this.#conversation.show(branch, (answer) => this.#answers.draws(answer));
      this.#answers.leaveAbsent();
      this.#followRunning(branch.turns);
      this.#showWriting();
      this.#showContext();
    } catch (error) {
      showFailure(error);
    }
  }

  /** Answers were being written when the page or the branch was drawn: take them up. */
  #followRunning(turns: RunningTurn[]): void {
    for (const { id, answer } of turns) {
      const element = this.#conversation.answerOf(answer);
      if (element) this.#answers.follow(id, element);
    }
    this.#showWriting();
  }

  #showWriting(): void {
    if (this.#shouldLook && !this.#asking.isWaiting) void this.#look();
    this.#composer.isAnswering = this.#asking.isWaiting || this.#answers.isWriting;
    this.#composer.isAsking = this.#asking.isWaiting;
    this.#waiting.refresh();
  }

  #over(stream: AnswerStream, element: AnswerStreamElement): void {
    this.#showWriting();
    const model = element.closest("answer-columns") ? modelTitle(element.dataset["model"] ?? "") : "";
    if (model) this.#announcer.say(stream.status === "failed" ? strings.answerFailedOf(model) : strings.answerReadyOf(model));
    else this.#announcer.say(stream.status === "failed" ? strings.answerFailed : strings.answerReady);
    // The figures are drawn at the next frame.
    requestAnimationFrame(() => requestAnimationFrame(() => this.#showContext()));
  }

  #stop(): void {
    this.#asking.stop();
    this.#answers.stop();
  }

  #showContext(): void {
    const gauge = document.querySelector<ContextGauge>("context-gauge");
    if (!this.#composer.isEmpty) return;
    gauge?.show(this.#conversation.lastAnswer?.contextTokens ?? 0, this.#picker.model?.context_length ?? 0);
  }

  async #choose(model: string): Promise<void> {
    this.#model = model;
    this.#composer.focus();
    this.#watch.look();
    if (!this.#thread) return;
    try {
      await api("PATCH", `/threads/${this.#thread}/`, { model });
    } catch (error) {
      showFailure(error);
    }
  }

  /** The settings of the thread were changed, perhaps its model. */
  #settled(): void {
    this.#model = this.#thread ? (this.#picker.model?.name ?? null) : this.#model;
    this.#watch.look();
    this.#composer.focus();
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
      const answer = api<DocumentState | { document: DocumentState }>("GET", `/documents/${id}/`);
      await this.#composer.attachComing(answer.then((state) => ("document" in state ? state.document : state)));
    } catch (error) {
      showFailure(error);
    }
  }

  #retitle({ id, title }: { id: string; title: string }): void {
    if (id !== this.#thread || !title) return;
    document.title = `${title} · Hearth`;
    find(document, "#thread-title").textContent = title;
  }

  #clicked(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    const mark = target?.closest<HTMLElement>("[data-source]");
    if (mark) this.#conversation.keepInPlace(mark, () => openSource(mark, event));
    const idea = target?.closest<HTMLElement>("[data-idea]")?.dataset["idea"];
    if (idea === "document") this.#composer.chooseFiles();
    else if (idea) this.#composer.fill(idea);
    const button = actionOf(event);
    const article = button?.closest<HTMLElement>(".question, .answer");
    if (button && article) this.#acted(button, article);
    if (button?.dataset["action"] === "jump-down") this.#conversation.jumpToEnd();
    if (button?.dataset["action"] === "stop-all") this.#stop();
  }

  #acted(button: HTMLElement, article: HTMLElement): void {
    const answer = article.querySelector<AnswerStreamElement>("answer-stream");
    const text = answer ? answer.text : this.#conversation.textOf(article);
    switch (button.dataset["action"]) {
      case "copy-message": void copyFeedback(button, text); break;
      case "edit": editQuestion(article, text, this.#picker.models, this.#composer, (draft) => this.#asking.edit(article, draft, this.#place)); break;
      case "keep": void this.#keep(article); break;
      case "compare-again": void this.#look(article.dataset["message"], true); break;
      case "stop-one": if (answer) this.#answers.stopOne(answer); break;
      case "regenerate": askAgain(button, this.#picker.models, answer?.dataset["model"] ?? "", (model) => this.#asking.regenerate(article, model)); break;
      case "continue": if (answer) this.#asking.goOn(answer); break;
      case "branch": void this.#look(button.dataset["branch"]); break;
      case "fork": void this.#fork(article.dataset["message"] ?? ""); break;
    }
  }

  /** The answer that was chosen is the branch from now on, and has the focus that its button had. */
  async #keep(article: HTMLElement): Promise<void> {
    await this.#look(article.dataset["message"]);
    article.tabIndex = -1;
    article.focus({ preventScroll: true });
  }

  async #fork(message: string): Promise<void> {
    try {
      const { thread, draft } = await api<{ thread: { id: string }; draft: string }>("POST", `/threads/${this.#thread}/forks/`, { message });
      if (draft) sessionStorage.setItem(`draft:${thread.id}`, draft);
      location.assign(`/threads/${thread.id}/`);
    } catch (error) {
      showFailure(error);
    }
  }

  #escape(event: KeyboardEvent): void {
    if (event.key !== "Escape" || event.defaultPrevented || event.shiftKey || document.querySelector("dialog[open], .menu:popover-open, .sidebar:popover-open")) return;
    if (!closeSource()) this.#stop();
  }
}
