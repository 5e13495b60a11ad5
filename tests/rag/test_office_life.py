"""Files as people really make them: merged and hidden cells, tracked changes, old encodings, mails with attachments."""

from __future__ import annotations

import datetime
import io
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from rag import extract, uploads
from rag.errors import UnsupportedFile
from rag.layout import RawPage
from rag.split import estimate_tokens, split
from tests.rag import office


def read(folder: Path, kind: str, content: bytes) -> list[extract.PageText]:
    path = folder / "file"
    path.write_bytes(content)
    return extract.pages(path, 0, extract.probe(path, kind).num_pages, file_format=kind)


def text(folder: Path, kind: str, content: bytes) -> str:
    return "\n".join(page.text for page in read(folder, kind, content))


def book(fill: Any) -> bytes:
    made = openpyxl.Workbook()
    fill(made.active)
    target = io.BytesIO()
    made.save(target)
    return target.getvalue()


def test_merged_and_hidden_cells_of_a_sheet(tmp_path: Path) -> None:
    """A merged cell stands in each of its rows; what is hidden is not read; dates are dates."""

    def fill(sheet: Any) -> None:
        sheet.append(["Region", "City", "Limit", "Since", "Note"])
        sheet.append(["North", "Kiel", 120, datetime.datetime(2026, 3, 1), "seen"])  # noqa: DTZ001
        sheet.append([None, "Bremen", 110.5, datetime.date(2026, 4, 2), "secret column"])
        sheet.append(["South", "Ulm", 90, None, "secret row"])
        sheet.append(["West", "Köln", 100, None, ""])
        sheet.merge_cells("A2:A3")
        sheet.row_dimensions[4].hidden = True
        sheet.column_dimensions["E"].hidden = True

    found = text(tmp_path, "xlsx", book(fill))
    assert "Region: North | City: Kiel | Limit: 120 | Since: 2026-03-01" in found
    assert "Region: North | City: Bremen | Limit: 110.5 | Since: 2026-04-02" in found
    assert "Region: West | City: Köln | Limit: 100" in found
    assert "secret" not in found
    assert "Ulm" not in found


def test_a_cell_a_million_rows_down_costs_seconds_at_most(tmp_path: Path) -> None:
    """Formatting leaves such cells behind."""

    def fill(sheet: Any) -> None:
        sheet["A1"], sheet["XFD1048576"], sheet["B1048576"] = "First", "Corner", "Last"

    pages = read(tmp_path, "xlsx", book(fill))
    assert [page.text.split("\n")[-1] for page in pages] == ["Last | Corner"]
    assert "A1:XFD1048576" in pages[0].label


def test_no_column_is_lost_however_many_there_are(tmp_path: Path) -> None:
    """The last cell of a wide row is found in a sheet, and in a CSV wider than any sheet."""

    def fill(sheet: Any) -> None:
        sheet.cell(1, 1, "Rates")
        sheet.cell(1, 700, "the far end")

    assert "the far end" in text(tmp_path, "xlsx", book(fill))
    wide = ",".join(f"n{number}" for number in range(20_000))
    assert "n19999" in text(tmp_path, "csv", f"{wide}\n{wide}\n".encode())


def test_formulas_show_the_value_that_was_saved(tmp_path: Path) -> None:
    """The formula itself is never evaluated, nor shown."""
    content = book(lambda sheet: sheet.append(["Sum", "=1+1"]))
    parts = _parts(content)
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    parts["xl/worksheets/sheet1.xml"] = sheet.replace("<v></v>", "<v>42</v>").replace("<v />", "<v>42</v>").encode()
    assert "42" in text(tmp_path, "xlsx", office.archive(parts))


def _parts(content: bytes) -> dict[str, bytes]:
    import zipfile

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_spans_of_a_word_table(tmp_path: Path) -> None:
    """Columns stay under their header, and a cell over several rows belongs to each."""

    def cell(words: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:r><w:t>{words}</w:t></w:r></w:p></w:tc>"

    rows = [
        [cell("Region"), cell("City"), cell("Limit"), cell("Since")],
        [cell("North", '<w:vMerge w:val="restart"/>'), cell("Kiel"), cell("120 EUR"), cell("2026")],
        [cell("", "<w:vMerge/>"), cell("Bremen and Hamburg", '<w:gridSpan w:val="2"/>'), cell("2025")],
    ]
    table = "<w:tbl>" + "".join(f"<w:tr>{''.join(row)}</w:tr>" for row in rows) + "</w:tbl>"
    body = f"<w:document {office.W}><w:body>{table}</w:body></w:document>"
    found = text(tmp_path, "docx", office.archive(office.DOCX_PARTS | {"word/document.xml": body}))
    assert "Region: North | City: Kiel | Limit: 120 EUR | Since: 2026" in found
    assert "Region: North | City: Bremen and Hamburg | Since: 2025" in found


def test_spans_of_an_html_table(tmp_path: Path) -> None:
    """The same in HTML, and an empty cell keeps its column."""
    content = b"""<table><tr><th>Region<th>City<th>Limit</tr><tr><td rowspan=2>North<td>Kiel<td>120</tr>
    <tr><td>Bremen<td>110</tr><tr><td></td><td colspan="2">nothing else</td></tr></table>"""
    found = text(tmp_path, "html", content).split("\n")
    assert "Region: North | City: Kiel | Limit: 120" in found
    assert "Region: North | City: Bremen | Limit: 110" in found
    assert "City: nothing else" in found


def test_a_hidden_slide_is_not_read_and_the_others_keep_their_number(tmp_path: Path) -> None:
    """As in the show."""
    parts = _parts(office.pptx())
    parts["ppt/slides/slide2.xml"] = parts["ppt/slides/slide2.xml"].replace(b"<p:sld ", b'<p:sld show="0" ')
    pages = read(tmp_path, "pptx", office.archive(parts))
    assert [(page.label, page.text[:6]) for page in pages] == [("1", ""), ("2", "Trains")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16"])
@pytest.mark.parametrize("kind", ["txt", "md", "csv", "html"])
def test_umlauts_in_every_usual_encoding(tmp_path: Path, kind: str, encoding: str) -> None:
    """Whatever wrote the file."""
    line = {"csv": "Straße;Größe\r\nÄußerer Ring;Übermaß\r\n", "html": "<body><p>Äußerer Ring, Übermaß</p>"}
    found = text(tmp_path, kind, line.get(kind, "Äußerer Ring, Übermaß\n").encode(encoding))
    assert "Äußerer Ring" in found
    assert "Übermaß" in found


def test_attachments_of_a_mail_are_read(tmp_path: Path) -> None:
    """Texts, Office files and mails in mails under their name; what is not read says so."""
    inner = EmailMessage()
    inner["From"], inner["Subject"] = "carol@example.com", "Forwarded rates"
    inner.set_content("The old limit was 150 EUR.")
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "alice@example.com", "bob@example.com", "Grüße"
    mail.set_content("See the files.")
    mail.add_attachment(office.docx(), maintype="application", subtype="octet-stream", filename="Hotels.docx")
    mail.add_attachment(
        "Land;Grenze\nSchweden;190\n".encode("cp1252"), maintype="text", subtype="csv", filename="a.csv"
    )
    mail.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="Plan.pdf")
    mail.add_attachment(b"PK broken", maintype="application", subtype="octet-stream", filename="Broken.docx")
    mail.add_attachment(inner)
    found = text(tmp_path, "eml", bytes(mail))
    for words in (
        "Attachment: Hotels.docx", office.LIMIT, "Country: Sweden | Limit: 190 EUR", "Land: Schweden | Grenze: 190",
        "Attachment: Plan.pdf\n\n(not read)", "Forwarded rates", "The old limit was 150 EUR.",
    ):  # fmt: skip
        assert words in found, words
    assert "(not read)" in found[found.index("Broken.docx") :]


def test_an_outlook_message_is_refused_with_what_to_do(alice: Any) -> None:
    """It has the signature of old Office files, and another way out."""
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000)
    with pytest.raises(UnsupportedFile) as refused:
        uploads.append(uploads.begin(alice, "Rates.msg", len(content)), 0, content)
    assert refused.value.code == "outlook_message"
    assert ".eml" in refused.value.sentence


def test_a_long_table_keeps_its_header_in_every_passage(tmp_path: Path) -> None:
    """Rows far from the header still say what they say."""
    rows = "".join(f"<tr><td>Country {n}</td><td>{100 + n} EUR</td></tr>" for n in range(300))
    content = f"<table><tr><th>Country</th><th>Limit</th></tr>{rows}</table>".encode()
    pages = [RawPage(page.page_no, page.text, page.lines) for page in read(tmp_path, "html", content)]
    drafts = split(pages, [], estimate_tokens)
    assert len(drafts) > 5
    assert all("Country: Country" in draft.body and "Limit: " in draft.body for draft in drafts)
