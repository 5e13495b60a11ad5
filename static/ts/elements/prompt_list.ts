// <prompt-list>: one's saved prompts and those that colleagues share.

import { api } from "../lib/api";
import { confirmDanger } from "../lib/dialog";
import { el } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { pageState } from "../lib/page_state";
import type { SavedPrompt } from "../lib/protocol";
import { strings } from "../lib/strings";
import { libraryCard, libraryHead } from "./library_card";

export class PromptList extends HTMLElement {
  #prompts = pageState.prompts ?? [];

  connectedCallback(): void {
    this.#draw();
  }

  #draw(): void {
    const cards = this.#prompts.map((prompt) =>
      libraryCard(prompt, [], prompt.text, null, { edit: () => void this.#edit(prompt), delete: () => void this.#delete(prompt) }),
    );
    this.replaceChildren(libraryHead(strings.newPrompt, () => void this.#edit(null)), ...(cards.length ? [el("ul", { class: "library" }, ...cards)] : [el("p", { class: "library__none" }, strings.noPrompts)]));
  }

  async #edit(old: SavedPrompt | null): Promise<void> {
    const { askPrompt } = await import("./prompt_dialogs");
    const kept = await askPrompt(old);
    if (!kept) return;
    this.#prompts = [...this.#prompts.filter(({ id }) => id !== kept.id), kept].sort((a, b) => a.name.localeCompare(b.name));
    this.#draw();
  }

  async #delete({ id, name }: SavedPrompt): Promise<void> {
    if (!(await confirmDanger(strings.deletePrompt, strings.deletePromptText(name), strings.delete))) return;
    try {
      await api("DELETE", `/prompts/${id}/`);
      this.#prompts = this.#prompts.filter((prompt) => prompt.id !== id);
      this.#draw();
    } catch (error) {
      showFailure(error);
    }
  }
}
