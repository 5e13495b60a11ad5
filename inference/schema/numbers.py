"""Ranges of numbers as GBNF: "between 18 and 99" by its digits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from inference.schema.decimals import MAX_PLACES, fractional, num_places
from inference.schema.gbnf import SchemaRefused
from inference.schema.numerals import natural

NUMERIC = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
_MOST = 10**15 - 1  # more digits than a double holds would be read back as another number


def ranged(schema: Mapping[str, Any], *, is_integer: bool) -> str | None:
    """GBNF for the numbers between the schema's bounds; None when it has none."""
    if not NUMERIC & schema.keys():
        return None
    least, is_least_open = _bound(schema, "minimum", "exclusiveMinimum", max)
    most, is_most_open = _bound(schema, "maximum", "exclusiveMaximum", min)
    if is_integer:
        low = None if least is None else math.floor(least) + 1 if is_least_open else math.ceil(least)
        high = None if most is None else math.ceil(most) - 1 if is_most_open else math.floor(most)
        found = _signed(low, high)
    elif any(bound is not None and bound != int(bound) for bound in (least, most)):
        found = fractional(least, is_least_open, most, is_most_open)
    else:
        found = _with_fractions(_whole(least), is_least_open, _whole(most), is_most_open)
    if not found:
        raise SchemaRefused("No number lies between these bounds")
    return f"({' | '.join(found)})"


def _bound(schema: Mapping[str, Any], name: str, open_name: str, stricter: Any) -> tuple[Decimal | None, bool]:
    """(the bound, whether it is itself outside)."""
    values = []
    for key, is_open in ((name, False), (open_name, True)):
        value = schema.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) > _MOST:
            raise SchemaRefused(f"{key!r} must be a number of at most 15 digits")
        if num_places(value) > MAX_PLACES:
            raise SchemaRefused(f"{key!r} may have {MAX_PLACES} places after the point")
        values.append((Decimal(str(value)), is_open))
    if not values:
        return None, False
    strictest = stricter(value for value, _ in values)
    return strictest, (strictest, True) in values


def _whole(bound: Decimal | None) -> int | None:
    return None if bound is None else int(bound)


def _signed(low: int | None, high: int | None) -> list[str]:
    """Whole numbers from low to high."""
    low, high = -_MOST if low is None else low, _MOST if high is None else high
    found = []
    if low < 0 and low <= high:
        found.append(f'"-" ({natural(max(1, -high), -low)})')
    if high >= 0 and low <= high:
        found.append(natural(max(0, low), high))
    return found


def _with_fractions(low: int | None, is_low_open: bool, high: int | None, is_high_open: bool) -> list[str]:
    low, high = -_MOST if low is None else low, _MOST if high is None else high
    found = []
    if low < 0:  # mirrored: -5 <= x < 0 is "-" and 0 < y <= 5
        found += [f'"-" ({part})' for part in _positive(max(0, -high), is_high_open or high >= 0, -low, is_low_open)]
    if high > 0 or (high == 0 and not is_high_open):
        found += _positive(max(0, low), is_low_open and low >= 0, high, is_high_open)
    return found


def _positive(low: int, is_low_open: bool, high: int, is_high_open: bool) -> list[str]:
    """Decimals from low to high, neither below zero."""
    found = []
    first = low + 1 if is_low_open else low
    if first <= high - 1:
        found.append(f'({natural(first, high - 1)}) ("." [0-9]{{1,16}})?')
    if is_low_open and low < high:
        found.append(f'"{low}." [0-9]{{0,15}} [1-9]')
    if not is_high_open and (low < high or not is_low_open) and low <= high:
        found.append(f'"{high}" ("." "0"{{1,16}})?')
    return found
