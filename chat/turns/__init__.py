"""Answers: queued in PostgreSQL, written by workers, followed by any number of sockets.

asking     questions, other answers, rests of answers
queue      the rows: claim, finish, stop, sweep
presence   who writes answers, and what a turn waits for
worker     the process that works on many turns at once
work       one turn from claim to end: lease, stopping, storing
answering  documents, prompt, stream
history    the thread so far, as a prompt needs it
sources    waiting for documents, searching them, naming what was found
writer     words into events and checkpoints
checkpoints  leases and texts of a worker's turns, stored together
log        the numbered events in Valkey
outbox     events of a worker's turns on their way there, together
follow     from the log to one socket, within its window
following  the turns that one socket follows
"""
