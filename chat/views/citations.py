"""What a mark [n] points at: the page, the sentence, and where on the page it stands."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, JsonResponse

from chat import requests
from chat.errors import Missing
from chat.requests import employee_of, signed_in
from rag import citations
from rag.models import Citation


@signed_in
def show(request: HttpRequest, citation_id: uuid.UUID) -> JsonResponse:
    """{id, n, document: {id, title, version, is_current}, page: {index, label, width, height, rotation}, quote, rects,
    fractions, heading, strength}: see rag.citations.Resolved.

    Left out on purpose: which answer it came from. Who may read the document may see the place.
    """
    try:
        found = citations.resolve(employee_of(request), citation_id)
    except Citation.DoesNotExist:
        raise Missing from None
    return JsonResponse(found.summary())


citation = requests.methods(GET=show)
