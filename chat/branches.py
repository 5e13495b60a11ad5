"""The tree of a thread: which messages are shown, and which others stand in their place.

Editing a question or answering it again adds a message beside the old one. Pure: ids in, ids out, oldest first.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

Id = uuid.UUID


class Tree:
    def __init__(self, nodes: Iterable[tuple[Id, Id | None]]) -> None:
        """nodes: (id, parent's id) of all messages of a thread, oldest first."""
        self._parents = dict(nodes)
        self._children: dict[Id | None, list[Id]] = {}
        for node, parent in self._parents.items():
            self._children.setdefault(parent, []).append(node)

    def __contains__(self, message: Id | None) -> bool:
        return message in self._parents

    def path(self, message: Id | None) -> list[Id]:
        """From the beginning of the thread to this message."""
        path: list[Id] = []
        while message is not None and message in self._parents:
            path.append(message)
            message = self._parents[message]
        return path[::-1]

    def branch(self, tip: Id | None) -> list[Id]:
        """The path to the tip, and on to the newest end below it. Without a tip the newest message counts."""
        at = tip if tip in self._parents else next(reversed(self._parents), None)
        path = self.path(at)
        while at in self._children:
            at = self._children[at][-1]
            path.append(at)
        return path

    def siblings(self, message: Id) -> Sequence[Id]:
        """The messages that answer or follow the same one, itself among them."""
        return self._children[self._parents[message]]
