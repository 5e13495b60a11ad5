"""From a JSON Schema to a grammar (GBNF) that lets a model write nothing but matching JSON. Pure.

What cannot be promised is refused with the keyword and its place, never ignored; only annotations are. Objects are
written with the listed properties in their order, optional ones may be left out, and nothing may be added to them:
a narrower language than the schema's, and every text in it fits. Left out: multipleOf, uniqueItems, not, if,
patternProperties, propertyNames, remote references.
"""

from __future__ import annotations

from inference.schema.gbnf import ANY_OBJECT, MAX_GRAMMAR_CHARS, SchemaRefused, any_text_of, literal, until
from inference.schema.references import MAX_DEPTH
from inference.schema.writer import Writer, grammar

__all__ = [
    "ANY_OBJECT",
    "MAX_DEPTH",
    "MAX_GRAMMAR_CHARS",
    "SchemaRefused",
    "Writer",
    "any_text_of",
    "grammar",
    "literal",
    "until",
]
