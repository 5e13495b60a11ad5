"""Reading PDFs in the child: what comes out is exact, and no file harms more than itself."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest

from rag import extract
from rag.errors import ChildKilled, RagError, UnreadableFile
from tests.rag.workbench import HANDBOOK, HOTEL, bomb, pdf, scanned_pdf


def saved(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(content)
    return path


def changed_child(tmp_path: Path, lines: str) -> Path:
    """The reader of PDFs with some lines before its last."""
    start = 'if __name__ == "__main__":'
    source = extract.CHILD.read_text().replace("__file__", repr(str(extract.CHILD)))
    changed = tmp_path / "changed.py"
    changed.write_text(source.replace(start, f"{lines}\n{start}"))
    return changed


def test_pages_come_with_text_boxes_and_outline(tmp_path: Path) -> None:
    """A line's offset cuts exactly its text out of the page, and its box lies where it was drawn."""
    path = saved(tmp_path, pdf(HANDBOOK))
    probe = extract.probe(path)
    assert probe.num_pages == 3
    assert [item[1] for item in probe.outline] == ["1 Travel", "2 Laptops", "3 Holidays"]
    page = extract.pages(path, 0, 1)[0]
    assert (round(page.width), round(page.height), page.rotation) == (595, 842, 0)
    by_text = {page.text[line[0] : line[0] + line[1]]: line for line in map(_whole, page.lines)}
    assert HOTEL in by_text
    _start, _length, x0, y0, x1, y1, size = page.lines[0]
    assert page.text.startswith("1 Travel")
    assert abs(x0 - 72) < 2
    assert y0 < 770 < y1
    assert x1 > x0
    assert size == 16.0


def _whole(line: list[float]) -> list[int]:
    return [int(value) for value in line[:2]]


def test_a_rotated_and_cropped_page_keeps_its_own_coordinates(tmp_path: Path) -> None:
    """The crop box's corner is the origin; rotation is told, not applied."""
    straight = pdf([["Title", "Words."]])
    turned = straight.replace(b"/Rotate 0", b"/Rotate 90").replace(
        b"/MediaBox", b"/CropBox [ 50 50 545 800 ] /MediaBox"
    )
    page = extract.pages(saved(tmp_path, turned), 0, 1)[0]
    assert (page.width, page.height, page.rotation) == (495, 750, 90)
    assert abs(page.lines[0][2] - (72 - 50)) < 2


def test_an_owners_password_alone_does_not_lock(tmp_path: Path) -> None:
    """Printing restrictions are no secret; a user's password is."""
    free = pdf([["Open", "Words."]], userPassword="", ownerPassword="owner")
    assert extract.probe(saved(tmp_path, free)).num_pages == 1
    locked = pdf([["Shut", "Words."]], userPassword="user", ownerPassword="owner")
    with pytest.raises(UnreadableFile) as refused:
        extract.probe(saved(tmp_path, locked))
    assert refused.value.code == "needs_password"


@pytest.mark.parametrize("content", [b"%PDF-1.7 and nothing else", b"GIF89a", b"\0" * 100, b"%PDF-" + b"x" * 5000])
def test_a_broken_file_says_so(tmp_path: Path, content: bytes) -> None:
    """Whatever is wrong inside, the uploader gets one sentence."""
    with pytest.raises(UnreadableFile) as refused:
        extract.probe(saved(tmp_path, content))
    assert refused.value.code == "broken"


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    """The file may have been removed from the disk."""
    with pytest.raises(UnreadableFile) as refused:
        extract.probe(tmp_path / "nothing")
    assert refused.value.code == "file_lost"


def test_a_bomb_kills_its_reader_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few kB that unpack to 220 MiB run into the memory limit of a child that may have 400."""
    small = changed_child(tmp_path, "jail.MEMORY_BYTES = 400 * 1024 * 1024")
    monkeypatch.setattr(extract, "CHILD", small)
    content = bomb(220 * 1024**2)
    assert len(content) < 40_000
    with pytest.raises(ChildKilled):
        extract.pages(saved(tmp_path, content), 0, 1)
    assert extract.probe(saved(tmp_path, pdf(HANDBOOK))).num_pages == 3


def test_a_reader_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock ends what the processor clock does not."""
    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(extract, "CHILD", sleeper)
    monkeypatch.setattr(extract, "WALL_SECONDS", 0.3)
    with pytest.raises(ChildKilled) as killed:
        extract.probe(saved(tmp_path, b"x"))
    assert killed.value.how == "timeout"


def test_a_reader_that_never_stops_talking_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent takes so many bytes and no more."""
    talker = tmp_path / "talker.py"
    talker.write_text("import sys\nwhile True: sys.stdout.write('x' * 65536)")
    monkeypatch.setattr(extract, "CHILD", talker)
    with pytest.raises(UnreadableFile) as refused:
        extract.probe(saved(tmp_path, b"x"))
    assert refused.value.code == "too_much_text"


def test_the_child_has_no_environment_and_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a taken-over reader could look at: nothing of ours."""
    spy = changed_child(
        tmp_path,
        f"""
import socket
free = jail.shut_in(30)
seen = {{"environment": sorted(set(os.environ) - {{"LC_CTYPE"}}), "uid": os.geteuid(), "free": free}}
try:
    with open({str(tmp_path / "stolen")!r}, "wb") as file:
        seen["wrote"] = file.write(b"x") and not file.flush()
except OSError:
    seen["wrote"] = False
seen["interfaces"] = [name for _, name in socket.if_nameindex()]
jail.send(json.dumps({{"error": "spied", "params": seen}}).encode())
sys.exit()
""",
    )
    tmp_path.chmod(0o777)
    monkeypatch.setattr(extract, "CHILD", spy)
    with pytest.raises(UnreadableFile) as refused:
        extract.probe(saved(tmp_path, b"x"))
    seen = refused.value.params
    assert seen["environment"] == []
    assert seen["uid"] != 0
    assert seen["wrote"] is False
    assert not seen["free"] or seen["interfaces"] == ["lo"]


def test_a_scan_has_pages_without_text(tmp_path: Path) -> None:
    """No text is an answer, not an error of the reader."""
    page = extract.pages(saved(tmp_path, scanned_pdf()), 0, 1)[0]
    assert page.text.strip() == ""
    assert page.lines == []


def test_mutated_files_end_in_a_sentence_or_in_pages(tmp_path: Path) -> None:
    """A damaged file may be read or refused; the reading process never takes us along."""
    good, dice = bytearray(pdf(HANDBOOK)), random.Random(7)
    for _ in range(12):
        content = bytearray(good)
        for _ in range(dice.randint(1, 40)):
            content[dice.randrange(len(content))] = dice.randrange(256)
        with contextlib.suppress(RagError):
            assert len(extract.pages(saved(tmp_path, bytes(content)), 0, 3)) <= 3


@pytest.mark.thorough
def test_five_thousand_pages_and_no_more(tmp_path: Path) -> None:
    """The last of them is read as fast as the first; a page more is refused with both numbers."""
    path = saved(tmp_path, pdf([[f"Page {n + 1}"] for n in range(5_000)]))
    assert extract.probe(path).num_pages == 5_000
    assert extract.pages(path, 4_999, 1)[0].text.startswith("Page 5000")
    path = saved(tmp_path, pdf([[f"Page {n + 1}"] for n in range(5_001)]))
    with pytest.raises(UnreadableFile) as refused:
        extract.probe(path)
    assert (refused.value.code, refused.value.params) == ("too_many_pages", {"num_pages": 5_001, "limit": 5_000})
