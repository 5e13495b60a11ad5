"""A thread's title: at once the first words of its question, then what the model would call it.

Small models ramble, quote the question or write a poem; whatever does not look like a title is not taken.
"""

from __future__ import annotations

import logging
import re
import uuid

from chat import doorbell, served_models
from chat.models import Message, Thread
from chat.models.message import ASSISTANT, COMPLETE, USER
from chat.models.thread import FROM_MODEL, FROM_QUESTION
from inference.errors import InferenceError
from inference.wire import ChatRequest

log = logging.getLogger(__name__)

MAX_CHARS = 60
MAX_WORDS = 9
READ_CHARS = 600  # of question and answer: a title needs no more
PROMPT = (
    "Give this conversation a title of two to six words, in the language of the question. "
    "Answer with the title alone: no quotation marks, no full stop."
)
_LABEL = re.compile(r"^(title|titel|subject|betreff)\s*[:\-–]\s*", re.IGNORECASE)


def write(thread_id: uuid.UUID) -> None:
    """Ask the thread's model for a title. Nothing happens when the employee or a model wrote one already."""
    thread = Thread.objects.kept().filter(pk=thread_id, deleted_at=None, title_source=FROM_QUESTION).first()
    if thread is None:
        return
    question = Message.objects.filter(thread=thread, role=USER).in_order().first()
    answer = Message.objects.filter(thread=thread, role=ASSISTANT, status=COMPLETE).in_order().first()
    if question is None or answer is None:
        return
    title = cleaned(_ask(thread, question.text, answer.text, answer.model_name), question.text)
    if title and thread.rename(title, FROM_MODEL):
        # The model took its time: what else changed meanwhile is said as it is now.
        thread.refresh_from_db()
        doorbell.thread_changed(thread.owner_id, thread.summary())


def cleaned(said: str, question: str) -> str:
    """The title in what a model said, or "" when there is none."""
    lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
    if not lines:
        return ""
    title = _LABEL.sub("", lines[0].strip("#*_ ")).strip("\"'“”„«»`*#. ")
    num_words = len(title.split())
    is_title = (
        2 <= len(title) <= MAX_CHARS
        and 1 <= num_words <= MAX_WORDS
        and title.lower() not in question.lower().strip(" ?!.")[: len(title)].lower()
        and not any(char in title for char in "<>{}[]|\\")
        and not title.lower().startswith(("sure", "here is", "here's", "i ", "i'm", "as an ai", "the title"))
    )
    return title if is_title else ""


def _ask(thread: Thread, question: str, answer: str, model_name: str) -> str:
    content = f"{PROMPT}\n\nQuestion: {question[:READ_CHARS]}\n\nAnswer: {answer[:READ_CHARS]}"
    request = ChatRequest(
        model=model_name,
        messages=[{"role": "user", "content": content}],
        max_tokens=24,
        temperature=0.0,
        cache_salt=f"employee-{thread.owner_id}",
        fairness_key=f"employee-{thread.owner_id}",
        priority="background",
        reasoning_effort="none",
    )
    try:
        return served_models.client().chat(request).text
    except InferenceError as error:
        log.warning("no title for thread %s: %s", thread.id, error.code)
        return ""
