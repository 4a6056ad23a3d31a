"""A webhook is genuine when it is signed, by a secret that is known, just now."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.webhooks.rules import secret_text, signature
from loyalty_client import Garbled, NotGenuine, Webhooks

_NOW_S = 1_614_265_330
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_OTHER = "whsec_" + base64.b64encode(b"another secret of 24 byte").decode()
_EVENT = {
    "specversion": "1.0",
    "id": "01a1ff1a-da95-7000-a054-e584008fa837",
    "source": "/tenants/default",
    "type": "points.earned",
    "time": "2026-07-01T12:00:00Z",
    "subject": "ada",
    "data": {"points": 12},
}
_BODY = json.dumps(_EVENT).encode()


def _signature(body: bytes, secret: str = _SECRET, sent_at: str = str(_NOW_S)) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join([b"msg_1", sent_at.encode(), body])
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _headers(signature: str, sent_at: str = str(_NOW_S)) -> dict[str, str]:
    return {"Webhook-Id": "msg_1", "webhook-timestamp": sent_at, "WEBHOOK-SIGNATURE": signature}


def test_the_example_of_the_specification() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": str(_NOW_S),
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    with pytest.raises(Garbled, match=r"Event\.id is missing"):  # genuine, and no event of ours
        Webhooks(_SECRET).verify(headers, b'{"test": 2432232314}', now_s=_NOW_S)


def test_a_genuine_event_is_told() -> None:
    event = Webhooks(_SECRET).verify(_headers(_signature(_BODY)), _BODY, now_s=_NOW_S)
    assert (event.id, event.type, event.subject) == (_EVENT["id"], "points.earned", "ada")
    assert event.data == {"points": 12}
    assert event.time.isoformat() == "2026-07-01T12:00:00+00:00"


def test_one_of_several_signatures_and_of_several_secrets_is_enough() -> None:
    theirs = f"v1a,{'A' * 86} v1,no-base64! v1, v2,AAAA {_signature(_BODY, _OTHER)} nonsense"
    assert Webhooks(_SECRET, _OTHER).verify(_headers(theirs), _BODY, now_s=_NOW_S).data
    with pytest.raises(NotGenuine, match="No signature"):
        Webhooks(_SECRET).verify(_headers(theirs), _BODY, now_s=_NOW_S)


@pytest.mark.parametrize("off_s", [-300, 0, 300])
def test_clocks_may_differ(off_s: int) -> None:
    assert Webhooks(_SECRET).verify(_headers(_signature(_BODY)), _BODY, now_s=_NOW_S + off_s).data


@pytest.mark.parametrize("off_s", [-301, 301, 10**9])
def test_what_is_old_or_ahead_is_refused(off_s: int) -> None:
    with pytest.raises(NotGenuine, match="too far from now"):
        Webhooks(_SECRET).verify(_headers(_signature(_BODY)), _BODY, now_s=_NOW_S + off_s)


@pytest.mark.parametrize("sent_at", ["soon", "-1", "1.5", "²", "9" * 5000, "0x10", " 1614265330"])
def test_a_time_that_is_none(sent_at: str) -> None:
    headers = _headers(_signature(_BODY, sent_at=sent_at), sent_at)
    with pytest.raises(NotGenuine, match="webhook-timestamp"):
        Webhooks(_SECRET).verify(headers, _BODY, now_s=_NOW_S)


@pytest.mark.parametrize("name", ["Webhook-Id", "webhook-timestamp", "WEBHOOK-SIGNATURE"])
def test_every_header_is_needed(name: str) -> None:
    headers = _headers(_signature(_BODY))
    del headers[name]
    with pytest.raises(NotGenuine, match=f"{name.lower()} is missing"):
        Webhooks(_SECRET).verify(headers, _BODY, now_s=_NOW_S)


@given(place=st.integers(0, len(_BODY) - 1), flipped=st.integers(1, 255))
def test_a_changed_byte_is_seen(place: int, flipped: int) -> None:
    body = bytearray(_BODY)
    body[place] ^= flipped
    with pytest.raises(NotGenuine):
        Webhooks(_SECRET).verify(_headers(_signature(_BODY)), bytes(body), now_s=_NOW_S)


def test_headers_of_any_bytes_are_refused_and_no_more() -> None:
    headers = {**_headers("v1,\udcff €"), "Webhook-Id": "msg_\udcff"}
    with pytest.raises(NotGenuine, match="No signature"):
        Webhooks(_SECRET).verify(headers, _BODY, now_s=_NOW_S)


@pytest.mark.parametrize("changed", ["id", "timestamp"])
def test_id_and_time_are_signed_too(changed: str) -> None:
    headers = {name.lower(): value for name, value in _headers(_signature(_BODY)).items()}
    headers[f"webhook-{changed}"] = str(_NOW_S + 1)
    with pytest.raises(NotGenuine, match="No signature"):
        Webhooks(_SECRET).verify(headers, _BODY, now_s=_NOW_S)


@given(body=st.binary(), secrets=st.lists(st.binary(min_size=24, max_size=64), min_size=1))
def test_what_the_bank_signs_is_genuine(body: bytes, secrets: list[bytes]) -> None:
    headers = _headers(signature(secrets, "msg_1", _NOW_S, body))
    for one in secrets:
        with contextlib.suppress(Garbled):  # it is from the bank, and no event
            Webhooks(secret_text(one)).verify(headers, body, now_s=_NOW_S)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64", "whsec_€"])
def test_a_secret_has_a_form(secret: str) -> None:
    with pytest.raises(ValueError, match="base64"):
        Webhooks(secret)


def test_no_secret_verifies_nothing() -> None:
    with pytest.raises(ValueError, match="At least one"):
        Webhooks()


def test_what_is_signed_and_no_event() -> None:
    for body in (b"[]", b"{", b'{"id": 1}'):
        with pytest.raises(Garbled):
            Webhooks(_SECRET).verify(_headers(_signature(body)), body, now_s=_NOW_S)
