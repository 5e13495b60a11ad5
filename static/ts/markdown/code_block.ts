// A block of code with its language and buttons to wrap, save and copy it (elements/code_acts.ts). Colours come later, from a chunk of its own, once it is closed.

import { actButton, el } from "../lib/dom";
import { strings } from "../lib/strings";

/** Where static/build.mjs put the chunk. */
declare const HIGHLIGHT_URL: string;

const MAX_HIGHLIGHT_CHARS = 60_000;

export function codeBlock(code: string, language: string): HTMLElement {
  const name = language.slice(0, 24);
  return el(
    "figure",
    { class: "code" },
    el(
      "div",
      { class: "code__bar" },
      el("span", {}, name || strings.text),
      el("span", { class: "code__acts" }, wrapButton(), ...acts()),
    ),
    el("pre", { tabindex: 0 }, el("code", { "data-language": name.toLowerCase() || null }, code)),
  );
}

function wrapButton(): HTMLElement {
  const button = actButton("wrap", strings.wrapLines, "wrap-code", "icon-button--small");
  button.setAttribute("aria-pressed", "false");
  return button;
}

function acts(): HTMLElement[] {
  return [actButton("download", strings.saveCode, "save-code", "icon-button--small"), actButton("copy", strings.copyCode, "copy-code", "icon-button--small")];
}

/** Colour every block of code below `root` when the browser has time. */
export function highlightLater(root: ParentNode): void {
  const blocks = [...root.querySelectorAll<HTMLElement>("code[data-language]:not([data-coloured])")];
  if (!blocks.length) return;
  const idle = window.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 50));
  idle(async () => {
    const { highlight } = (await import(HIGHLIGHT_URL)) as typeof import("./highlight");
    for (const block of blocks) {
      block.dataset["coloured"] = "";
      const code = block.textContent ?? "";
      if (!block.isConnected || code.length > MAX_HIGHLIGHT_CHARS) continue;
      const nodes = highlight(code, block.dataset["language"] ?? "");
      if (nodes) block.replaceChildren(...nodes);
    }
  });
}
