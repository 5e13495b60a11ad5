"""PDFs that people upload in browser tests."""

from __future__ import annotations

from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

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
