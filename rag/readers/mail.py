"""E-mail: subject, people and date, then the text, then the attachments: named, and read where they are texts, Office
files or mails themselves. Left out, and said so: PDF and pictures, which must be uploaded on their own.

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
from collections.abc import Callable
from email.message import EmailMessage, MIMEPart
from pathlib import PurePath
from typing import BinaryIO

from rag.jail import Refused
from rag.readers import docx, odt, plain, pptx, tables, web
from rag.readers.paper import Paper

MAX_ATTACHMENTS, MAX_DEPTH, MAX_ATTACHMENT_BYTES = 100, 3, 64 * 1024 * 1024
READERS: dict[str, Callable[[BinaryIO], Paper]] = {
    ".txt": plain.read_text, ".log": plain.read_text, ".md": plain.read_markdown, ".csv": tables.read_csv,
    ".html": web.read, ".htm": web.read, ".docx": docx.read, ".pptx": pptx.read, ".xlsx": tables.read_xlsx,
    ".odt": odt.read,
}  # fmt: skip
_HEADERS = ("From", "To", "Cc", "Date")


def read(file: BinaryIO) -> Paper:
    message = email.message_from_binary_file(file, policy=email.policy.default)
    if not isinstance(message, EmailMessage):
        raise Refused("broken")
    paper = Paper()
    _write(paper, message, 1)
    return paper


def _write(paper: Paper, message: EmailMessage, depth: int) -> None:
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
    for part in itertools.islice(message.iter_attachments(), MAX_ATTACHMENTS):
        _write_attachment(paper, part, depth)


def _write_attachment(paper: Paper, part: MIMEPart, depth: int) -> None:
    name = " ".join((part.get_filename() or part.get_content_type()).split())
    if part.get_content_type() == "message/rfc822" and depth < MAX_DEPTH:
        inner = part.get_content()
        if isinstance(inner, EmailMessage):
            paper.heading(f"Attachment: {name}", depth + 1)
            _write(paper, inner, depth + 2)
            return
    read = READERS.get(PurePath(name).suffix.casefold())
    data = part.get_payload(decode=True)
    if read is None or not isinstance(data, bytes) or len(data) > MAX_ATTACHMENT_BYTES:
        paper.paragraph(f"Attachment: {name} (not read)")
        return
    paper.heading(f"Attachment: {name}", depth + 1)
    try:
        paper.append(read(io.BytesIO(data)), depth + 1)
    except Refused:
        paper.paragraph("(not read)")


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
