"""How much of a busy processor the engine gets, where the system lets it say so.

Two processes that spin leave a model on two cores half of them, and with it less than half of its words: its threads
wait for each other at every layer. So who writes answers goes before what nobody waits for. Lowering one's nice value
needs root, CAP_SYS_NICE or LimitNICE; without them everything works as before.
"""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

_AUTOGROUP = Path("/proc/self/autogroup")


def hurry(nice: int) -> None:
    """This process and the threads that it starts from now on, among those of its session."""
    if nice == 0:
        return
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except OSError:
        log.info("the system keeps the ordinary priority")


def hurry_session(nice: int) -> None:
    """All of this process's session among the others: Linux shares processors between sessions first, and what `hurry`
    asks for counts inside of one only. Nothing where the session is somebody else's, as in a shell."""
    if nice == 0 or os.getsid(0) != os.getpid():
        return
    with contextlib.suppress(OSError):  # no such grouping here, or not allowed
        _AUTOGROUP.write_text(str(nice))
