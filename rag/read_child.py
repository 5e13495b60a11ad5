"""Reads one file that is no PDF, in a process that can do no harm; see rag/jail.py.

It answers as extract_child.py does: pages of text with an outline, here without boxes. An outline entry has a fifth
value, the character of its page at which the heading begins.

Run as: python -I read_child.py FORMAT probe | FORMAT extract FIRST COUNT | FORMAT scan PAGE,PAGE,…
"""

from __future__ import annotations

import codecs
import importlib
import json
import os
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

# -I leaves the folder of the script out; the packages of this repository are found behind everything else.
sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from rag import jail
from rag.readers.paper import Paper
from rag.readers.pictures import BLANK

# Imported before the file is looked at, and only the one that is needed.
READERS = {
    "docx": ("rag.readers.docx", "read"),
    "pptx": ("rag.readers.pptx", "read"),
    "xlsx": ("rag.readers.tables", "read_xlsx"),
    "csv": ("rag.readers.tables", "read_csv"),
    "odt": ("rag.readers.odt", "read"),
    "html": ("rag.readers.web", "read"),
    "md": ("rag.readers.plain", "read_markdown"),
    "txt": ("rag.readers.plain", "read_text"),
    "eml": ("rag.readers.mail", "read"),
}
CPU_SECONDS = 120
# The beginning of a picture as rag/ocr_child.py reads it; size and pixels follow.
HEAD, MARK = struct.Struct(">4sI"), b"GREY"
# What files and the names in archives are written in. Nothing can be imported once the process is shut in.
ENCODINGS = (  # noqa: SIM905
    "utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be ascii latin-1 cp437 cp850 cp1250 "
    "cp1251 cp1252 cp1253 cp1254 cp1257 iso8859-2 iso8859-5 iso8859-7 iso8859-9 iso8859-15 koi8-r shift_jis "
    "euc-jp iso2022_jp gb2312 gbk gb18030 big5 euc-kr"
).split()

Read = Callable[[BinaryIO], Paper]


def main(arguments: list[str]) -> int:
    if arguments[1] == "scan":
        os.nice(19)
    for encoding in ENCODINGS:
        codecs.lookup(encoding)
    module, name = READERS[arguments[0]]
    read: Read = getattr(importlib.import_module(module), name)
    return jail.run(CPU_SECONDS, lambda is_isolated: answer(read, arguments[1:], is_isolated))


def answer(read: Read, arguments: list[str], is_isolated: bool) -> Iterator[bytes]:
    """The frames of one request."""
    try:
        with os.fdopen(0, "rb", closefd=False) as file:
            paper = read(file)
        sheets = paper.finished()
    except RecursionError as error:
        raise jail.Refused("broken") from error
    if arguments[0] == "probe":
        yield json.dumps({"num_pages": len(sheets), "outline": paper.outline, "is_isolated": is_isolated}).encode()
        return
    if arguments[0] == "scan":
        for number in map(int, arguments[1].split(",")):
            picture = sheets[number].picture if number < len(sheets) else None
            yield HEAD.pack(MARK, number) + (picture() if picture is not None else BLANK)
        return
    first, count = int(arguments[1]), int(arguments[2])
    for number in range(first, min(first + count, len(sheets))):
        sheet = sheets[number]
        page: dict[str, Any] = {"no": number, "label": sheet.label, "text": sheet.text, "lines": []}
        page |= {"width": 0, "height": 0, "rotation": 0, "is_scan": sheet.picture is not None}
        yield json.dumps(page | {"num_left_out": paper.num_left_out if number == 0 else 0}).encode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
