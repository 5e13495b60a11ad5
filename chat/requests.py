"""How views read what a browser sent, and who may call them.

`methods` is also the map from which the rights test generates its cases: a view says there which methods it has.
Unknown fields are refused, so that nothing can be smuggled past a form ("mass assignment").
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from functools import wraps
from types import UnionType
from typing import Any, NoReturn, TypeVar, cast
from urllib.parse import quote

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from chat.errors import BadInput, Missing, NotSignedIn, UnknownField
from chat.middleware import wants_page
from chat.models import Employee

View = Callable[..., HttpResponseBase]
M = TypeVar("M", bound=Model)


def methods(**views: View) -> View:
    """One view out of one per method: methods(GET=show, PATCH=change). HEAD is answered like GET."""

    def dispatch(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        name = "GET" if request.method == "HEAD" and "HEAD" not in views else request.method
        view = views.get(name or "")
        if view is None:
            return HttpResponseNotAllowed(sorted(views))
        return view(request, *args, **kwargs)

    dispatch.methods = frozenset(views)  # type: ignore[attr-defined]  # read by the rights test
    return dispatch


def signed_in(view: View) -> View:
    """People are sent to the sign-in page, scripts get a 401."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            if request.method == "GET" and wants_page(request):
                return HttpResponseRedirect(f"/signin/?next={quote(request.get_full_path())}")
            raise NotSignedIn("not_signed_in", _("Sign in first."))
        return view(request, *args, **kwargs)

    return checked


def admin_only(view: View) -> View:
    """For everybody else these pages do not exist."""

    @signed_in
    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not employee_of(request).is_admin:
            raise Missing
        return view(request, *args, **kwargs)

    return checked


def employee_of(request: HttpRequest) -> Employee:
    """The signed-in employee; views behind `signed_in` have one."""
    return cast(Employee, request.user)


def fields(request: HttpRequest, **types: type | UnionType) -> dict[str, Any]:
    """The fields of a JSON body, each of its type; a field that is absent is absent here too."""
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        _refuse(_("The body must be a JSON object."))
    for name, value in body.items():
        if name not in types:
            raise UnknownField(name)
        # bool is an int to Python, and never to the person who wrote the form.
        if not isinstance(value, types[name]) or (isinstance(value, bool) and types[name] is int):
            _refuse(_("The field “%(name)s” has the wrong type.") % {"name": name})
        if isinstance(value, str) and not _is_storable(value):
            _refuse(_("The field “%(name)s” holds a character that cannot be stored.") % {"name": name})
    return body


def require(body: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if name not in body:
            _refuse(_("The field “%(name)s” is missing.") % {"name": name})


def strings(body: Mapping[str, Any], name: str) -> list[str]:
    """A field that is a list of storable strings."""
    values: list[Any] = body[name]
    if any(not isinstance(value, str) for value in values):
        _refuse(_("The field “%(name)s” has the wrong type.") % {"name": name})
    if not all(_is_storable(value) for value in values):
        _refuse(_("The field “%(name)s” holds a character that cannot be stored.") % {"name": name})
    return values


def id_of(body: Mapping[str, Any], name: str) -> uuid.UUID:
    """A field that is the id of something, whether or not there is such a thing."""
    try:
        return uuid.UUID(body[name])
    except ValueError:
        _refuse(_("The field “%(name)s” has the wrong type.") % {"name": name})


def id_in(text: str) -> uuid.UUID:
    """The id that a body or an address names. Raises Missing: what is no id is the id of nothing."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Missing from None


def found(rows: QuerySet[M], text: str) -> M:
    """The row with this id among those that the employee may reach. Raises Missing."""
    row = rows.filter(pk=id_in(text)).first()
    if row is None:
        raise Missing
    return row


def no_fields(request: HttpRequest) -> None:
    """For verbs that need no body."""
    if request.content_type == "application/json":
        fields(request)
    elif request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        known_form_fields(request, ())


def known_form_fields(request: HttpRequest, names: Any) -> None:
    """Refuse an ordinary form that carries more than its fields."""
    for name in request.POST:
        if name != "csrfmiddlewaretoken" and name not in names:
            raise UnknownField(name)


def title_of(value: str, limit: int) -> str:
    """A name that a person typed: one line, not empty, not endless."""
    title = " ".join(value.split())
    if not title:
        raise BadInput("empty_title", _("A title needs at least one character."))
    if len(title) > limit:
        raise BadInput("title_too_long", _("A title has at most %(limit)d characters.") % {"limit": limit})
    return title


def done() -> HttpResponse:
    return HttpResponse(status=204)


def _is_storable(text: str) -> bool:
    """PostgreSQL stores neither NUL nor half of a surrogate pair, which JSON can carry."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _refuse(sentence: str) -> NoReturn:
    raise BadInput("bad_field", sentence)
