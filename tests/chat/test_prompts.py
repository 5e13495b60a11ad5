"""Packing: what fits, what goes first, and that most prompts need no counting. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chat import prompts
from chat.prompts import Said
from chat.titles import cleaned


def words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def refuse(texts: Sequence[str]) -> list[int]:
    raise AssertionError("counted without need")


def history(num_pairs: int, size: int = 10) -> list[Said]:
    return [Said(role, f"{role}{n} " + "x " * size) for n in range(num_pairs) for role in ("user", "assistant")]


def test_a_short_prompt_is_not_counted() -> None:
    packed = prompts.pack(history(2), "And now?", "", 8000, refuse)
    assert [message["role"] for message in packed.messages] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    assert packed.num_history_left_out == 0


def test_the_oldest_goes_first_and_is_counted() -> None:
    """Whole pairs: an answer never stands without its question."""
    packed = prompts.pack(history(50, 20), "And now?", "", 600, words)
    kept = packed.messages[1:-1]
    assert kept[0]["role"] == "user"
    assert kept[-1]["content"].startswith("assistant49")
    assert packed.num_history_left_out == 100 - len(kept)
    tokens = sum(words([message["content"] for message in packed.messages])) + prompts.TOKENS_PER_MESSAGE * len(kept)
    assert tokens <= 600


def test_a_question_that_cannot_fit_is_refused_with_numbers() -> None:
    with pytest.raises(prompts.QuestionTooLong) as caught:
        prompts.pack([], "x " * 700, "", 600, words)
    assert caught.value.num_tokens == 700
    assert caught.value.room_tokens < 600


def test_an_answer_that_goes_on_keeps_its_room() -> None:
    """Its text is not among the messages, but the history makes way for it."""
    without = prompts.pack(history(50, 20), "And now?", "", 600, words)
    packed = prompts.pack(history(50, 20), "And now?", "", 600, words, begun="x " * 300)
    assert packed.num_history_left_out > without.num_history_left_out
    assert all("x x x " * 60 not in message["content"] for message in packed.messages)
    with pytest.raises(prompts.QuestionTooLong):
        prompts.pack([], "And now?", "", 600, words, begun="x " * 700)


def test_sources_stand_before_the_question() -> None:
    packed = prompts.pack([], "How much?", "<sources>…</sources>", 8000, refuse)
    assert packed.messages[-1]["content"] == "<sources>…</sources>\n\nQuestion: How much?"


@pytest.mark.parametrize("context_length", [16, 512, 2048, 8192, 131_072])
def test_room_is_kept_for_the_answer(context_length: int) -> None:
    room = prompts.room_for_prompt(context_length)
    assert context_length // 2 < room < context_length
    assert 0 <= prompts.room_for_sources(context_length, "How much?") <= min(room, prompts.MAX_SOURCES_TOKENS)


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Hotel costs in Berlin", "Hotel costs in Berlin"),
        ('"Hotel costs"\n\nI chose this because', "Hotel costs"),
        ("**Title:** Hotel costs.", "Hotel costs"),
        ("Titel: Hotelkosten", "Hotelkosten"),
        ("Sure, here is a title", ""),
        ("", ""),
        ("\n\n", ""),
        ("x" * 61, ""),
        ("one two three four five six seven eight nine ten", ""),
        ("<script>alert(1)</script>", ""),
        ("How much is a hotel", ""),
    ],
)
def test_only_what_looks_like_a_title_is_one(said: str, title: str) -> None:
    """Small models ramble; the first words of the question are better than that."""
    assert cleaned(said, "How much is a hotel in Berlin?") == title


def test_a_folders_instructions_are_the_askers_own() -> None:
    """They stand in the system message, and what is not the same for everybody is not shared in the engine."""
    prompt = prompts.pack([], "How much?", "", 4096, refuse, instructions="Use EUR.")
    assert prompt.messages[0] == {"role": "system", "content": f"{prompts.SYSTEM}\n\nUse EUR."}
    assert prompt.num_public_messages == 0
    assert prompts.pack([], "How much?", "", 4096, refuse).num_public_messages == 1
