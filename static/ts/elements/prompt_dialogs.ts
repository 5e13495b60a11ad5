// Filling in a saved prompt; writing one. Loaded when first asked.

import { api } from "../lib/api";
import { el } from "../lib/dom";
import { askForm, labelled } from "../lib/form_dialog";
import { pageState } from "../lib/page_state";
import type { SavedPrompt } from "../lib/protocol";
import { language, strings } from "../lib/strings";
import { fieldsOf, fillIn, type PromptField } from "../models/prompt_fields";
import { audienceSelect, selectOf } from "./answer_fields";

type Input = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** The text with its fields filled in; null when the form was closed. */
export async function askFields({ name, text }: SavedPrompt): Promise<string | null> {
  const inputs = fieldsOf(text).map((field): [PromptField, Input] => [field, inputOf(field)]);
  inputs[0]?.[1].setAttribute("autofocus", "");
  const isFilled = await askForm(name, inputs.map(([field, input]) => labelled(field.name, input)), strings.insert, () => {});
  return isFilled ? fillIn(text, new Map(inputs.map(([field, input]) => [field.name, said(field, input.value)]))) : null;
}

function inputOf({ name, kind, choices }: PromptField): Input {
  if (kind === "choice") return selectOf(name, choices.map((choice): [string, string] => [choice, choice]), choices[0] ?? "");
  if (kind === "text") return el("textarea", { name, rows: 5, required: true, maxlength: 30_000 });
  const type = kind === "date" || kind === "number" ? kind : "text";
  return el("input", { type, name, required: true, autocomplete: "off", step: kind === "number" ? "any" : null });
}

/** A date as one writes it: the field gives 2026-11-24. */
function said({ kind }: PromptField, value: string): string {
  if (kind !== "date" || !value) return value;
  return new Intl.DateTimeFormat(language, { dateStyle: "long", timeZone: "UTC" }).format(new Date(`${value}T00:00:00Z`));
}

/** The prompt as it was kept; null when the dialog was closed. */
export async function askPrompt(old: SavedPrompt | null): Promise<SavedPrompt | null> {
  const name = el("input", { type: "text", name: "name", value: old?.name ?? "", maxlength: 60, required: true, autofocus: true, autocomplete: "off" });
  const description = el("input", { type: "text", name: "description", value: old?.description ?? "", maxlength: 200, autocomplete: "off" });
  const text = el("textarea", { name: "text", rows: 9, maxlength: 32_000, required: true }, old?.text ?? "");
  const audience = audienceSelect(pageState.audiences ?? [], old?.shared_with ?? null);
  const content = [labelled(strings.name, name), labelled(strings.description, description), labelled(strings.promptText, text, strings.promptHelp), labelled(strings.sharedWithLabel, audience)];
  let kept: SavedPrompt | null = null;
  await askForm(old ? strings.editPrompt : strings.newPrompt, content, strings.save, async () => {
    const body = { name: name.value, description: description.value, text: text.value, shared_with: audience.value ? Number(audience.value) : null };
    const answer = old ? await api<Kept>("PATCH", `/prompts/${old.id}/`, body) : await api<Kept>("POST", "/prompts/", body);
    kept = answer.prompt;
  });
  return kept;
}
interface Kept { prompt: SavedPrompt }
