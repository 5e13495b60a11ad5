"""Questions and answers as paragraphs, headings, lists, tables, code and footnotes of a Word file. Pure.

Left out: pictures and links to other addresses, whose words and address stay as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from django.utils.translation import gettext as _
from markdown_it.token import Token

from chat import markdown
from chat.models import Message, Thread
from chat.word.package import DEEPEST_LIST, packed
from rag.marks import MARK, numbers_of

# What XML 1.0 cannot hold, whatever it is escaped as.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LOOKS = {"strong": "<w:b/>", "em": "<w:i/>", "s": "<w:strike/>"}
_CODE_LOOK = '<w:rFonts w:ascii="Consolas" w:hAnsi="Consolas" w:cs="Consolas"/>'
Sources = Mapping[int, dict[str, Any]]


def document(thread: Thread, messages: Sequence[Message], day: str) -> bytes:
    """The messages one after the other; day says when this was."""
    writer = _Writer()
    writer.heading(thread.title or _("New thread"), 1)
    writer.paragraph(run(_("Exported on %(day)s") % {"day": day}))
    for message in messages:
        writer.heading(_("You") if message.is_question else _who(message), 2)
        if message.is_question:
            writer.plain(message.text)
        else:
            found = (message.sources or {}).get("sources", [])
            writer.markdown(message.text, {source["n"]: source for source in found})
        if message.error_sentence:
            writer.paragraph(run(message.error_sentence), '<w:pStyle w:val="Quote"/>')
    return packed("".join(writer.body), writer.notes, writer.list_starts)


def _who(message: Message) -> str:
    return ", ".join(part for part in (message.model_name, message.model_version) if part) or _("Answer")


def run(text: str, look: str = "") -> str:
    """A stretch of text that looks the same; a line's end is a break."""
    clean = escape(_FORBIDDEN.sub("", text))
    lines = [f'<w:t xml:space="preserve">{line}</w:t>' for line in clean.split("\n")]
    return f"<w:r>{f'<w:rPr>{look}</w:rPr>' if look else ''}{'<w:br/>'.join(lines)}</w:r>"


class _Writer:
    def __init__(self) -> None:
        self.body: list[str] = []
        self.notes: list[str] = []
        self.list_starts: list[int | None] = []
        self._lists: list[int] = []  # the open ones, outermost first
        self._num_quotes = 0
        self._text = markdown.Text([])
        self._is_item_begun = False

    def heading(self, text: str, level: int) -> None:
        self.paragraph(run(text), f'<w:pStyle w:val="Heading{level}"/>')

    def plain(self, text: str) -> None:
        for part in re.split(r"\n{2,}", text.strip()):
            self.paragraph(run(part))

    def paragraph(self, runs: str, properties: str = "") -> None:
        self.body.append(f"<w:p>{f'<w:pPr>{properties}</w:pPr>' if properties else ''}{runs}</w:p>")

    def markdown(self, text: str, sources: Sources) -> None:
        self._text = markdown.parse(text)
        tokens = self._text.tokens
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if token.type == "table_open":
                end = next(n for n in range(at, len(tokens)) if tokens[n].type == "table_close")
                self._table(tokens[at:end], sources)
                at = end
            else:
                self._block(token, tokens[at - 1] if at else None, sources)
            at += 1

    def _block(self, token: Token, before: Token | None, sources: Sources) -> None:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                start = int(token.attrGet("start") or 1) if token.type == "ordered_list_open" else None
                self.list_starts.append(start)
                self._lists.append(len(self.list_starts))
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "list_item_open":
                self._is_item_begun = False
            case "blockquote_open":
                self._num_quotes += 1
            case "blockquote_close":
                self._num_quotes -= 1
            case "fence" | "code_block":
                for line in token.content.rstrip("\n").split("\n"):
                    self.paragraph(run(line), '<w:pStyle w:val="Code"/>')
                self.paragraph("")
            case "hr":
                self.paragraph("", '<w:pBdr><w:bottom w:val="single" w:sz="6" w:space="1" w:color="auto"/></w:pBdr>')
            case "inline":
                is_heading = before is not None and before.type == "heading_open"
                # The thread's own heading is 1, and who speaks is 2.
                level = min(6, int(before.tag[1]) + 2) if before is not None and is_heading else 0
                self.paragraph(self._inline(token, sources), self._place(level))

    def _place(self, heading: int) -> str:
        if heading:
            return f'<w:pStyle w:val="Heading{heading}"/>'
        if self._lists:
            depth = min(len(self._lists) - 1, DEEPEST_LIST)
            if self._is_item_begun:  # a second paragraph of the same point
                return f'<w:ind w:left="{567 * (depth + 1)}"/>'
            self._is_item_begun = True
            return f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{self._lists[-1]}"/></w:numPr>'
        return '<w:pStyle w:val="Quote"/>' if self._num_quotes else ""

    def _table(self, tokens: Sequence[Token], sources: Sources) -> None:
        line = '<w:{0} w:val="single" w:sz="4" w:space="0" w:color="BFBFBF"/>'
        sides = "".join(line.format(side) for side in ("top", "left", "bottom", "right", "insideH", "insideV"))
        rows: list[str] = []
        for token in tokens:
            if token.type == "tr_open":
                rows.append("")
            elif token.type == "inline":
                rows[-1] += f"<w:tc><w:tcPr/><w:p>{self._inline(token, sources)}</w:p></w:tc>"
        head = "<w:trPr><w:tblHeader/></w:trPr>"
        drawn = "".join(f"<w:tr>{'' if n else head}{cells}</w:tr>" for n, cells in enumerate(rows))
        num_columns = max(row.count("<w:tc>") for row in rows)
        grid = f"<w:tblGrid>{'<w:gridCol/>' * num_columns}</w:tblGrid>"
        self.body.append(f"<w:tbl><w:tblPr><w:tblBorders>{sides}</w:tblBorders></w:tblPr>{grid}{drawn}</w:tbl>")
        self.paragraph("")

    def _inline(self, token: Token, sources: Sources) -> str:
        runs: list[str] = []
        looks: list[str] = []
        address = ""
        for child in token.children or []:
            name = child.type.removesuffix("_open").removesuffix("_close")
            look = "".join(looks)
            if child.type == "text":
                for piece in self._text.pieces(child.content):
                    if isinstance(piece, int):
                        runs.append(self._own_note(piece))
                    else:
                        runs.append(self._marked(piece, look, sources))
            elif child.type in ("softbreak", "hardbreak"):
                runs.append(run(" " if child.type == "softbreak" else "\n"))
            elif child.type == "code_inline":
                runs.append(run(child.content, _CODE_LOOK))
            elif child.type == "link_open":
                address = str(child.attrGet("href") or "")
            elif child.type == "link_close":
                runs.append(run(f" ({address})", look))
            elif child.type == "image":
                runs.append(run(child.content, look))
            elif name in _LOOKS and child.nesting == 1:
                looks.append(_LOOKS[name])
            elif name in _LOOKS:
                looks.remove(_LOOKS[name])
        return "".join(runs)

    def _marked(self, text: str, look: str, sources: Sources) -> str:
        """Marks of known sources become footnotes; others stay what they are."""
        runs, at = "", 0
        for mark in MARK.finditer(text):
            known = [sources[n] for n in numbers_of(mark) if n in sources]
            if known:
                runs += run(text[at : mark.start()].rstrip(" "), look) + "".join(map(self._note, known))
                at = mark.end()
        return runs + (run(text[at:], look) if text[at:] else "")

    def _own_note(self, number: int) -> str:
        """A footnote of the answer's own, each time that it is named."""
        text = self._text
        tokens = list(text.notes.values())[number - 1]
        self._text = markdown.Text([])  # a note names no note, least of all itself
        paragraphs = [self._inline(token, {}) for token in tokens if token.type == "inline"]
        self._text = text
        return self._reference(run(" ") + run("\n").join(paragraphs))

    def _note(self, source: dict[str, Any]) -> str:
        place = ", ".join(part for part in (source.get("title"), source.get("label"), source.get("heading")) if part)
        quote = f": “{source['quote']}”" if source.get("quote") else ""
        return self._reference(run(f" {place}{quote}"))

    def _reference(self, note: str) -> str:
        self.notes.append(note)
        reference = f'<w:footnoteReference w:id="{len(self.notes)}"/>'
        return f'<w:r><w:rPr><w:rStyle w:val="FootnoteReference"/></w:rPr>{reference}</w:r>'
