"""The edges of the web process, proved on a real process over loopback: what one client can make it hold.

Every test sends only until it is refused, so a server without the edge fails in seconds and a good one in less.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from chat.events import NOT_READING
from tests.children import ENDS_WITH_US
from tests.services import free_port

MIB = 1024 * 1024
ALLOWED_GROWTH_BYTES = 64 * MIB
ROOT = Path(__file__).resolve().parent.parent.parent


class Edge:
    """The server process and a few ways to be a bad client of it."""

    def __init__(self, port: int, process: subprocess.Popen[str]) -> None:
        self.port = port
        self.process = process
        self._statistics = psutil.Process(process.pid)

    def rss(self) -> int:
        return int(self._statistics.memory_info().rss)

    def connect(self, *, receive_buffer: int | None = None) -> socket.socket:
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(10)
        try:
            connection.connect(("127.0.0.1", self.port))
        except OSError:
            connection.close()
            raise
        return connection

    def ask(self, head: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        """(status, headers, body) of one request on a connection of its own."""
        with self.connect() as connection:
            connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
            return answer_on(connection)

    def open_socket(self, path: str, *, receive_buffer: int | None = None) -> socket.socket:
        connection = self.connect(receive_buffer=receive_buffer)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        connection.sendall("\r\n".join(lines).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1)
        assert b" 101 " in head, head
        assert b"\r\nServer:" not in head
        return connection


def read_to_the_end(connection: socket.socket) -> int:
    """How many bytes came before the server closed or reset the connection."""
    num_read = 0
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(MIB):
            num_read += len(chunk)
    return num_read


def answer_on(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    data = b""
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(65536):
            data += chunk
            if finished(data):
                break
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    assert first, "the server closed the connection without a word"
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = b"".join(body.split(b"\r\n")[1::2])
    return int(first.split()[1]), headers, body


def finished(data: bytes) -> bool:
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.split(b":")[1])
    return body.endswith(b"0\r\n\r\n")


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """One masked client frame (mask zero: the payload goes as it is)."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + bytes(4) + payload


def next_frame(connection: socket.socket) -> tuple[int, bytes]:
    def exactly(count: int) -> bytes:
        data = b""
        while len(data) < count:
            chunk = connection.recv(count - len(data))
            if not chunk:
                raise ConnectionError("closed")
            data += chunk
        return data

    first, size = exactly(2)
    if size == 126:
        (size,) = struct.unpack("!H", exactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", exactly(8))
    return first & 15, exactly(size)


def push(connection: socket.socket, piece: bytes, num_bytes: int) -> int:
    """Send up to num_bytes; stop at a refusal or when the server no longer reads. Bytes that went out."""
    connection.settimeout(0.7)
    num_sent = 0
    with contextlib.suppress(ConnectionError, TimeoutError):
        while num_sent < num_bytes:
            num_sent += connection.send(piece)
    return num_sent


@contextlib.contextmanager
def running_edge(num_proxies: int = 0, pong_seconds: float | None = None) -> Iterator[Edge]:
    port = free_port()
    command = [*ENDS_WITH_US, sys.executable, "-m", "tests.chat.edge_application", str(port), str(num_proxies)]
    if pong_seconds is not None:
        command.append(str(pong_seconds))
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            assert process.poll() is None, process.stderr and process.stderr.read()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield Edge(port, process)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def shared_edge() -> Iterator[Edge]:
    with running_edge() as server:
        yield server


@pytest.fixture
def edge(shared_edge: Edge) -> Edge:
    status, _, _ = shared_edge.ask("GET / HTTP/1.1\nHost: x")  # alive, and its first allocations made
    assert status == 200
    return shared_edge


def told(body: bytes) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(body)
    return parsed


def test_an_honest_gibibyte_is_refused_at_its_header(edge: Edge) -> None:
    """413 comes before the body is sent, in the caller's error shape, and nothing is kept."""
    before = edge.rss()
    status, headers, body = edge.ask(f"POST /v1/embeddings HTTP/1.1\nHost: x\nContent-Length: {1024 * MIB}")
    assert status == 413
    assert headers["connection"] == "close"
    assert "server" not in headers
    assert told(body)["error"]["code"] == "body_too_large"
    assert told(body)["error"]["type"] == "invalid_request_error"
    assert edge.rss() - before < ALLOWED_GROWTH_BYTES


def test_a_client_that_sends_its_gibibyte_anyway_is_cut_off(edge: Edge) -> None:
    """A body over the cap is not read on: only a few MiB ever leave the client."""
    before = edge.rss()
    with edge.connect() as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {1024 * MIB}\r\n\r\n".encode())
        num_sent = push(connection, bytes(MIB), 1024 * MIB)
    assert num_sent < 32 * MIB
    assert edge.rss() - before < ALLOWED_GROWTH_BYTES


def test_a_chunked_body_is_counted_while_it_arrives(edge: Edge) -> None:
    """No length, no end: refused at the first byte too many."""
    before = edge.rss()
    with edge.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        num_sent = push(connection, b"100000\r\n" + bytes(MIB) + b"\r\n", 1024 * MIB)
        status, _, body = answer_on(connection)
    assert status == 413
    assert told(body)["error"]["sentence"] == "The request body is larger than 2048 KiB."
    assert num_sent < 32 * MIB
    assert edge.rss() - before < ALLOWED_GROWTH_BYTES


def test_a_lying_length_does_not_help(edge: Edge) -> None:
    """Bytes after the promised length are held back in the kernel, then refused as a request."""
    before = edge.rss()
    with edge.connect() as connection:
        connection.sendall(b"POST /slow?seconds=8 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        num_sent = push(connection, b"x" * MIB, 1024 * MIB)
    assert num_sent < 32 * MIB
    assert edge.rss() - before < ALLOWED_GROWTH_BYTES


def test_a_form_has_a_smaller_cap(edge: Edge) -> None:
    """Forms are short; 64 KiB of them is enough for every page."""
    head = "POST /signin/ HTTP/1.1\nHost: x\nContent-Length: 70000\nContent-Type: {}"
    assert edge.ask(head.format("application/x-www-form-urlencoded"))[0] == 413
    assert edge.ask(head.format("multipart/form-data; boundary=x"))[0] == 413


def test_bodies_below_the_cap_arrive_whole(edge: Edge) -> None:
    """With a length and without one, also many at a time."""
    size = 2 * MIB
    status, _, body = edge.ask(f"PATCH /uploads/1/ HTTP/1.1\nHost: x\nContent-Length: {size}", bytes(size))
    assert (status, told(body)["num_bytes"]) == (200, size)
    chunk = b"80000\r\n" + bytes(MIB // 2) + b"\r\n"
    status, _, body = edge.ask("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked", chunk * 4 + b"0\r\n\r\n")
    assert (status, told(body)["num_bytes"]) == (200, size)


def test_forty_large_bodies_at_once_do_not_grow_the_process(edge: Edge) -> None:
    """Bodies that are complete wait on disk for their turn in memory, and all are answered."""
    before = edge.rss()
    body = bytes(2 * MIB - 4096)
    connections = [edge.connect() for _ in range(40)]
    for connection in connections:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    for connection in connections:
        connection.sendall(body)
    peak = edge.rss()
    for connection in connections:
        status, _, answer = answer_on(connection)
        assert (status, told(answer)["num_bytes"]) == (200, len(body))
        peak = max(peak, edge.rss())
        connection.close()
    assert peak - before < ALLOWED_GROWTH_BYTES


def test_one_byte_at_a_time_runs_into_the_deadline(edge: Edge) -> None:
    """A slow-loris keeps a connection for seconds, not for ever, however often it sends."""
    with edge.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        started = time.monotonic()
        connection.settimeout(0.2)
        answer = b""
        while not answer and time.monotonic() - started < 60:
            with contextlib.suppress(TimeoutError):
                connection.sendall(b"a")
                answer = connection.recv(4096)
    assert b" 408 " in answer


def test_a_slow_reader_of_a_stream_makes_the_application_wait(edge: Edge) -> None:
    """400 MiB for a client that reads nothing: the growth is a buffer, and the connection ends by itself."""
    before = edge.rss()
    with edge.connect(receive_buffer=65536) as connection:
        connection.sendall(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(1)
        grown = edge.rss() - before
        time.sleep(1)
        num_read = read_to_the_end(connection)
    assert grown < ALLOWED_GROWTH_BYTES
    assert num_read < 64 * MIB


def test_a_prompt_reader_gets_the_whole_stream(edge: Edge) -> None:
    """Waiting for the reader loses nothing."""
    before = edge.rss()
    with edge.connect() as connection:
        connection.sendall(b"GET /flood HTTP/1.0\r\nHost: x\r\n\r\n")
        num_read = 0
        while chunk := connection.recv(MIB):
            num_read += len(chunk)
    assert num_read > 400 * MIB
    assert edge.rss() - before < ALLOWED_GROWTH_BYTES


def test_a_slow_reader_of_a_socket_is_cut_off(edge: Edge) -> None:
    """400 MiB of frames for a client that reads nothing."""
    before = edge.rss()
    with edge.open_socket("/flood", receive_buffer=65536) as connection:
        time.sleep(1)
        grown = edge.rss() - before
        num_read = read_to_the_end(connection)
    assert grown < ALLOWED_GROWTH_BYTES
    assert num_read < 64 * MIB


def test_pings_to_a_client_that_does_not_read_pongs(edge: Edge) -> None:
    """Pongs count as unsent bytes like everything else."""
    before = edge.rss()
    with edge.open_socket("/", receive_buffer=4096) as connection:
        push(connection, frame(b"p" * 125, 9) * 2000, 64 * MIB)
        assert edge.rss() - before < ALLOWED_GROWTH_BYTES


def test_a_socket_that_answers_no_ping_hears_why_it_is_closed() -> None:
    """Closed with 4008, which a page that wakes up answers by coming back; one that answers its pings stays."""
    with running_edge(pong_seconds=1.5) as edge, edge.open_socket("/") as silent, edge.open_socket("/") as awake:
        answer_pings(awake, until=9)
        assert next_frame(silent)[0] == 9
        assert next_frame(silent) == (8, struct.pack("!H", NOT_READING))
        awake.sendall(frame(b"still here"))
        assert answer_pings(awake, until=1) == b"10"


def answer_pings(connection: socket.socket, until: int) -> bytes:
    """The payload of the first frame with that opcode; every ping up to it is answered."""
    while True:
        opcode, payload = next_frame(connection)
        if opcode == 9:
            connection.sendall(frame(payload, 10))
        if opcode == until:
            return payload


def test_frames_for_a_busy_consumer_wait_in_the_kernel(edge: Edge) -> None:
    """Reading stops when 16 frames are queued."""
    before = edge.rss()
    with edge.open_socket("/busy") as connection:
        num_sent = push(connection, frame(b"x" * 60000) * 16, 400 * MIB)
        assert edge.rss() - before < ALLOWED_GROWTH_BYTES
    assert num_sent < 32 * MIB


def test_reading_goes_on_when_the_consumer_has_caught_up(edge: Edge) -> None:
    """More frames than the queue holds are all answered, in order."""
    with edge.open_socket("/") as connection:
        for number in range(500):
            connection.sendall(frame(b"x" * number))
        answers = [int(next_frame(connection)[1]) for _ in range(500)]
    assert answers == list(range(500))


def test_an_oversized_frame_closes_with_1009(edge: Edge) -> None:
    """One frame, a fragmented message, and a frame that only announces its size."""
    fragments = frame(b"x" * 200_000)
    fragments = bytes([1]) + fragments[1:] + bytes([0]) + fragments[1:]
    announced = struct.pack("!BBQ", 0x81, 0xFF, 1 << 40) + bytes(4)
    for sent in (frame(b"x" * 262_145), fragments, announced):
        with edge.open_socket("/") as connection:
            connection.sendall(sent)
            opcode, payload = next_frame(connection)
        assert (opcode, struct.unpack("!H", payload[:2])[0]) == (8, 1009)


def test_broken_text_closes_with_1007(edge: Edge) -> None:
    """Invalid UTF-8 never reaches the consumer."""
    with edge.open_socket("/") as connection:
        connection.sendall(frame(b"\xff\xfe"))
        opcode, payload = next_frame(connection)
    assert (opcode, struct.unpack("!H", payload[:2])[0]) == (8, 1007)


def test_forwarding_headers_of_strangers_are_dropped(edge: Edge) -> None:
    """Daphne-Root-Path, X-Forwarded-* and friends change nothing and are not passed on."""
    status, headers, body = edge.ask(
        "GET /a HTTP/1.1\nHost: x\nDaphne-Root-Path: https://evil.example\nX-Forwarded-For: 1.2.3.4\n"
        "X-Forwarded-Proto: https\nX-Forwarded-Host: evil.example\nX-Original-URL: /manage/\nX-Mine: stays"
    )
    scope = told(body)
    assert status == 200
    assert "server" not in headers
    assert (scope["root_path"], scope["scheme"], scope["client"][0]) == ("", "http", "127.0.0.1")
    assert scope["headers"] == [["host", "x"], ["x-mine", "stays"]]


def test_a_trusted_proxy_is_believed_about_its_own_entry_only() -> None:
    """The right-most address and scheme count; what the client wrote before them does not."""
    with running_edge(num_proxies=1) as edge:
        _, _, body = edge.ask(
            "GET /a HTTP/1.1\nHost: x\nX-Forwarded-For: 6.6.6.6, 10.1.2.3\nX-Forwarded-Proto: http, https"
        )
        scope = told(body)
        assert (scope["client"][0], scope["scheme"]) == ("10.1.2.3", "https")
        assert ["x-forwarded-proto", "https"] in scope["headers"]
        _, _, body = edge.ask("GET /a HTTP/1.1\nHost: x\nX-Forwarded-For: nonsense")
        assert told(body)["client"][0] == "127.0.0.1"


@pytest.mark.parametrize("target", ["http://evil.example/a", "*", "/a%00b"])
def test_odd_request_targets_are_refused(edge: Edge, target: str) -> None:
    """Absolute form, asterisk and NUL never reach the URL resolver."""
    assert edge.ask(f"GET {target} HTTP/1.1\nHost: x")[0] == 400


def test_a_restart_ends_running_answers_in_peace() -> None:
    """SIGTERM: sockets are told to reconnect, a short stream ends whole, new connections are refused, exit 0."""
    with running_edge() as edge:
        with edge.open_socket("/") as page, edge.connect() as stream:
            stream.sendall(b"GET /slow?seconds=1 HTTP/1.1\r\nHost: x\r\n\r\n")
            stream.recv(1)
            edge.process.send_signal(signal.SIGTERM)
            assert next_frame(page) == (1, b'{"type":"reconnect"}')
            wait_until_refused(edge)
            _, _, body = answer_on(stream)
            assert body.endswith(b"end\n")
            opcode, payload = next_frame(page)
            assert (opcode, struct.unpack("!H", payload[:2])[0]) == (8, 1012)
        assert edge.process.wait(60) == 0


def wait_until_refused(edge: Edge) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            edge.connect().close()


def test_an_answer_that_never_ends_does_not_hold_a_restart() -> None:
    """After the drain time (1.5 s here) the process stops whatever runs."""
    with running_edge() as edge, edge.connect() as stream:
        stream.sendall(b"GET /slow?seconds=600 HTTP/1.1\r\nHost: x\r\n\r\n")
        stream.recv(1)
        edge.process.send_signal(signal.SIGTERM)
        assert edge.process.wait(60) == 0


def test_the_access_log_has_no_queries_and_no_tokens() -> None:
    """One line per request; secrets in a path or query stay out of it."""
    with running_edge() as edge:
        edge.ask("GET /invitations/SECRET1/?q=SECRET2 HTTP/1.1\nHost: x\nConnection: close")
        edge.ask("GET /threads/\x1b[31m HTTP/1.1\nHost: x\nConnection: close")
        edge.process.send_signal(signal.SIGTERM)
        _, log = edge.process.communicate(timeout=30)
    lines = [line for line in log.splitlines() if line.startswith("chat.access ")]
    assert "SECRET" not in log
    assert "\x1b" not in log
    assert lines[0].startswith("chat.access 127.0.0.1 GET /invitations/.../ 200 ")


def test_a_port_in_use_is_one_sentence_and_a_failure(edge: Edge) -> None:
    """Start-up says so and ends with 1."""
    command = [sys.executable, "-m", "tests.chat.edge_application", str(edge.port), "0"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
