"""What a proxy says of who asks is believed of our proxies alone."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from flask import Flask, jsonify, request
from hypothesis import given
from hypothesis import strategies as st

from loyalty.web import proxies
from loyalty.web.proxies import client_of

_OURS = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))


@pytest.mark.parametrize(
    ("peer", "told", "client"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # not of ours: a lie, perhaps
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9, 10.2.3.4", "203.0.113.9"),
        ("10.0.0.1", "10.9.9.9", "10.9.9.9"),
        ("10.0.0.1", "198.51.100.1:5555", "198.51.100.1"),
        ("10.0.0.1", "[2001:4860::8888]:443", "2001:4860::8888"),
        ("10.0.0.1", "2001:4860::8888", "2001:4860::8888"),
        ("10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("2001:db8::5", "198.51.100.1", "198.51.100.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_who_asks(peer: str, told: str, client: str) -> None:
    assert client_of(peer, told, _OURS) == client


@given(st.ip_addresses().filter(lambda one: one not in _OURS[0] and one not in _OURS[1]), st.text())
def test_what_a_stranger_says_changes_nothing(peer: object, told: str) -> None:
    assert client_of(str(peer), told, _OURS) == str(peer)


@given(st.text(), st.ip_addresses(v=4))
def test_what_was_there_before_our_proxy_wrote_changes_nothing(lie: str, client: object) -> None:
    if ip_address(str(client)) not in _OURS[0]:
        assert client_of("10.0.0.1", f"{lie},{client}", _OURS) == str(client)


def _app(*networks: str) -> Flask:
    app = Flask("behind")
    app.add_url_rule("/", "who", lambda: jsonify(request.remote_addr, request.scheme))
    proxies.install(app, tuple(ip_network(one) for one in networks))
    return app


@pytest.mark.parametrize(
    ("networks", "peer", "told"),
    [
        ((), "10.0.0.1", ["10.0.0.1", "http"]),
        (("10.0.0.0/8",), "10.0.0.1", ["198.51.100.1", "https"]),
        (("10.0.0.0/8",), "203.0.113.9", ["203.0.113.9", "http"]),
    ],
)
def test_address_and_scheme(networks: tuple[str, ...], peer: str, told: list[str]) -> None:
    says = {"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "https"}
    client = _app(*networks).test_client()
    assert client.get("/", headers=says, environ_base={"REMOTE_ADDR": peer}).json == told


def test_a_scheme_that_is_none_is_not_believed() -> None:
    client = _app("10.0.0.0/8").test_client()
    for scheme in ("ftp", "", "https, javascript"):
        says = {"X-Forwarded-Proto": scheme}
        told = client.get("/", headers=says, environ_base={"REMOTE_ADDR": "10.0.0.1"}).json
        assert told == ["10.0.0.1", "http"]
