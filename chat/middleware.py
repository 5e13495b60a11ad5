"""What every request passes through, beside Django's own: an id, headers, session limits, one shape of errors.

All of it is sync on purpose: one synchronous link makes Django run the whole chain in one thread, where mixing costs
two thread switches per link.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError, close_old_connections, connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.decorators import sync_only_middleware
from django.utils.translation import gettext as _

from chat import sessions
from chat.errors import HearthError, NotAllowed, Unavailable
from chat.logs import current_request_id

log = logging.getLogger(__name__)
GetResponse = Callable[[HttpRequest], HttpResponseBase]

# A cookie means nothing at these doors, so it cannot be abused there.
COOKIELESS = ("/v1/", "/health/")
# What an employee with a one-time password may open.
BEFORE_NEW_PASSWORD = ("/account/password/", "/signout/", "/static/")
NOT_NEEDED = "accelerometer camera display-capture geolocation gyroscope microphone payment usb"
PERMISSIONS = ", ".join(f"{name}=()" for name in NOT_NEEDED.split())


@sync_only_middleware
def request_id(get_response: GetResponse) -> GetResponse:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        current_request_id.set(uuid.uuid4().hex[:12])
        response = get_response(request)
        response["X-Request-Id"] = current_request_id.get()
        if response.streaming and not connection.in_atomic_block:
            # Its bytes may take minutes, and without this a connection with them: ten slow readers held the whole pool.
            close_old_connections()
        return response

    return middleware


@sync_only_middleware
def response_headers(get_response: GetResponse) -> GetResponse:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.setdefault("Cache-Control", "no-store")
        response.setdefault("X-Frame-Options", "DENY")
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault("Permissions-Policy", PERMISSIONS)
        return response

    return middleware


@sync_only_middleware
def session_limits(get_response: GetResponse) -> GetResponse:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(COOKIELESS):
            request.user = AnonymousUser()
            return get_response(request)
        try:
            sessions.enforce(request)
            bool(request.user.is_authenticated)  # asks the database who it is, once
        except OperationalError as error:
            return unavailable(request, error)
        if request.user.is_authenticated:
            if request.user.language:
                translation.activate(request.user.language)
                request.LANGUAGE_CODE = request.user.language
            if request.user.must_change_password and not request.path.startswith(BEFORE_NEW_PASSWORD):
                if wants_page(request):
                    return HttpResponseRedirect("/account/password/")
                return error_response(
                    request, NotAllowed("password_change_required", _("Choose a password of your own first."))
                )
        return get_response(request)

    return middleware


class TranslateErrors:
    """HearthError becomes {"error": {"code", "sentence"}} for scripts and a page for people."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, OperationalError):
            return unavailable(request, exception)
        return error_response(request, exception) if isinstance(exception, HearthError) else None


translate_errors = TranslateErrors


def wants_page(request: HttpRequest) -> bool:
    """Whether a person waits for the answer: browsers ask for text/html, scripts do not."""
    return "text/html" in request.headers.get("Accept", "")


def unavailable(request: HttpRequest, error: OperationalError) -> HttpResponse:
    log.error("The database does not answer: %s", type(error).__name__)
    return error_response(request, Unavailable())


def error_response(request: HttpRequest, error: HearthError) -> HttpResponse:
    from chat.views import errors

    return errors.render_error(request, error)
