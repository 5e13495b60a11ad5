"""Answers: queued in PostgreSQL, written by workers, followed by any number of sockets.

queue      the rows: send, claim, checkpoint, finish, stop, sweep
worker     the process that works on many turns at once
work       one turn from claim to end: lease, stopping, storing
answering  documents, prompt, stream
history    the thread so far, as a prompt needs it
sources    waiting for documents, searching them, naming what was found
writer     words into events and checkpoints
log        the numbered events in Valkey
follow     from the log to one socket, within its window
"""
