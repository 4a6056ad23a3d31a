"""Programs and tiers over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.rest.caller import Caller, Told

_CURRENCIES = "/earn_rate/currencies"
WINE = {"slug": "wine", "name": "Wine & Dine"}


#: What a program that says nothing else is.
TOLD: dict[str, Any] = {
    "slug": "wine",
    "name": "Wine & Dine",
    "unit": "points",
    "currency": "USD",
    "time_zone": "UTC",
    "status": "active",
    "paused_at": None,
    "paused_reason": None,
    "earn_rate": {
        "points": 1,
        "per": "1.00",
        "step": "proportional",
        "rounding": "down",
        "currencies": {},
        "excludes": [],
    },
    "burn": {"min_points": 1, "step": 1, "max_points": None, "points": 100, "worth": "1.00"},
    "late_window_days": 90,
    "park_window_days": 90,
    "unknown_member": "park",
    "unknown_retailer": "accept",
    "unknown_product": "accept",
    "give_back": "owed",
    "before_joining": "earn",
    "burns_per_minute": 5,
    "limit_burns_of_servers": False,
    "member_earns": {"kinds": [], "per_minute": 5},
    "support_adjusts_up_to": 10000,
    "approval": {"admin_adjusts_up_to": None, "expires_after_days": 7},
    "transfers": {
        "min_points": 1,
        "max_points": None,
        "max_points_per_period": None,
        "period": "month",
    },
    "pending": None,
    "expiry": {"kind": "never", "n": None, "month": None, "day": None},
    "grace_days": 0,
    "tier_policy": {
        "window": "ever",
        "on": "points",
        "fall": "never",
        "period": {"kind": "months", "n": 12},
        "warn_days": 30,
    },
    "mail": {
        "tier_reached": False,
        "reward_redeemed": False,
        "milestone_every": None,
        "milestones": [],
        "expiring_days": 0,
        "language": "en",
        "reply_to": None,
    },
    "version": 1,
}


def test_a_program_is_told_with_every_setting(call: Caller) -> None:
    made = call("POST", "/programs", WINE)
    assert made.status == 201
    told = made.body
    created_at = told.pop("created_at")
    assert created_at.endswith("Z")
    assert told == TOLD
    read = call("GET", "/programs/wine")
    assert read.body == {**told, "created_at": created_at}
    assert read.headers["ETag"] == '"1"'


def test_a_slug_twice_is_a_409(call: Caller) -> None:
    call("POST", "/programs", WINE)
    again = call("POST", "/programs", WINE)
    assert again.refusal == (409, "program_exists")


def test_the_same_key_opens_one_program(call: Caller) -> None:
    first = call("POST", "/programs", WINE, Idempotency_Key="k")
    again = call("POST", "/programs", WINE, Idempotency_Key="k")
    assert (again.status, again.raw) == (201, first.raw)
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"slug": "-wine"}, "/slug", "malformed"),
        ({"currency": "XXX"}, "/currency", "unknown_currency"),
        ({"time_zone": "Mars"}, "/time_zone", "unknown_time_zone"),
        ({"earn_rate": {"per": "0"}}, "/earn_rate/per", "too_small"),
        ({"earn_rate": {"points": 1.5}}, "/earn_rate/points", "not_an_integer"),
        ({"earn_rate": {"step": "half"}}, "/earn_rate/step", "not_one_of"),
        ({"earn_rate": {"colour": 1}}, "/earn_rate/colour", "unknown_field"),
        ({"earn_rate": {"currencies": {"EURO": None}}}, _CURRENCIES + "/EURO", "unknown_currency"),
        (
            {"earn_rate": {"currencies": {"EUR": {"points": 0, "per": "1"}}}},
            _CURRENCIES + "/EUR/points",
            "too_small",
        ),
        ({"burn": {"worth": 0.00001}}, "/burn/worth", "too_small"),
        ({"burn": {"min_points": 5, "max_points": 4}}, "/burn/max_points", "below_min_points"),
        ({"late_window_days": 0}, "/late_window_days", "too_small"),
        ({"unknown_member": "ignore"}, "/unknown_member", "not_one_of"),
        ({"tier_policy": {"fall": "up"}}, "/tier_policy/fall", "not_one_of"),
        ({"tier_policy": {"period": {"n": 0}}}, "/tier_policy/period/n", "too_small"),
        ({"tier_policy": {"warn_days": 367}}, "/tier_policy/warn_days", "too_large"),
    ],
)
def test_what_makes_no_sense_is_named(
    call: Caller, fields: dict[str, object], pointer: str, code: str
) -> None:
    refused = call("POST", "/programs", {**WINE, **fields})
    assert refused.wrong == [(pointer, code)]
    assert call("GET", "/programs/wine").status == 404


def test_rates_of_other_currencies_are_set_and_taken_away(call: Caller) -> None:
    rates = {"EUR": {"points": 2, "per": "1"}, "GBP": {"points": 3, "per": 1.5}}
    made = call("POST", "/programs", {**WINE, "earn_rate": {"currencies": rates}}).body
    assert made["earn_rate"]["currencies"] == {
        "EUR": {"points": 2, "per": "1.00"},
        "GBP": {"points": 3, "per": "1.50"},
    }
    changed = call("PATCH", "/programs/wine", {"earn_rate": {"currencies": {"EUR": None}}}).body
    assert list(changed["earn_rate"]["currencies"]) == ["GBP"]


def test_a_change_names_the_version_it_has_read(call: Caller) -> None:
    call("POST", "/programs", WINE)
    changed = call("PATCH", "/programs/wine", {"unit": "miles"}, If_Match='"1"')
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    late = call("PATCH", "/programs/wine", {"unit": "km"}, If_Match='"1"')
    assert late.refusal == (412, "precondition_failed")
    assert call("GET", "/programs/wine").body["unit"] == "miles"


@pytest.mark.parametrize("fields", [{"slug": "other"}, {"currency": "EUR"}])
def test_slug_and_currency_never_change(call: Caller, fields: dict[str, str]) -> None:
    call("POST", "/programs", WINE)
    assert call("PATCH", "/programs/wine", fields).status == 422


def test_programs_are_listed_in_pages(call: Caller) -> None:
    for slug in ("one", "two", "three"):
        call("POST", "/programs", {"slug": slug, "name": slug})
    page = call("GET", "/programs?limit=2")
    assert [one["slug"] for one in page.body["data"]] == ["three", "two"]
    rest = call("GET", f"/programs?limit=2&after={page.body['next']}")
    assert ([one["slug"] for one in rest.body["data"]], rest.body["next"]) == (["one"], None)
    assert f"after={page.body['next']}" in page.headers["Link"]


def test_pause_and_resume(call: Caller) -> None:
    call("POST", "/programs", WINE)
    paused = call("POST", "/programs/wine/pause", {"reason": "stock"}, role="operator").body
    assert (paused["status"], paused["paused_reason"]) == ("paused", "stock")
    resumed = call("POST", "/programs/wine/resume", {"reason": "done"}, role="operator").body
    assert (resumed["status"], resumed["paused_at"]) == ("active", None)
    assert call("POST", "/programs/wine/pause", {}).status == 422


def test_one_key_does_not_make_a_resume_of_a_pause(call: Caller) -> None:
    call("POST", "/programs", WINE)
    call("POST", "/programs/wine/pause", {"reason": "x"}, Idempotency_Key="k")
    other = call("POST", "/programs/wine/resume", {"reason": "x"}, Idempotency_Key="k")
    assert other.refusal == (422, "idempotency_mismatch")


def test_tiers_are_read_and_replaced(call: Caller) -> None:
    call("POST", "/programs", WINE)
    read = call("GET", "/programs/wine/tiers")
    assert read.body == {
        "tiers": [
            {"key": "basic", "name": "Basic", "threshold": 0},
            {"key": "gold", "name": "Gold", "threshold": 500},
            {"key": "platinum", "name": "Platinum", "threshold": 1000},
        ]
    }
    new = [
        {"key": "top", "name": "Top", "threshold": 10},
        {"key": "basic", "name": "Base", "threshold": 0},
    ]
    replaced = call("PUT", "/programs/wine/tiers", {"tiers": new}, If_Match=read.headers["ETag"])
    assert (replaced.status, replaced.body) == (200, {"tiers": new[::-1]})
    assert call("GET", "/programs/wine/tiers").headers["ETag"] == replaced.headers["ETag"] == '"2"'
    stale = call("PUT", "/programs/wine/tiers", {"tiers": new}, If_Match='"1"')
    assert stale.status == 412


def test_a_tier_that_something_in_force_asks_for_stays(call: Caller) -> None:
    wine = "/programs/wine"
    call("POST", "/programs", {"slug": "wine", "name": "Wine"})
    rule = {"fixed": 5, "when": {"not": {"tier": ["gold"]}}}
    call("POST", f"{wine}/promotions", {"key": "p", "name": "P", "rule": rule})
    call("POST", f"{wine}/goals", {"key": "g", "name": "G", "kind": "tier", "tier": "gold"})
    rewards = [{"kind": "points", "points": 1}]
    campaign = {"key": "c", "name": "C", "goals": ["g"], "rewards": rewards}
    call("POST", f"{wine}/campaigns", campaign)

    def without_gold() -> Told:
        read = call("GET", f"{wine}/tiers")
        tiers = [tier for tier in read.body["tiers"] if tier["key"] != "gold"]
        etag = read.headers["ETag"]
        return call("PUT", f"{wine}/tiers", {"tiers": tiers}, If_Match=etag)

    for what in ("promotions/p", "campaigns/c"):
        assert call("POST", f"{wine}/{what}/publish").status == 200
        assert without_gold().refusal == (409, "tier_in_use")
        assert call("POST", f"{wine}/{what}/end", {}).status == 200
    assert without_gold().status == 200


@pytest.mark.parametrize(
    ("tiers", "pointer"),
    [
        ([], "/tiers"),
        ([{"key": "a", "name": "A", "threshold": 1}], "/tiers"),
        ([{"key": "a", "name": "A", "threshold": 0}] * 2, "/tiers/1/key"),
        ([{"key": "A", "name": "A", "threshold": 0}], "/tiers/0/key"),
        ([{"key": "a", "name": "A", "threshold": -1}], "/tiers/0/threshold"),
    ],
)
def test_tiers_that_make_no_sense_are_named(
    call: Caller, tiers: list[dict[str, object]], pointer: str
) -> None:
    call("POST", "/programs", WINE)
    refused = call("PUT", "/programs/wine/tiers", {"tiers": tiers})
    assert refused.wrong[0][0] == pointer


def test_another_tenant_s_program_does_not_exist(call: Caller, stranger: Caller) -> None:
    call("POST", "/programs", WINE)
    for path in ("/programs/wine", "/programs/wine/tiers", "/programs/wine/members/ann"):
        assert stranger("GET", path).refusal == (404, "not_found")
