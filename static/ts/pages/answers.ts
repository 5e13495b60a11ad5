// The answers that are being written on this page: follows their turns and draws what comes.

import type { AnswerStreamElement } from "../elements/answer_stream";
import { socket } from "../lib/connection";
import type { TurnEvent } from "../lib/protocol";
import { AnswerStream } from "../models/answer_stream";
import type { Announcer } from "./announcer";

const EVENTS = ["turn.progress", "sources.found", "answer.thought", "answer.extended", "answer.finished", "answer.failed", "turn.snapshot"] as const;

/** So often sentences are looked for in what has come; they are said no faster than they can be heard. */
const HEAR_MS = 500;

export class Answers {
  #hearing = new Map<AnswerStream, ReturnType<typeof setTimeout>>();
  #followed = new Map<string, { stream: AnswerStream; element: AnswerStreamElement }>();

  /** `ended` is told when an answer is whole or has failed. */
  constructor(readonly ended: (stream: AnswerStream, element: AnswerStreamElement) => void, readonly announcer: Announcer) {
    for (const type of EVENTS) socket.on(type, (event) => this.#applied(event));
    socket.on("turn.waiting", (event) => {
      const followed = this.#followed.get(event.id);
      if (followed?.stream.waits(event) === "changed") followed.element.refresh();
    });
  }

  get isWriting(): boolean {
    return this.#followed.size > 0;
  }

  /** Whether the element is drawn by an answer that is being written. */
  draws(element: AnswerStreamElement): boolean {
    return [...this.#followed.values()].some((followed) => followed.element === element);
  }

  /** From the beginning: the turn's log has the whole text, also of an answer that goes on. */
  follow(turn: string, element: AnswerStreamElement, text = ""): void {
    if (this.#followed.get(turn)?.element === element) return;
    const stream = new AnswerStream(turn, { text, seq: 0 });
    this.#followed.set(turn, { stream, element });
    element.follow(stream);
    socket.follow(turn, () => stream.seq);
  }

  /** Answers that are no longer on the page are written all the same; the page listens no more. */
  leaveAbsent(): void {
    for (const [turn, { element }] of this.#followed) {
      if (!element.isConnected) this.#leave(turn);
    }
  }

  /** The turns whose question comes after the one that is being answered. */
  get waiting(): { turn: string; question: HTMLElement }[] {
    const all = [...this.#followed].map(([turn, { element }]) => ({ turn, question: questionOf(element) }));
    return all.flatMap(({ turn, question }) => (question && question !== all[0]?.question ? [{ turn, question }] : []));
  }

  /** What is being written; what waits behind it is answered next. */
  stop(): void {
    const waiting = new Set(this.waiting.map(({ turn }) => turn));
    for (const turn of this.#followed.keys()) {
      if (!waiting.has(turn)) socket.stop(turn);
    }
  }

  /** This one alone. */
  stopOne(element: AnswerStreamElement): void {
    for (const [turn, followed] of this.#followed) {
      if (followed.element === element) socket.stop(turn);
    }
  }

  #applied(event: TurnEvent): void {
    const followed = this.#followed.get(event.turn);
    if (!followed) return;
    const { stream, element } = followed;
    const outcome = stream.apply(event);
    if (outcome === "refollow") socket.refollow(event.turn);
    if (outcome === "changed") {
      socket.acknowledge(event.turn, stream.seq, stream.isOver);
      element.refresh();
      if (!isAside(element)) this.#hear(stream);
    }
    this.#endIfOver(event.turn, stream, element);
  }

  #endIfOver(turn: string, stream: AnswerStream, element: AnswerStreamElement): void {
    if (!stream.isOver) return;
    this.#leave(turn);
    this.ended(stream, element);
  }

  #hear(stream: AnswerStream): void {
    if (stream.isOver) {
      clearTimeout(this.#hearing.get(stream));
      this.#hearNow(stream);
    } else if (!this.#hearing.has(stream)) {
      this.#hearing.set(stream, setTimeout(() => this.#hearNow(stream), HEAR_MS));
    }
  }

  #hearNow(stream: AnswerStream): void {
    this.#hearing.delete(stream);
    if (stream.text) this.announcer.hear(stream);
    else if (stream.isThinking) this.announcer.noteThinking(stream);
  }

  #leave(turn: string): void {
    this.#followed.delete(turn);
    socket.unfollow(turn);
  }
}

/** Of answers side by side only the first is read aloud as it comes; sentences of several would be mixed up. */
function isAside(answer: AnswerStreamElement): boolean {
  const columns = answer.closest("answer-columns");
  return columns !== null && columns.querySelector("answer-stream") !== answer;
}

function questionOf(answer: AnswerStreamElement): HTMLElement | null {
  let before = (answer.closest("answer-columns") ?? answer.closest(".answer"))?.previousElementSibling ?? null;
  while (before && !before.matches(".question")) before = before.previousElementSibling;
  return before as HTMLElement | null;
}
