"""Text in pictures inside other files, and what mails carry: read, anchored, bounded; what is left out is counted."""

from __future__ import annotations

import base64
import io
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PIL import Image

from rag import extract, ocr, search
from rag.models import Page, Space
from rag.readers.paper import MAX_PICTURES
from tests.rag import office
from tests.rag.hostile import page_bomb
from tests.rag.workbench import HANDBOOK, HOTEL, accuracy, bomb, joined, pdf, read, scan_of, upload

PICTURE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"
RELATIONS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'


def page_picture(kind: str = "PNG", mode: str = "L", lines: list[str] | None = None) -> bytes:
    """A page of a handbook as a scanner or a screen shows it."""
    document = pypdfium2.PdfDocument(pdf([lines or HANDBOOK[0]]))
    target = io.BytesIO()
    document[0].render(scale=150 / 72).to_pil().convert(mode).save(target, kind)
    return target.getvalue()


def noise(width: int = 400, height: int = 300, seed: int = 1) -> bytes:
    target = io.BytesIO()
    Image.frombytes("L", (width, height), bytes((i * i * seed + i) % 251 for i in range(width * height))).save(
        target, "PNG"
    )
    return target.getvalue()


def docx_with(pictures: list[bytes], extension: str = "png") -> bytes:
    """Hotels, the pictures one after another, then a table."""
    shown = "".join(
        f'<w:p><w:r><w:drawing><a:blip r:embed="p{n}"/></w:drawing></w:r></w:p>' for n in range(len(pictures))
    )
    document = office.DOCX_PARTS["word/document.xml"]
    document = document.replace("<w:document ", f'<w:document xmlns:a="a" xmlns:r="{office.R}" ')
    targets = "".join(
        f'<Relationship Id="p{n}" Type="{PICTURE}" Target="media/{n}.{extension}"/>' for n in range(len(pictures))
    )
    parts: dict[str, str | bytes] = dict(office.DOCX_PARTS)
    parts["word/document.xml"] = document.replace("<w:tbl>", f"{shown}<w:tbl>", 1)
    parts["word/_rels/document.xml.rels"] = f"<Relationships {RELATIONS}>{targets}</Relationships>"
    return office.archive(parts | {f"word/media/{n}.{extension}": data for n, data in enumerate(pictures)})


def pages_of(folder: Path, content: bytes, kind: str) -> list[extract.PageText]:
    path = folder / "file"
    path.write_bytes(content)
    return extract.pages(path, 0, extract.probe(path, kind).num_pages, file_format=kind)


def mail(*attachments: tuple[str, str, bytes]) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "The offer"
    message.set_content("Please see what is attached.")
    for name, kind, data in attachments:
        main, sub = kind.split("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return message.as_bytes()


def test_a_scanned_page_pasted_into_word_is_found_in_its_section(alice: Any, space: Space) -> None:
    """From the upload to a passage under the heading that it was pasted below."""
    document = read(upload(alice, docx_with([page_picture("JPEG")], "jpeg"), "Travel.docx"))
    state = document.state()
    assert (state.status, state.num_scans, state.num_scans_done, state.num_left_out) == ("ready", 1, 1, 0)
    page = Page.objects.get(version_id=document.live_version_id, source=Page.Source.OCR)
    assert (page.lines, page.width) == ([], 0)
    found = search.passages("approval of hotel rates cost centre", employee=alice).passages
    assert any(passage.heading.startswith("Hotels") and accuracy(passage.text, HOTEL) > 0.9 for passage in found)


def test_pictures_of_slides_pages_and_texts_are_pages_of_their_own(tmp_path: Path) -> None:
    """A slide's has the slide's number; one in HTML and in Markdown is taken out of the address that holds it."""
    uri = f"data:image/png;base64,{base64.b64encode(page_picture()).decode()}"
    html = f"<h1>Rules</h1><p>Before</p><table><tr><td>1<img src='{uri}'></td></tr></table><p>After</p>".encode()
    pages = pages_of(tmp_path, html, "html")
    assert [(page.is_scan, page.text) for page in pages] == [
        (False, "Rules\n\nBefore\n\n1"), (True, ""), (False, "After")]  # fmt: skip
    pages = pages_of(tmp_path, f"# Rules\n\nSee ![plan]({uri}) here.\n".encode(), "md")
    assert [(page.is_scan, page.text) for page in pages] == [(False, "# Rules\n\nSee ![plan]() here.\n"), (True, "")]
    content = office.pptx()
    import zipfile

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    first = next(name for name in parts if name.startswith("ppt/slides/") and b"</p:spTree>" in bytes(parts[name]))  # type: ignore[arg-type]
    shown = f'<p:pic xmlns:r="{office.R}"><a:blip r:embed="p1"/></p:pic></p:spTree>'
    parts[first] = bytes(parts[first]).decode().replace("</p:spTree>", shown)  # type: ignore[arg-type]
    name = first.rpartition("/")[2]
    parts[f"ppt/slides/_rels/{name}.rels"] = (
        f'<Relationships {RELATIONS}><Relationship Id="p1" Type="{PICTURE}" Target="../media/a.png"/></Relationships>'
    )
    parts["ppt/media/a.png"] = page_picture()
    slides = pages_of(tmp_path, office.archive(parts), "pptx")
    at = next(n for n, slide in enumerate(slides) if slide.is_scan)
    assert slides[at].label == slides[at - 1].label


def test_pictures_have_limits_and_what_is_left_out_is_counted(tmp_path: Path, alice: Any, space: Space) -> None:
    """Ornaments are passed over, the same picture is one, drawings and the hundred-and-first are counted."""
    small = noise(100, 100)
    many = [small, small, noise(), *[noise(seed=n) for n in range(MAX_PICTURES + 3)], b"<svg xmlns='x'/>", b"junk"]
    pages = pages_of(tmp_path, docx_with(many), "docx")
    assert sum(page.is_scan for page in pages) == MAX_PICTURES
    assert pages[0].num_left_out == 3 + 2
    state = read(upload(alice, docx_with([b"<svg xmlns='x'/>"]), "A.docx")).state()
    assert (state.status, state.num_left_out) == ("ready", 1)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_a_picture_is_drawn_on_white_in_whatever_format(tmp_path: Path, kind: str) -> None:
    """Also where it is transparent, and by the child without network."""
    mode = "RGBA" if kind in ("PNG", "WEBP") else "L"
    path = tmp_path / "file"
    path.write_bytes(docx_with([page_picture(kind, mode)], kind.lower()))
    pages = extract.pages(path, 0, extract.probe(path, "docx").num_pages, file_format="docx")
    at = [page.page_no for page in pages if page.is_scan]
    (found,) = ocr.pages(path, at, file_format="docx")
    assert accuracy(found.text, HOTEL) > 0.9


def test_a_picture_that_unpacks_to_too_much_is_left_out(tmp_path: Path) -> None:
    """Decided by what its header says, before anything is unpacked; one that lies is a white page."""
    target = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(target, "PNG")
    cut = page_picture()[:3000]
    pages = pages_of(tmp_path, docx_with([target.getvalue(), cut]), "docx")
    assert (sum(page.is_scan for page in pages), pages[0].num_left_out) == (1, 1)
    (found,) = ocr.pages(tmp_path / "file", [page.page_no for page in pages if page.is_scan], file_format="docx")
    assert not found.text.strip()


def test_a_pdf_in_a_mail_is_read_page_by_page(alice: Any, space: Space) -> None:
    """Its pages carry its name and number; a scanned one is recognised; a citation names both."""
    content = joined(pdf(HANDBOOK[:2]), scan_of(pdf(HANDBOOK[2:])))
    document = read(upload(alice, mail(("Offer.pdf", "application/pdf", content)), "mail.eml"))
    state = document.state()
    assert (state.status, state.num_scans_done, state.num_left_out) == ("ready", 1, 0)
    found = search.passages("Hotel rates above 180 EUR approval", employee=alice).passages[0]
    assert found.page_label == "Offer.pdf › 1"
    assert "Attachment: Offer.pdf" in found.heading
    labels = [page.label for page in Page.objects.order_by("page_no")]
    assert labels == ["", "Offer.pdf › 1", "Offer.pdf › 2", "Offer.pdf › 3"]
    scanned = Page.objects.get(source=Page.Source.OCR)
    assert (scanned.label, "thirty days of leave" in scanned.text) == ("Offer.pdf › 3", True)


@pytest.mark.parametrize(
    "attached",
    [bomb(1 << 30), page_bomb(), b"%PDF-1.7 and nothing", pdf(HANDBOOK, userPassword="x")],
    ids=["bomb", "pages", "broken", "locked"],
)
def test_a_bad_attachment_costs_itself_alone(tmp_path: Path, attached: bytes) -> None:
    """The mail and its other attachments are read, and the bad one is named."""
    bad, good = ("Bad.pdf", "application/pdf", attached), ("Good.pdf", "application/pdf", pdf(HANDBOOK[:1]))
    pages = pages_of(tmp_path, mail(bad, good), "eml")
    text = "\n".join(page.text for page in pages)
    assert "Please see what is attached." in text
    assert "Attachment: Bad.pdf" in text
    assert "(not read)" in text
    assert HOTEL in text
    assert pages[0].num_left_out == 1


def test_office_files_and_pictures_in_a_mail_are_read_too(tmp_path: Path) -> None:
    """What is of no kind that is read is named; a mail in a mail in a mail has an end."""
    attached = mail(
        ("Plan.docx", "application/octet-stream", docx_with([page_picture()])),
        ("Photo.png", "image/png", page_picture(lines=HANDBOOK[1])),
        ("setup.exe", "application/octet-stream", b"MZ\x00"),
    )
    pages = pages_of(tmp_path, attached, "eml")
    assert [page.label for page in pages if page.is_scan] == ["Plan.docx", "Photo.png"]
    assert "Attachment: setup.exe (not read)" in "\n".join(page.text for page in pages)
    assert pages[0].num_left_out == 1
