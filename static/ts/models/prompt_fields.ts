// The fields of a saved prompt, read as chat/prompt_fields.py reads them; tests/prompt_fields.json holds both to it.

export type FieldKind = "line" | "text" | "date" | "number" | "choice";
export interface PromptField { name: string; kind: FieldKind; choices: string[] }

const BRACES = /\{\{([^{}]*)\}\}/g;
const FIELD = /^\s*([^:|()]+?)\s*(?::\s*([a-z]+)\s*(?:\(([^()]*)\))?\s*)?$/;
const KINDS: readonly string[] = ["line", "text", "date", "number", "choice"];

/** Each name once, in order of appearance; what cannot be read is no field, and stays as it is. */
export function fieldsOf(text: string): PromptField[] {
  const found = new Map<string, PromptField>();
  for (const [, inside] of text.matchAll(BRACES)) {
    const field = fieldIn(inside ?? "");
    if (field && !found.has(field.name)) found.set(field.name, field);
  }
  return [...found.values()];
}

export function fillIn(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(BRACES, (whole, inside: string) => {
    const field = fieldIn(inside);
    return (field && values.get(field.name)) ?? whole;
  });
}

function fieldIn(inside: string): PromptField | null {
  const match = FIELD.exec(inside);
  const kind = match?.[2] ?? "line";
  if (!match?.[1] || !KINDS.includes(kind)) return null;
  const parts = (match[3] ?? "").split("|").map((part) => part.trim()).filter(Boolean);
  const choices = [...new Set(parts)];
  if ((kind === "choice") !== choices.length > 0) return null;
  return { name: match[1], kind: kind as FieldKind, choices };
}
