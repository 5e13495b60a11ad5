"""What Daphne leaves open at its edges, closed before a request reaches Django.

`http` caps bodies before they are read, waits for slow readers, and ends slow senders; `websocket` bounds
frames in both directions; `forwarded` decides whose X-Forwarded headers are believed; `limits` holds the
numbers. `chat.server` puts them together.
Left out: limits per employee and per key. Those need to know who asks, and are `chat.limits`.
"""
