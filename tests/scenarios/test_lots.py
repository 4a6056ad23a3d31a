"""Stories of points that wait, and of points that end: in a sandbox a year goes by in a moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import requests

from tests.scenarios.door import Door
from tests.stack import until

DAY = timedelta(days=1)
THIRTY_DAYS = {"kind": "days", "n": 30}


def _points(door: Door) -> tuple[int, int]:
    """Pending and available."""
    told = door.member("ann").json()["points"]
    return told["pending"], told["available"]


def _bought(door: Door, amount: str = "100") -> dict[str, Any]:
    answer = door.buy("ann", amount, at=door.now())
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def _open(door: Door, **settings: object) -> None:
    door.open_program("wine", **settings)
    door.enrol("ann")


def _lines(door: Door) -> list[tuple[str, str, dict[str, int]]]:
    return [(one["kind"], one["text"], one["change"]) for one in door.entries("ann")]


def _after(door: Door, redemption: str, act: str) -> requests.Response:
    path = f"/redemptions/{redemption}/{act}"
    return door.call("POST", path, {}, Idempotency_Key=uuid4().hex)


def _hold(door: Door, points: int) -> str:
    answer = door.call(
        "POST",
        "/programs/wine/members/ann/redemptions",
        {"points": points, "hold": {"expires_in_s": 86_400}},
        Idempotency_Key=uuid4().hex,
    )
    assert answer.status_code == 201, answer.text
    held: str = answer.json()["id"]
    return held


def test_points_wait_14_days__then_they_can_be_spent(sandbox: Door) -> None:
    _open(sandbox, pending={"days": 14})
    _bought(sandbox)
    assert _points(sandbox) == (100, 0)
    refused = sandbox.burn("ann", 10)
    assert (refused.status_code, refused.json()["code"]) == (409, "insufficient_points")
    sandbox.advance("P13D")
    assert _points(sandbox) == (100, 0)
    sandbox.advance("P1D")
    assert _points(sandbox) == (0, 100)
    burned = sandbox.burn("ann", 10)
    assert (burned.status_code, burned.json()["balance"]["available"]) == (201, 90)
    assert _lines(sandbox)[:2] == [
        ("redeem", "10 points spent, worth 0.10 USD", {"available": -10}),
        ("activate", "100 points can be spent now", {"pending": -100, "available": 100}),
    ]


def test_points_wait__beat_activates_them_though_nobody_asks(sandbox: Door) -> None:
    _open(sandbox, pending={"days": 14})
    earned = datetime.fromisoformat(_bought(sandbox)["occurred_at"])
    sandbox.advance("P20D")
    until(lambda: len(sandbox.entries("ann")) == 2, "beat to activate them")
    [activated, _] = sandbox.entries("ann")
    assert (activated["kind"], activated["balance"]["available"]) == ("activate", 100)
    assert datetime.fromisoformat(activated["occurred_at"]) == earned + 14 * DAY


def test_points_wait_to_be_released__released__can_be_spent_and_live_from_then(
    sandbox: Door,
) -> None:
    _open(sandbox, pending={"until": "released"}, expiry=THIRTY_DAYS)
    earn = _bought(sandbox)["id"]
    sandbox.advance("P1Y")
    assert _points(sandbox) == (100, 0)
    assert sandbox.member("ann").json()["expiring"] == []
    released = sandbox.call("POST", f"/earns/{earn}/activate", Idempotency_Key="now")
    assert (released.status_code, released.json()["id"]) == (200, earn)
    assert _points(sandbox) == (0, 100)
    [soon] = sandbox.member("ann").json()["expiring"]
    left = datetime.fromisoformat(soon["expires_at"]) - sandbox.now()
    assert timedelta(days=29, hours=23) < left <= 30 * DAY
    again = sandbox.call("POST", f"/earns/{earn}/activate", Idempotency_Key="now")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    other = sandbox.call("POST", f"/earns/{earn}/activate")
    assert (other.status_code, other.json()["code"]) == (409, "nothing_pending")
    sandbox.advance("P30D")
    assert _points(sandbox) == (0, 0)


def test_points_wait_for_days__released_before__can_be_spent(sandbox: Door) -> None:
    _open(sandbox, pending={"days": 14})
    earn = _bought(sandbox)["id"]
    assert sandbox.call("POST", f"/earns/{earn}/activate").status_code == 200
    assert _points(sandbox) == (0, 100)
    sandbox.advance("P20D")
    assert _points(sandbox) == (0, 100)


def test_who_may_release(sandbox: Door) -> None:
    _open(sandbox, pending={"until": "released"})
    earn = _bought(sandbox)["id"]
    for role in ("marketing", "operator", "finance"):
        refused = sandbox.as_role(role).call("POST", f"/earns/{earn}/activate")
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert sandbox.call("POST", f"/earns/{uuid4()}/activate").status_code == 404
    assert _points(sandbox) == (100, 0)


def test_points_expire_after_30_days__told_before__gone_then(sandbox: Door) -> None:
    _open(sandbox, expiry=THIRTY_DAYS)
    _bought(sandbox, "100")
    sandbox.advance("P10D")
    _bought(sandbox, "7")
    first, second = sandbox.member("ann").json()["expiring"]
    assert (first["points"], second["points"]) == (100, 7)
    sandbox.advance("P20D")
    assert _points(sandbox) == (0, 7)
    assert sandbox.member("ann").json()["expiring"] == [second]
    until(lambda: len(sandbox.entries("ann")) == 3, "beat to expire them")
    expired = sandbox.entries("ann")[0]
    assert (expired["kind"], expired["text"]) == ("expire", "100 points expired")
    assert expired["change"] == {"available": -100}
    told = datetime.fromisoformat(first["expires_at"])
    assert datetime.fromisoformat(expired["occurred_at"]) == told


def test_points_expire__burned_before_beat_has_come__they_are_not_there(sandbox: Door) -> None:
    _open(sandbox, expiry=THIRTY_DAYS)
    _bought(sandbox)
    sandbox.advance("P31D")
    refused = sandbox.burn("ann", 1)
    assert (refused.status_code, refused.json()["code"]) == (409, "insufficient_points")


def test_the_balance_of_any_day_counts_what_time_had_done_by_then(sandbox: Door) -> None:
    _open(sandbox, pending={"days": 10}, expiry=THIRTY_DAYS)
    began = sandbox.now()
    _bought(sandbox)
    sandbox.advance("P60D")

    def balance(days: int) -> tuple[int, int]:
        as_of = (began + days * DAY + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
        told = sandbox.call("GET", f"/programs/wine/members/ann/balance?as_of={as_of}").json()
        return told["pending"], told["available"]

    assert [balance(days) for days in (0, 9, 10, 39, 40)] == [
        (100, 0),
        (100, 0),
        (0, 100),
        (0, 100),
        (0, 0),
    ]


@pytest.mark.parametrize(
    ("expiry", "zone"),
    [
        ({"kind": "end_of_month"}, "UTC"),
        ({"kind": "end_of_quarter"}, "America/New_York"),
        ({"kind": "end_of_year", "n": 1}, "Europe/Berlin"),
        ({"kind": "fixed_day", "month": 12, "day": 31}, "Asia/Tokyo"),
    ],
)
def test_points_expire_with_a_day__at_midnight_in_the_program_s_zone(
    sandbox: Door, expiry: dict[str, object], zone: str
) -> None:
    _open(sandbox, expiry=expiry, time_zone=zone)
    _bought(sandbox)
    [soon] = sandbox.member("ann").json()["expiring"]
    local = datetime.fromisoformat(soon["expires_at"]).astimezone(ZoneInfo(zone))
    assert (local.day, local.hour, local.minute, local.second) == (1, 0, 0, 0)


def test_points_expire_by_inactivity__every_earn_and_burn_lets_them_live(sandbox: Door) -> None:
    _open(sandbox, expiry={"kind": "inactivity", "n": 30})
    _bought(sandbox, "100")
    sandbox.advance("P20D")
    _bought(sandbox, "7")
    sandbox.advance("P20D")
    assert _points(sandbox) == (0, 107)
    assert sandbox.burn("ann", 10).status_code == 201
    sandbox.advance("P30D")
    assert _points(sandbox) == (0, 97)
    [soon] = sandbox.member("ann").json()["expiring"]
    assert soon["points"] == 97
    sandbox.advance("P1D")
    assert _points(sandbox) == (0, 0)


def test_a_lot_expires_while_held__the_hold_is_released__those_points_expire(
    sandbox: Door,
) -> None:
    _open(sandbox, expiry=THIRTY_DAYS)
    _bought(sandbox)
    sandbox.advance("P29DT12H")
    held = _hold(sandbox, 60)
    sandbox.advance("PT13H")
    assert sandbox.member("ann").json()["points"]["held"] == 60
    released = _after(sandbox, held, "release")
    assert released.status_code == 200, released.text
    assert released.json()["balance"] == {"available": 0, "pending": 0, "held": 0, "owed": 0}
    assert [kind for kind, *_ in _lines(sandbox)] == [
        "expire",
        "release",
        "expire",
        "hold",
        "award",
    ]


@pytest.mark.parametrize("grace_days", [0, 7])
def test_a_burn_is_cancelled_after_the_lot_s_expiry__expired_at_once_or_alive_for_the_grace(
    sandbox: Door, grace_days: int
) -> None:
    _open(sandbox, expiry=THIRTY_DAYS, grace_days=grace_days)
    _bought(sandbox)
    burned = sandbox.burn("ann", 60).json()["id"]
    sandbox.advance("P40D")
    assert _points(sandbox) == (0, 0)
    cancelled = _after(sandbox, burned, "cancel")
    assert cancelled.status_code == 200, cancelled.text
    if not grace_days:
        assert _points(sandbox) == (0, 0)
        assert _lines(sandbox)[0][:2] == ("expire", "60 points expired")
        return
    assert _points(sandbox) == (0, 60)
    sandbox.advance("P6D")
    assert _points(sandbox) == (0, 60)
    sandbox.advance("P1D")
    assert _points(sandbox) == (0, 0)


def test_a_program_changes_its_mind__what_was_awarded_lives_as_it_was_told(
    sandbox: Door,
) -> None:
    _open(sandbox, expiry=THIRTY_DAYS)
    _bought(sandbox, "100")
    changed = sandbox.call("PATCH", "/programs/wine", {"expiry": {"kind": "never", "n": None}})
    assert changed.status_code == 200, changed.text
    assert changed.json()["expiry"]["kind"] == "never"
    _bought(sandbox, "7")
    sandbox.advance("P30D")
    assert _points(sandbox) == (0, 7)


@pytest.mark.parametrize(
    ("settings", "pointer"),
    [
        ({"expiry": {"kind": "days"}}, "/expiry/n"),
        ({"expiry": {"kind": "tomorrow"}}, "/expiry/kind"),
        ({"expiry": {"kind": "fixed_day", "month": 2, "day": 30}}, "/expiry/day"),
        ({"expiry": {"kind": "days", "n": 1.5}}, "/expiry/n"),
        ({"pending": {"days": 1, "until": "released"}}, "/pending"),
        ({"pending": {"days": -1}}, "/pending/days"),
        ({"pending": {"until": "friday"}}, "/pending/until"),
        ({"grace_days": -1}, "/grace_days"),
    ],
)
def test_settings_that_make_no_sense_are_named(
    door: Door, settings: dict[str, object], pointer: str
) -> None:
    answer = door.call("POST", "/programs", {"slug": "other", "name": "Other", **settings})
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
