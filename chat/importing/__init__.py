"""Threads out of other programs: from a file that somebody hands us to rows of their own.

upload (receiving.py) → JSON texts in it (archive.py) → one conversation at a time (pieces.py) → what it says, in our
words (chatgpt.py, open_webui.py, hearth.py) → rows (keeping.py), one transaction a thread. Nothing here trusts a size,
a depth, a number, a parent or a date that a file states.
"""
