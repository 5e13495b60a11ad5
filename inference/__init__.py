"""Hearth's inference service: one process that turns text into tokens, answers and vectors.

It knows no users, threads, documents or database. Others import `inference.client`, `inference.wire`
and `inference.errors`, and nothing else of it.
"""
