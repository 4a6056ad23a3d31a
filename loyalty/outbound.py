"""Calls to addresses that a tenant names: bounded in time and size, and never to our own house.

The name is resolved once, and the connection goes to the very address that was looked at: a name
that answers otherwise a moment later changes nothing. Redirects are not followed.
"""

from __future__ import annotations

import http.client
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from loyalty.config import config

Address = IPv4Address | IPv6Address

_PORTS = {"https": 443, "http": 80}
_LONGEST_URL = 2000
_ASCII = re.compile("[!-~]+")
#: The IPv6 addresses that are given to anybody (RFC 4291). All others are of one house, or of
#: nobody; but for two forms that carry the IPv4 address that is called: mapped, and NAT64's.
_GIVEN = IPv6Network("2000::/3")
_EXAMPLES = IPv6Network("3fff::/20")  # the library learned of it late
_NAT64 = IPv6Network("64:ff9b::/96")
#: Of IPv4, what some versions of the library take for anybody's.
_NOBODYS = (
    IPv4Network("192.0.0.0/24"),  # protocols' own; 192.0.0.192 is where a cloud tells secrets
    IPv4Network("192.88.99.0/24"),  # relays of 6to4, which are no more
    IPv4Network("168.63.129.16/32"),  # where another cloud does, by an address of the internet
)
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")  # before an IPv4 address, in any network


class Unreachable(Exception):
    """Nothing came of it; the message says why, and tells nothing of our own network."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered; of a long body as much as was asked for."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def is_public(address: Address) -> bool:
    """Whether the address is one of the open internet, in whatever form it is written."""
    if isinstance(address, IPv4Address):
        is_given = address.is_global and not address.is_multicast
        return is_given and not any(address in network for network in _NOBODYS)
    is_given = address in _GIVEN and address not in _EXAMPLES and address.is_global
    if not is_given and address.ipv4_mapped is None and address not in _NAT64:
        return False
    return all(map(is_public, _carried(address)))


def _carried(address: IPv6Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that are written into this one: what is called may be one of them."""
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address in _NAT64 or address.packed[8:12] in _ISATAP:
        yield IPv4Address(address.packed[-4:])


def check_url(url: str) -> SplitResult:
    """The parts of a URL that may be called, if its name leads where calls may go.

    Raises Unreachable for its form, and for an address that stands in it and may not be called.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Unreachable("The URL cannot be read.") from None
    if parts.scheme != "https" and not (config().private_addresses and parts.scheme == "http"):
        raise Unreachable("The URL must begin with https://.")
    if not parts.hostname or port == 0 or len(url) > _LONGEST_URL:
        raise Unreachable("The URL names no host that can be called.")
    if not _ASCII.fullmatch(url):
        raise Unreachable("The URL must be of ASCII alone: xn--… for a host, %C3%BC for a letter.")
    if parts.username is not None or parts.password is not None:
        raise Unreachable("The URL must hold no name and no password.")
    with suppress(ValueError):  # it is a name
        _check([ip_address(parts.hostname.partition("%")[0])])
    return parts


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout_s: float,
    most_bytes: int,
) -> Answer:
    """One request to where `url` leads now. The whole of it takes `timeout_s` at most.

    Raises Unreachable.
    """
    parts, deadline_s = check_url(url), time.monotonic() + timeout_s
    host, port = str(parts.hostname), parts.port or _PORTS[parts.scheme]
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        with _connected(host, port, parts.scheme == "https", deadline_s) as its:
            connection = http.client.HTTPConnection(host, port)
            connection.sock = its
            connection.auto_open = 0  # never to an address that nobody has looked at
            connection.request(method, target, body, {**(headers or {}), "Host": parts.netloc})
            response = connection.getresponse()
            said = response.read(most_bytes)
            if time.monotonic() >= deadline_s:  # it was cut, and is not all that was said
                raise Unreachable("The call took too long.")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(f"The call failed: {type(error).__name__}.") from error
    return Answer(response.status, said, dict(response.headers))


@contextmanager
def _connected(host: str, port: int, secure: bool, deadline_s: float) -> Iterator[socket.socket]:
    """A connection that ends at the deadline, also one that is fed byte by byte."""
    address = _resolve(host, port, deadline_s)
    its = socket.create_connection((str(address), port), _left_s(deadline_s))
    watchdog = threading.Timer(_left_s(deadline_s), lambda: _cut(its))
    watchdog.start()
    try:
        if secure:
            trusted = ssl.create_default_context()
            its = trusted.wrap_socket(its, server_hostname=host, do_handshake_on_connect=False)
            its.do_handshake()
        yield its
    finally:
        watchdog.cancel()
        its.close()


def _left_s(deadline_s: float) -> float:
    return max(deadline_s - time.monotonic(), 0.001)


def _cut(its: socket.socket) -> None:
    with suppress(OSError):  # closed already
        socket.socket.shutdown(its, socket.SHUT_RDWR)  # the connection itself, not TLS's goodbye


def _resolve(host: str, port: int, deadline_s: float) -> Address:
    """The one address that is called. Each that the name has must be public.

    Raises Unreachable.
    """
    told: queue.SimpleQueue[list[Address]] = queue.SimpleQueue()
    # The resolver has a patience of its own, much longer than ours: nobody waits for its end.
    asking = threading.Thread(target=lambda: told.put(_addresses(host, port)), daemon=True)
    asking.start()
    try:
        addresses = told.get(timeout=_left_s(deadline_s))
    except queue.Empty:
        raise Unreachable("The host's name was not told in time.") from None
    if not addresses:
        raise Unreachable("The host's name is not known.")
    _check(addresses)
    return addresses[0]


def _addresses(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [ip_address(str(where[0]).partition("%")[0]) for *_, where in found]
    except (OSError, UnicodeError, ValueError):
        return []


def _check(addresses: Sequence[Address]) -> None:
    """Raises Unreachable."""
    if not (config().private_addresses or all(map(is_public, addresses))):
        raise Unreachable("The host has an address that may not be called.")
