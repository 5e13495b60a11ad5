"""Plain text and Markdown, character for character as in the file, cut into parts at empty lines."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import BinaryIO

from rag.jail import MAX_OUTLINE_ITEMS, MAX_PAGES, MAX_TITLE_CHARS, UNSTORABLE, Refused
from rag.readers.paper import MAX_CHARS, Paper, Sheet
from rag.readers.pictures import Album

PART_CHARS = 6_000
_EMPTY_LINE = re.compile(r"\n[ \t\r]*\n(?=\S)")
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_HASHES = re.compile(r"^ {0,3}(#{1,6})[ \t]+(\S.*)$")
# == Section == is how wikis write it, with one = for the title.
_WIKI = re.compile(r"^ ?((?:= ?){1,6})\s*([^=\s](?:[^=]*[^=\s])?)\s*((?:= ?){1,6})\s*$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")


# A picture inside a page of HTML or Markdown, up to its last character.
DATA_URI = re.compile(r"data:image/[a-z+.-]{1,20};base64,([A-Za-z0-9+/=\s]+)", re.I)
_MARKED_PICTURE = re.compile(r"(?<=\()" + DATA_URI.pattern.replace(r"\s", "") + r"(?=[)\s])", re.I)


def picture_of(uri: str) -> bytes:
    """The bytes of a DATA_URI; none when they cannot be decoded."""
    found = DATA_URI.match(uri)
    try:
        return base64.b64decode("".join(found[1].split())) if found else b""
    except (binascii.Error, ValueError):
        return b""


def read_text(file: BinaryIO) -> Paper:
    return _read(file, has_marks=False)


def read_markdown(file: BinaryIO) -> Paper:
    return _read(file, has_marks=True)


def decoded(data: bytes) -> str:
    """UTF-8, or UTF-16 and 32 with a mark, else Windows' Western characters. Line ends stay as they are, marks go."""
    if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return data.decode("utf-32", errors="replace")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _read(file: BinaryIO, *, has_marks: bool) -> Paper:
    text = decoded(file.read(MAX_CHARS * 4 + 1)).translate(UNSTORABLE)
    pictures = [match.group() for match in _MARKED_PICTURE.finditer(text)] if has_marks else []
    text = _MARKED_PICTURE.sub("", text) if pictures else text
    if len(text) > MAX_CHARS:
        raise Refused("too_much_text")
    paper = Paper()
    headings = list(_headings(text, has_marks=has_marks))[:MAX_OUTLINE_ITEMS]
    starts = list(_cuts(text, {start for _level, _title, start in headings}))
    if len(starts) > MAX_PAGES:
        raise Refused("too_many_pages", num_pages=len(starts), limit=MAX_PAGES)
    ends = [*starts[1:], len(text)]
    paper.sheets = [Sheet("", text[start:end]) for start, end in zip(starts, ends, strict=True)]
    page_no = 0
    for level, title, start in headings:
        while start >= ends[page_no]:
            page_no += 1
        paper.outline.append([level - 1, title[:MAX_TITLE_CHARS], page_no, None, start - starts[page_no]])
    album = Album(paper)
    for uri in pictures:
        album.add(picture_of(uri))
    return paper


def _cuts(text: str, headings: set[int]) -> Iterator[int]:
    """Where parts begin: at a heading after half a part's length, at an empty line after all of it, else anywhere."""
    start = 0
    yield start
    while len(text) - start > 2 * PART_CHARS:
        low, high = start + PART_CHARS // 2, start + 2 * PART_CHARS
        ends = [match.end() for match in _EMPTY_LINE.finditer(text, low, high)]
        at_heading = next((end for end in ends if end in headings), None)
        after = next((end for end in ends if end >= start + PART_CHARS), ends[-1] if ends else None)
        line = text.rfind("\n", low, high) + 1
        space = text.rfind(" ", low, high) + 1
        start = at_heading or after or line or space or high
        yield start


def _headings(text: str, *, has_marks: bool) -> Iterator[tuple[int, str, int]]:
    """(level, title, start). Hashes and underlines count in Markdown only: in a plain file they may be anything."""
    fence = ""
    before: tuple[str, int] = ("", 0)
    for match in re.finditer(r"[^\r\n]+|\r?\n(?=\r?\n)", text):
        line, start = match.group(), match.start()
        mark = _FENCE.match(line) if has_marks else None
        if fence:
            if mark and mark[1].startswith(fence):
                fence = ""
        elif mark:
            fence = mark[1]
        elif has_marks and (found := _HASHES.match(line)):
            yield len(found[1]), found[2].rstrip(" #\t"), start
        elif (wiki := _WIKI.match(line)) and _depth(wiki[1]) == _depth(wiki[3]):
            yield _depth(wiki[1]), wiki[2], start
        elif has_marks and (under := _UNDERLINE.match(line)) and before[0].strip():
            yield 1 if under[1][0] == "=" else 2, before[0].strip(), before[1]
        before = ("", 0) if fence or mark or line.strip() == "" else (line, start)


def _depth(marks: str) -> int:
    return marks.count("=")
