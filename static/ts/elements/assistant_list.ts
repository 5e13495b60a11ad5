// <assistant-list>: one's assistants and those that colleagues share; each begins a thread.

import { api } from "../lib/api";
import { confirmDanger } from "../lib/dialog";
import { el } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { pageState } from "../lib/page_state";
import type { Assistant } from "../lib/protocol";
import { strings } from "../lib/strings";
import { libraryCard, libraryHead } from "./library_card";

export class AssistantList extends HTMLElement {
  #assistants = pageState.assistants ?? [];

  connectedCallback(): void {
    this.#draw();
  }

  #draw(): void {
    const cards = this.#assistants.map((assistant) => {
      const model = pageState.models?.find(({ name }) => name === assistant.model)?.title ?? "";
      const use = el("a", { class: "button button--small", href: `/?assistant=${assistant.id}` }, strings.newThread);
      return libraryCard(assistant, [model], assistant.system_prompt, use, { edit: () => void this.#edit(assistant), delete: () => void this.#delete(assistant) });
    });
    this.replaceChildren(libraryHead(strings.newAssistant, () => void this.#edit(null)), ...(cards.length ? [el("ul", { class: "library" }, ...cards)] : [el("p", { class: "library__none" }, strings.noAssistants)]));
  }

  async #edit(old: Assistant | null): Promise<void> {
    const { askAssistant } = await import("./assistant_dialogs");
    const kept = await askAssistant(old);
    if (!kept) return;
    this.#assistants = [...this.#assistants.filter(({ id }) => id !== kept.id), kept].sort((a, b) => a.name.localeCompare(b.name));
    this.#draw();
  }

  async #delete({ id, name }: Assistant): Promise<void> {
    if (!(await confirmDanger(strings.deleteAssistant, strings.deleteAssistantText(name), strings.delete))) return;
    try {
      await api("DELETE", `/assistants/${id}/`);
      this.#assistants = this.#assistants.filter((assistant) => assistant.id !== id);
      this.#draw();
    } catch (error) {
      showFailure(error);
    }
  }
}
