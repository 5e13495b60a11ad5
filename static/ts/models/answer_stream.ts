// What is known of one answer while it is written: a state machine over the turn's events.
//
// What a model thinks before its words grows in the same way, apart from them. Events carry a sequence number from 1 without gaps. A repeat is ignored, a gap asks for the missing part, and the
// last event proves the text by length and SHA-256. Left out: drawing, sockets, time.

import type { Finish, FoundSources, Progress, Source, TurnEvent, WaitingEvent } from "../lib/protocol";
import { sha256 } from "./sha256";

/** What the follower has to do after an event: draw, nothing, or ask again from `after_seq`. */
export type Outcome = "changed" | "ignored" | "refollow";
export type Status = "waiting" | "writing" | "finished" | "failed";

const MAX_RESTARTS = 2;

export class AnswerStream {
  seq = 0;
  status: Status = "waiting";
  progress: Progress | null = null;
  found: FoundSources | null = null;
  finish: Finish | null = null;
  problem: { code: string; sentence: string } | null = null;
  /** How long the model has thought; it goes on while `isThinking`. */
  thoughtSeconds = 0;
  isThinking = false;
  #words = new Growing();
  #thoughts = new Growing();
  #restarts = 0;

  constructor(readonly turn: string, known: { text: string; seq: number } = { text: "", seq: 0 }) {
    this.seq = known.seq;
    this.#words.set(known.text);
  }

  get text(): string {
    return this.#words.text;
  }

  get reasoning(): string {
    return this.#thoughts.text;
  }

  get isOver(): boolean {
    return this.status === "finished" || this.status === "failed";
  }

  apply(event: TurnEvent): Outcome {
    if (event.type === "turn.snapshot") return this.#restore(event);
    if (event.seq <= this.seq || this.isOver) return "ignored";
    if (event.seq !== this.seq + 1) return "refollow";
    if (event.type === "answer.extended" && !this.#extend(this.#words, event.text, event.start)) return this.#restart();
    if (event.type === "answer.thought") {
      if (!this.#extend(this.#thoughts, event.text, event.start)) return this.#restart();
      this.thoughtSeconds = event.seconds;
    }
    this.isThinking = event.type === "answer.thought" || (this.isThinking && event.type === "turn.progress");
    this.seq = event.seq;
    if (event.type === "turn.progress") this.progress = event;
    if (event.type === "sources.found") this.found = event;
    if (event.type === "answer.finished") return this.#end(event);
    if (event.type === "answer.failed") {
      this.status = "failed";
      this.problem = { code: event.code, sentence: event.sentence };
    }
    return "changed";
  }

  /** `start` may lie behind the end: the next worker begins at its last checkpoint. Never beyond it. */
  #extend(grown: Growing, text: string, start: number | undefined): boolean {
    if (!grown.extend(text, start)) return false;
    this.status = "writing";
    this.progress = null;
    return true;
  }

  #restore(event: Extract<TurnEvent, { type: "turn.snapshot" }>): Outcome {
    if (event.seq < this.seq || this.isOver) return "ignored";
    this.seq = event.seq;
    this.#words.set(event.text);
    this.#thoughts.set(event.reasoning ?? "");
    this.thoughtSeconds = event.reasoning_seconds ?? 0;
    if (event.sources) this.found = Array.isArray(event.sources) ? { sources: event.sources as Source[] } : event.sources;
    if (event.status === "failed") {
      this.status = "failed";
      this.problem = event.error ?? { code: "failed", sentence: "" };
    } else if (event.status === "finished" || event.status === "stopped") {
      return this.#end({ reason: event.status === "stopped" ? "stopped" : "stop", ...event.finish });
    } else {
      this.status = event.text || event.reasoning ? "writing" : "waiting";
      this.isThinking = Boolean(event.reasoning) && !event.text;
    }
    return "changed";
  }

  /** What it waits for while nobody writes it. */
  waits({ position, wait_seconds, has_worker }: WaitingEvent): Outcome {
    if (this.isOver) return "ignored";
    this.progress = { stage: has_worker ? "queued" : "unattended", position, wait_seconds };
    return "changed";
  }

  #end(finish: Finish): Outcome {
    const isProven = this.#words.fits(finish) && this.#thoughts.fits(finish.reasoning ?? {});
    if (!isProven && this.#restarts < MAX_RESTARTS) return this.#restart();
    this.status = "finished";
    this.finish = finish;
    this.isThinking = false;
    this.thoughtSeconds = finish.reasoning?.seconds ?? this.thoughtSeconds;
    return "changed";
  }

  #restart(): Outcome {
    this.#restarts += 1;
    this.seq = 0;
    this.#words.set("");
    this.#thoughts.set("");
    return "refollow";
  }
}

/** A text that pieces are added to, each at its place. */
class Growing {
  text = "";
  #numChars = 0;

  set(text: string): void {
    this.text = text;
    this.#numChars = countChars(text);
  }

  /** False for a piece that begins behind the end. */
  extend(text: string, start: number | undefined): boolean {
    if (start !== undefined && start > this.#numChars) return false;
    if (start !== undefined && start < this.#numChars) this.set(firstChars(this.text, start));
    this.text += text;
    this.#numChars += countChars(text);
    return true;
  }

  fits({ num_chars, sha256: digest }: { num_chars?: number; sha256?: string }): boolean {
    return (num_chars === undefined || num_chars === this.#numChars) && (!digest || digest === sha256(this.text));
  }
}

/** Characters as the server counts them: code points, not UTF-16 units. */
export function countChars(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i += 1) {
    if (isHigh(text.charCodeAt(i)) && isLow(text.charCodeAt(i + 1))) count -= 1;
  }
  return count;
}

function firstChars(text: string, count: number): string {
  let at = 0;
  for (let i = 0; i < count && at < text.length; i += 1) {
    at += isHigh(text.charCodeAt(at)) && isLow(text.charCodeAt(at + 1)) ? 2 : 1;
  }
  return text.slice(0, at);
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;
