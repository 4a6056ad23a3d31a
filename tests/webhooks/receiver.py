"""A real HTTP server that is told what happens, and answers as a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """What came in."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The event in it."""
        event: dict[str, Any] = json.loads(self.body)
        return event

    @property
    def subject(self) -> str:
        """Whom it is about."""
        return str(self.event["subject"])


@dataclass(slots=True)
class Receiver:
    """`answer` says the status for each message (200); it runs before the answer leaves, so it may
    wait. `came` are all messages, in the order in which they came."""

    url: str = ""
    came: list[Message] = field(default_factory=list)
    answer: Callable[[Message], int] = lambda message: 200
    most_at_once: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def subjects(self) -> list[str]:
        """Whom the messages were about, in their order."""
        return [one.subject for one in self.came]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens on loopback."""
    receiver, guard, inside = Receiver(), threading.Lock(), [0]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            message = Message({k.lower(): v for k, v in self.headers.items()}, body)
            with guard:
                receiver.came.append(message)
                inside[0] += 1
                receiver.most_at_once = max(receiver.most_at_once, inside[0])
            status = receiver.answer(message)
            with guard:
                inside[0] -= 1
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
