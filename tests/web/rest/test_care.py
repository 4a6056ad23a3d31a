"""Requests, transfers, merges and explanations over HTTP: what is refused, and to whom."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.web.rest.caller import Caller, Told

NOBODY = "01a1fe55-d0df-7000-90bf-b4cd8c443d67"


def _post(
    call: Caller, path: str, body: object, *, key: str | None = None, role: str = "admin"
) -> Told:
    return call("POST", path, body, role=role, Idempotency_Key=key or uuid4().hex)


def _given(call: Caller, points: int, member: str = "ann") -> None:
    body = {"points": points, "reason": "sorry"}
    path = f"/programs/wine/members/{member}/adjustments"
    assert _post(call, path, body).status == 201


@pytest.fixture
def both(wine: Caller) -> Caller:
    """Ann has 100 points, bob none."""
    assert wine("POST", "/programs/wine/members", {"member_id": "bob"}).status == 201
    _given(wine, 100)
    return wine


GIFT: dict[str, Any] = {"from": "ann", "to": "bob", "points": 10, "reason": "a gift"}


def test_a_transfer_is_told_and_found_again(both: Caller) -> None:
    made = _post(both, "/programs/wine/transfers", GIFT, role="server")
    assert made.status == 201
    told = dict(made.body)
    assert told.pop("lots") == [{"points": 10, "expires_at": None}]
    balances = told.pop("balances")
    assert (balances["from"]["available"], balances["to"]["available"]) == (90, 10)
    assert {name: told[name] for name in GIFT} == GIFT
    assert both("GET", f"/transfers/{told['id']}").body == told
    for query in ("", "?member_id=ann", "?member_id=bob"):
        listed = both("GET", f"/programs/wine/transfers{query}").body
        assert listed == {"data": [told], "next": None}


@pytest.mark.parametrize(
    ("changed", "pointer", "code"),
    [
        ({"points": 0}, "/points", "too_small"),
        ({"points": 1.5}, "/points", "not_an_integer"),
        ({"points": 2**53}, "/points", "too_large"),
        ({"to": "a b"}, "/to", "malformed"),
        ({"to": "ann"}, "/to", "same_member"),
        ({"reason": ""}, "/reason", "too_short"),
        ({"more": 1}, "/more", "unknown_field"),
    ],
)
def test_a_transfer_that_makes_no_sense_is_named(
    both: Caller, changed: dict[str, object], pointer: str, code: str
) -> None:
    assert _post(both, "/programs/wine/transfers", GIFT | changed).wrong == [(pointer, code)]


def test_a_refused_transfer_stays_refused_under_its_key(both: Caller) -> None:
    first = _post(both, "/programs/wine/transfers", GIFT | {"points": 101}, key="k")
    assert first.refusal == (409, "insufficient_points")
    _given(both, 100)
    again = _post(both, "/programs/wine/transfers", GIFT | {"points": 101}, key="k")
    assert (again.raw, again.headers["Idempotency-Replayed"]) == (first.raw, "true")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/programs/wine/transfers", GIFT),
        ("/members/bob/merge", {"into": "ann"}),
        (f"/merges/{NOBODY}/undo", {"reason": "x"}),
        (f"/adjustment-requests/{NOBODY}/approve", {}),
        (f"/adjustment-requests/{NOBODY}/reject", {"reason": "x"}),
    ],
)
def test_what_moves_points_needs_a_key(both: Caller, path: str, body: dict[str, object]) -> None:
    assert both("POST", path, body).refusal == (400, "idempotency_key_missing")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/transfers/{NOBODY}"),
        ("GET", f"/merges/{NOBODY}"),
        ("GET", f"/adjustment-requests/{NOBODY}"),
        ("GET", "/entries/1-1/explain"),
        ("GET", "/entries/1-0/explain"),
        ("GET", "/entries/x/explain"),
    ],
)
def test_what_is_not_there_is_not_found(both: Caller, method: str, path: str) -> None:
    assert both(method, path).refusal == (404, "not_found")


def test_an_entry_is_explained_to_its_member_and_to_no_stranger(
    both: Caller, stranger: Caller
) -> None:
    [entry] = both("GET", "/programs/wine/members/ann/entries").body["data"]
    path = f"/entries/{entry['id']}/explain"
    told = both("GET", path).body
    assert (told["program"], told["member_id"], told["entry"]) == ("wine", "ann", entry)
    assert (told["from"], told["to"], told["points"]) == ("adjusted", "available", 100)
    assert (told["cause"]["kind"], told["cause"]["reason"]) == ("adjustment", "sorry")
    assert [one["role"] for one in told["lots"]] == ["made"]
    assert told["sentence"].startswith("100 points given: sorry, by admin:admin.")
    assert both("GET", path, role="member", member="ann").body == told
    assert both("GET", path, role="member", member="bob").refusal == (404, "not_found")
    assert stranger("GET", path).refusal == (404, "not_found")


def test_a_dry_merge_changes_nothing_and_needs_no_key(both: Caller) -> None:
    before = both("GET", "/members/bob").body
    dry = both("POST", "/members/bob/merge?dry_run=true", {"into": "ann"})
    assert (dry.status, dry.body["id"], dry.body["from"], dry.body["into"]) == (
        200,
        None,
        "bob",
        "ann",
    )
    assert both("GET", "/members/bob").body == before
    wrong = both("POST", "/members/bob/merge?dryrun=true", {"into": "ann"})
    assert wrong.wrong == [("?dryrun", "unknown_field")]


def test_who_is_in_arrears_is_found(both: Caller) -> None:
    listed = both("GET", "/programs/wine/members?owed_gte=1").body
    assert listed == {"data": [], "next": None}
    assert len(both("GET", "/programs/wine/members?owed_gte=0").body["data"]) == 2
