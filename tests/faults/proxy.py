"""A TCP proxy on loopback that can swallow all that passes: a network that went away silently."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

_CHUNK = 65_536


class Proxy:
    """Forwards to `port` on this machine. While it swallows, connections stay open and silent.

    What was swallowed arrives when it forwards again, as after a broken cable: TCP sends again.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._forwards = threading.Event()
        self._forwards.set()
        self._opening = threading.Lock()
        self._closed = False
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def swallow(self) -> None:
        """From now on nothing passes, in either direction."""
        self._forwards.clear()

    def forward(self) -> None:
        """Everything passes again, what was swallowed first."""
        self._forwards.set()

    def close(self) -> None:
        """Ends the proxy and every connection through it."""
        with self._opening:
            self._closed = True
            for one in (self._listener, *self._open):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self._forwards.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                self._open.append(near)
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self._forwards.wait()
        with self._opening:
            if self._closed:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:  # the server is away: so is this connection
                near.close()
                return
            self._open.append(far)
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(_CHUNK):
                self._forwards.wait()
                other.sendall(data)
        self._forwards.wait()
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """A proxy that forwards, closed in the end."""
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
