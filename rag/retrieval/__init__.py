"""The SQL of searching, all of it. Only a version that `visible` names may be touched by the rest."""

from __future__ import annotations

from rag.retrieval.reading import ChunkRow, Neighbour, neighbours, rows, sizes
from rag.retrieval.scope import PATIENT_SECONDS, STATEMENT_SECONDS, Scope, Visible, snapshot, visible
from rag.retrieval.vectors import NUM_CANDIDATES, closest, nearest
from rag.retrieval.wording import Terms, WordHit, by_words, terms

__all__ = [
    "NUM_CANDIDATES", "PATIENT_SECONDS", "STATEMENT_SECONDS", "ChunkRow", "Neighbour", "Scope", "Terms", "Visible",
    "WordHit", "by_words", "closest", "nearest", "neighbours", "rows", "sizes", "snapshot", "terms", "visible",
]  # fmt: skip
