"""The entry point of the web process: pages and `/v1` over HTTP, one socket a tab."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat.settings")

from django.core.asgi import get_asgi_application

http_application = get_asgi_application()  # sets Django up; everything below needs it

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import OriginValidator  # noqa: E402
from channels.sessions import CookieMiddleware  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from chat.consumers import socket  # noqa: E402

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


def without_root_path(application: Application) -> Application:
    """Daphne takes the root path from a header of any client, who could forge every redirect and link with it."""

    async def wrapped(scope: Scope, receive: Any, send: Any) -> None:
        scope["root_path"] = ""
        await application(scope, receive, send)

    return wrapped


async def refuse(scope: Scope, receive: Any, send: Any) -> None:
    """A socket at any other address. The router would raise, which is a 500 and a stack in the log."""
    await send({"type": "websocket.close"})


# The stubs know views, not sockets.
routes = [path("socket/", socket), re_path("", refuse)]  # type: ignore[arg-type]
sockets = CookieMiddleware(URLRouter(routes))

application = without_root_path(
    ProtocolTypeRouter(
        {
            "http": http_application,
            # The full origin, scheme and port included: the allowed-hosts validator would look at the host alone.
            "websocket": OriginValidator(sockets, settings.SOCKET_ORIGINS),
        }
    )
)
