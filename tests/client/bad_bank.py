"""A server that answers what a test tells it to: what no healthy bank says, and when it is cut."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True, slots=True)
class Heard:
    """A request as it came: header names in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int


@dataclass(slots=True)
class BadBank:
    """Gives one answer after the other, the last one for ever, and remembers what it heard."""

    answers: list[Answer]
    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """Hears a request and answers it."""
        size = int(handler.headers.get("Content-Length") or 0)
        heard = Heard(
            handler.command,
            handler.path,
            {name.lower(): value for name, value in handler.headers.items()},
            handler.rfile.read(size),
            handler.client_address[1],
        )
        with self.lock:
            self.heard.append(heard)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        answer(handler)


def says(status: int, body: object = None, **headers: str) -> Answer:
    """JSON (bytes are sent as they are), with header names written with _ for -."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = {"Content-Type": "application/json", "Content-Length": str(len(raw))}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        handler.send_response(status)
        for name, value in told.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(raw)

    return answer


def refuses(status: int, code: str, **headers: str) -> Answer:
    """A problem."""
    told = {"type": f"/problems/{code}", "title": "No", "status": status, "detail": "Because."}
    return says(status, {**told, "code": code}, Content_Type="application/problem+json", **headers)


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    """No answer at all."""
    handler.close_connection = True


def stops_half_way(handler: BaseHTTPRequestHandler) -> None:
    """An answer that says it is longer than what comes of it."""
    says(200, b'{"id": "1", "sta', Content_Length="500")(handler)
    handler.close_connection = True


def trickles(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then, and never all of them."""
    says(200, b"{", Content_Length="100000")(handler)
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)


@contextlib.contextmanager
def bad_bank(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[BadBank]:
    """It listens on a port of its own until the end of the block."""
    bank = BadBank(list(answers))

    class Handler(BaseHTTPRequestHandler):
        """Keeps connections, and says nothing on stderr."""

        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Nothing."""

        def do_POST(self) -> None:
            """Whatever the method."""
            bank.take(self)

        do_GET = do_DELETE = do_POST  # noqa: N815 - the base class's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    bank.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield bank
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
