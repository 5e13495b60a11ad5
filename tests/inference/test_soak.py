"""A quarter of a minute of everything at once; `bin/bench soak` does the same for twenty."""

from __future__ import annotations

import pytest

from bench.soak import soak


@pytest.mark.thorough
def test_a_quarter_minute_of_everything_leaves_nothing_behind() -> None:
    """Mixed requests, cancels, slow readers and a killed child: every answer is right to the character, and memory,
    threads and files end where they were."""
    figures = soak("fake", 15.0, kill_after=5.0)
    told = figures.to_json()
    assert figures.lost == []
    assert figures.counts["kills"] == 1
    assert figures.counts.total() > 100
    assert told["requests_left"] == 0
    (rss_before, rss_after), (threads_before, threads_after) = told["rss_mib"], told["num_threads"]
    assert rss_after - rss_before < 30
    assert threads_after - threads_before < 3
    assert told["num_files"][1] - told["num_files"][0] < NUM_FILES_OF_CALLERS


NUM_FILES_OF_CALLERS = 20  # a connection each, which may be open at one moment and closed at the other
