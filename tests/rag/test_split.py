"""Chunks: every word in exactly one, none too long, each anchored where it stands."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from rag import clean
from rag.layout import RawPage, blocks, breaks
from rag.split import EXCERPT_CHARS, MAX_TOKENS, TARGET_TOKENS, excerpts, sentences, split


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def page(page_no: int, lines: list[tuple[str, float]], height: float = 842.0) -> RawPage:
    """A page of lines with their font sizes, 14 points apart, with an empty line before and after a heading."""
    text, boxes, y = "", [], 760.0
    for line, size in lines:
        y -= 14 if size <= 10 else 30
        boxes.append([len(text), len(line), 72.0, y, 500.0, y + size, size])
        text += line + "\r\n"
        y -= 0 if size <= 10 else 16
    return RawPage(page_no, text, boxes, height)


words = st.text("abcdefgh ", min_size=1, max_size=60).map(lambda text: " ".join(text.split())).filter(bool)
lines = st.lists(st.tuples(words, st.sampled_from([10.0, 10.0, 10.0, 16.0])), min_size=1, max_size=30)


@settings(deadline=None, max_examples=60)
@given(st.lists(lines, min_size=1, max_size=4))
def test_every_word_is_in_exactly_one_chunk_and_spans_point_at_it(contents: list[list[tuple[str, float]]]) -> None:
    """What the chunks hold, in order, is what the pages hold, and spans cut the same words out of the raw text."""
    pages = [page(number, content, height=0.0) for number, content in enumerate(contents)]
    drafts = split(pages, [], count_words)
    every = " ".join(line for content in contents for line, _size in content).split()
    assert " ".join(draft.body for draft in drafts).split() == every
    for draft in drafts:
        cut = " ".join(pages[page_no].text[start:end] for page_no, start, end in draft.spans)
        assert cut.split() == draft.body.split()


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 4000), st.booleans())
def test_no_chunk_is_longer_than_the_model_reads(num_words: int, has_sentences: bool) -> None:
    """One endless paragraph, with or without full stops, is cut until every part fits."""
    text = " ".join("Word." if has_sentences and n % 7 == 6 else "word" for n in range(num_words))
    drafts = split([RawPage(0, text, [], 0.0)], [], count_words)
    assert sum(len(draft.body.split()) for draft in drafts) == num_words
    assert all(draft.num_tokens <= MAX_TOKENS for draft in drafts)


def test_chunks_stay_inside_their_section_and_know_its_headings() -> None:
    """A heading of the first levels starts a chunk; the path names what stands above it."""
    body = ("word " * 15).strip()
    pages = [
        page(0, [("Travel", 20.0), ("Hotels", 16.0), (body, 10.0), ("Trains", 16.0), (body, 10.0), *[(body, 10.0)] * 9])
    ]
    drafts = split(pages, [], count_words)
    assert [draft.heading for draft in drafts] == ["Travel > Hotels", "Travel > Trains"]
    assert drafts[0].body.startswith("Travel\nHotels\nword")


def test_the_outline_wins_over_font_sizes() -> None:
    """A PDF that says what its headings are is believed, printed numbers or not."""
    pages = [page(n, [(f"{n + 1}.2 Section {n}", 10.0), ("some words of the body", 10.0)]) for n in range(3)]
    outline = [[0, f"Section {n}", n, None] for n in range(3)]
    assert [draft.heading for draft in split(pages, outline, count_words)] == [
        f"{n + 1}.2 Section {n}" for n in range(3)
    ]


def test_long_sections_are_filled_to_the_target() -> None:
    """Chunks are neither crumbs nor walls."""
    pages = [page(n, [(" ".join(["word"] * 12), 10.0)] * 40) for n in range(5)]
    drafts = split(pages, [], lambda texts: [len(text.split()) for text in texts])
    assert all(TARGET_TOKENS / 2 <= draft.num_tokens <= MAX_TOKENS for draft in drafts[:-1])


def test_running_heads_and_page_numbers_are_dropped() -> None:
    """What stands on every page at the same height is not what the page says."""
    pages = []
    for number in range(6):
        heads = [[0, 12, 72, 800, 300, 810, 9.0], [14, 2, 290, 20, 300, 30, 9.0]]
        text = f"Travel rules\r\n{number:02d}\r\nBody {'abcdef'[number]} says something."
        pages.append(RawPage(number, text, [*heads, [18, len(text) - 18, 72, 500, 300, 510, 10.0]], 842.0))
    texts = [block.text for block in blocks(pages, [])]
    assert texts == [f"Body {letter} says something." for letter in "abcdef"]


def test_hyphens_are_joined_in_the_copy_only() -> None:
    """The typesetter's hyphen goes, a real one stays, and the anchor still covers the raw text."""
    assert clean.joined("the reim-\r\nbursement of well-known E-Mails") == "the reimbursement of well-known E-Mails"
    assert clean.joined("Rück\u00ad\nzahlung") == "Rückzahlung"
    assert clean.joined("Nord-\nSüd") == "Nord- Süd"


def test_invisible_characters_do_not_reach_models() -> None:
    """Tag characters, direction overrides and zero-width spaces vanish; Persian joiners stay."""
    hidden = "pay\u200b \U000e0041\U000e0042now\u202e!\u2066\ufeff"
    assert clean.joined(hidden) == "pay now!"
    assert clean.joined("می\u200cخواهم") == "می\u200cخواهم"
    assert clean.joined("ﬁle № ２") == "file No 2"


def test_sentences_know_abbreviations() -> None:
    """A full stop after Dr. or e.g. ends nothing."""
    text = "Ask Dr. Meier, e.g. by mail. He answers within 3.5 hours! Vgl. § 4 Abs. 2 der Ordnung. Ende"
    assert [text[a:b] for a, b in sentences(text)] == [
        "Ask Dr. Meier, e.g. by mail.",
        "He answers within 3.5 hours!",
        "Vgl. § 4 Abs. 2 der Ordnung.",
        "Ende",
    ]


def test_tables_of_contents_are_left_out() -> None:
    """Dots that lead to a page number are no text; dots on a form are."""
    lines = [("1 Travel . . . . . . . . 7", 10.0), ("Hotels ............ iv", 10.0), ("Name ................", 10.0)]
    assert [draft.body for draft in split([page(0, lines)], [], count_words)] == ["Name ................"]


def test_no_sentence_goes_over_a_heading_or_a_paragraph() -> None:
    """What is quoted and marked is the sentence alone; a line that was only set apart does not end it."""
    lines = [("2 Hotels", 16.0), ("For stays in Norway the limit", 10.0), ("is 180 EUR", 10.0), ("Trains", 10.0)]
    raw = page(0, [*lines, ("First class is for long rides", 10.0)])
    found = sentences(raw.text, cuts=breaks(raw, ["2 Hotels", "Trains"]))
    assert [raw.text[a:b].replace("\r\n", " ") for a, b in found] == [
        "2 Hotels",
        "For stays in Norway the limit is 180 EUR",
        "Trains",
        "First class is for long rides",
    ]


@given(st.lists(st.lists(words, min_size=1, max_size=30).map(". ".join), min_size=1, max_size=6))
def test_excerpts_hold_every_word_of_a_chunk_once(lines: list[str]) -> None:
    """In order, and none is longer than it may be unless it is a single sentence."""
    body = "\n".join(lines)
    found = excerpts(body)
    assert " ".join(found).split() == body.split()
    assert all(len(each) <= EXCERPT_CHARS or len(sentences(each)) == 1 for each in found)
