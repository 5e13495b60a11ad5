"""Who runs which tests when several processes share them. Loaded with `-p tests.parallel`.

A file stays together, for its fixtures, and all that sits before a browser: those share three Hearths. xdist's own
groups (`--dist loadgroup`, 3.8.0) are lost under pytest 9.2, without a word: each test went alone to whoever was
free, and every process started every Hearth and every model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling


def group_of(nodeid: str) -> str:
    path = nodeid.partition("::")[0]
    return "browser" if path.startswith("tests/browser/") else path


class Groups(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    return Groups(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, object, object]:
    """What takes longest begins first, or one process would be at it alone when all others have ended."""
    result = yield
    if hasattr(config, "workerinput"):
        sizes = Counter(group_of(item.nodeid) for item in items)

        def place(item: pytest.Item) -> tuple[bool, int, str]:
            group = group_of(item.nodeid)
            return group != "browser", -sizes[group], group

        items.sort(key=place)
    return result
