// <markdown-text>: Markdown that is whole already and carries no marks to open, as in a shared thread. On the page for paper
// the server has drawn it, and only formulas are missing: there the text is in data-markdown.

import { MarkdownView } from "../markdown/markdown_view";

export class MarkdownText extends HTMLElement {
  connectedCallback(): void {
    const text = this.dataset["markdown"] ?? this.textContent ?? "";
    new MarkdownView(this, { sources: new Set(), sourceLabel: () => "" }).show(text, true);
  }
}
