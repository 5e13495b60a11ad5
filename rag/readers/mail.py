"""E-mail: subject, people and date, then the text with its pictures, then the attachments: named, and read where they
are PDF, texts, Office files, pictures or mails themselves, each on pages that have its name. What is not read is said.

The package imports its own parts when they are first needed, which is too late here.
"""

from __future__ import annotations

import email
import email.base64mime
import email.contentmanager
import email.errors
import email.generator
import email.headerregistry
import email.iterators
import email.mime.message
import email.parser
import email.policy
import email.quoprimime
import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from email.message import EmailMessage, MIMEPart
from pathlib import PurePath
from typing import BinaryIO

from rag.jail import Refused
from rag.readers import docx, odt, pdf, plain, pptx, tables, web
from rag.readers.paper import Paper
from rag.readers.pictures import Album

MAX_ATTACHMENTS, MAX_DEPTH, MAX_ATTACHMENT_BYTES = 100, 3, 64 * 1024 * 1024
# Each of them may start a process.
MAX_PDFS, MAX_NAME_CHARS = 20, 28
READERS: dict[str, Callable[[BinaryIO], Paper]] = {
    ".txt": plain.read_text, ".log": plain.read_text, ".md": plain.read_markdown, ".csv": tables.read_csv,
    ".html": web.read, ".htm": web.read, ".docx": docx.read, ".pptx": pptx.read, ".xlsx": tables.read_xlsx,
    ".odt": odt.read,
}  # fmt: skip
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
_HEADERS = ("From", "To", "Cc", "Date")


def read(file: BinaryIO) -> Paper:
    message = email.message_from_binary_file(file, policy=email.policy.default)
    if not isinstance(message, EmailMessage):
        raise Refused("broken")
    paper = Paper()
    _Mail(paper).write(message, 1)
    return paper


class _Mail:
    """A mail and all that is inside it, on one paper and under common limits."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self.album = Album(paper)
        self.num_attachments = self.num_pdfs = 0

    def write(self, message: EmailMessage, depth: int) -> None:
        paper = self.paper
        paper.heading(_header(message, "Subject"), depth)
        for name in _HEADERS:
            value = _header(message, name)
            if value:
                paper.paragraph(f"{name}: {value}")
        body = message.get_body(preferencelist=("plain", "html"))
        if body is not None:
            content = _content(body)
            if body.get_content_type() == "text/html":
                web.write(paper, content)
            else:
                _write_plain(paper, content)
        attachments = list(itertools.islice(message.iter_attachments(), MAX_ATTACHMENTS + 1))
        for part in _shown_inside(message, attachments):
            self.album.add(_bytes(part), paper.label)
        for number, part in enumerate(attachments):
            self.num_attachments += 1
            if number >= MAX_ATTACHMENTS or self.num_attachments > MAX_ATTACHMENTS:
                paper.num_left_out += 1
                paper.paragraph("Attachment: … (not read)")
                return
            self.attachment(part, depth)

    def attachment(self, part: MIMEPart, depth: int) -> None:
        paper, name = self.paper, _name(part)
        if part.get_content_type() == "message/rfc822" and depth < MAX_DEPTH:
            inner = part.get_content()
            if isinstance(inner, EmailMessage):
                paper.heading(f"Attachment: {name}", depth + 1)
                self.write(inner, depth + 2)
                return
        extension, data = PurePath(name).suffix.casefold(), _bytes(part)
        read = self._reader(extension, data)
        if read is None or not 0 < len(data) <= MAX_ATTACHMENT_BYTES:
            return self._not_read(name)
        label = name if len(name) <= MAX_NAME_CHARS else f"{name[: MAX_NAME_CHARS - 1]}…"
        paper.label = label
        paper.page(label)
        paper.heading(f"Attachment: {name}", depth + 1)
        try:
            paper.append(read(io.BytesIO(data)), depth + 1, label)
        except Refused:
            paper.num_left_out += 1
            paper.paragraph("(not read)")
        finally:
            paper.close()

    def _reader(self, extension: str, data: bytes) -> Callable[[BinaryIO], Paper] | None:
        if b"%PDF-" in data[:1024]:
            self.num_pdfs += 1
            return (lambda file: pdf.read(file.read())) if self.num_pdfs <= MAX_PDFS else None
        if extension in _PICTURES:
            return _picture
        return READERS.get(extension)

    def _not_read(self, name: str) -> None:
        self.paper.num_left_out += 1
        self.paper.paragraph(f"Attachment: {name} (not read)")


def _picture(file: BinaryIO) -> Paper:
    paper = Paper()
    Album(paper).add(file.read())
    return paper


def _shown_inside(message: MIMEPart, attachments: Sequence[MIMEPart]) -> Iterator[MIMEPart]:
    """Pictures that the text shows, not those of attached mails."""
    for part in message.iter_parts() if message.is_multipart() else ():
        if part.get_content_maintype() == "multipart" and part not in attachments:
            yield from _shown_inside(part, [])
        elif part.get_content_maintype() == "image" and part.get("Content-ID") and part not in attachments:
            yield part


def _name(part: MIMEPart) -> str:
    try:
        name = part.get_filename() or part.get_content_type()
    except (email.errors.MessageError, ValueError, TypeError, AttributeError, IndexError, LookupError):
        name = part.get_content_type()
    return " ".join(str(name).split())[:300]


def _bytes(part: MIMEPart) -> bytes:
    try:
        data = part.get_payload(decode=True)
    except (ValueError, LookupError, TypeError, AttributeError):
        return b""
    return data if isinstance(data, bytes) else b""


def _write_plain(paper: Paper, content: str) -> None:
    paragraph: list[str] = []
    for line in [*content.splitlines(), ""]:
        if line.strip():
            paragraph.append(line)
        elif paragraph:
            paper.paragraph(" ".join(paragraph))
            paragraph = []


def _header(message: EmailMessage, name: str) -> str:
    """Headers are strangers' text too: some cannot be parsed at all."""
    try:
        return str(message.get(name, ""))
    except (email.errors.MessageError, ValueError, TypeError, AttributeError, IndexError):
        return ""


def _content(part: MIMEPart) -> str:
    try:
        return str(part.get_content())
    except (LookupError, ValueError, email.errors.MessageError):
        data = part.get_payload(decode=True)
        return data.decode("utf-8", errors="replace") if isinstance(data, bytes) else ""
