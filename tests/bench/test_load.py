"""The load generator tells what a real server answered, and how late it was."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.load import Address, LoadFailed, Stream, closed_loop, open_loop, percentile, run


class _Door(BaseHTTPRequestHandler):
    """Answers a POST with its own body: `/slow` after a tenth of a second, `/never` too late,
    `/odd` without telling its length."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """The answer."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/slow":
            time.sleep(0.1)
        if self.path == "/never":
            time.sleep(2)
        self.send_response(409 if body == b"no" else 202)
        if self.path != "/odd":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True


@pytest.fixture
def door() -> Iterator[Address]:
    """Where the server listens."""
    with _Server(("127.0.0.1", 0), _Door) as server:
        threading.Thread(target=server.serve_forever).start()
        yield "127.0.0.1", server.server_port
        server.shutdown()


def _post(body: bytes, path: str = "/") -> bytes:
    return b"POST %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (path.encode(), len(body), body)


def test_every_request_is_sent_once_and_every_answer_is_counted(door: Address) -> None:
    requests = [_post(b"%d" % number) for number in range(300)] + [_post(b"no")] * 7

    stream = closed_loop(door, requests, connections=5, seconds=30, keep_bodies=True)

    assert stream.statuses == {202: 300, 409: 7}
    assert sorted(stream.bodies) == sorted([b"%d" % n for n in range(300)] + [b"no"] * 7)
    assert stream.answered == len(stream.latencies_s) == 307


def test_an_answer_that_comes_in_parts_is_one(door: Address) -> None:
    large = b"x" * 3_000_000

    stream = closed_loop(door, [_post(large)], connections=1, seconds=30, keep_bodies=True)

    assert stream.bodies == [large]


def test_an_open_stream_keeps_its_rate_and_counts_from_when_a_request_was_due(
    door: Address,
) -> None:
    # One connection answers 10 a second; 40 a second are due, so that the last waits long.
    stream = open_loop(door, [_post(b"", "/slow")] * 1000, rate=40, connections=1, seconds=0.5)

    assert 5 < stream.answered < 60
    assert max(stream.latencies_s) > 0.1 * (stream.answered - 1) - 0.5


def test_streams_run_beside_each_other(door: Address) -> None:
    slow = Stream([_post(b"", "/slow")] * 3, connections=3)
    fast = Stream([_post(b"")] * 200, connections=2)

    run(door, [slow, fast], 30)

    assert (slow.answered, fast.answered) == (3, 200)
    assert min(slow.latencies_s) >= 0.1
    assert fast.latency_ms(50) < 100


def test_what_was_not_expected_is_told(door: Address) -> None:
    stream = closed_loop(door, [_post(b"no")], connections=1, seconds=30)

    with pytest.raises(LoadFailed, match="202 was expected"):
        stream.expect(202)


def test_an_answer_without_length_is_refused(door: Address) -> None:
    with pytest.raises(LoadFailed, match="does not tell its length"):
        closed_loop(door, [_post(b"x", "/odd")], connections=1, seconds=30)


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (50, 51), (99, 100), (100, 100)])
def test_percentiles_are_values_that_were_measured(percent: float, expected: int) -> None:
    assert percentile(range(1, 101), percent) == expected


def test_who_is_overrun_is_told_from_who_does_not_answer(
    door: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.load._GRACE_S", 0.3)
    with pytest.raises(LoadFailed, match=r"\d+ requests are overdue"):
        open_loop(door, [_post(b"1", "/slow")] * 100, rate=100, connections=1, seconds=0.5)
    with pytest.raises(LoadFailed, match=r"longer than 0 s"):
        open_loop(door, [_post(b"1", "/never")], rate=100, connections=1, seconds=0.1)
