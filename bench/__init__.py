"""One script a question, started by bin/bench NAME; each prints JSON lines. Never a timed test."""
