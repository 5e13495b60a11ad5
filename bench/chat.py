"""Does the chat keep its promises under load, through kills, and in the browser? The whole of Hearth, fake model.

Parts: streams (100 answers at once, then 500 cut lines), sockets (5,000 idle tabs), kills (5,000 questions while
processes are killed 200 times), documents (first words while 5,000 pages are read), page (rendering, first word, a
thread of 500 messages, in Chromium), answer (of the page only what drawing an answer costs).
"""

from __future__ import annotations

import argparse
import signal
import sys

from bench import _beside, _kills, _rendering, _sockets, _streams
from bench._figures import commit, machine, say

PARTS = {
    "streams": _streams.measure,
    "sockets": _sockets.measure,
    "kills": _kills.measure,
    "documents": _beside.measure,
    "page": _rendering.measure,
    "answer": _rendering.measure_answer,
}
WITHOUT_NAMES = [name for name in PARTS if name != "answer"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench chat", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; without one, all")
    parser.add_argument("--quick", action="store_true", help="smaller numbers, shorter runs")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that Hearth is ended and its folder removed also then
    say(f"{machine()}, commit {commit()}")
    for name in options.parts or WITHOUT_NAMES:
        PARTS[name](options.quick)


if __name__ == "__main__":
    main()
