"""What there is under /v1. The names and shapes are OpenAI's."""

from __future__ import annotations

from django.urls import path

from chat.api import views

urlpatterns = [
    path("models", views.models, name="api_models"),
    path("models/<path:name>", views.model, name="api_model"),
    path("chat/completions", views.chat_completions, name="api_chat_completions"),
    path("completions", views.completions, name="api_completions"),
    path("embeddings", views.embeddings, name="api_embeddings"),
    path("rerank", views.reranking, name="api_rerank"),
    path("<path:rest>", views.unknown, name="api_unknown"),
]
