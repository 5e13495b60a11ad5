// How the model answers in the thread on the page: kept with the thread, or until there is one.

import type { ModelPicker } from "../elements/model_picker";
import { api } from "../lib/api";
import { find } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { pageState } from "../lib/page_state";
import type { AnswerSettings, ThreadSettings } from "../lib/protocol";
import { strings } from "../lib/strings";

const NONE: ThreadSettings = { assistant: null, system_prompt: "", temperature: null, top_p: null, max_tokens: null };

export class Settings {
  #now: ThreadSettings = pageState.thread?.settings ?? begun();
  #button = find<HTMLElement>(document, "[data-action=thread-settings]");

  constructor(readonly picker: ModelPicker, readonly thread: () => string | null, readonly done: () => void) {
    this.#button.addEventListener("click", () => void this.#ask());
    const model = pageState.new_thread?.assistant?.model;
    if (model && picker.models.some(({ name }) => name === model)) picker.choose(model);
    this.#draw();
  }

  /** For the frame that begins the thread. */
  get beginning(): { assistant: string | null; settings: AnswerSettings } {
    const { assistant, ...settings } = this.#now;
    return { assistant: assistant?.id || null, settings };
  }

  async #ask(): Promise<void> {
    try {
      const { askThreadSettings } = await import("../elements/assistant_dialogs");
      const saved = await askThreadSettings(this.#now, this.picker.model?.name ?? null, this.picker.models, async ({ assistant, model, settings }) => {
        const thread = this.thread();
        const isSame = assistant?.id === this.#now.assistant?.id;
        const body = { settings, ...(model && { model }), ...(!isSame && { assistant: assistant?.id ?? null }) };
        const kept = thread ? await api<{ settings: ThreadSettings }>("PATCH", `/threads/${thread}/`, body) : null;
        this.#now = kept?.settings ?? { assistant, ...settings };
        if (model) this.picker.choose(model);
      });
      // Closed without a change, the focus goes back to the button by itself.
      if (!saved) return;
      this.#draw();
      this.done();
    } catch (error) {
      showFailure(error);
    }
  }

  #draw(): void {
    const { assistant, ...settings } = this.#now;
    const isChanged = Object.values(settings).some((value) => value !== null && value !== "");
    const label = assistant ? strings.settingsOf(assistant.name) : strings.threadSettings;
    this.#button.toggleAttribute("data-changed", isChanged || assistant !== null);
    this.#button.setAttribute("aria-label", label);
    this.#button.title = label;
    find(this.#button, ".bar__assistant").textContent = assistant?.name ?? "";
  }
}

function begun(): ThreadSettings {
  const assistant = pageState.new_thread?.assistant;
  if (!assistant) return NONE;
  const { system_prompt, temperature, top_p, max_tokens } = assistant;
  return { assistant: { id: assistant.id, name: assistant.name }, system_prompt, temperature, top_p, max_tokens };
}
