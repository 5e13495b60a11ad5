"""What kind of file is it? The content decides. A name only says how a text that is certainly text is to be read.

Cheap enough for the web process: first and last bytes, and the names in a zip archive's directory; nothing is unpacked
here. Whether the file keeps what it promises is found out in the reading child.
"""

from __future__ import annotations

import re
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePath

HEAD_BYTES = 1024
TEXT_SAMPLE_BYTES = 256 * 1024
MAX_DIRECTORY_BYTES = 4 * 1024 * 1024
MAX_ENTRIES = 10_000


@dataclass(frozen=True)
class Format:
    """name is what the reading child is told. place is what a page of it is called: page, slide, cells or part."""

    name: str
    media_type: str
    place: str
    extensions: tuple[str, ...]


_OFFICE = "application/vnd.openxmlformats-officedocument."
PDF = Format("pdf", "application/pdf", "page", (".pdf",))
DOCX = Format("docx", f"{_OFFICE}wordprocessingml.document", "part", (".docx", ".docm"))
PPTX = Format("pptx", f"{_OFFICE}presentationml.presentation", "slide", (".pptx", ".pptm", ".ppsx"))
XLSX = Format("xlsx", f"{_OFFICE}spreadsheetml.sheet", "cells", (".xlsx", ".xlsm"))
ODT = Format("odt", "application/vnd.oasis.opendocument.text", "part", (".odt",))
HTML = Format("html", "text/html", "part", (".html", ".htm", ".xhtml"))
MARKDOWN = Format("md", "text/markdown", "part", (".md", ".markdown"))
TEXT = Format("txt", "text/plain", "part", (".txt", ".text", ".log", ".rst", ".adoc"))
CSV = Format("csv", "text/csv", "cells", (".csv", ".tsv"))
EML = Format("eml", "message/rfc822", "part", (".eml",))
_NO_TEXT = (PDF, DOCX, PPTX, XLSX, ODT)
FORMATS = (PDF, DOCX, PPTX, XLSX, ODT, HTML, MARKDOWN, TEXT, CSV, EML)

ACCEPT = ",".join(extension for known in FORMATS for extension in known.extensions)

_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_BYTE_ORDER = (b"\xff\xfe", b"\xfe\xff")
_HTML = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_MAIL_LINE = re.compile(rb"(?m)^([A-Za-z][A-Za-z0-9-]*):[ \t]")
_MAIL_NAMES = {b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"received", b"return-path"}
_END_OF_DIRECTORY = b"PK\x05\x06"


def by_media_type(media_type: str) -> Format:
    """Documents keep the media type; one that nobody knows any more is read as a PDF and says that it is broken."""
    return next((known for known in FORMATS if known.media_type == media_type), PDF)


def is_possible(head: bytes) -> bool:
    """Could a file with these first bytes (at most HEAD_BYTES) be one that is read?"""
    return b"%PDF-" in head or head.startswith((_ZIP, *_BYTE_ORDER)) or not _BINARY.search(head)


def is_old_office(head: bytes) -> bool:
    """A .doc, .xls or .ppt of the last century, or an Office file locked with a password: both look the same."""
    return head.startswith(_OLD_OFFICE)


def refusal(head: bytes, name: str) -> str:
    """Why a file with these first bytes is not read, as a code of rag.errors: what can be done about it differs."""
    if not is_old_office(head):
        return "not_supported"
    return "outlook_message" if PurePath(name).suffix.casefold() == ".msg" else "old_office"


def by_content(path: Path, name: str) -> Format | None:
    """None for what is not read. The name decides between kinds of text only."""
    with path.open("rb") as file:
        sample = file.read(TEXT_SAMPLE_BYTES)
    head = sample[:HEAD_BYTES]
    # Acrobat accepts the header anywhere in the first 1,024 bytes, and real files depend on it.
    if b"%PDF-" in head:
        return PDF
    if head.startswith(_ZIP):
        return _by_members(path)
    if not head.startswith(_BYTE_ORDER) and _BINARY.search(sample):
        return None
    return _of_text(head, PurePath(name).suffix.casefold())


def _of_text(head: bytes, extension: str) -> Format | None:
    # Text under the name of a PDF is a download that went wrong, and RTF is text for programs only.
    if any(extension in known.extensions for known in _NO_TEXT) or head.startswith(b"{\\rtf"):
        return None
    is_wide = head.startswith(_BYTE_ORDER)
    if is_wide:
        head = head.decode("utf-16", errors="replace").encode()
    if _HTML.match(head.removeprefix(b"\xef\xbb\xbf")):
        return HTML
    names = {found.lower() for found in _MAIL_LINE.findall(head.split(b"\n\n")[0])}
    # A text may begin with "Subject:"; a mail says more of itself.
    if not is_wide and _MAIL_LINE.match(head) and len(names & _MAIL_NAMES) >= (2 if extension == ".eml" else 3):
        return EML
    if extension in CSV.extensions:
        return CSV
    return MARKDOWN if extension in MARKDOWN.extensions else TEXT


def _by_members(path: Path) -> Format | None:
    try:
        if not _has_bounded_directory(path):
            return None
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, OverflowError, NotImplementedError, struct.error):
        return None
    if "[Content_Types].xml" in names:
        for part, known in (("word/document.xml", DOCX), ("ppt/presentation.xml", PPTX), ("xl/workbook.xml", XLSX)):
            if part in names:
                return known
        return None
    with path.open("rb") as file:
        head = file.read(200)
    # The first member of an OpenDocument file is its media type, not packed.
    return ODT if "content.xml" in names and f"mimetype{ODT.media_type}".encode() in head else None


def _has_bounded_directory(path: Path) -> bool:
    """The directory of the archive is read into memory here: it must be as small as those of real documents."""
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size_bytes - 66_000))
        tail = file.read()
    at = tail.rfind(_END_OF_DIRECTORY)
    if at < 0 or at + 22 > len(tail):
        return False
    num_entries, directory_bytes = struct.unpack_from("<HI", tail, at + 10)
    return bool(num_entries <= MAX_ENTRIES and directory_bytes <= MAX_DIRECTORY_BYTES)
