"""Who really asks, when proxies stand before us: what they say is believed of them alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from flask import Flask

from loyalty.config import Network

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SCHEMES = frozenset({"http", "https"})
_MOST_HOPS = 20


def client_of(peer: str, forwarded_for: str, proxies: Sequence[Network]) -> str:
    """The address that asked: the last one in `X-Forwarded-For` that is none of our proxies.

    What stands before it was written by whoever asked, and may be a lie.
    """
    client = peer
    for hop in reversed(forwarded_for.split(",")[-_MOST_HOPS:]):
        if not _is_among(client, tuple(proxies)):
            break
        told = _address(hop.strip())
        if told is None:
            break
        client = told
    return client


def _address(hop: str) -> str | None:
    """The address of a hop that may come as `1.2.3.4:567` or `[2001:db8::1]:567`."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        return str(ip_address(hop))
    except ValueError:
        return None


@lru_cache(maxsize=10_000)
def _is_among(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in network for network in networks)


class _Behind:
    """Puts the client's address and scheme where the server put the proxy's."""

    def __init__(self, app: WSGIApplication, proxies: tuple[Network, ...]) -> None:
        self._app = app
        self._proxies = proxies

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        peer = environ.get("REMOTE_ADDR", "")
        if _is_among(peer, self._proxies):
            told = environ.get("HTTP_X_FORWARDED_FOR", "")
            environ["REMOTE_ADDR"] = client_of(peer, told, self._proxies)
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
            if scheme in _SCHEMES:
                environ["wsgi.url_scheme"] = scheme
        return self._app(environ, start)


def install(app: Flask, proxies: tuple[Network, ...]) -> None:
    """Believes what these proxies say of who asks, and of how."""
    if proxies:
        app.wsgi_app = _Behind(app.wsgi_app, proxies)  # type: ignore[method-assign,assignment]
