"""Answers: queued in PostgreSQL, written by workers, followed by any number of sockets.

queue    the rows: send, claim, checkpoint, finish, stop, sweep
work     one turn from claim to end
sources  documents: waiting for them, searching them
log      the numbered events in Valkey
follow   from the log to one socket, within its window
worker   the process that works on many turns at once
"""
