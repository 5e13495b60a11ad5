"""A follow-up as a question of its own, because a search knows nothing of what was said before.

The thread's own model is asked, briefly. Whatever it takes too long for, or says that is no such question, is not
used: then the question before stands in front of the raw words. Left out: follow-ups that neither are short nor
refer back by a word; searching them as they are loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence

from chat.database import in_thread
from chat.models import Turn
from chat.prompts import Said
from inference import wire
from inference.client import AsyncClient
from inference.errors import InferenceError
from rag.words import STOP_WORDS, words

log = logging.getLogger(__name__)

# A person waits for it, and searching the raw words is nearly as good: two seconds, then without.
REWRITE_SECONDS = 2.0
MAX_TOKENS = 48
MAX_CHARS = 300
SHORT_QUESTION_WORDS = 5
READ_MESSAGES = 4
READ_CHARS = 400
INSTRUCTION = (
    "Rewrite the last question so that it can be understood without the conversation: put names in place of words "
    "like it or that. Keep its language. Answer with the rewritten question alone."
)
EXAMPLE = (
    "Conversation:\nUser: How many days of holiday do trainees have?\nAssistant: 25 days.\n"
    "Last question: And managers?\nRewritten: How many days of holiday do managers have?"
)

_REFERS_BACK = re.compile(
    r"^(?:and|but|or|so|also|then|what about|how about|why|und|aber|oder|dann|wie sieht|was ist mit|warum|wieso)\b"
    r"|\b(?:it|its|they|them|their|this|these|those|he|she|his|her|the same|the latter|the former|"
    r"ihn|ihm|sie|ihre[rnms]?|diese[rsnm]?|jene[rsnm]?|dort|davon|dafür|dazu|damit|dabei|darin|daran|darauf|darüber|"
    r"dasselbe|derselbe|dieselbe)\b"
    r"|\b(?:that|das|er|es)(?=\s*[?.!,]|\s+(?:is|was|one|too|also|mean|means|apply|applies|ist|sind|gilt|auch|heißt)\b)",
    re.IGNORECASE,
)
_LABEL = re.compile(r"^(?:rewritten(?: question)?|question|frage|umformuliert)\s*:\s*", re.IGNORECASE)


def refers_back(question: str, history: Sequence[Said]) -> bool:
    """Whether it can be meant as going on from what was said before."""
    has_question = any(said.role == "user" for said in history)
    return has_question and (len(question.split()) < SHORT_QUESTION_WORDS or bool(_REFERS_BACK.search(question)))


async def rewritten(turn: Turn, history: Sequence[Said], client: AsyncClient) -> str:
    """The question as it would stand alone; "" when there is nothing to rewrite or no good answer in time."""
    question = turn.question.text
    if not refers_back(question, history):
        return ""
    known = await in_thread(_known, turn)
    if known:
        return known
    whose = f"employee-{turn.thread.owner_id}"
    request = wire.ChatRequest(
        model=turn.model_name,
        messages=[{"role": "user", "content": prompt(question, history)}],
        max_tokens=MAX_TOKENS,
        temperature=0.0,
        cache_salt=whose,
        fairness_key=whose,
        reasoning_effort="none",
    )
    try:
        async with asyncio.timeout(REWRITE_SECONDS):
            said = (await client.chat(request)).text
    except (InferenceError, TimeoutError) as error:
        log.info("question not rewritten: %s", type(error).__name__)
        return ""
    return cleaned(said, question, history)


def prompt(question: str, history: Sequence[Said]) -> str:
    """What the model is asked: the last messages, shortened, and one example."""
    said = [
        f"{'User' if each.role == 'user' else 'Assistant'}: {' '.join(each.text.split())[:READ_CHARS]}"
        for each in history[-READ_MESSAGES:]
    ]
    talk = "\n".join(said)
    return f"{INSTRUCTION}\n\n{EXAMPLE}\n\nConversation:\n{talk}\nLast question: {question[:READ_CHARS]}\nRewritten:"


def cleaned(said: str, question: str, history: Sequence[Said]) -> str:
    """The question in what a model said, or "" when it is none: too long, nothing new, or invented."""
    line = next((line.strip() for line in said.splitlines() if line.strip()), "")
    line = _LABEL.sub("", line).strip("\"'“”„«»`*# ")
    found, asked = _content(line), _content(question)
    before = _content(" ".join(each.text for each in history))
    brings_something = bool(found & before - asked)
    keeps_something = not asked or bool(found & asked)
    # A small model fills gaps from its memory: most of what it says must have been said, and every number.
    is_said = len(found & (asked | before)) * 3 >= len(found) * 2
    has_new_number = any(any(char.isdigit() for char in word) for word in found - asked - before)
    fits = len(line) <= MAX_CHARS and brings_something and keeps_something and is_said and not has_new_number
    return line if fits else ""


def in_front(question: str, history: Sequence[Said]) -> str:
    """The question before and this one: what is searched when no model could rewrite it."""
    before = next((said.text for said in reversed(history) if said.role == "user"), "")
    return f"{before[:500]} {question}".strip()


def _content(text: str) -> set[str]:
    return set(words(text)) - STOP_WORDS


def _known(turn: Turn) -> str:
    """As it was rewritten for an earlier answer to the same question, or before this one was interrupted."""
    answers = turn.question.replies.order_by("-created_at")
    kept = answers.values_list("sources", flat=True)[:5]
    return next((str(each["searched_for"]) for each in kept if each and each.get("searched_for")), "")
