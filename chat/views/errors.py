"""Failures as a page for people and as {"error": {"code", "sentence"}} for scripts.

Templates errors/{400,403,404,500}.html get: status (int), code, sentence, and again: the address of a page that was too
old, or "". They extend nothing that needs a database.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from chat.errors import BadInput, HearthError, Missing, NotAllowed
from chat.middleware import wants_page

PAGES = (400, 403, 404, 500)
SIGN_OUT = "/signout/"


def render_error(request: HttpRequest, error: HearthError) -> HttpResponse:
    if wants_page(request):
        name = error.status if error.status in PAGES else 500 if error.status > 500 else 400
        # Without context processors, which would ask the database who the reader is.
        again = "" if error.code != "csrf" or request.path == SIGN_OUT else request.path
        context = {
            "status": error.status,
            "code": error.code,
            "sentence": error.sentence,
            "again": again,
            "request": request,
        }
        response = HttpResponse(render_to_string(f"errors/{name}.html", context), status=error.status)
    else:
        body = {"error": {"code": error.code, "sentence": error.sentence}}
        response = JsonResponse(body, status=error.status)
    if error.retry_after_seconds is not None:
        response["Retry-After"] = str(round(error.retry_after_seconds))
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render_error(request, BadInput("bad_request", _("This request cannot be read.")))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render_error(request, NotAllowed("not_allowed", _("This is not allowed.")))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    sentence = _("Nothing was sent, for safety. Load the page again and repeat what you did.")
    return render_error(request, NotAllowed("csrf", sentence))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render_error(request, Missing())


def server_error(request: HttpRequest) -> HttpResponse:
    return render_error(request, HearthError("server_error", _("Something broke on our side. It has been noted.")))
