"""Whole numbers from one to another, by their digits, as GBNF."""

from __future__ import annotations


def natural(low: int, high: int) -> str:
    """The decimal numerals from low to high."""
    parts = []
    for length in range(len(str(low)), len(str(high)) + 1):
        first = max(low, 10 ** (length - 1) if length > 1 else 0)
        parts.append(numerals(str(first), str(min(high, 10**length - 1))))
    return " | ".join(parts)


def numerals(low: str, high: str) -> str:
    """Numerals of one length, from low to high."""
    count = len(low)
    if low == high:
        return f'"{low}"'
    if set(low) == {"0"} and set(high) == {"9"}:
        return f"[0-9]{{{count}}}"
    rest = count - 1
    if low[0] == high[0]:
        return f'"{low[0]}" ({numerals(low[1:], high[1:])})'
    if count == 1:
        return f"[{low}-{high}]"
    parts, first, last = [], int(low[0]), int(high[0])
    if set(low[1:]) != {"0"}:
        parts.append(f'"{first}" ({numerals(low[1:], "9" * rest)})')
        first += 1
    is_last_cut = set(high[1:]) != {"9"}
    last -= is_last_cut
    if first <= last:
        parts.append(f"[{first}-{last}] [0-9]{{{rest}}}")
    if is_last_cut:
        parts.append(f'"{high[0]}" ({numerals("0" * rest, high[1:])})')
    return " | ".join(parts)
