"""Decimals between bounds that are no whole numbers, as GBNF: "between 0.25 and 1.5" by its digits.

Near a bound they are written with as many places as it has, or more: 0.30 for a bound of 0.25, never 0.3.
"""

from __future__ import annotations

from decimal import Decimal

from inference.schema.numerals import natural, numerals

MAX_PLACES = 9
_MOST = Decimal(10**15 - 1)


def num_places(value: float) -> int:
    exponent = Decimal(str(value)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else MAX_PLACES + 1


def fractional(low: Decimal | None, is_low_open: bool, high: Decimal | None, is_high_open: bool) -> list[str]:
    """Alternatives; none when no number lies between. A bound that is None is the largest number we write."""
    low, high = -_MOST if low is None else low, _MOST if high is None else high
    zero, found = Decimal(0), []
    if low < 0:  # mirrored: -0.5 <= x < 0 is "-" and 0 < y <= 0.5
        parts = _positive(max(zero, -high), is_high_open or high >= 0, -low, is_low_open)
        found += [f'"-" ({part})' for part in parts]
    if high > 0 or (high == 0 and not is_high_open):
        found += _positive(max(zero, low), is_low_open and low >= 0, high, is_high_open)
    return found


def _positive(low: Decimal, is_low_open: bool, high: Decimal, is_high_open: bool) -> list[str]:
    """Decimals from low to high, neither below zero."""
    places = max(1, num_places(float(low)), num_places(float(high)))
    first, least = divmod(int(low * 10**places), 10**places)
    last, most = divmod(int(high * 10**places), 10**places)
    if low > high or (low == high and (is_low_open or is_high_open)):
        return []
    found = []
    if least == 0 and not is_low_open:
        found.append(f'"{first}"')
    if first == last:
        return [*found, *_places(str(first), least, is_low_open, most, is_high_open, places)]
    found += _places(str(first), least, is_low_open, 10**places, True, places)
    if first + 1 < last:
        found.append(f'({natural(first + 1, last - 1)}) ("." [0-9]{{1,{places}}})?')
    if most > 0 or not is_high_open:
        found.append(f'"{last}"')
    return found + _places(str(last), 0, False, most, is_high_open, places)


def _places(whole: str, least: int, is_least_open: bool, most: int, is_most_open: bool, places: int) -> list[str]:
    """`whole` and so many places, from least to most."""
    least, most = least + is_least_open, most - is_most_open
    if least > most:
        return []
    return [f'"{whole}." ({numerals(str(least).zfill(places), str(most).zfill(places))})']
