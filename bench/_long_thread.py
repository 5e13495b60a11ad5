"""`python -m bench._long_thread SESSION_KEY`: a thread of 500 messages for that employee; prints its id.

The text of the answers comes as JSON on standard input.
"""

from __future__ import annotations

import json
import os
import sys

NUM_PAIRS = 250


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat.settings")
    import django

    django.setup()

    from chat import sessions
    from chat.models import Message
    from chat.models.message import ASSISTANT, USER
    from tests.factories import make_thread

    text = json.loads(sys.stdin.read())
    employee = sessions.employee_of(sys.argv[1])
    assert employee
    thread = make_thread(employee, title="A long conversation")
    parent = None
    for number in range(NUM_PAIRS):
        asked = {"thread": thread, "role": USER, "text": f"Question {number}: what is a hearth made of?"}
        question = Message.objects.create(parent=parent, **asked)
        answered = {"thread": thread, "role": ASSISTANT, "model_name": "fake-chat", "finish_reason": "stop"}
        parent = Message.objects.create(parent=question, text=f"{number}. {text}", num_prompt_tokens=900, **answered)
    print(thread.pk)


if __name__ == "__main__":
    main()
