// The page's one websocket. It may break at any time: what was not acknowledged is sent again with the same ids, and
// every followed turn is asked for from where we stand. So a broken line is a pause and nothing more.

import { backoff } from "../models/backoff";
import type { AskFrame, ClientFrame, ServerFrame } from "./protocol";

const PING_MS = 25_000;
const SILENCE_MS = 40_000;
const ACK_MS = 400;
/** Words that come closer together than this are taken together, since each start from cold costs more than the words: at first little, more once they have flowed for a while. */
const GATHER_MS = 150;
const GATHER_MOST_MS = 400;
const FLOW_MS = 3000;
const WORDS = '{"type":"answer.extended"';
const ACK_EVENTS = 32;
/** The close code of a session that has ended: nothing to try again. */
const SIGNED_OUT = 4401;

type Handler<T extends ServerFrame["type"]> = (frame: Extract<ServerFrame, { type: T }>) => void;
interface Unacknowledged { seq: number; count: number; timer: ReturnType<typeof setTimeout> | null }

export class Socket extends EventTarget {
  #line: WebSocket | null = null;
  #attempt = 0;
  #heard = 0;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #handlers = new Map<string, ((frame: never) => void)[]>();
  #unsent = new Map<string, AskFrame>();
  #followed = new Map<string, () => number>();
  #stops = new Set<string>();
  #gathered: string[] = [];
  #gathering: ReturnType<typeof setTimeout> | null = null;
  /** When the words that are coming now began to come. */
  #flowing = 0;
  #acks = new Map<string, Unacknowledged>();

  get isOpen(): boolean {
    return this.#line?.readyState === WebSocket.OPEN;
  }

  on<T extends ServerFrame["type"]>(type: T, handler: Handler<T>): void {
    const known = this.#handlers.get(type) ?? [];
    this.#handlers.set(type, [...known, handler as (frame: never) => void]);
  }

  open(): void {
    this.#connect();
    setInterval(() => this.#beat(), PING_MS);
    addEventListener("online", () => this.#again());
    addEventListener("pageshow", (event) => {
      if (event.persisted) this.#again();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#again();
    });
  }

  /** Sent until it is acknowledged or refused, over as many connections as it takes. */
  ask(frame: AskFrame): void {
    this.#unsent.set(frame.ref, frame);
    this.#send(frame);
  }

  forget(ref: string): void {
    this.#unsent.delete(ref);
  }

  follow(turn: string, afterSeq: () => number): void {
    this.#followed.set(turn, afterSeq);
    this.refollow(turn);
  }

  refollow(turn: string): void {
    const afterSeq = this.#followed.get(turn);
    if (afterSeq) this.#send({ type: "turn.follow", turn, after_seq: afterSeq() });
  }

  unfollow(turn: string): void {
    this.#followed.delete(turn);
    this.#stops.delete(turn);
    this.#acks.delete(turn);
    this.#send({ type: "turn.unfollow", turn });
  }

  stop(turn: string): void {
    this.#stops.add(turn);
    this.#send({ type: "turn.stop", turn });
  }

  /** Tell the server how far we are, at most some times a second: its window moves on with it. */
  acknowledge(turn: string, seq: number, now = false): void {
    const ack = this.#acks.get(turn) ?? { seq: 0, count: 0, timer: null };
    this.#acks.set(turn, ack);
    ack.seq = seq;
    ack.count += 1;
    const flush = (): void => {
      if (ack.timer) clearTimeout(ack.timer);
      ack.timer = null;
      ack.count = 0;
      this.#send({ type: "ack", turn, seq: ack.seq });
    };
    if (now || ack.count >= ACK_EVENTS) flush();
    else ack.timer ??= setTimeout(flush, ACK_MS);
  }

  /** `old` stays until the new line is open, so that nothing pauses while the server asks us to come back. */
  #connect(old: WebSocket | null = null): void {
    const line = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/socket/`);
    this.#line = line;
    this.#heard = Date.now();
    line.addEventListener("open", () => {
      old?.close();
      this.#opened();
    });
    line.addEventListener("message", ({ data }) => this.#gather(String(data)));
    line.addEventListener("close", ({ code }) => {
      if (this.#line !== line) return;
      // The process that asked us to come back may still be the one that is there, or the only one.
      old?.close();
      if (code === SIGNED_OUT) this.dispatchEvent(new Event("signed-out"));
      else this.#lost();
    });
  }

  #opened(): void {
    this.#attempt = 0;
    this.dispatchEvent(new Event("open"));
    for (const frame of this.#unsent.values()) this.#send(frame);
    for (const turn of this.#followed.keys()) this.refollow(turn);
    for (const turn of this.#stops) this.#send({ type: "turn.stop", turn });
  }

  /** In the order in which they came. What is not words, and the first words after a pause, wait for nothing. */
  #gather(data: string): void {
    this.#gathered.push(data);
    const areWords = data.startsWith(WORDS);
    if (this.#gathering && areWords && !document.hidden) return;
    this.#take(areWords);
  }

  #take(areWords: boolean): void {
    if (this.#gathering) clearTimeout(this.#gathering);
    else this.#flowing = Date.now();
    const isFlowing = areWords && this.#gathered.length > 0;
    this.#gathering = isFlowing ? setTimeout(() => this.#take(true), gatherMs(Date.now() - this.#flowing)) : null;
    if (!this.#gathered.length) return;
    this.#heard = Date.now();
    for (const data of this.#gathered.splice(0)) {
      try {
        this.#received(JSON.parse(data) as ServerFrame);
      } catch (error) {
        reportError(error); // one frame that cannot be drawn must not take those behind it along
      }
    }
  }

  #received(frame: ServerFrame): void {
    if (frame.type === "message.accepted") this.#unsent.delete(frame.ref);
    if (frame.type === "error" && frame.ref) this.#unsent.delete(frame.ref);
    if (frame.type === "reconnect") this.#connect(this.#line);
    for (const handler of this.#handlers.get(frame.type) ?? []) handler(frame as never);
  }

  #lost(): void {
    this.#line = null;
    this.dispatchEvent(new CustomEvent("lost", { detail: this.#attempt }));
    this.#retry = setTimeout(() => this.#again(), backoff(this.#attempt, Math.random()));
    this.#attempt += 1;
  }

  #again(): void {
    if (this.#line && this.#line.readyState <= WebSocket.OPEN) return;
    if (this.#retry) clearTimeout(this.#retry);
    this.#connect();
  }

  #beat(): void {
    if (!this.isOpen) return;
    if (Date.now() - this.#heard <= SILENCE_MS) {
      this.#send({ type: "ping" });
      return;
    }
    // A dead line may take a minute to say that it closed. Do not wait for it.
    const dead = this.#line;
    this.#lost();
    dead?.close();
  }

  #send(frame: ClientFrame): void {
    if (this.isOpen) this.#line?.send(JSON.stringify(frame));
  }
}

/** How long words wait for each other when they have come for `flowed` milliseconds. */
function gatherMs(flowed: number): number {
  return Math.min(GATHER_MOST_MS, GATHER_MS + (GATHER_MOST_MS - GATHER_MS) * (flowed / FLOW_MS));
}
