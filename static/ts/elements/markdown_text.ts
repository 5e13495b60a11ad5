// <markdown-text>: Markdown that is whole already and carries no marks to open, as in a shared thread.

import { MarkdownView } from "../markdown/markdown_view";

export class MarkdownText extends HTMLElement {
  connectedCallback(): void {
    const text = this.textContent ?? "";
    new MarkdownView(this, { sources: new Set(), sourceLabel: () => "" }).show(text, true);
  }
}
