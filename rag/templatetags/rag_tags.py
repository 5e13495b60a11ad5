"""What templates need to know of documents."""

from __future__ import annotations

from django import template

from rag import formats

register = template.Library()


@register.simple_tag
def readable_files() -> str:
    """The accept attribute of a file chooser: a hint to the person choosing, never a check."""
    return formats.ACCEPT
