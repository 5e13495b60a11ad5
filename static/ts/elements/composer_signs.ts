// / @ # in the composer: saved prompts, models for one message, collections and documents.

import { api } from "../lib/api";
import { el, iconButton } from "../lib/dom";
import { showFailure } from "../lib/failure";
import type { ChatModel, DocumentState, SavedPrompt } from "../lib/protocol";
import { strings } from "../lib/strings";
import { toast } from "../lib/toast";
import { documentWords } from "../models/document_words";
import { matching, type Mention, mentionAt } from "../models/mentions";
import { fieldsOf } from "../models/prompt_fields";
import { MAX_COMPARED } from "./model_picker";
import { type Offered, OfferList } from "./offer_list";

const FRESH_MS = 20_000;

export interface OfferedCollection { id: string; name: string }
interface Offer { prompts: SavedPrompt[]; collections: OfferedCollection[]; documents: DocumentState[] }
export interface SignActs { choose(collection: OfferedCollection): void; fill(text: string): void; replace(start: number, end: number): void; attach(document: DocumentState): void; chosen?(): void }

export class ComposerSigns {
  #list: OfferList;
  #offer: Promise<Offer> | null = null;
  #askedAt = 0;
  #chip: HTMLElement;
  /** The models of the next message alone: one instead of the thread's, or several that answer side by side. */
  #chosen: ChatModel[] = [];
  models: () => ChatModel[] = () => [];

  constructor(readonly text: HTMLTextAreaElement, home: HTMLElement, row: HTMLElement, readonly acts: SignActs) {
    this.#list = new OfferList(text, home);
    this.#chip = el("div", { class: "composer__models", hidden: true });
    row.before(this.#chip);
    text.addEventListener("input", () => void this.#look());
    text.addEventListener("click", () => void this.#look());
    text.addEventListener("blur", () => this.#list.close());
  }

  /** Whether the key was for the list. */
  key(event: KeyboardEvent): boolean {
    return this.#list.key(event);
  }

  /** The names of the models for the message that goes out now; the next one is the thread's again. */
  takeModels(): string[] {
    const { names } = this;
    this.#choose([]);
    return names;
  }

  get names(): string[] {
    return this.#chosen.map(({ name }) => name);
  }

  set names(names: string[]) {
    this.#choose(names.flatMap((wanted) => this.models().filter(({ name }) => name === wanted)));
  }

  async #look(): Promise<void> {
    const mention = this.#mention();
    if (!mention) {
      this.#list.close();
      return;
    }
    if (mention.sign === "@") {
      this.#show(mention, { prompts: [], collections: [], documents: [] });
      return;
    }
    try {
      const offer = await this.#fetched();
      const now = this.#mention();
      if (now?.sign === mention.sign) this.#show(now, offer);
    } catch (error) {
      this.#offer = null;
      showFailure(error);
    }
  }

  #mention(): Mention | null {
    const { value, selectionStart, selectionEnd } = this.text;
    return selectionStart === selectionEnd ? mentionAt(value, selectionStart) : null;
  }

  #fetched(): Promise<Offer> {
    if (!this.#offer || Date.now() - this.#askedAt > FRESH_MS) {
      this.#askedAt = Date.now();
      this.#offer = api<Offer>("GET", "/composer/offer/");
    }
    return this.#offer;
  }

  #show(mention: Mention, { prompts, collections, documents }: Offer): void {
    const label = { "/": strings.savedPrompts, "@": strings.models, "#": strings.documents }[mention.sign];
    const all = {
      "/": () => prompts.map((prompt) => this.#promptOf(prompt)),
      "@": () => this.models().map((model) => this.#modelOf(model, mention)),
      "#": () => [...collections.map((collection) => this.#collectionOf(collection, mention)), ...documents.map((document) => this.#documentOf(document, mention))],
    }[mention.sign]();
    const found = matching(all, mention.query);
    // Words behind a sign that name nothing are just words.
    if (!found.length && mention.query.includes(" ")) this.#list.close();
    else this.#list.show(label, found, this.#noneOf(mention, prompts.length, collections.length + documents.length));
  }

  #noneOf({ sign }: Mention, numPrompts: number, numSources: number): string {
    if (sign === "/" && !numPrompts) return strings.noPromptsYet;
    return sign === "#" && !numSources ? strings.noSourcesYet : strings.nothingOfThisName;
  }

  #promptOf(prompt: SavedPrompt): Offered {
    const choose = (): void => {
      this.#list.close();
      if (fieldsOf(prompt.text).length) void this.#ask(prompt);
      else this.acts.fill(prompt.text);
    };
    return { name: prompt.name, about: prompt.description || strings.sharedByShort(prompt.owner), icon: "chat", choose };
  }

  async #ask(prompt: SavedPrompt): Promise<void> {
    const { askFields } = await import("./prompt_dialogs");
    const filled = await askFields(prompt);
    if (filled === null) this.text.focus();
    else this.acts.fill(filled);
  }

  #modelOf(model: ChatModel, { start, end }: Mention): Offered {
    return { name: model.title, about: model.is_default ? strings.defaultModel : "", icon: "model", choose: () => this.#take(start, end, () => this.#add(model)) };
  }

  #collectionOf(collection: OfferedCollection, { start, end }: Mention): Offered {
    return { name: collection.name, about: strings.collection, icon: "folder", choose: () => this.#take(start, end, () => this.acts.choose(collection)) };
  }

  #documentOf(document: DocumentState, { start, end }: Mention): Offered {
    return { name: document.title, about: documentWords(document).line, icon: "document", choose: () => this.#take(start, end, () => this.acts.attach(document)) };
  }

  #take(start: number, end: number, act: () => void): void {
    this.#list.close();
    this.acts.replace(start, end);
    act();
  }

  #add(model: ChatModel): void {
    if (this.#chosen.includes(model)) return;
    if (this.#chosen.length < MAX_COMPARED) this.#choose([...this.#chosen, model]);
    else toast(strings.tooManyCompared(MAX_COMPARED));
  }

  #choose(models: ChatModel[]): void {
    this.#chosen = models;
    this.#chip.hidden = !models.length;
    const isOne = models.length === 1;
    const chips = models.map((model) => {
      const leave = (): void => this.#choose(this.#chosen.filter((one) => one !== model));
      const label = isOne ? strings.onceWith(model.title) : model.title;
      return el("span", { class: "composer__once" }, el("span", { title: label }, label), iconButton("close", strings.onceNot(model.title), leave, "icon-button--small"));
    });
    this.acts.chosen?.();
    this.#chip.replaceChildren(...(isOne ? [] : [el("b", {}, strings.sideBySide)]), ...chips);
  }
}
