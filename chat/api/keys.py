"""Who is calling: the owner of the key in the Authorization header, and nothing else.

Cookies mean nothing here, so no page of somebody else's can act in an employee's name at this door; and a key
means nothing on our pages. The key's rights are its owner's rights of this moment.
"""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings
from django.http import HttpRequest

from chat.api.errors import NoKey
from chat.models import ApiKey, Employee


def bearer(request: HttpRequest) -> str:
    """The key as it was sent, not yet checked."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise NoKey
    return key.strip()


def owner_of(key: str) -> Employee:
    """The active employee whose key this is. Two queries at most."""
    employee = ApiKey.objects.authenticate(key)
    if employee is None:
        raise NoKey
    return employee


def cache_salt(employee: Employee) -> str:
    """Parts the prompt caches of employees: nobody can find out by timing what somebody else has asked."""
    message = f"cache-salt:{employee.pk}".encode()
    return hmac.new(settings.API_KEY_SECRET.encode(), message, hashlib.sha256).hexdigest()
