"""A TCP proxy that loses answers: the bank has done its work, and nobody hears of it."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Iterator
from enum import Enum

_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST


class Cut(Enum):
    """What becomes of an answer that is cut."""

    BEFORE_THE_ANSWER = "the connection is reset"
    WITHIN_THE_ANSWER = "half of it comes"
    SILENCE = "nothing comes, and the connection stays"


class Cutter:
    """Forwards to `port` on this machine, but for the answers that it was told to cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._how, self.left, self._in_a_row = Cut.BEFORE_THE_ANSWER, 0, 0
        self._row = 0
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, how: Cut, times: int, in_a_row: int = 2) -> None:
        """So many answers are lost; after some in a row one comes through."""
        with self._lock:
            self._how, self.left, self._in_a_row = how, times, in_a_row
            self._row = 0

    def close(self) -> None:
        """Ends the proxy and every connection through it."""
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open += [near, far]
                threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        """One thread for both directions: a socket is reset only when nobody waits on it."""
        with contextlib.suppress(OSError), near, far:
            while True:
                ready, _, _ = select.select([near, far], [], [])
                for one in ready:
                    if not (data := one.recv(_CHUNK)):
                        return
                    if one is near:
                        far.sendall(data)
                    elif (how := self._take()) is None:
                        near.sendall(data)
                    else:  # the bank answers after its commit: it is done
                        _lose(data, how, near)
                        return

    def _take(self) -> Cut | None:
        """What becomes of this answer; None lets it pass."""
        with self._lock:
            if self.left == 0 or self._row == self._in_a_row:
                self._row = 0
                return None
            self.left -= 1
            self._row += 1
            return self._how


def _lose(answer: bytes, how: Cut, near: socket.socket) -> None:
    if how is Cut.SILENCE:
        while near.recv(_CHUNK):  # until the client has had enough
            pass
        return
    if how is Cut.WITHIN_THE_ANSWER:
        near.sendall(answer[: len(answer) // 2])
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


@contextlib.contextmanager
def cutter_to(port: int) -> Iterator[Cutter]:
    """A proxy, closed in the end."""
    cutter = Cutter(port)
    try:
        yield cutter
    finally:
        cutter.close()
