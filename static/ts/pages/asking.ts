// What the person asks for: a question, the same one put differently, another answer, the rest of one. Each goes out
// with an id of the page's own and shows at once; a refusal takes it back and says why.

import type { AnswerStreamElement } from "../elements/answer_stream";
import type { ChatComposer, Draft } from "../elements/chat_composer";
import type { Scope } from "../elements/scope_chip";
import { socket } from "../lib/connection";
import { newId } from "../lib/ids";
import type { Accepted, AskFrame, SendFrame } from "../lib/protocol";
import { strings } from "../lib/strings";
import { toast } from "../lib/toast";
import type { Answers } from "./answers";
import type { Conversation } from "./conversation";

interface Pending { answers: AnswerStreamElement[]; question?: HTMLElement; text?: string; models?: string[]; isBranch: boolean; isStopped?: boolean }
/** begins: what the thread is, where it begins with this message. scope: what it asks from now on; null: as before. */
export interface Place { thread: string | null; model: string | null; begins: Begins; scope: Scope | null }
type Begins = Partial<Pick<SendFrame, "folder" | "temporary" | "assistant" | "settings">>;

export class Asking {
  #pending = new Map<string, Pending>();
  /** The refs of what this tab asked, so that it knows its own echo. */
  #own = new Set<string>();

  /** `changed`: it may have begun or ended to wait. `branched`: the branch on the page is to be looked at again. */
  constructor(
    readonly conversation: Conversation,
    readonly answers: Answers,
    readonly composer: ChatComposer,
    readonly changed: () => void,
    readonly branched: () => void,
  ) {}

  get isWaiting(): boolean {
    return this.#pending.size > 0;
  }

  isOwn(ref: string): boolean {
    return this.#own.has(ref);
  }

  send({ text, documents, models }: Draft, { thread, model, begins, scope }: Place): void {
    const id = newId();
    const parent = this.conversation.lastMessage;
    // Whoever asks on has kept what they ask on from.
    const isBranch = this.conversation.keep();
    const { question, answers } = this.conversation.add(text, models);
    const asks = { collections: scope?.collections ?? null, everything: scope?.everything ?? null };
    this.#ask({ type: "message.send", ref: id, id, thread, text, model, documents, parent, edits: null, ...askedOf(models), ...asks, ...begins }, { question, answers, text, models, isBranch });
  }

  edit(article: HTMLElement, { text, documents, models }: Draft, { thread, model }: Place): void {
    const id = newId();
    const edits = article.dataset["message"] ?? "";
    this.conversation.cutAt(article);
    const { question, answers } = this.conversation.add(text, models);
    this.#ask({ type: "message.send", ref: id, id, thread, text, model, documents, parent: null, edits, ...askedOf(models), collections: null, everything: null }, { question, answers, text, models, isBranch: true });
  }

  regenerate(article: HTMLElement, model: string | null): void {
    const id = newId();
    const old = article.dataset["message"] ?? "";
    this.conversation.cutAt(article);
    const answer = this.conversation.addAnswer();
    this.#ask({ type: "answer.regenerate", ref: id, id, answer: old, model }, { answers: [answer], isBranch: true });
  }

  goOn(answer: AnswerStreamElement): void {
    const id = newId();
    const article = answer.closest<HTMLElement>(".answer");
    answer.wait();
    this.#ask({ type: "answer.continue", ref: id, id, answer: article?.dataset["message"] ?? "" }, { answers: [answer], isBranch: false });
  }

  /** Stop what the server has not acknowledged yet, as soon as it has a name. */
  stop(): void {
    for (const pending of this.#pending.values()) pending.isStopped = true;
  }

  /** Whether the frame was an answer to this tab. */
  accepted({ ref, beside, ...first }: Accepted): boolean {
    const pending = this.#pending.get(ref);
    if (!pending) return false;
    this.#pending.delete(ref);
    if (pending.question) pending.question.dataset["message"] = ref;
    const columns = pending.answers[0]?.closest<HTMLElement>("answer-columns");
    if (columns) columns.dataset["message"] = first.answer.id;
    [first, ...beside].forEach(({ answer, turn }, at) => {
      const element = pending.answers[at];
      const article = element?.closest<HTMLElement>(".answer");
      if (!element || !article) return;
      article.dataset["message"] = answer.id;
      this.answers.follow(turn.id, element, element.text);
      if (pending.isStopped) socket.stop(turn.id);
    });
    this.changed();
    if (pending.isBranch) this.branched();
    return true;
  }

  refused(ref: string, sentence: string): void {
    const pending = this.#pending.get(ref);
    if (!pending) return;
    this.#pending.delete(ref);
    const { question, answers, text, models } = pending;
    if (text !== undefined) this.composer.giveBack(text, `${strings.notSent} ${sentence}`, models);
    else toast(sentence);
    for (const answer of answers) {
      if (question || pending.isBranch) (answer.closest("answer-columns") ?? answer.closest(".answer"))?.remove();
      else answer.redrawEnd();
    }
    question?.remove();
    this.changed();
    if (pending.isBranch) this.branched();
  }

  #ask(frame: AskFrame, pending: Pending): void {
    this.#pending.set(frame.ref, pending);
    this.#own.add(frame.ref);
    this.answers.leaveAbsent();
    this.changed();
    socket.ask(frame);
  }
}

/** One model of this message alone, or several side by side. */
function askedOf(models: string[]): Pick<SendFrame, "model_once" | "compare"> {
  return { model_once: models.length === 1 ? (models[0] ?? null) : null, compare: models.length > 1 ? models : null };
}
