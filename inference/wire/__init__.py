"""Request and response shapes that cross the process border: the OpenAI subset we speak, as dataclasses.

Deliberately light (standard library only), because the web process imports it.
Left out: checking what strangers send. That is `inference.parameters`, on the service's side.
"""

from __future__ import annotations

from inference.wire.events import (
    CallPiece,
    ChatResult,
    Delta,
    Finished,
    Loading,
    Progress,
    Queued,
    Reading,
    StreamEvent,
    Timings,
    ToolCall,
    Usage,
    progress_from_json,
    progress_to_json,
)
from inference.wire.models import ModelInfo, ModelKind, ModelState
from inference.wire.requests import ChatRequest, Priority

__all__ = [
    "CallPiece",
    "ChatRequest",
    "ChatResult",
    "Delta",
    "Finished",
    "Loading",
    "ModelInfo",
    "ModelKind",
    "ModelState",
    "Priority",
    "Progress",
    "Queued",
    "Reading",
    "StreamEvent",
    "Timings",
    "ToolCall",
    "Usage",
    "progress_from_json",
    "progress_to_json",
]
