"""How models write calls of tools and reasoning: one table of families, told apart by their chat templates.

Readers (`reading`, `harmony`) turn an answer into words, reasoning and calls while it comes; `grammars` turns offered
tools into GBNF in the family's own form, so that a model is held to what it was trained on.
"""

from __future__ import annotations

from inference.dialects.families import GENERIC, Dialect, Tags, Think, dialect_of, think_of

__all__ = ["GENERIC", "Dialect", "Tags", "Think", "dialect_of", "think_of"]
