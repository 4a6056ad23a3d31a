"""The feed, read on from a cursor, and the same events by a webhook."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace

import pytest

from loyalty import outbound
from loyalty.config import config
from loyalty.ids import uuid7
from loyalty.webhooks.next_round import Delivery
from loyalty.webhooks.rules import secret_text
from loyalty.webhooks.send import send
from loyalty_client import Loyalty, NotGenuine, Program, Webhooks
from tests.client.given import bought
from tests.scenarios.door import Door
from tests.webhooks.receiver import receiving


def test_what_happened_is_told_once_and_in_order(wine: Program, loyalty: Loyalty) -> None:
    wine.earn(bought("10"), wait_s=20)
    wine.redeem("ada", points=4)
    first = loyalty.events()
    assert first.next is None
    moved = [one for one in first.data if one.type.startswith("points.")]
    assert [(one.type, one.subject, one.data["points"]) for one in moved] == [
        ("points.earned.v1", "member ada", 10),
        ("points.redeemed.v1", "member ada", 4),
    ]
    assert [one.sequence for one in first.data] == sorted(one.sequence or "" for one in first.data)
    assert loyalty.events(first.cursor).data == ()
    wine.adjust("ada", 1, "a gift")
    [one] = loyalty.events(first.cursor, program="wine").data
    assert (one.type, one.program) == ("points.adjusted.v1", "wine")
    assert loyalty.events("latest").data == ()
    assert loyalty.events(type="points.redeemed.v1").data == (moved[1],)


def test_a_webhook_tells_the_same(
    wine: Program, loyalty: Loyalty, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the bank sends, over HTTP, while one secret replaces another."""
    wine.earn(bought("10"), wait_s=20)
    told = door.call("GET", "/events?type=points.earned.v1").json()["data"][0]
    within = replace(config(), private_addresses=True)
    monkeypatch.setattr(outbound, "config", lambda: within)
    old, new = secrets.token_bytes(32), secrets.token_bytes(32)
    delivery = Delivery(
        uuid7(), told["id"], told["subject"], told["sequence"], json.dumps(told).encode(), 1
    )
    with receiving() as receiver:
        assert send(receiver.url, [new, old], delivery).is_delivered
    [came] = receiver.came
    for known in (old, new):
        event = Webhooks(secret_text(known)).verify(came.headers, came.body)
        assert (event,) == loyalty.events(type="points.earned.v1").data
    with pytest.raises(NotGenuine):
        Webhooks(secret_text(secrets.token_bytes(32))).verify(came.headers, came.body)
