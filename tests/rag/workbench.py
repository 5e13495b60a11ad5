"""PDFs made to order, and the pipeline driven without a broker."""

from __future__ import annotations

import difflib
import io
import itertools
import zlib
from typing import Any

import pypdfium2
from django.db.models import Sum
from django.utils import timezone
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from rag import embedding, indexing, ingest, scans, shards, uploads
from rag.models import Batch, Document, Scan, Shard, Version

PIECE_BYTES = 64 * 1024
HOTEL = "Hotel rates above 180 EUR need the approval of the cost centre before booking."
HANDBOOK = [
    ["1 Travel", "This handbook says how journeys are planned and paid at our company.", HOTEL],
    ["2 Laptops", "Every laptop is encrypted. Lost machines are reported to the service desk within one hour."],
    ["3 Holidays", "Employees have thirty days of leave. Leave is entered in the calendar two weeks ahead."],
]


def pdf(pages: list[list[str]], **encryption: str) -> bytes:
    """One PDF page for each list; its first line is a heading in larger type. Lines are wrapped at 90 characters."""
    target = io.BytesIO()
    locked = StandardEncryption(**encryption) if encryption else None
    canvas = Canvas(target, pagesize=A4, encrypt=locked, pageCompression=1)
    for number, (heading, *lines) in enumerate(pages):
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(72, 770, heading)
        canvas.bookmarkPage(f"p{number}")
        canvas.addOutlineEntry(heading, f"p{number}", level=0)
        canvas.setFont("Helvetica", 10)
        y = 740.0
        for line in lines:
            for part in _wrapped(line):
                canvas.drawString(72, y, part)
                y -= 14
            y -= 12
        canvas.drawCentredString(297, 30, str(number + 1))
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def accuracy(found: str, wanted: str) -> float:
    """Share of the wanted characters that stand there in order, however the lines are broken."""
    a, b = " ".join(wanted.split()), " ".join(found.split())
    same = sum(block.size for block in difflib.SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks())
    return same / len(a)


def scan_of(content: bytes, *, turned: int = 0, dpi: int = 150, num_pages: int = 1_000) -> bytes:
    """The same pages as pictures, as a scanner makes them: turned clockwise, grey, in JPEG."""
    document = pypdfium2.PdfDocument(content)
    pictures = [page.render(scale=dpi / 72, grayscale=True).to_pil() for page in itertools.islice(document, num_pages)]
    pictures = [picture.rotate(-turned, expand=True) for picture in pictures]
    target = io.BytesIO()
    pictures[0].save(target, "PDF", save_all=True, append_images=pictures[1:], resolution=dpi, quality=70)
    return target.getvalue()


def joined(*contents: bytes) -> bytes:
    """All pages of these files in one."""
    target = pypdfium2.PdfDocument.new()
    for content in contents:
        target.import_pages(pypdfium2.PdfDocument(content))
    written = io.BytesIO()
    target.save(written)
    return written.getvalue()


def scanned_pdf() -> bytes:
    """A page that holds a picture and no text: a small one, because it is searched for words from all four sides."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=(200, 280))
    canvas.rect(24, 24, 130, 200, fill=1)
    canvas.showPage()
    canvas.save()
    return target.getvalue()


def bomb(num_bytes: int) -> bytes:
    """A page whose text operators unpack to num_bytes out of two layers of Flate: some kB for 1 GiB."""
    once = zlib.compress(b"BT /F1 9 Tf (" + b" " * num_bytes + b") Tj ET", 1)
    stream = zlib.compress(once, 9)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>\nstream\n%b\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, offsets = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, table)
    return body + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)


def upload(owner: Any, content: bytes, name: str = "Handbook.pdf") -> Document:
    """The file through the real door, in pieces."""
    begun = uploads.begin(owner, name, len(content))
    for offset in range(0, len(content), PIECE_BYTES):
        uploads.append(begun, offset, content[offset : offset + PIECE_BYTES])
    assert begun.document is not None
    return begun.document


def read(document: Document) -> Document:
    """Every step until nothing is left to do, as bells would ring them."""
    version_id = document.newest_version_id
    assert version_id is not None
    seen: set[object] = set()
    while (progress := _progress(version_id)) not in seen:
        seen.add(progress)
        ingest.probe(version_id)
        shards.extract()
        scans.recognise()
        indexing.chunk(version_id)
        embedding.embed()
    return Document.objects.get(pk=document.pk)


def _progress(version_id: int) -> object:
    claims = [model.objects.aggregate(total=Sum("attempt"))["total"] for model in (Shard, Scan, Batch)]  # type: ignore[attr-defined]
    row = Version.objects.values_list("status", "attempt", "num_pages_done", "num_chunks_embedded")
    return (*row.get(pk=version_id), *claims)


def library(owner: Any, pages: list[list[str]] | None = None, name: str = "Handbook.pdf") -> Document:
    """A document that is uploaded and read."""
    return read(upload(owner, pdf(pages or HANDBOOK), name))


def expire_leases() -> None:
    """As if every worker that holds something had been dead for long enough."""
    for model in (Version, Shard, Scan, Batch):
        model.objects.filter(lease_until__isnull=False).update(lease_until=timezone.now())  # type: ignore[attr-defined]


def _wrapped(line: str) -> list[str]:
    parts, current = [], ""
    for word in line.split():
        if len(current) + len(word) > 90:
            parts.append(current)
            current = ""
        current = f"{current} {word}".strip()
    return [*parts, current]
