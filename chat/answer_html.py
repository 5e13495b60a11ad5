"""An answer as HTML without scripts, for the page that is printed. Pure.

Every tag is one of those below and every text goes through format_html, so nothing that a model wrote is ever markup.
Links are printed with their address and lead nowhere; pictures are their words. Formulas stay as they were written: the
page's scripts draw them (see templates/chat/print.html).
"""

from __future__ import annotations

import re

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from chat import markdown

_TAGS = {
    "paragraph": "p", "bullet_list": "ul", "list_item": "li", "blockquote": "blockquote",
    "thead": "thead", "tbody": "tbody", "tr": "tr", "strong": "strong", "em": "em", "s": "del",
}  # fmt: skip
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_ALIGNED = re.compile(r"text-align:(left|center|right)")


def html(text: str, note_prefix: str) -> SafeString:
    """note_prefix: begins the ids of footnotes, so that they are of this answer alone."""
    read = markdown.parse(text)
    drawing = _Drawing(read, note_prefix)
    body = drawing.blocks(read.tokens)
    return format_html("{}{}", body, drawing.notes()) if read.notes else body


class _Drawing:
    def __init__(self, text: markdown.Text, note_prefix: str) -> None:
        self._text = text
        self._prefix = note_prefix

    def blocks(self, tokens: list[Token]) -> SafeString:
        return self._all(SyntaxTreeNode(tokens).children)

    def notes(self) -> SafeString:
        items = format_html_join(
            "",
            '<li id="{}-{}">{}</li>',
            ((self._prefix, n, self.blocks(tokens)) for n, tokens in enumerate(self._text.notes.values(), start=1)),
        )
        return format_html('<section class="notes" aria-label="{}"><ol>{}</ol></section>', _("Footnotes"), items)

    def _all(self, nodes: list[SyntaxTreeNode]) -> SafeString:
        return format_html_join("", "{}", ((self._one(node),) for node in nodes))

    def _one(self, node: SyntaxTreeNode) -> SafeString:
        match node.type:
            case "inline":
                return self._all(node.children)
            case "text":
                return self._words(node.content)
            case "code_inline":
                return format_html("<code>{}</code>", node.content)
            case "fence" | "code_block":
                return self._code(node)
            case "table":
                box = '<div class="table-box"><div class="scroll-x" tabindex="0" role="group">{}</div></div>'
                return format_html(box, format_html("<table>{}</table>", self._all(node.children)))
            case "softbreak":
                return format_html("{}", "\n")
            case "hardbreak":
                return format_html("<br>")
            case "hr":
                return format_html("<hr>")
            case "image":
                return format_html("<em>{}</em>", node.content)
            case "link":
                return self._link(node)
            case "ordered_list":
                return format_html('<ol start="{}">{}</ol>', int(node.attrs.get("start", 1)), self._all(node.children))
            case "th" | "td":
                aligned = _ALIGNED.search(str(node.attrs.get("style", "")))
                side = aligned[1] if aligned else ""
                return format_html('<{} data-align="{}">{}</{}>', node.type, side, self._all(node.children), node.type)
            case "paragraph" if node.hidden:  # of a tight list
                return self._all(node.children)
        tag = node.tag if node.type == "heading" and node.tag in _HEADINGS else _TAGS.get(node.type)
        inside = self._all(node.children)
        return format_html("<{}>{}</{}>", tag, inside, tag) if tag else inside

    def _code(self, node: SyntaxTreeNode) -> SafeString:
        language = next(iter(node.info.split()), "")
        bar = format_html('<div class="code__bar"><span>{}</span></div>', language)
        box = '<figure class="code">{}<pre tabindex="0"><code>{}</code></pre></figure>'
        return format_html(box, bar, node.content)

    def _words(self, text: str) -> SafeString:
        mark = '<sup class="note-mark"><a href="#{}-{}">{}</a></sup>'
        pieces = self._text.pieces(text)
        return format_html_join(
            "",
            "{}",
            ((format_html(mark, self._prefix, piece, piece) if isinstance(piece, int) else piece,) for piece in pieces),
        )

    def _link(self, node: SyntaxTreeNode) -> SafeString:
        words, address = self._all(node.children), str(node.attrs.get("href", ""))
        return words if address in words else format_html("{} <span>({})</span>", words, address)
