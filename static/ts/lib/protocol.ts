// What travels between the page and the server: the counterpart of chat/events.py.

export interface Employee { id: number | string; name: string; email: string; is_admin: boolean }
export interface ChatModel { name: string; title: string; version?: string; is_default: boolean; context_length: number }
export interface ThreadSummary {
  id: string;
  title: string;
  updated_at: string;
  pinned: boolean;
  archived: boolean;
  deleted: boolean;
  folder: string | null;
  tags: string[];
  unread: boolean;
  temporary: boolean;
}
export interface Folder { id: string; name: string; instructions: string }
/** How a model is to answer; null and "" mean: as Hearth would by itself. */
export interface AnswerSettings { system_prompt: string; temperature: number | null; top_p: number | null; max_tokens: number | null }
/** What is one's own, or of a colleague who shared it. shared_with: see Audience. */
interface Shareable { id: string; name: string; description: string; is_own: boolean; owner: string; shared_with: number | null }
export interface Assistant extends Shareable, AnswerSettings { model: string | null }
export interface SavedPrompt extends Shareable { text: string }
/** With whom one may share: everybody has no name. */
export interface Audience { id: number; name: string }
export interface ThreadSettings extends AnswerSettings { assistant: { id: string; name: string } | null }
export interface Share { id: string; thread: string; title: string; num_messages: number; created_at: string; revoked: boolean }
/** A thread that a search found, and the words around the place: [text, whether it is one of them]. */
export interface ThreadHit extends ThreadSummary { snippet: [string, boolean][] }

export interface DocumentState {
  id: string;
  title: string;
  status: "queued" | "extracting" | "searchable" | "embedding" | "ready" | "failed" | "cancelled";
  num_pages: number | null;
  num_pages_done: number;
  /** Pages that are pictures: read out of them, done, and hard to read. */
  num_scans: number;
  num_scans_done: number;
  num_scans_poor: number;
  num_hidden_chars: number;
  num_left_out: number;
  num_chunks: number;
  num_chunks_embedded: number;
  is_searchable: boolean;
  is_ready: boolean;
  error: string | null;
  created_at: string;
  size_bytes: number;
  place?: Place;
  /** The collection that it lies in; null: among its owner's own, or with a thread. */
  collection: string | null;
  is_thread_file: boolean;
  version: number;
  /** Searches see an earlier version; status and counts are those of the one that is to take its place. */
  is_replacing: boolean;
  /** Whether this employee may replace, move and delete it. */
  may_manage?: boolean;
  deleted?: boolean;
}

export interface Collection { id: string; name: string; description: string; role: "reader" | "curator"; num_documents: number }
/** What the employee sees of shelves; shown: documents of others' collections that are shown to them. */
export interface Shelves { num_own: number; num_shown: number; may_make: boolean; collections: Collection[] }
/** Somebody who may be given a right. */
export interface Named { principal: number; kind: "everyone" | "group" | "employee"; name: string; detail: string }

export interface RunningTurn { id: string; answer: string }

/** One message of the shown branch; siblings are the messages that stand in its place, itself among them. */
export interface MessageState {
  id: string;
  role: "user" | "assistant";
  text: string;
  reasoning: string;
  reasoning_seconds: number | null;
  siblings: string[];
  /** How many answers it stood side by side with until one was kept, where they can be compared again; else 0. */
  num_compared: number;
  status: string;
  reason: string;
  model: string;
  version: string;
  problem: string;
  sources: FoundSources | null;
  num_prompt_tokens: number | null;
  num_completion_tokens: number | null;
  tokens_per_second: number | null;
  context_length: number | null;
  rating: Rating | null;
  /** Of a message of the branch: the answers that stand side by side with it, itself among them; else empty. */
  beside?: MessageState[];
}
/** What the reader thinks of an answer. */
export interface Rating { good: boolean; comment: string; for_admins: boolean }
/** A stretch of the shown branch: its newest messages, and how many stand before them. */
export interface Branch { messages: MessageState[]; num_earlier: number; turns: RunningTurn[] }

/** A file of threads from another program. */
export interface ImportState {
  id: string;
  name: string;
  status: "coming" | "waiting" | "reading" | "done" | "failed";
  size_bytes: number;
  received_bytes: number;
  result: { num_new: number; num_grown: number; num_there: number; num_left_out: number; num_hidden: number; num_images: number } | null;
  error: string;
  reasons: string[];
}

export interface PageState {
  imports?: ImportState[];
  employee?: Employee;
  models?: ChatModel[];
  thread?: {
    id: string;
    title: string;
    model: string | null;
    documents: DocumentState[];
    collections: string[];
    everything: boolean;
    temporary: boolean;
    settings: ThreadSettings;
  } | null;
  /** What the thread that begins on this page will be. */
  new_thread?: { folder: string | null; temporary: boolean; assistant: Assistant | null };
  /** What was begun here, perhaps on another device. */
  draft?: string;
  running_turns?: RunningTurn[];
  documents?: DocumentState[];
  assistants?: Assistant[];
  prompts?: SavedPrompt[];
  audiences?: Audience[];
  has_more?: boolean;
  shelf?: string;
  shelves?: Shelves;
}

/** What a page of a document is called: by its format. */
export type Place = "page" | "slide" | "cells" | "part";

/** What one mark [n] rests on: indexes of the citation's places, and words of the answer's sentence that no source has. */
export interface Use { places: number[]; strength: "strong" | "weak"; missing: string[] }

export interface Source {
  n: number;
  document: string;
  title: string;
  page: number;
  label: string;
  place?: Place;
  heading?: string | null;
  quote?: string;
  citation?: string | null;
  /** The day since which searches see a newer version of the document. */
  replaced?: string;
  /** Of each mark with this n, in the order of the answer; known once the answer has ended. */
  uses?: Use[];
  /** The document was deleted, or may no longer be read. */
  gone?: boolean;
}

export interface FoundSources {
  sources: Source[];
  /** Found and not given; of these, num_without_room did not fit. */
  num_left_out?: number;
  num_without_room?: number;
  /** Found and left out, because one that was given says the same. */
  num_same?: number;
  /** "whole": everything was read; "spread": parts from everywhere. */
  mode?: "passages" | "whole" | "spread";
  /** The question as it was searched, where that is not its own words. */
  searched_for?: string;
  /** False when only words could be searched. */
  by_meaning?: boolean;
  reranked?: "" | "done" | "late" | "unfit";
  num_history_left_out?: number;
  /** Documents that could not be searched yet. */
  left_out?: { document: string; title: string; num_read?: number; num_pages?: number }[];
  weak?: boolean;
  /** Kept with the sources once the answer has ended: see Finish. */
  marks?: [offset: number, n: number][];
}

export interface Progress {
  stage: "queued" | "unattended" | "loading" | "searching" | "reading" | "writing";
  position?: number | null;
  wait_seconds?: number | null;
  percent?: number | null;
  num_prompt_tokens?: number | null;
  num_done?: number | null;
  num_found?: number | null;
  /** Title of a document that is still being read. */
  waiting_for?: string | null;
}

export interface Finish {
  reason: "stop" | "length" | "stopped" | string;
  num_chars?: number;
  sha256?: string;
  num_prompt_tokens?: number | null;
  num_completion_tokens?: number | null;
  tokens_per_second?: number | null;
  context_length?: number | null;
  model?: string;
  /** Which build of the model's file wrote it. */
  version?: string;
  /** Marks that the model left out, by offset into the text in code points. */
  marks?: [offset: number, n: number][];
  /** Of what the model thought before its words. */
  reasoning?: { seconds: number; num_chars?: number; sha256?: string } | null;
}

interface Numbered { turn: string; seq: number }
export type ProgressedEvent = Numbered & { type: "turn.progress" } & Progress;
export type SourcesEvent = Numbered & { type: "sources.found" } & FoundSources;
export type ExtendedEvent = Numbered & { type: "answer.extended"; text: string; start?: number };
export type ThoughtEvent = Numbered & { type: "answer.thought"; text: string; start?: number; seconds: number };
export type FinishedEvent = Numbered & { type: "answer.finished" } & Finish;
export type FailedEvent = Numbered & { type: "answer.failed"; code: string; sentence: string };
/** The whole state at once, when the log of single events is gone. */
export type SnapshotEvent = Numbered & {
  type: "turn.snapshot";
  text: string;
  reasoning?: string;
  reasoning_seconds?: number | null;
  sources?: FoundSources | Source[] | null;
  status: string;
  finish?: Finish | null;
  error?: { code: string; sentence: string } | null;
};
/** What a queued turn waits for. Not numbered: it comes from the queue, not from the turn's log. */
export interface WaitingEvent { type: "turn.waiting"; id: string; position: number; wait_seconds: number | null; has_worker: boolean }
export type TurnEvent = ProgressedEvent | SourcesEvent | ThoughtEvent | ExtendedEvent | FinishedEvent | FailedEvent | SnapshotEvent;

interface Queued { answer: { id: string }; turn: { id: string; status: string; model: string } }
export interface Accepted extends Queued {
  type: "message.accepted";
  ref: string;
  thread: { id: string; title: string; created: boolean };
  question: { id: string; text?: string };
  /** The answers of the other models that were asked at once. */
  beside: Queued[];
}

export type ServerFrame =
  | TurnEvent
  | WaitingEvent
  | Accepted
  | { type: "thread.changed"; thread: ThreadSummary }
  /** Somebody asked something in this thread; ref says whether it was this tab. */
  | { type: "branch.changed"; thread: string; ref: string }
  | { type: "models.changed"; models?: ChatModel[] }
  | { type: "document.changed"; document: DocumentState }
  /** What this employee may see or do with documents is another thing now. */
  | { type: "library.changed" }
  | { type: "error"; ref?: string | null; code: string; sentence: string }
  | { type: "pong" }
  | { type: "reconnect" };

export interface SendFrame {
  type: "message.send";
  ref: string;
  id: string;
  thread: string | null;
  text: string;
  model: string | null;
  documents: string[];
  /** The message that it follows. */
  parent: string | null;
  /** The question that it stands beside. */
  edits: string | null;
  /** Of the thread that begins with it. */
  folder?: string | null;
  temporary?: boolean;
  assistant?: string | null;
  settings?: AnswerSettings | null;
  /** Of this answer alone; `model` is the thread's. */
  model_once?: string | null;
  /** The models that answer side by side, in this order, instead of one. */
  compare?: string[] | null;
  /** What the thread asks from now on besides its documents; null leaves it as it is. */
  collections: string[] | null;
  everything: boolean | null;
}

/** What is asked with an id of the page's own, sent until it is acknowledged or refused. */
export type AskFrame =
  | SendFrame
  | { type: "answer.regenerate"; ref: string; id: string; answer: string; model: string | null }
  | { type: "answer.continue"; ref: string; id: string; answer: string };

export type ClientFrame =
  | AskFrame
  | { type: "turn.follow"; turn: string; after_seq: number }
  | { type: "turn.unfollow"; turn: string }
  | { type: "turn.stop"; turn: string }
  | { type: "ack"; turn: string; seq: number }
  | { type: "ping" };
