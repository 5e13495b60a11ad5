"""E-mail: subject, people and date, then the text. Attachments are named and not read; nothing is fetched.

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
from email.message import EmailMessage, MIMEPart
from typing import BinaryIO

from rag.jail import Refused
from rag.readers import web
from rag.readers.paper import Paper

_HEADERS = ("From", "To", "Cc", "Date")


def read(file: BinaryIO) -> Paper:
    message = email.message_from_binary_file(file, policy=email.policy.default)
    if not isinstance(message, EmailMessage):
        raise Refused("broken")
    paper = Paper()
    paper.heading(_header(message, "Subject"), 1)
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
    for part in message.iter_attachments():
        name = part.get_filename() or part.get_content_type()
        paper.paragraph(f"Attachment: {name}")
    return paper


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
