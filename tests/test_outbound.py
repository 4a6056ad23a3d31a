"""Calls go where a tenant says, but never into our own house, and never for long."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from loyalty import outbound
from loyalty.config import config
from loyalty.outbound import Unreachable, call, check_url, is_public

_OWN = (
    "127.0.0.1",
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "169.254.169.254",  # where clouds tell secrets
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "192.0.0.192",  # and a second cloud
    "192.88.99.1",
    "168.63.129.16",  # and a third
    "64:ff9b::192.0.0.192",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::7f00:1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2001:0:a9fe:a9fe::1",
    "2001:0:101:101:0:0:5601:5601",  # Teredo, whoever is behind it
    "::ffff:0:127.0.0.1",  # translated (SIIT)
    "::1.1.1.1",  # compatible, and so nobody's
    "64:ff9b:1:a9fe:a9:fe00:101:101",  # NAT64 of one house: the IPv4 address is not the last part
    "::5efe:127.0.0.1",  # ISATAP
    "2606:4700::200:5efe:10.0.0.1",
    "100::1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "fe80::1%eth0",
    "fd00:ec2::254",  # where clouds tell secrets, again
)


@pytest.mark.parametrize("address", _OWN)
def test_our_own_house_is_not_public_in_any_form(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]
)
def test_the_open_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://example.com/keys",
        "ftp://example.com/keys",
        "file:///etc/passwd",
        "https://",
        "https://ann:secret@example.com/",
        "https://example.com:99999/",
        "https://example.com:0/",
        "https://example.com/\r\nHost: inside",
        "https://example.com/a b",
        "https://münchen.example/",
        "https://127。0。0。1/",
        "https://example.com/grüße",
        "https://10.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://[::1",
        f"https://example.com/{'x' * 3000}",
    ],
)
def test_what_is_no_url_of_the_outside_is_not_called(database: object, url: str) -> None:
    with pytest.raises(Unreachable):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    [f"https://{f'[{one}]' if ':' in one else one}/x" for one in _OWN]
    + [
        "https://localhost/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://127.1/",
    ],
)
def test_our_own_house_is_not_called(
    database: object, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    def connect(*_: object) -> None:
        pytest.fail("it was called")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(Unreachable):
        call("GET", url, timeout_s=1, most_bytes=10)


def test_one_private_address_among_public_ones_is_enough_to_refuse(
    database: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _answers("1.1.1.1", "10.0.0.1"))
    with pytest.raises(Unreachable, match="may not be called"):
        call("GET", "https://two.example/", timeout_s=1, most_bytes=10)


def test_the_address_that_was_looked_at_is_the_one_that_is_called(
    database: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers with a private address the second time is asked once."""
    called: list[object] = []

    def connect(address: object, _: float) -> None:
        called.append(address)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", _answers("1.1.1.1"))
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(Unreachable):
        call("GET", "https://rebinds.example/", timeout_s=1, most_bytes=10)
    assert called == [("1.1.1.1", 443)]


def test_a_name_that_is_not_told_in_time_holds_nobody_up(
    database: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [told.wait(60)][:0])
    began_s = time.monotonic()
    with pytest.raises(Unreachable, match="was not told in time"):
        call("GET", "https://silent.example/", timeout_s=0.1, most_bytes=10)
    assert time.monotonic() - began_s < 3
    told.set()


def test_what_looking_up_took_is_taken_off_the_rest(
    database: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[float] = []

    def look_up(*_: object, **__: object) -> list[Any]:
        time.sleep(0.1)
        return _answers("1.1.1.1")()

    def connect(_: object, timeout_s: float) -> None:
        left.append(timeout_s)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(Unreachable):
        call("GET", "https://slow.example/", timeout_s=5, most_bytes=10)
    assert 0 < left[0] <= 4.9


def _answers(*addresses: str) -> Callable[..., list[Any]]:
    def look_up(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in addresses]

    return look_up


@contextmanager
def _server(say: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server on loopback that answers one call as it is told."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            its, _ = listening.accept()
            with its:
                its.recv(4096)
                say(its)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join(5)


@pytest.fixture
def inside(database: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting for a house whose partners are inside it."""
    private = replace(config(), private_addresses=True)
    monkeypatch.setattr(outbound, "config", lambda: private)


def test_redirects_are_not_followed(inside: None) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with _server(lambda its: its.sendall(moved)) as url:
        assert call("GET", url, timeout_s=5, most_bytes=10).status == 302


def test_of_a_long_answer_as_much_is_read_as_was_asked_for(inside: None) -> None:
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n" + b"x" * 50_000
    with _server(lambda its: its.sendall(long)) as url:
        assert call("GET", url, timeout_s=5, most_bytes=100).body == b"x" * 100


def test_an_answer_that_comes_byte_by_byte_is_cut(inside: None) -> None:
    def drip(its: socket.socket) -> None:
        try:
            its.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while True:
                its.sendall(b"x")
                time.sleep(0.05)
        except OSError:
            return

    began_s = time.monotonic()
    with _server(drip) as url, pytest.raises(Unreachable):
        call("GET", url, timeout_s=0.5, most_bytes=100)
    assert time.monotonic() - began_s < 3
