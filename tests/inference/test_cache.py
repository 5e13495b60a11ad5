"""The bookkeeping of sequences and cells, against a plain model of what llama.cpp does."""

from __future__ import annotations

from array import array
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.beginnings import shared_length
from inference.cache import Copy, Operation, Remove, SequenceCache
from inference.host_cache import Discard, Fetch, Offload


def tokens(*values: int) -> array[int]:
    return array("i", values)


def placed(cache: SequenceCache, prompt: array[int], salt: str = "") -> int:
    """Place a prompt and evaluate all of it."""
    placement = cache.place(prompt, salt)
    assert placement is not None
    cache.append(placement.sequence, prompt[placement.num_cached :])
    return placement.sequence


class PlainMemory:
    """Cells as llama.cpp has them: each has an id, and as many owners as sequences hold it."""

    def __init__(self) -> None:
        self.cells: dict[int, list[int]] = {}
        self.offloaded: dict[int, int] = {}
        self._ids = count()

    def apply(self, operations: tuple[Operation, ...] | list[Operation]) -> None:
        for operation in operations:
            match operation:
                case Copy(source, target, length):
                    self.cells[target] = self.cells[source][:length] + self.cells.get(target, [])[length:]
                case Remove(sequence, start):
                    del self.cells.setdefault(sequence, [])[start:]
                case Offload(sequence, key):
                    self.offloaded[key] = len(self.cells.pop(sequence))
                case Fetch(key, sequence, length, is_last):
                    assert not self.cells.get(sequence)
                    assert length <= self.offloaded[key]
                    self.append(sequence, length)
                    assert is_last == (length == self.offloaded[key])
                    if is_last:
                        del self.offloaded[key]
                case Discard(key):
                    del self.offloaded[key]

    def append(self, sequence: int, number: int) -> None:
        self.cells.setdefault(sequence, []).extend(next(self._ids) for _ in range(number))

    @property
    def num_used(self) -> int:
        return len({cell for cells in self.cells.values() for cell in cells})


def test_a_second_turn_goes_on_from_the_first() -> None:
    """A prompt that continues a finished one takes its sequence over and reads only what is new."""
    cache = SequenceCache(4, 1000)
    first = placed(cache, tokens(*range(100)))
    cache.release(first)
    placement = cache.place(tokens(*range(120)), "")
    assert placement is not None
    assert (placement.sequence, placement.num_cached, placement.operations) == (first, 100, ())


def test_a_shared_beginning_is_copied_and_the_original_stays() -> None:
    """Two threads with the same system prompt share its cells."""
    cache = SequenceCache(4, 1000)
    first = placed(cache, tokens(*range(50), 7, 7))
    cache.release(first)
    placement = cache.place(tokens(*range(50), 9, 9), "")
    assert placement is not None
    assert placement.num_cached == 50
    assert placement.operations == (Copy(first, placement.sequence, 50),)
    assert cache.num_used == 52


def test_another_salt_shares_nothing() -> None:
    """Bob's prompt never goes on from Alice's, even when it is the same text."""
    cache = SequenceCache(4, 1000)
    cache.release(placed(cache, tokens(*range(100)), "alice"))
    placement = cache.place(tokens(*range(100)), "bob")
    assert placement is not None
    assert placement.num_cached == 0


def test_one_token_is_always_left_to_evaluate() -> None:
    """The same prompt again still needs logits, so its last token is read again."""
    cache = SequenceCache(4, 1000)
    cache.release(placed(cache, tokens(*range(30))))
    placement = cache.place(tokens(*range(30)), "")
    assert placement is not None
    assert placement.num_cached == 29


def test_the_least_recently_used_holder_goes_first() -> None:
    """When cells run out, what was used last stays."""
    cache = SequenceCache(4, 100)
    old = placed(cache, tokens(*range(0, 40)))
    new = placed(cache, tokens(*range(100, 140)))
    cache.release(old)
    cache.release(new)
    placement = cache.place(tokens(*range(200, 240)), "")
    assert placement is not None
    assert placement.operations == (Remove(old, 0),)
    assert cache.length(new) == 40


def test_what_cannot_fit_is_refused_without_touching_anything() -> None:
    """A prompt larger than what busy sequences leave is refused, and no holder is lost for it."""
    cache = SequenceCache(4, 100)
    placed(cache, tokens(*range(60)))
    holder = placed(cache, tokens(*range(500, 520)))
    cache.release(holder)
    assert cache.place(tokens(*range(200, 250)), "") is None
    assert cache.length(holder) == 20


def test_no_sequence_number_is_free_while_all_are_busy() -> None:
    """Numbers are bounded like cells."""
    cache = SequenceCache(2, 1000)
    placed(cache, tokens(*range(10)))
    placed(cache, tokens(*range(20, 30)))
    assert cache.place(tokens(*range(40, 50)), "") is None


@pytest.mark.parametrize(("left", "right", "length"), [("", "", 0), ("ab", "", 0), ("ab", "ac", 1), ("ab", "abc", 2)])
def test_shared_length(left: str, right: str, length: int) -> None:
    """It counts equal tokens at the beginning."""
    assert shared_length(tokens(*map(ord, left)), tokens(*map(ord, right))) == length


@given(st.lists(st.integers(0, 2)), st.lists(st.integers(0, 2)))
def test_shared_length_is_what_a_loop_finds(left: list[int], right: list[int]) -> None:
    """Halving finds the same place as looking at one token after the other."""
    slow = 0
    while slow < min(len(left), len(right)) and left[slow] == right[slow]:
        slow += 1
    assert shared_length(tokens(*left), tokens(*right)) == slow


PROMPT = st.tuples(st.integers(0, 2), st.integers(8, 40), st.integers(0, 20))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["place", "grow", "release", "drop", "offload"]), PROMPT), max_size=40),
    st.sampled_from([0, 60, 1000]),
)
def test_cells_are_counted_as_llama_cpp_counts_them(
    script: list[tuple[str, tuple[int, int, int]]], num_offloaded: int
) -> None:
    """Whatever happens in whatever order, the cache's count is the number of cells that the operations leave, and
    never more than there are; and what lies outside of the cells stays within its own bound."""
    cache, memory = SequenceCache(5, 150, num_offloaded), PlainMemory()
    busy: dict[int, array[int]] = {}
    fresh = count(1000)
    for verb, (family, shared, own) in script:
        if verb == "place":
            prompt = tokens(*(family * 100 + n for n in range(shared)), *(next(fresh) for _ in range(own)))
            placement = cache.place(prompt, "")
            if placement is not None:
                memory.apply(placement.operations)
                assert len(memory.cells.get(placement.sequence, [])) == placement.num_cached
                cache.append(placement.sequence, prompt[placement.num_cached :])
                memory.append(placement.sequence, len(prompt) - placement.num_cached)
                busy[placement.sequence] = prompt
        elif verb == "offload":
            memory.apply(cache.offload_idle())
            if num_offloaded:
                assert {sequence for sequence, cells in memory.cells.items() if cells} <= busy.keys()
        elif busy:
            sequence = sorted(busy)[shared % len(busy)]
            if verb == "grow":
                memory.apply(cache.evict(1))
                if cache.num_free:
                    cache.append(sequence, tokens(next(fresh)))
                    memory.append(sequence, 1)
            elif verb == "release":
                cache.release(sequence)
                del busy[sequence]
            else:
                memory.apply([cache.drop(sequence)])
                del busy[sequence]
        assert cache.num_used == memory.num_used <= cache.num_cells
        assert cache.num_busy == len(busy)
        assert sum(memory.offloaded.values()) <= num_offloaded


def test_a_model_without_beginnings_shares_nothing() -> None:
    """A recurrent state cannot be cut, so its sequences are only ever used whole and dropped whole."""
    cache = SequenceCache(2, 1000, can_share=False)
    cache.release(placed(cache, tokens(*range(100))))
    placement = cache.place(tokens(*range(120)), "")
    assert placement is not None
    assert placement.num_cached == 0


def test_what_both_call_public_is_shared_and_not_one_token_more() -> None:
    """The common system prompt is read once for all; what follows it stays with its owner."""
    cache = SequenceCache(4, 1000)
    prompt = tokens(*range(100))
    first = cache.place(prompt, "alice", num_public=60)
    assert first is not None
    cache.append(first.sequence, prompt)
    cache.release(first.sequence)
    bob = cache.place(prompt, "bob", num_public=60)
    carol = cache.place(prompt, "carol")
    assert bob is not None
    assert carol is not None
    assert (bob.num_cached, carol.num_cached) == (60, 0)
    assert cache.length(first.sequence) == 100


def test_an_idle_sequence_leaves_the_cells_and_comes_back() -> None:
    """Nobody walks over its cells meanwhile, and going on from it evaluates nothing twice."""
    cache = SequenceCache(4, 1000, 1000)
    first = placed(cache, tokens(*range(100)))
    cache.release(first)
    (offload,) = cache.offload_idle()
    assert isinstance(offload, Offload)
    assert (offload.sequence, cache.num_used, cache.num_holders) == (first, 0, 1)
    placement = cache.place(tokens(*range(120)), "")
    assert placement is not None
    assert placement.num_cached == 100
    assert placement.operations == (Fetch(offload.key, placement.sequence, 100, is_last=True),)
    assert (cache.num_used, cache.num_holders) == (100, 0)


def test_an_offloaded_beginning_serves_more_than_one() -> None:
    """Whoever needs only a part of it leaves it there for the next."""
    cache = SequenceCache(4, 1000, 1000)
    cache.release(placed(cache, tokens(*range(100))))
    (offload,) = cache.offload_idle()
    assert isinstance(offload, Offload)
    alice = cache.place(tokens(*range(60), 7, 7), "")
    assert alice is not None
    assert alice.operations == (Fetch(offload.key, alice.sequence, 60, is_last=False),)
    bob = cache.place(tokens(*range(70), 8, 8), "")
    assert bob is not None
    assert bob.num_cached == 70


def test_a_fetched_thread_shares_the_system_prompt_that_is_in_use() -> None:
    """Its cells are taken once, however many threads with it come back."""
    cache = SequenceCache(4, 1000, 1000)
    system = tokens(*range(100))
    for salt, own in (("alice", 500), ("bob", 600)):
        prompt = system + tokens(*range(own, own + 10))
        placement = cache.place(prompt, salt, num_public=100)
        assert placement is not None
        cache.append(placement.sequence, prompt[placement.num_cached :])
        cache.release(placement.sequence)
        cache.offload_idle()
    for salt, own in (("alice", 500), ("bob", 600)):
        placement = cache.place(system + tokens(*range(own, own + 11)), salt, num_public=100)
        assert placement is not None
        assert placement.num_cached == 110
    assert cache.num_used == 120


def test_an_offloaded_prompt_stays_with_its_salt() -> None:
    """Bob's prompt never goes on from Alice's, wherever hers lies."""
    cache = SequenceCache(4, 1000, 1000)
    cache.release(placed(cache, tokens(*range(100)), "alice"))
    cache.offload_idle()
    placement = cache.place(tokens(*range(100)), "bob")
    assert placement is not None
    assert placement.num_cached == 0


def test_memory_beside_the_cells_is_bounded() -> None:
    """What was used last stays, what is too long never goes there, and a longer text of a thread replaces it."""
    cache, memory = SequenceCache(4, 1000, 100), PlainMemory()
    held = []
    for prompt in (range(0, 40), range(100, 140), range(100, 150), range(100, 130), range(200, 290), range(400, 600)):
        placement = cache.place(tokens(*prompt), "")
        assert placement is not None
        memory.apply(placement.operations)
        cache.append(placement.sequence, tokens(*prompt)[placement.num_cached :])
        memory.append(placement.sequence, len(prompt) - placement.num_cached)
        cache.release(placement.sequence)
        memory.apply(cache.offload_idle())
        assert memory.num_used == cache.num_used == 0
        held.append(list(memory.offloaded.values()))
    assert held == [[40], [40, 40], [40, 50], [40, 50], [90], [90]]
