"""The rows of chat: who people are, what they said, and which answers are being written.

Every owned model has `for_employee`, the only door to its rows; `tests/test_lint_doors.py` holds the code to it.
"""

from __future__ import annotations

from chat.models.api_key import ApiKey
from chat.models.assistant import Assistant
from chat.models.draft import Draft
from chat.models.employee import Employee
from chat.models.folder import Folder
from chat.models.invitation import Invitation
from chat.models.message import Message
from chat.models.rating import Rating
from chat.models.saved_prompt import SavedPrompt
from chat.models.served_model import ServedModel
from chat.models.share import Share
from chat.models.thread import Thread
from chat.models.thread_import import ThreadImport
from chat.models.turn import Turn
from chat.models.turn_worker import TurnWorker

__all__ = [
    "ApiKey",
    "Assistant",
    "Draft",
    "Employee",
    "Folder",
    "Invitation",
    "Message",
    "Rating",
    "SavedPrompt",
    "ServedModel",
    "Share",
    "Thread",
    "ThreadImport",
    "Turn",
    "TurnWorker",
]
