"""What only a real server can be sent: chunks, floods, and bytes that are no HTTP."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from tests.stack import Stack


def _post(stack: Stack, body: Iterator[bytes] | bytes) -> requests.Response:
    headers = {**stack.tenant().headers(), "Content-Type": "application/json"}
    return requests.post(f"{stack.base_url}/v1/api-keys", headers=headers, data=body, timeout=10)


def _chunks(size: int, number: int) -> Iterator[bytes]:
    yield b'{"name": "x"}'
    for _ in range(number):
        yield b" " * size


def test_a_body_may_come_in_chunks(stack: Stack) -> None:
    assert _post(stack, _chunks(10, 10)).status_code == 201


@pytest.mark.parametrize("body", [_chunks(1000, 66), b" " * 65_537, b" " * 10_000_000])
def test_too_much_is_refused_however_it_comes(stack: Stack, body: Iterator[bytes] | bytes) -> None:
    response = _post(stack, body)
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /%zz%00%ff HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"BOGUS /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"GET /v1/programs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n", 401),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: \xff\r\n\r\n", 200),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    ],
)
def test_bytes_that_no_client_sends(stack: Stack, raw: bytes, status: int) -> None:
    at = urlsplit(stack.base_url)
    with socket.create_connection((at.hostname, at.port), timeout=10) as connection:
        connection.sendall(raw)
        head = connection.recv(65_536)
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Traceback" not in head


def test_what_is_no_http_hurts_nobody(stack: Stack) -> None:
    at = urlsplit(stack.base_url)
    with socket.create_connection((at.hostname, at.port), timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01\x00\x00 hello\r\n\r\n")
        connection.recv(65_536)
    assert requests.get(f"{stack.base_url}/healthz", timeout=10).json() == {"status": "ok"}
