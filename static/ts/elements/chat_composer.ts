// <chat-composer>: the message, its files, and the button that sends or stops.
//
// Fires "message-send" {text, documents, models}, "draft-changed", "documents-changed", "collection-choose" {id, name}, "answer-stop" and "document-detach" {id}. The draft stays in the browser's
// session until the message is acknowledged, so neither a reload nor a refusal loses it, and goes to the server too,
// so that it is there on the person's other devices.

import { request } from "../lib/api";
import { actionOf, find, icon } from "../lib/dom";
import { number } from "../lib/numbers";
import type { ChatModel, DocumentState } from "../lib/protocol";
import { strings } from "../lib/strings";
import type { UploadPlace } from "../lib/upload";
import { countChars } from "../models/answer_stream";
import { DraftKeeper } from "../models/draft_keeper";
import { AttachedFiles } from "./attached_files";
import { ComposerSigns } from "./composer_signs";
import { pastedFile } from "./pasted_text";

const MAX_CHARS = 32_000;

/** models: of this message alone; several answer side by side, none is the thread's. */
export interface Draft { text: string; documents: string[]; models: string[] }

export class ChatComposer extends HTMLElement {
  #files!: AttachedFiles;
  #signature = "";
  #signs!: ComposerSigns;
  #text!: HTMLTextAreaElement;
  #isAnswering = false;
  #isAsking = false;
  #warning = "";
  /** Why the message came back, until it is changed. */
  #refusal = "";
  /** Enter was pressed while something was still on its way, a file or the message before: it goes after that. */
  #goesLater = false;
  #draftKey = "draft";
  #keeper: DraftKeeper | null = null;
  /** A file that is attached here belongs to this thread, or to the one that the next question makes. */
  #place: UploadPlace = { for_thread: true };

  connectedCallback(): void {
    this.#text = find(this, "textarea");
    this.#files = new AttachedFiles(
      find(this, ".composer__files"),
      () => this.#filesChanged(),
      ({ id }) => this.dispatchEvent(new CustomEvent("document-detach", { detail: id })),
    );
    this.#signs = new ComposerSigns(this.#text, this, find(this, ".composer__row"), {
      fill: (text) => this.fill(text),
      replace: (start, end) => this.#cut(start, end),
      attach: (document) => this.attachDocument(document),
      chosen: () => this.dispatchEvent(new CustomEvent("draft-changed")),
      choose: (collection) => this.dispatchEvent(new CustomEvent("collection-choose", { detail: collection })),
    });
    this.#text.addEventListener("input", () => this.#edited());
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#text.addEventListener("paste", (event) => this.#paste(event));
    find(this, "form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#stops) this.dispatchEvent(new CustomEvent("answer-stop"));
      else this.#send();
    });
    this.addEventListener("click", (event) => {
      if (actionOf(event)?.dataset["action"] === "attach") this.chooseFiles();
    });
    const input = find<HTMLInputElement>(this, "input[type=file]");
    input.addEventListener("change", () => {
      this.attach(input.files ?? []);
      input.value = "";
    });
    this.#watchDrops();
    addEventListener("pagehide", () => this.#keeper?.flush());
    this.#refresh();
  }

  /** Which thread's draft this is; brings back what was not sent, here or (`kept`) on another device. */
  openDraft(thread: string | null, kept = "", isKept = true): void {
    this.#draftKey = `draft:${thread ?? "new"}`;
    this.#place = thread ? { thread } : { for_thread: true };
    this.#keeper?.flush();
    const path = thread ? `/threads/${thread}/draft/` : "/threads/draft/";
    this.#keeper = isKept ? new DraftKeeper(kept, (text) => keepDraft(path, text)) : null;
    const draft = sessionStorage.getItem(this.#draftKey) ?? kept;
    if (draft && isKept && !this.#text.value) this.fill(draft);
  }

  /** The message is safe on the server: its draft may go. A new one may have been begun meanwhile. */
  forgetDraft(): void {
    this.#keeper?.edit(this.#text.value);
    this.#keeper?.flush();
    if (this.#text.value) sessionStorage.setItem(this.#draftKey, this.#text.value);
    else sessionStorage.removeItem(this.#draftKey);
  }

  fill(text: string): void {
    this.#text.value = text;
    this.#edited();
    this.#text.focus();
    this.#text.setSelectionRange(text.length, text.length);
  }

  /** The message came back: keep it, and say why. */
  giveBack(text: string, sentence: string, models: string[] = []): void {
    if (models.length) this.chosenModels = models;
    if (!this.#text.value) this.fill(text);
    this.#refusal = sentence;
    this.#refresh();
  }

  get text(): string {
    return this.#text.value;
  }

  get isEmpty(): boolean {
    return !this.#text.value;
  }

  set isAnswering(value: boolean) {
    this.#isAnswering = value;
    this.#refresh();
  }

  /** Which models @ offers. */
  set models(models: () => ChatModel[]) {
    this.#signs.models = models;
  }

  /** The names of the models of the next message alone. */
  get chosenModels(): string[] {
    return this.#signs.names;
  }

  set chosenModels(names: string[]) {
    this.#signs.names = names;
  }

  /** Whether a message is on its way and not acknowledged: the next one must know what it follows. */
  set isAsking(value: boolean) {
    this.#isAsking = value;
    this.#settled();
  }

  /** What one should know before sending, "" when there is nothing. */
  set warning(sentence: string) {
    this.#warning = sentence;
    this.#refresh();
  }

  /** A message that waited: to be put differently, before whatever has been begun since. */
  takeBack(text: string): void {
    this.fill([text, this.#text.value].filter(Boolean).join("\n\n"));
  }

  override focus(): void {
    this.#text.focus();
  }

  chooseFiles(): void {
    find<HTMLInputElement>(this, "input[type=file]").click();
  }

  attach(files: Iterable<File>): void {
    for (const file of files) void this.#files.addFile(file, this.#place);
    this.#text.focus();
  }

  attachDocument(document: DocumentState): void {
    this.#files.addDocument(document);
  }

  /** Rights may have changed. */
  async lookAgain(): Promise<void> {
    await this.#files.lookAgain();
  }

  async attachComing(coming: Promise<DocumentState>): Promise<void> {
    await this.#files.addComing(coming);
  }

  /** Now, or when the files are there. */
  #send(): void {
    const text = this.#text.value.trim();
    this.#goesLater = this.#isWritten(text) && this.#isHeld;
    if (!this.#isSendable(text)) {
      this.#refresh();
      return;
    }
    this.#text.value = "";
    this.#resize();
    this.#refresh();
    this.dispatchEvent(new CustomEvent("draft-changed"));
    const detail: Draft = { text, documents: this.#files.documents, models: this.#signs.takeModels() };
    this.dispatchEvent(new CustomEvent("message-send", { detail }));
  }

  #filesChanged(): void {
    this.#settled();
    if (this.#files.signature === this.#signature) return;
    this.#signature = this.#files.signature;
    this.dispatchEvent(new CustomEvent("documents-changed"));
  }

  get documents(): string[] {
    return this.#files.documents;
  }

  #isWritten(text: string): boolean {
    return text.length > 0 && countChars(text) <= MAX_CHARS;
  }

  #isSendable(text: string): boolean {
    return this.#isWritten(text) && !this.#isHeld;
  }

  get #isHeld(): boolean {
    return this.#files.isUploading || this.#isAsking;
  }

  /** The button stops while there is nothing to send. */
  get #stops(): boolean {
    return this.#isAnswering && !this.#text.value.trim();
  }

  /** Something arrived: what was sent off meanwhile goes now; without its file it stays, and says so. */
  #settled(): void {
    if (this.#goesLater && !this.#isHeld) {
      if (this.#files.hasFailed) this.#goesLater = false;
      else this.#send();
    }
    this.#refresh();
  }

  #key(event: KeyboardEvent): void {
    if (this.#signs.key(event)) return;
    if (event.key === "Escape" && this.#goesLater) {
      event.preventDefault();
      this.#goesLater = false;
      this.#refresh();
    }
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#send();
  }

  #paste(event: ClipboardEvent): void {
    const files = [...(event.clipboardData?.files ?? [])];
    const text = event.clipboardData?.getData("text/plain") ?? "";
    // Office programs put a picture of the words beside the words.
    const isPictured = text !== "" && files.every(({ type }) => type.startsWith("image/"));
    if (files.length && !isPictured) {
      event.preventDefault();
      this.attach(files);
      return;
    }
    const file = pastedFile(text);
    if (!file) return;
    event.preventDefault();
    void this.#files.addFile(file, this.#place, { label: strings.keepAsText, run: () => this.#insert(text) });
  }

  #cut(start: number, end: number): void {
    this.#text.setRangeText("", start, end, "end");
    this.#edited();
    this.#text.focus();
  }

  #insert(text: string): void {
    this.#text.setRangeText(text, this.#text.selectionStart, this.#text.selectionEnd, "end");
    this.#edited();
    this.#text.focus();
  }

  #edited(): void {
    this.#goesLater = false;
    this.#refusal = "";
    if (this.#keeper) sessionStorage.setItem(this.#draftKey, this.#text.value);
    this.#keeper?.edit(this.#text.value);
    this.#resize();
    this.#refresh();
    this.dispatchEvent(new CustomEvent("draft-changed"));
  }

  #resize(): void {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight}px`;
  }

  #refresh(): void {
    const text = this.#text.value.trim();
    const over = countChars(text) - MAX_CHARS;
    if (over > 0) this.#hint(strings.tooLong(number(over)), true);
    else if (this.#refusal) this.#hint(this.#refusal, true);
    else if (text && this.#files.isUploading) this.#hint(this.#goesLater ? strings.sendsWithFile : strings.waitForUpload);
    else this.#hint(this.#warning, false, true);
    const button = find<HTMLButtonElement>(this, ".composer__send");
    const label = this.#stops ? strings.stop : this.#isAnswering ? strings.sendNext : strings.send;
    button.disabled = !this.#stops && !this.#isWritten(text);
    if (button.getAttribute("aria-label") === label && button.title) return;
    button.setAttribute("aria-label", label);
    button.title = label;
    button.replaceChildren(this.#stops ? icon("stop", "icon--solid") : icon("send"));
  }

  #hint(text: string, isBad = false, isWarning = false): void {
    const hint = find<HTMLElement>(this, ".composer__hint");
    if (hint.textContent !== text) hint.textContent = text;
    hint.toggleAttribute("data-bad", isBad);
    hint.toggleAttribute("data-warn", isWarning && text !== "");
  }

  /** Files may be dropped anywhere on the page. */
  #watchDrops(): void {
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    document.addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.dataset["dragging"] = "";
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) delete this.dataset["dragging"];
    });
    document.addEventListener("drop", (event) => {
      delete this.dataset["dragging"];
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.attach(event.dataTransfer?.files ?? []);
    });
  }
}

function keepDraft(path: string, text: string): Promise<unknown> {
  // keepalive: the last one goes out while the page is left.
  return request("PUT", path, { body: JSON.stringify({ text }), headers: { "Content-Type": "application/json" }, keepalive: text.length < 20_000 });
}
