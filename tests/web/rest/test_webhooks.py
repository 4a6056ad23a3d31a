"""Webhooks and the feed over HTTP: what is shown, what is refused; no secret is told twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from loyalty.config import config
from loyalty.events.feed import TYPES
from loyalty.tasks.webhooks import deliver
from loyalty.transaction import transaction
from loyalty.webhooks import save
from loyalty.webhooks.seal import CannotUnseal, seal, unseal
from tests.web.rest.caller import Caller
from tests.webhooks.receiver import Receiver, receiving

_URL = "https://hooks.example/loyalty"


def _made(call: Caller, **more: object) -> dict[str, Any]:
    answer = call("POST", "/webhooks", {"url": _URL, **more})
    assert answer.status == 201, answer.raw
    made: dict[str, Any] = answer.body
    return made


def test_a_secret_is_told_once(call: Caller) -> None:
    made = _made(call, description="billing", types=["tier.changed.v1"])
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert len(secret) > 40
    assert made["types"] == ["tier.changed.v1"]
    assert (made["status"], made["waiting"], made["dead"]) == ("active", 0, 0)
    read = call("GET", f"/webhooks/{made['id']}")
    assert read.body == made
    assert read.headers["ETag"] == '"1"'
    assert call("GET", "/webhooks").body == {"data": [made], "next": None}
    log = call("GET", "/audit-log")
    assert log.body["data"][0]["act"] == "webhook.add"
    for answer in (read, log):
        assert secret not in answer.raw.decode()
        assert secret.removeprefix("whsec_") not in answer.raw.decode()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example/", "not_callable"),
        ("ftp://hooks.example/", "not_callable"),
        ("https://u:p@hooks.example/", "not_callable"),
        ("https://hooks.example:22/", "port_not_allowed"),
        ("https://hooks.example:8080/", "port_not_allowed"),
        ("https:///nowhere", "not_callable"),
        ("https://10.0.0.1/", "not_callable"),
        ("short", "too_short"),
        (f"https://hooks.example/{'x' * 2000}", "too_long"),
        (7, "not_a_string"),
    ],
)
def test_a_url_that_is_never_called_is_refused(call: Caller, url: object, code: str) -> None:
    assert call("POST", "/webhooks", {"url": url}).wrong == [("/url", code)]
    made = _made(call)
    assert call("PATCH", f"/webhooks/{made['id']}", {"url": url}).wrong == [("/url", code)]


@pytest.mark.parametrize("port", ["", ":443", ":8443"])
def test_the_usual_ports_are_called(call: Caller, port: str) -> None:
    assert call("POST", "/webhooks", {"url": f"https://hooks.example{port}/x"}).status == 201


def test_what_is_not_known_cannot_be_chosen(wine: Caller) -> None:
    wrong = wine("POST", "/webhooks", {"url": _URL, "types": ["points.stolen.v1"]}).wrong
    assert wrong == [("/types/0", "not_one_of")]
    assert wine("POST", "/webhooks", {"url": _URL, "types": []}).wrong == [
        ("/types", "wrong_length")
    ]
    assert wine("POST", "/webhooks", {"url": _URL, "programs": ["beer"]}).status == 404
    made = _made(wine, programs=["wine"], types=sorted(TYPES))
    assert made["programs"] == ["wine"]
    assert made["types"] == sorted(TYPES)


def test_changes_are_merged_and_written_down(wine: Caller) -> None:
    made = _made(wine, programs=["wine"])
    path = f"/webhooks/{made['id']}"
    changed = wine("PATCH", path, {"programs": None, "status": "paused"}, If_Match='"1"').body
    assert (changed["programs"], changed["status"], changed["version"]) == (None, "paused", 2)
    assert wine("PATCH", path, {"status": "active"}, If_Match='"1"').status == 412
    assert wine("PATCH", path, {"status": "disabled"}).wrong == [("/status", "not_one_of")]
    [record, *_] = wine("GET", "/audit-log").body["data"]
    assert record["act"] == "webhook.change"
    assert (record["before"]["status"], record["after"]["status"]) == ("active", "paused")


def test_a_secret_is_rotated(call: Caller) -> None:
    made = _made(call)
    path = f"/webhooks/{made['id']}"
    rotated = call("POST", f"{path}/rotate", {"overlap_hours": 2}).body
    assert rotated["secret"] != made["secret"]
    assert call("GET", path).body["old_secret_until"] == rotated["old_secret_until"]
    at_once = call("POST", f"{path}/rotate", {"overlap_hours": 0}).body
    assert at_once["old_secret_until"] is None
    wrong = call("POST", f"{path}/rotate", {"overlap_hours": 169}).wrong
    assert wrong == [("/overlap_hours", "too_large")]


def test_there_are_fifty_at_most(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(save, "MOST_WEBHOOKS", 2)
    _made(call)
    _made(call)
    assert call("POST", "/webhooks", {"url": _URL}).refusal == (409, "too_many_webhooks")


def test_one_is_taken_out(call: Caller) -> None:
    made = _made(call)
    path = f"/webhooks/{made['id']}"
    assert call("POST", f"{path}/test").status == 202
    assert call("DELETE", path).body["id"] == made["id"]
    for method, then in (
        ("GET", path),
        ("DELETE", path),
        ("POST", f"{path}/test"),
        ("GET", f"{path}/deliveries"),
    ):
        assert call(method, then).status == 404, then


def test_another_tenant_s_webhook_does_not_exist(call: Caller, stranger: Caller) -> None:
    made = _made(call)
    path = f"/webhooks/{made['id']}"
    delivery = call("POST", f"{path}/test").body["id"]
    assert stranger("GET", "/webhooks").body["data"] == []
    for method, then, body in (
        ("GET", path, None),
        ("PATCH", path, {"status": "paused"}),
        ("DELETE", path, None),
        ("POST", f"{path}/rotate", {}),
        ("POST", f"{path}/test", None),
        ("POST", f"{path}/replay", {}),
        ("GET", f"{path}/deliveries", None),
        ("GET", f"{path}/deliveries/{delivery}", None),
        ("POST", f"{path}/deliveries/{delivery}/retry", None),
    ):
        assert stranger(method, then, body).status == 404, then


@pytest.mark.parametrize("role", ["marketing", "support", "finance", "operator", "server"])
def test_only_admins_may(call: Caller, role: str) -> None:
    assert call("GET", "/webhooks", role=role).status == 403
    assert call("POST", "/webhooks", {"url": _URL}, role=role).status == 403
    assert call("GET", "/events", role=role).status == 403


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch, database: object) -> Iterator[Receiver]:
    """A server on loopback, which may be called."""
    private = replace(config(), private_addresses=True)
    monkeypatch.setattr("loyalty.outbound.config", lambda: private)
    monkeypatch.setattr(save, "config", lambda: private)
    with receiving() as receiver:
        yield receiver


def test_what_became_of_each_message_is_shown(wine: Caller, receiver: Receiver) -> None:
    made = wine("POST", "/webhooks", {"url": receiver.url}).body
    path = f"/webhooks/{made['id']}"
    receiver.answer = lambda message: 500
    test = wine("POST", f"{path}/test").body
    assert (test["status"], test["type"]) == ("pending", "webhook.test.v1")
    deliver(wine.tenant.id, made["id"])
    [shown] = wine("GET", f"{path}/deliveries").body["data"]
    assert (shown["id"], shown["answered"], shown["attempts"]) == (test["id"], 500, 1)
    assert shown["error"] == "It answered 500."
    assert wine("GET", path).body["failing_since"] is not None
    receiver.answer = lambda message: 204
    again = wine("POST", f"{path}/deliveries/{test['id']}/retry")
    assert (again.status, again.body["attempts"]) == (202, 0)
    deliver(wine.tenant.id, made["id"])
    told = wine("GET", f"{path}/deliveries/{test['id']}").body
    assert (told["status"], told["answered"]) == ("delivered", 204)
    assert told["body"] == receiver.came[-1].event
    assert wine("GET", f"{path}/deliveries?status=delivered").body["data"][0]["id"] == test["id"]
    assert wine("GET", f"{path}/deliveries?status=dead").body["data"] == []
    assert wine("GET", path).body["failing_since"] is None


def test_all_is_told_again_from_the_beginning(wine: Caller, receiver: Receiver) -> None:
    made = wine("POST", "/webhooks", {"url": receiver.url}).body
    path = f"/webhooks/{made['id']}"
    deliver(wine.tenant.id, made["id"])
    assert receiver.came == []
    future = "7" * 48
    assert wine("POST", f"{path}/replay", {"after": future}).wrong == [("/after", "in_the_future")]
    assert wine("POST", f"{path}/replay", {"after": "x"}).wrong == [("/after", "malformed")]
    assert wine("POST", f"{path}/replay", {}).status == 202
    deliver(wine.tenant.id, made["id"])
    told = [one.event for one in receiver.came]
    assert wine("GET", "/events").body["data"] == told
    assert [one["type"] for one in told] == ["member.joined.v1"]


def test_the_feed_is_read_page_by_page(wine: Caller) -> None:
    for name in ("bob", "cid"):
        assert wine("POST", "/programs/wine/members", {"member_id": name}).status == 201
    page = wine("GET", "/events?limit=2")
    assert [one["subject"] for one in page.body["data"]] == ["member ann", "member bob"]
    assert page.body["next"] == page.body["cursor"] == page.body["data"][-1]["sequence"]
    assert page.headers["Link"] == (f'</v1/events?limit=2&after={page.body["cursor"]}>; rel="next"')
    rest = wine("GET", f"/events?limit=2&after={page.body['cursor']}").body
    assert [one["subject"] for one in rest["data"]] == ["member cid"]
    assert rest["next"] is None
    end = rest["cursor"]
    assert wine("GET", f"/events?after={end}").body["data"] == []
    assert wine("GET", "/events?after=latest").body["data"] == []
    assert wine("DELETE", "/programs/wine/members/cid").status == 200
    [left] = wine("GET", f"/events?after={end}").body["data"]
    assert (left["type"], left["program"]) == ("member.left.v1", "wine")


def test_the_feed_is_filtered(wine: Caller) -> None:
    wine("DELETE", "/programs/wine/members/ann")
    told = wine("GET", "/events?type=member.left.v1&program=wine").body["data"]
    assert [one["type"] for one in told] == ["member.left.v1"]
    assert wine("GET", "/events?program=beer").status == 404
    assert wine("GET", "/events?type=nothing").wrong == [("?type", "not_one_of")]
    assert wine("GET", "/events?after=nothing").wrong == [("?after", "malformed")]


def test_secrets_are_sealed_when_there_is_a_key(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed = replace(config(), secrets_key="k" * 32)
    monkeypatch.setattr("loyalty.webhooks.seal.config", lambda: keyed)
    made = _made(call)
    with transaction(call.tenant.id) as session:
        row = session.scalars(text("SELECT secret FROM webhook")).one()
    open_one = unseal(bytes(row), call.tenant.id, UUID(made["id"]))
    assert open_one not in bytes(row)
    with pytest.raises(CannotUnseal):  # put to another webhook
        unseal(bytes(row), call.tenant.id + 1, UUID(made["id"]))
    other = replace(config(), secrets_key="x" * 32)
    monkeypatch.setattr("loyalty.webhooks.seal.config", lambda: other)
    with pytest.raises(CannotUnseal):
        unseal(bytes(row), call.tenant.id, UUID(made["id"]))


def test_without_a_key_they_are_as_they_are() -> None:
    whose = uuid4()
    assert unseal(seal(b"secret", 1, whose), 1, whose) == b"secret"
