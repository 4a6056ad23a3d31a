"""A load generator for HTTP/1.1 that costs next to nothing: one thread, keep-alive, no parsing.

Requests are bytes made before the clock starts. A closed stream sends the next request when the
last one is answered; an open stream sends at a given rate whatever the answers do, and counts
the latency from the moment at which a request was due.
"""

from __future__ import annotations

import gc
import selectors
import socket
from array import array
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from random import Random
from time import perf_counter

Address = tuple[str, int]

_GRACE_S = 20.0  # how long the last answers may take
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"
_RECEIVE = 262_144


class LoadFailed(Exception):
    """The server closed a connection, did not answer, or gave an answer of unknown length."""


@dataclass(slots=True)
class Stream:
    """Requests of one kind, and what came of them.

    With `rate` (requests a second, at exponential intervals) it is open, else closed. It ends
    with its requests, or `seconds` after the start.
    """

    requests: Iterable[bytes]
    connections: int
    rate: float | None = None
    keep_bodies: bool = False
    statuses: Counter[int] = field(default_factory=Counter)
    latencies_s: array[float] = field(default_factory=lambda: array("d"))
    bodies: list[bytes] = field(default_factory=list)
    took_s: float = 0.0

    @property
    def answered(self) -> int:
        """How many requests were answered, with whatever status."""
        return len(self.latencies_s)

    @property
    def rate_reached(self) -> float:
        """Answers a second, from the first request to the last answer."""
        return self.answered / self.took_s

    def latency_ms(self, percent: float) -> float:
        """A percentile of the latencies, in milliseconds."""
        return percentile(self.latencies_s, percent) * 1000

    def expect(self, status: int) -> Stream:
        """Itself, when nothing else was answered. Raises LoadFailed."""
        if set(self.statuses) - {status}:
            raise LoadFailed(f"{status} was expected, the answers were {dict(self.statuses)}.")
        return self


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of the values do not exceed."""
    if not values:
        raise ValueError("no values")
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]


def closed_loop(
    address: Address,
    requests: Iterable[bytes],
    *,
    connections: int,
    seconds: float,
    keep_bodies: bool = False,
) -> Stream:
    """Sends as fast as answers come, for `seconds` or until the requests are used up."""
    stream = Stream(requests, connections, keep_bodies=keep_bodies)
    run(address, [stream], seconds)
    return stream


def open_loop(
    address: Address, requests: Iterable[bytes], *, rate: float, connections: int, seconds: float
) -> Stream:
    """Sends `rate` requests a second for `seconds`, however long the answers take."""
    stream = Stream(requests, connections, rate)
    run(address, [stream], seconds)
    return stream


def run(address: Address, streams: Sequence[Stream], seconds: float) -> None:
    """Runs all streams at once; returns when every request that was sent is answered.

    Raises LoadFailed.
    """
    loop = _Loop(address, streams, seconds)
    gc.collect()
    gc.disable()  # a pause of ours must not look like one of theirs
    try:
        loop.run()
    finally:
        gc.enable()
        loop.close()


class _Connection:
    """One keep-alive connection; `began` is when its present request was sent, or was due."""

    __slots__ = ("began", "busy", "received", "socket", "source")

    def __init__(self, address: Address, source: _Source) -> None:
        self.socket = socket.create_connection(address, timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.source = source
        self.began = 0.0
        self.busy = False
        self.received = b""

    def send(self, request: bytes, began: float) -> None:
        self.began = began
        self.busy = True
        try:
            sent = self.socket.send(request)
        except BlockingIOError:
            sent = 0
        if sent < len(request):  # a batch larger than the socket's buffer
            self.socket.settimeout(_GRACE_S)
            self.socket.sendall(request[sent:])
            self.socket.setblocking(False)

    def receive(self) -> bytes | None:
        """The whole answer, or None while a part of it is missing. Raises LoadFailed."""
        received = self.socket.recv(_RECEIVE)
        if not received:
            raise LoadFailed(f"The server closed a connection after {self.received[:200]!r}.")
        if self.received:
            received = self.received + received
        length = _length(received)
        if length is None or len(received) < length:
            self.received = received
            return None
        self.received = b""
        self.busy = False
        return received


def _length(received: bytes) -> int | None:
    """How long the answer that begins here is; None while its head is not complete."""
    end = received.find(_END_OF_HEAD)
    if end < 0:
        return None
    head = received[: end + 2].lower()
    at = head.find(_LENGTH)
    if at < 0:
        raise LoadFailed(f"An answer does not tell its length: {received[:200]!r}")
    at += len(_LENGTH)
    return end + len(_END_OF_HEAD) + int(head[at : head.index(b"\r", at)])


class _Source:
    """A stream while it runs: what is to be sent next, and when."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.requests: Iterator[bytes] = iter(stream.requests)
        self.idle: deque[_Connection] = deque()
        self.overdue: deque[float] = deque()
        self.next_due = 0.0
        self.ended = False
        self._gaps = Random(1)  # the same intervals in every run

    def begin(self, now: float) -> None:
        self.next_due = now
        if self.stream.rate is None:
            while self.idle and self.send(self.idle.popleft(), perf_counter()):
                pass

    def send(self, connection: _Connection, began: float) -> bool:
        """Sends the next request, if there is one."""
        request = next(self.requests, None)
        if request is None:
            self.end()
            self.overdue.clear()
            return False
        connection.send(request, began)
        return True

    def send_what_is_due(self, now: float) -> None:
        """Of an open stream: requests whose time has come, on the connections that are free."""
        rate = self.stream.rate
        if rate is None:
            return
        while self.next_due <= now:
            self.overdue.append(self.next_due)
            self.next_due += self._gaps.expovariate(rate)
        while self.overdue and self.idle:
            self.send(self.idle.popleft(), self.overdue.popleft())

    def end(self) -> None:
        """Nothing new becomes due; what is overdue is still sent, or its lateness went unseen."""
        self.ended = True
        self.next_due = inf

    def answered(self, connection: _Connection, answer: bytes, now: float) -> None:
        stream = self.stream
        stream.latencies_s.append(now - connection.began)
        stream.statuses[int(answer[9:12])] += 1
        if stream.keep_bodies:
            stream.bodies.append(answer[answer.index(_END_OF_HEAD) + 4 :])
        if stream.rate is not None:
            self.idle.append(connection)
        elif not self.ended:
            self.send(connection, now)


class _Loop:
    """The streams' connections and the one selector that waits for them."""

    def __init__(self, address: Address, streams: Sequence[Stream], seconds: float) -> None:
        self._seconds = seconds
        self._sources = [_Source(stream) for stream in streams]
        self._selector = selectors.DefaultSelector()
        self._connections: list[_Connection] = []
        for source in self._sources:
            for _ in range(source.stream.connections):
                connection = _Connection(address, source)
                self._connections.append(connection)
                source.idle.append(connection)
                self._selector.register(connection.socket, selectors.EVENT_READ, connection)

    def run(self) -> None:
        began = perf_counter()
        deadline = began + self._seconds
        opened = [source for source in self._sources if source.stream.rate is not None]
        for source in self._sources:
            source.begin(began)
        while True:
            now = perf_counter()
            if now >= deadline:
                for source in self._sources:
                    source.end()
                if now > deadline + _GRACE_S:
                    raise LoadFailed(self._why_not_over())
            for source in opened:
                source.send_what_is_due(now)
            if self._is_over():
                return
            self._receive(self._timeout(opened, now, deadline), began)

    def close(self) -> None:
        self._selector.close()
        for connection in self._connections:
            connection.socket.close()

    def _why_not_over(self) -> str:
        overdue = sum(len(source.overdue) for source in self._sources)
        if overdue:
            return f"{overdue} requests are overdue: the house is slower than they were to come."
        return f"An answer took longer than {_GRACE_S:.0f} s."

    def _receive(self, timeout: float, began: float) -> None:
        for key, _ in self._selector.select(timeout):
            connection: _Connection = key.data
            answer = connection.receive()
            if answer is not None:
                now = perf_counter()
                connection.source.stream.took_s = now - began
                connection.source.answered(connection, answer, now)

    def _is_over(self) -> bool:
        return all(source.ended and not source.overdue for source in self._sources) and not any(
            connection.busy for connection in self._connections
        )

    @staticmethod
    def _timeout(opened: Sequence[_Source], now: float, deadline: float) -> float:
        due = [source.next_due for source in opened if source.idle]
        return max(0.0, min([*due, max(deadline, now + 0.05)]) - now)
