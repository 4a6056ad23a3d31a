"""Promotions over HTTP: drafted, published, versioned, ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.web.rest.caller import Caller

PATH = "/programs/wine/promotions"
BREAD = {"when": {"category": ["food/bread"]}, "multiplier": "2"}
SUMMER = {"key": "summer", "name": "Summer of bread", "rule": BREAD}


def _in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat().replace("+00:00", "Z")


def test_a_draft_becomes_a_published_version(wine: Caller) -> None:
    made = wine("POST", PATH, SUMMER, role="marketing")
    assert made.status == 201
    told = made.body
    created_at = told.pop("created_at")
    draft = {
        "version": 1,
        "status": "draft",
        "starts_at": None,
        "ends_at": None,
        "rule": BREAD,
        "fixtures": [],
        "published_at": None,
    }
    assert told == {
        "key": "summer",
        "name": "Summer of bread",
        "standing": False,
        "status": "draft",
        "current": None,
        "draft": draft,
        "revision": 1,
    }
    read = wine("GET", f"{PATH}/summer")
    assert (read.body, read.headers["ETag"]) == ({**told, "created_at": created_at}, '"1"')
    until = {"ends_at": _in_days(5)}
    changed = wine("PATCH", f"{PATH}/summer", until, role="marketing", If_Match='"1"')
    assert (changed.body["draft"], changed.headers["ETag"]) == ({**draft, **until}, '"2"')
    assert wine("PATCH", f"{PATH}/summer", until, If_Match='"1"').status == 412
    published = wine("POST", f"{PATH}/summer/publish", role="marketing").body
    current = published["current"]
    assert current["published_at"] == current["starts_at"]
    assert (published["status"], published["draft"]) == ("published", None)
    assert wine("POST", f"{PATH}/summer/publish").refusal == (409, "no_draft")
    assert wine("PATCH", f"{PATH}/summer", {"rule": BREAD}).refusal == (409, "no_draft")


def test_versions_follow_each_other(wine: Caller) -> None:
    wine("POST", PATH, SUMMER)
    wine("POST", f"{PATH}/summer/publish")
    start = _in_days(3)
    drafted = wine(
        "POST", f"{PATH}/summer/versions", {"rule": {"multiplier": "3"}, "starts_at": start}
    )
    assert (drafted.status, drafted.body["draft"]["version"]) == (201, 2)
    refused = wine("POST", f"{PATH}/summer/versions", {})
    assert refused.refusal == (409, "draft_exists")
    assert wine("POST", f"{PATH}/summer/publish").body["current"]["version"] == 1
    listed = wine("GET", f"{PATH}/summer/versions").body["data"]
    assert [(one["version"], one["status"], one["ends_at"]) for one in listed] == [
        (2, "published", None),
        (1, "published", start),
    ]
    first = wine("GET", f"{PATH}/summer/versions?limit=1").body
    rest = wine("GET", f"{PATH}/summer/versions?limit=1&after={first['next']}").body
    assert ([one["version"] for one in rest["data"]], rest["next"]) == ([1], None)


def test_a_promotion_ends(wine: Caller) -> None:
    wine("POST", PATH, SUMMER)
    assert wine("POST", f"{PATH}/summer/end", {}).refusal == (409, "never_published")
    wine("POST", f"{PATH}/summer/publish")
    late = _in_days(9)
    ended = wine("POST", f"{PATH}/summer/end", {"ends_at": late, "reason": "autumn"})
    assert (ended.body["status"], ended.body["current"]["ends_at"]) == ("published", late)
    assert wine("POST", f"{PATH}/summer/end", {}).body["status"] == "ended"
    past = wine("POST", f"{PATH}/summer/end", {"ends_at": _in_days(-1)})
    assert past.wrong == [("/ends_at", "in_the_past")]


def test_the_same_key_does_it_once(wine: Caller) -> None:
    first = wine("POST", PATH, SUMMER, Idempotency_Key="k")
    again = wine("POST", PATH, SUMMER, Idempotency_Key="k")
    assert (again.status, again.raw) == (201, first.raw)
    assert wine("POST", PATH, SUMMER).refusal == (409, "promotion_exists")
    first = wine("POST", f"{PATH}/summer/publish", Idempotency_Key="p")
    again = wine("POST", f"{PATH}/summer/publish", Idempotency_Key="p")
    assert (again.status, again.raw) == (200, first.raw)


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"key": "Summer"}, "/key", "malformed"),
        ({"rule": None}, "/rule", "null"),
        ({"rule": {"multiplier": "2", "colour": 1}}, "/rule/colour", "unknown_field"),
        ({"rule": {"when": {"sku": ["a"]}}}, "/rule", "one_of"),
        (
            {"rule": {"multiplier": "2", "when": {"all": [{"moon": []}]}}},
            "/rule/when/all/0/moon",
            "unknown_condition",
        ),
        ({"starts_at": "2026-06-01"}, "/starts_at", "not_an_instant"),
        ({"rule": {"multiplier": "2", "when": {"sku": ["\x00"]}}}, "/rule", "unstorable"),
    ],
)
def test_what_makes_no_sense_is_named(
    wine: Caller, fields: dict[str, object], pointer: str, code: str
) -> None:
    assert wine("POST", PATH, {**SUMMER, **fields}).wrong == [(pointer, code)]
    assert [one["key"] for one in wine("GET", PATH).body["data"]] == ["standing"]


def test_the_earn_rate_is_the_standing_promotion(wine: Caller) -> None:
    [standing] = wine("GET", PATH).body["data"]
    assert (standing["key"], standing["standing"]) == ("standing", True)
    assert standing["current"]["rule"]["rates"] == {"USD": {"points": 1, "per": "1"}}
    refused = wine("POST", f"{PATH}/standing/end", {})
    assert refused.refusal == (409, "standing_promotion")


def test_a_report_is_of_the_last_30_days(wine: Caller) -> None:
    told = wine("GET", f"{PATH}/standing/report").body
    assert {name: told[name] for name in ("points", "cost", "currency", "sales", "capped")} == {
        "points": 0,
        "cost": "0.00",
        "currency": "USD",
        "sales": [],
        "capped": 0,
    }
    refused = wine("GET", f"{PATH}/standing/report?since=2026-01-01T00:00:00Z")
    assert refused.wrong == [("?until", "out_of_range")]


def test_a_draft_is_tried_on_real_purchases(wine: Caller) -> None:
    wine("POST", PATH, SUMMER)
    told = wine("POST", f"{PATH}/summer/rehearse", {}, role="marketing")
    assert (told.status, told.body["purchases"], told.body["largest"]) == (200, 0, [])
    wine("POST", f"{PATH}/summer/publish")
    assert wine("POST", f"{PATH}/summer/rehearse", {}).refusal == (409, "no_draft")


def test_a_draft_is_checked_without_publishing_it(wine: Caller) -> None:
    fixture = {"purchase": {"amount": "5"}, "points": 6}
    wine("POST", PATH, {**SUMMER, "fixtures": [fixture]})
    told = wine("POST", f"{PATH}/summer/check").body
    [outcome] = told["fixtures"]
    assert (told["passed"], outcome["points"], outcome["because"]) == (False, 5, {"standing": 5})
    assert outcome["errors"][0]["pointer"] == "/fixtures/0/points"
    refused = wine("POST", f"{PATH}/summer/publish")
    assert refused.refusal == (409, "fixtures_failed")
    assert refused.body["errors"] == outcome["errors"]


def test_who_may(wine: Caller, stranger: Caller) -> None:
    assert wine("POST", PATH, SUMMER, role="support").status == 403
    assert wine("GET", PATH, role="support").status == 200
    assert wine("GET", PATH, role="server").status == 403
    wine("POST", PATH, SUMMER)
    assert wine("POST", f"{PATH}/summer/publish", role="operator").status == 403
    assert stranger("GET", f"{PATH}/summer").refusal == (404, "not_found")
    assert stranger("POST", f"{PATH}/summer/publish").refusal == (404, "not_found")
