"""What two requests may share: the tokens that both begin with, as far as their salts allow."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

# A shorter shared beginning is not worth a sequence operation.
MIN_SHARED_TOKENS = 8


@dataclass(slots=True, eq=False)
class Beginning:
    """Evaluated tokens and whose they are: another salt shares only what both call public."""

    salt: str = ""
    num_public: int = 0
    tokens: array[int] = field(default_factory=lambda: array("i"))

    def shared_with(self, tokens: array[int], salt: str, num_public: int) -> int:
        if salt == self.salt:
            return shared_length(tokens, self.tokens)
        return shared_length(tokens[: min(num_public, self.num_public)], self.tokens)


def shared_length(left: array[int], right: array[int]) -> int:
    """Number of equal tokens at the beginning, by halving."""
    low, high = 0, min(len(left), len(right))
    if left[:high] == right[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle
    return low
