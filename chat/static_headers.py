"""Headers of static files. A worker obeys the policy that its own script came with, not that of the page."""

from __future__ import annotations

from collections.abc import MutableMapping

# No eval and nothing from elsewhere, for the reader of PDFs too; its decoders of pictures are WebAssembly.
POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; font-src 'self'"


def add(headers: MutableMapping[str, str], path: str, url: str) -> None:
    """Called by WhiteNoise for each file when the process starts."""
    headers["Content-Security-Policy"] = POLICY
