"""What a mark [n] points at: the sentences, their pages, and the file that the answer was given. Rights count now."""

from __future__ import annotations

import uuid

from csp.constants import NONE, SELF
from csp.decorators import csp
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from chat import requests
from chat.errors import Missing
from chat.requests import employee_of, signed_in
from chat.views import files
from chat.views.documents import page_of
from rag import citations
from rag.models import Citation, Page

# Only this page may start a worker from an address: ours, by the one policy that it makes. See docs/decisions.md.
WORKER_POLICY = {
    "default-src": [NONE],
    "script-src": [SELF],
    "worker-src": [SELF],
    "connect-src": [SELF],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
    "require-trusted-types-for": ["'script'"],
    "trusted-types": ["pdf-worker"],
}


@signed_in
def show(request: HttpRequest, citation_id: uuid.UUID) -> JsonResponse:
    """{id, n, document: {id, title, version, is_current, place, num_pages, size_bytes}, heading, strength,
    places: [{page: {index, label, width, height, rotation}, quote, before, after, rects, fractions, strength}], uses}.

    See rag.citations.Resolved. Who may read the document may see the place.
    """
    try:
        found = citations.resolve(employee_of(request), citation_id)
    except Citation.DoesNotExist:
        raise Missing from None
    return JsonResponse(found.summary())


@signed_in
def show_file(request: HttpRequest, citation_id: uuid.UUID) -> HttpResponseBase:
    """The file of the cited version, with Range."""
    try:
        document, version = citations.version(employee_of(request), citation_id)
    except Citation.DoesNotExist:
        raise Missing from None
    name = f"{document.title}{version.format.extensions[0]}"
    return files.ranged(request, version.path, name, version.format.media_type)


@signed_in
def show_page(request: HttpRequest, citation_id: uuid.UUID, page_no: int) -> JsonResponse:
    """{index, label, place, text} of a page of the cited version, counted from 0: what the model was given to read."""
    try:
        document, page = citations.page(employee_of(request), citation_id, page_no)
    except (Citation.DoesNotExist, Page.DoesNotExist):
        raise Missing from None
    return JsonResponse(page_of(document, page))


@signed_in
@csp(WORKER_POLICY)  # type: ignore[untyped-decorator]  # mypy does not look into django-csp
def show_worker(request: HttpRequest) -> HttpResponse:
    """The hidden frame in which the viewer's worker is started."""
    response = render(request, "chat/viewer_worker.html")
    response["X-Frame-Options"] = "SAMEORIGIN"
    return response


citation = requests.methods(GET=show)
citation_file = requests.methods(GET=show_file)
citation_page = requests.methods(GET=show_page)
viewer_worker = requests.methods(GET=show_worker)
