"""Thumbs under answers: given, changed, taken back; and how often each model got them, for admins."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from chat import requests
from chat.errors import Missing
from chat.models import Message, Rating, ServedModel
from chat.models.message import ASSISTANT, PENDING
from chat.requests import admin_only, employee_of, signed_in


@signed_in
def give(request: HttpRequest, message_id: uuid.UUID) -> JsonResponse:
    """Body {good, comment?, for_admins?}; what is absent is empty: {"rating": {good, comment, for_admins}}."""
    employee = employee_of(request)
    answer = _answer(request, message_id)
    body = requests.fields(request, good=bool, comment=str, for_admins=bool)
    requests.require(body, "good")
    rating = Rating.give(
        employee,
        answer,
        is_good=body["good"],
        comment=body.get("comment", ""),
        may_admins_read=body.get("for_admins", False),
    )
    return JsonResponse({"rating": rating.summary()})


@signed_in
def take_back(request: HttpRequest, message_id: uuid.UUID) -> HttpResponse:
    """Twice is once."""
    requests.no_fields(request)
    answer = _answer(request, message_id)
    Rating.objects.for_employee(employee_of(request)).filter(message=answer).delete()
    return requests.done()


@admin_only
def show_all(request: HttpRequest) -> HttpResponse:
    """manage/ratings.html: counts [{model_name, title, num_good, num_bad}], comments as `readable_comments`."""
    admin = employee_of(request)
    titles = dict(ServedModel.objects.for_admin(admin).values_list("name", "title"))
    ratings = Rating.objects.for_admin(admin)
    rows = [ratings.counts(), ratings.readable_comments()]
    for row in [row for table in rows for row in table]:
        row["title"] = titles.get(row["model_name"], row["model_name"])
    return render(request, "manage/ratings.html", {"counts": rows[0], "comments": rows[1]})


def _answer(request: HttpRequest, message_id: uuid.UUID) -> Message:
    """An answer that has ended. Raises Missing."""
    answers = Message.objects.for_employee(employee_of(request)).filter(role=ASSISTANT).exclude(status=PENDING)
    answer = answers.filter(pk=message_id).first()
    if answer is None:
        raise Missing
    return answer


rating = requests.methods(PUT=give, DELETE=take_back)
ratings = requests.methods(GET=show_all)
