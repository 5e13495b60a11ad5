"""One socket a tab."""

from __future__ import annotations

from channels.generic.websocket import AsyncWebsocketConsumer


class SocketConsumer(AsyncWebsocketConsumer):
    """Filled next."""
