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

interface Pending { answer: AnswerStreamElement; question?: HTMLElement; text?: string; isBranch: boolean; isStopped?: boolean }
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

  send({ text, documents, once }: Draft, { thread, model, begins, scope }: Place): void {
    const id = newId();
    const parent = this.conversation.lastMessage;
    const { question, answer } = this.conversation.add(text);
    const asks = { collections: scope?.collections ?? null, everything: scope?.everything ?? null };
    this.#ask({ type: "message.send", ref: id, id, thread, text, model, documents, parent, edits: null, model_once: once, ...asks, ...begins }, { question, answer, text, isBranch: false });
  }

  edit(article: HTMLElement, text: string, { thread, model }: Place): void {
    const id = newId();
    const edits = article.dataset["message"] ?? "";
    this.conversation.cutAt(article);
    const { question, answer } = this.conversation.add(text);
    this.#ask({ type: "message.send", ref: id, id, thread, text, model, documents: [], parent: null, edits, collections: null, everything: null }, { question, answer, text, isBranch: true });
  }

  regenerate(article: HTMLElement, model: string | null): void {
    const id = newId();
    const old = article.dataset["message"] ?? "";
    this.conversation.cutAt(article);
    const answer = this.conversation.addAnswer();
    this.#ask({ type: "answer.regenerate", ref: id, id, answer: old, model }, { answer, isBranch: true });
  }

  goOn(answer: AnswerStreamElement): void {
    const id = newId();
    const article = answer.closest<HTMLElement>(".answer");
    answer.wait();
    this.#ask({ type: "answer.continue", ref: id, id, answer: article?.dataset["message"] ?? "" }, { answer, isBranch: false });
  }

  /** Stop what the server has not acknowledged yet, as soon as it has a name. */
  stop(): void {
    for (const pending of this.#pending.values()) pending.isStopped = true;
  }

  /** Whether the frame was an answer to this tab. */
  accepted({ ref, answer, turn }: Accepted): boolean {
    const pending = this.#pending.get(ref);
    if (!pending) return false;
    this.#pending.delete(ref);
    if (pending.question) pending.question.dataset["message"] = ref;
    const article = pending.answer.closest<HTMLElement>(".answer");
    if (article) article.dataset["message"] = answer.id;
    this.answers.follow(turn.id, pending.answer, pending.answer.text);
    if (pending.isStopped) socket.stop(turn.id);
    this.changed();
    if (pending.isBranch) this.branched();
    return true;
  }

  refused(ref: string, sentence: string): void {
    const pending = this.#pending.get(ref);
    if (!pending) return;
    this.#pending.delete(ref);
    const { question, answer, text } = pending;
    if (text !== undefined) this.composer.giveBack(text, `${strings.notSent} ${sentence}`);
    else toast(sentence);
    if (question || pending.isBranch) answer.closest(".answer")?.remove();
    else answer.redrawEnd();
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
