"""The one place for limits: how often, how many, how long.

Counters that several processes share live in Valkey. When Valkey is away they let people in, because a sign-in costs an
Argon2 hash anyway and a company that cannot sign in is the worse failure.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import time
from collections import Counter
from dataclasses import dataclass

import redis
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from chat import valkey
from chat.errors import TooMany

log = logging.getLogger(__name__)

KIB = 1024
MAX_TEXT_CHARS = 32_000  # of one question
MAX_DRAFT_CHARS = 2 * MAX_TEXT_CHARS  # longer than can be sent, so that it can still be shortened
MAX_FRAME_BYTES = 256 * KIB  # of one frame from a browser: the text above in any script, escaped
MAX_UNACKNOWLEDGED_BYTES = 64 * KIB
ACKNOWLEDGE_SECONDS = 30.0  # a full window that stays full for longer belongs to nobody
SOCKET_SECONDS = 24 * 3600.0  # an older socket is asked to come back, to whichever process is the newest
RENEWAL_SECONDS = 60.0  # how long it has for that
MAX_SOCKETS_PER_EMPLOYEE = 20
MAX_FRAMES_PER_SECOND = 20
MAX_FOLLOWED_TURNS = 32  # by one socket
MAX_DOCUMENTS_PER_THREAD = 100
MAX_COLLECTIONS_PER_THREAD = 100
MAX_OPEN_TURNS_PER_EMPLOYEE = 10
MAX_COMPARED_MODELS = 4  # that one question is asked of side by side
MAX_API_KEYS_PER_EMPLOYEE = 20
MAX_FOLDERS_PER_EMPLOYEE = 200
MAX_INSTRUCTIONS_CHARS = 4_000  # of a folder: read before every answer in it
MAX_ASSISTANTS_PER_EMPLOYEE = 100
MAX_PROMPTS_PER_EMPLOYEE = 500
MAX_TAGS_PER_THREAD = 20
MAX_TAG_CHARS = 40
MAX_SHARES_PER_EMPLOYEE = 500
MAX_COMMENT_CHARS = 2_000  # on an answer


@dataclass(frozen=True)
class Limit:
    num_times: int
    window_seconds: int


LIMITS = {
    # Never the person alone: whoever knows an address could lock its owner out.
    "signin.person": Limit(5, 5 * 60),
    "signin.address": Limit(20, 60),
    "password.employee": Limit(5, 5 * 60),
    "download.employee": Limit(6, 60 * 60),
    "invitation.address": Limit(20, 60),
    # Once a pause in one's typing.
    "measure.employee": Limit(120, 60),
    "api.employee": Limit(600, 60),
}


def client_address(request: HttpRequest) -> str:
    """Who is calling: the address that our own proxy wrote, an IPv6 one as its /64 network."""
    text = request.META.get("REMOTE_ADDR") or ""
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if settings.PROXY_COUNT and len(forwarded) >= settings.PROXY_COUNT:
        # Counted from the right: what stands further left was written by the client.
        text = forwarded[-settings.PROXY_COUNT]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "unknown"
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def take(name: str, key: str) -> None:
    """Count one attempt; raises TooMany when the window is full."""
    limit = LIMITS[name]
    slot = f"limit:{name}:{key}"
    try:
        with valkey.client().pipeline() as pipe:
            pipe.incr(slot)
            pipe.expire(slot, limit.window_seconds, nx=True)
            pipe.ttl(slot)
            num_times, _set, seconds_left = pipe.execute()
    except redis.RedisError:
        log.warning("Valkey does not answer: %s is not limited", name)
        return
    if num_times > limit.num_times:
        raise TooMany(
            "too_many_attempts",
            _too_many(max(1, seconds_left)),
            retry_after_seconds=max(1, seconds_left),
        )


def _too_many(seconds_left: int) -> str:
    """Minutes where there are some: nobody counts to 295."""
    if seconds_left < 90:
        return _("Too many attempts. Try again in %(seconds)d seconds.") % {"seconds": seconds_left}
    return _("Too many attempts. Try again in %(minutes)d minutes.") % {"minutes": math.ceil(seconds_left / 60)}


def forget(name: str, key: str) -> None:
    """The attempts were honest after all."""
    try:
        valkey.client().delete(f"limit:{name}:{key}")
    except redis.RedisError:
        log.warning("Valkey does not answer: %s is not forgotten", name)


class FrameBudget:
    """A token bucket: MAX_FRAMES_PER_SECOND, with as many saved up at most."""

    __slots__ = ("_at", "_tokens")

    def __init__(self) -> None:
        self._tokens = float(MAX_FRAMES_PER_SECOND)
        self._at = time.monotonic()

    def take(self, cost: float = 1.0) -> bool:
        now = time.monotonic()
        self._tokens = min(MAX_FRAMES_PER_SECOND, self._tokens + (now - self._at) * MAX_FRAMES_PER_SECOND)
        self._at = now
        if self._tokens < cost:
            return False
        self._tokens -= cost
        return True


class SocketPlaces:
    """How many sockets each employee holds in this process."""

    def __init__(self) -> None:
        self._num_by_employee: Counter[int] = Counter()

    def take(self, employee_id: int) -> bool:
        if self._num_by_employee[employee_id] >= MAX_SOCKETS_PER_EMPLOYEE:
            return False
        self._num_by_employee[employee_id] += 1
        return True

    def give_back(self, employee_id: int) -> None:
        self._num_by_employee[employee_id] -= 1
        if self._num_by_employee[employee_id] <= 0:
            del self._num_by_employee[employee_id]


socket_places = SocketPlaces()
