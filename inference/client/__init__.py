"""The door to the inference service for the rest of Hearth: `Client` (sync), `shared_client` and `AsyncClient`.

Both speak text, tokens and vectors, and raise `inference.errors`. Leaving a stream early (break, aclose)
closes the connection, and the engine drops the sequence within one step.
Left out: retries. The caller knows whether to wait, to queue again or to tell a person.
"""

from __future__ import annotations

from inference.client.asynchronous import AsyncClient
from inference.client.shared import shared_client
from inference.client.synchronous import Client

__all__ = ["AsyncClient", "Client", "shared_client"]
