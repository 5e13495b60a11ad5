// Making and changing an assistant; how the model answers in one thread. Loaded when first asked.

import { api } from "../lib/api";
import { el } from "../lib/dom";
import { askForm, labelled } from "../lib/form_dialog";
import { pageState } from "../lib/page_state";
import type { AnswerSettings, Assistant, ChatModel, ThreadSettings } from "../lib/protocol";
import { strings } from "../lib/strings";
import { AnswerFields, audienceSelect, modelSelect, selectOf } from "./answer_fields";

/** The assistant as it was kept; null when the dialog was closed. */
export async function askAssistant(old: Assistant | null): Promise<Assistant | null> {
  const name = el("input", { type: "text", name: "name", value: old?.name ?? "", maxlength: 60, required: true, autofocus: true, autocomplete: "off" });
  const description = el("input", { type: "text", name: "description", value: old?.description ?? "", maxlength: 200, autocomplete: "off" });
  const model = modelSelect(pageState.models ?? [], old?.model ?? null, strings.modelOfPerson);
  const fields = new AnswerFields(old);
  const audience = audienceSelect(pageState.audiences ?? [], old?.shared_with ?? null);
  const content = [
    labelled(strings.name, name),
    labelled(strings.description, description),
    labelled(strings.model, model),
    ...fields.box,
    labelled(strings.sharedWithLabel, audience),
  ];
  let kept: Assistant | null = null;
  await askForm(old ? strings.editAssistant : strings.newAssistant, content, strings.save, async () => {
    const shared = audience.value ? Number(audience.value) : null;
    const body = { name: name.value, description: description.value, model: model.value || null, shared_with: shared, ...fields.settings };
    const answer = old ? await api<Kept>("PATCH", `/assistants/${old.id}/`, body) : await api<Kept>("POST", "/assistants/", body);
    kept = answer.assistant;
  });
  return kept;
}
interface Kept { assistant: Assistant }

export interface Wanted { assistant: { id: string; name: string } | null; model: string | null; settings: AnswerSettings }

/** How the model is to answer in this thread; `save` may refuse. True when it was saved. */
export async function askThreadSettings(now: ThreadSettings, model: string | null, models: ChatModel[], save: (wanted: Wanted) => Promise<void>): Promise<boolean> {
  const { assistants } = await api<{ assistants: Assistant[] }>("GET", "/assistants/");
  const options = assistants.map(({ id, name }): [string, string] => [id, name]);
  const known = assistants.some(({ id }) => id === now.assistant?.id);
  // An assistant that is gone keeps its place here, so that saving something else does not take it away.
  if (now.assistant && !known) options.unshift([now.assistant.id || "kept", now.assistant.name]);
  const current = now.assistant ? now.assistant.id || "kept" : "";
  const chosen = selectOf("assistant", [["", strings.noAssistant], ...options], current);
  const answering = selectOf("model", models.map(({ name, title }): [string, string] => [name, title]), model ?? "");
  const fields = new AnswerFields(now);
  chosen.addEventListener("change", () => {
    const assistant = assistants.find(({ id }) => id === chosen.value);
    fields.fill(assistant ?? null);
    if (assistant?.model) answering.value = assistant.model;
  });
  const manage = el("a", { class: "field__help", href: "/assistants/" }, strings.manageAssistants);
  const content = [el("div", {}, labelled(strings.assistant, chosen), manage), labelled(strings.model, answering), ...fields.box];
  return askForm(strings.threadSettings, content, strings.save, async () => {
    const assistant = chosen.value === current ? now.assistant : (assistants.find(({ id }) => id === chosen.value) ?? null);
    await save({ assistant: assistant && { id: assistant.id, name: assistant.name }, model: answering.value || null, settings: fields.settings });
  });
}
