"""Files that mean harm, made to order; and a dice that damages good ones, the same way for the same seed."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence


def raw_pdf(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalogue."""
    body, offsets = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, table)
    return body + b"trailer << /Size %d /Root 1 0 R %b >>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        trailer.replace(b"START", str(start).encode()),
        start,
    )


CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R >>"
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
WORDS = b"BT /F1 12 Tf 72 700 Td (The quick brown fox jumps over the lazy dog.) Tj ET"


def stream(content: bytes, extra: bytes = b"") -> bytes:
    return b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(content), extra, content)


def one_page(content: bytes, resources: bytes = b"", more: Sequence[bytes] = (), extra: bytes = b"") -> bytes:
    """A page with Helvetica as /F1 (object 5); more become objects 6, 7, …"""
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> %b >> >>" % resources
    )
    catalogue = CATALOGUE.replace(b" >>", b" " + extra + b" >>") if extra else CATALOGUE
    return raw_pdf([catalogue, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page, stream(content), FONT, *more])


def image_bomb(filter_name: bytes, data: bytes, side: int = 60_000) -> bytes:
    """A page of text and a picture that says it has side x side pixels."""
    picture = stream(
        data,
        b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /%b"
        % (side, side, filter_name),
    )
    return one_page(b"q 500 0 0 700 40 40 cm /I Do Q", b"/XObject << /I 6 0 R >>", [picture])


def page_bomb() -> bytes:
    """A tree of ten kids a node, all of them the same: a million pages in 2 kB."""
    nodes = [
        b"<< /Type /Pages /Kids [%b] /Count %d %b >>"
        % (b" ".join([b"%d 0 R" % (level + 1)] * 10), 10 ** (8 - level), b"/Parent 2 0 R" if level > 2 else b"")
        for level in range(2, 8)
    ]
    return raw_pdf([CATALOGUE, *nodes, b"<< /Type /Page /MediaBox [0 0 9 9] >>"])


PDFS: dict[str, bytes] = {
    "a million pages": page_bomb(),
    "a page count that lies": raw_pdf(
        [CATALOGUE, b"<< /Type /Pages /Kids [3 0 R] /Count 1000000 >>", b"<< /Type /Page /Parent 2 0 R >>"]
    ),
    "a page tree in itself": raw_pdf([CATALOGUE, b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>"]),
    "a catalogue in itself": raw_pdf([b"<< /Type /Catalog /Pages 1 0 R >>"]),
    "an xref in a circle": raw_pdf([CATALOGUE, b"<< /Type /Pages /Kids [] /Count 0 >>"], b"/Prev START"),
    "a form in itself": one_page(
        b"/X Do",
        b"/XObject << /X 6 0 R >>",
        [
            stream(
                b"/X Do " * 50,
                b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >>",
            )
        ],
    ),
    "a length in itself": raw_pdf(
        [CATALOGUE, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
         b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>", b"<< /Length 4 0 R >>\nstream\nBT ET\nendstream"]
    ),
    "brackets without end": one_page(b"[" * 400_000 + WORDS),
    "saved states without end": one_page(b"q " * 400_000 + WORDS),
    "an outline in a circle": raw_pdf(
        [CATALOGUE.replace(b" >>", b" /Outlines 4 0 R >>"), b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
         b"<< /Type /Page /Parent 2 0 R >>", b"<< /First 5 0 R /Last 5 0 R >>",
         b"<< /Title (Round) /Parent 4 0 R /Next 5 0 R /First 5 0 R /Dest [3 0 R /Fit] >>"]
    ),
    "a JPX giant": image_bomb(b"JPXDecode", b"\0\0\0\x0cjP  \r\n\x87\n" + b"\xff" * 200),
    "a JBIG2 giant": image_bomb(b"JBIG2Decode", b"\0\0\0\0\x30\0\1\0\0\0\x13" + b"\0\0\xea\x60" * 2 + bytes(11)),
    "a Flate giant": image_bomb(b"FlateDecode", zlib.compress(bytes(30_000_000), 9)),
    "a fax giant": image_bomb(b"CCITTFaxDecode", b"\x00\x10\x01" * 500),
}  # fmt: skip


def mutated(content: bytes, dice: random.Random) -> bytes:
    """Damaged as real files and attackers do it: bytes, numbers, pieces doubled, moved or gone."""
    data = bytearray(content)
    for _ in range(dice.randint(1, 12)):
        at, length = dice.randrange(len(data)), dice.randint(1, 200)
        match dice.randrange(6):
            case 0:
                data[at] = dice.randrange(256)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length] * dice.randint(1, 20)
            case 3:
                data[at : at + length] = dice.randbytes(length)
            case 4:  # a number of the file becomes another one
                digits = [n for n in range(at, min(at + 400, len(data))) if 48 <= data[n] <= 57]
                for n in digits[: dice.randint(1, 6)]:
                    data[n] = 48 + dice.randrange(10)
            case _:
                other = dice.randrange(len(data))
                data[at : at + length] = data[other : other + length]
        if not data:
            return content[:1]
    return bytes(data)
