"""Processes that tests start end with them, however they end: a killed pytest leaves no Hearth behind."""

from __future__ import annotations

# Before the command. The kernel looks at the thread that started it, so start what outlives a test from the main one.
ENDS_WITH_US = ("setpriv", "--pdeathsig", "TERM")
