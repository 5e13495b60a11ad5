"""What a mark [n] points at: the page, the sentence, and where on the page it stands."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, JsonResponse

from chat import requests
from chat.errors import Missing
from chat.requests import employee_of, signed_in
from rag.models import Citation


@signed_in
def show(request: HttpRequest, citation_id: uuid.UUID) -> JsonResponse:
    """{id, n, document: {id, title}, page: {index, label, width, height, rotation}, quote, rects, heading, strength}.

    Left out on purpose: which answer it came from. Who may read the document may see the place.
    """
    from rag import citations

    found = Citation.objects.for_employee(employee_of(request)).filter(pk=citation_id).first()
    if found is None:
        raise Missing
    return JsonResponse(citations.resolve(found))


citation = requests.methods(GET=show)
