"""Bytes of tokens to text that may be shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inference.text import TextAssembler


def pushed(pieces: list[bytes], stop: list[str]) -> tuple[list[str], TextAssembler]:
    assembler = TextAssembler(stop)
    shown = [assembler.push(piece) for piece in pieces]
    shown.append(assembler.finish())
    return shown, assembler


def test_a_character_split_over_tokens_comes_out_whole() -> None:
    """An emoji of four bytes in two tokens is shown once, when it is complete."""
    shown, _ = pushed([b"a\xf0\x9f", b"\x98\x80b"], [])
    assert shown == ["a", "\U0001f600b", ""]


def test_a_stop_string_over_token_borders_is_never_shown() -> None:
    """Not one character of a stop string gets out, although it came in three pieces."""
    shown, assembler = pushed([b"Hello <", b"|en", b"d|> more"], ["<|end|>"])
    assert "".join(shown) == "Hello "
    assert assembler.is_stopped


def test_what_only_began_like_a_stop_string_is_shown_in_the_end() -> None:
    """Nothing of the answer is lost when it ends in the middle of a possible stop string."""
    shown, assembler = pushed([b"1 < 2 <|e"], ["<|end|>"])
    assert "".join(shown) == "1 < 2 <|e"
    assert not assembler.is_stopped


def test_the_earliest_stop_string_counts() -> None:
    """Of several, the one that begins first ends the answer."""
    shown, _ = pushed([b"one two three"], ["three", "two"])
    assert "".join(shown) == "one "


@given(st.text(max_size=40), st.lists(st.integers(1, 4)), st.lists(st.text("ab<", min_size=1, max_size=3), max_size=3))
def test_any_cut_gives_the_text_up_to_the_first_stop(text: str, cuts: list[int], stops: list[str]) -> None:
    """However the bytes are cut into tokens, what is shown is the text before the first stop string."""
    data, pieces = text.encode(), []
    for cut in cuts:
        pieces.append(data[:cut])
        data = data[cut:]
    pieces.append(data)
    found = [text.find(stop) for stop in stops if stop in text]
    shown, assembler = pushed(pieces, stops)
    # Pieces arrive one by one, so a stop string that is complete earlier wins over one that begins earlier.
    if not found:
        assert "".join(shown) == text
    else:
        assert assembler.is_stopped
        assert text.startswith("".join(shown))
        assert not any(stop in "".join(shown) for stop in stops)
