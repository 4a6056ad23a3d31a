"""When points can be spent and when they expire: every policy, and what holds of all of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.errors import Invalid
from loyalty.ledger.validity import Validity, expires_at, validity
from loyalty.programs.life_of_points import (
    NEVER,
    Expiry,
    Pending,
    expiry_from_json,
    life_to_json,
    pending_from_json,
)
from tests.programs.lives import expiries, pendings

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "America/St_Johns"]
DAY = timedelta(days=1)
FROM = datetime(2000, 1, 1, tzinfo=UTC)
instants = st.integers(0, 90 * 365 * 86_400).map(lambda s: FROM + timedelta(seconds=s))
zones = st.sampled_from(ZONES)


@pytest.mark.parametrize(
    ("expiry", "since", "zone", "expected"),
    [
        (Expiry("days", 1), "2026-03-28T11:00:00Z", "Europe/Berlin", "2026-03-29T10:00:00Z"),
        (Expiry("days", 30), "2026-07-01T12:00:00Z", "UTC", "2026-07-31T12:00:00Z"),
        (Expiry("months", 1), "2026-01-31T12:00:00Z", "UTC", "2026-02-28T12:00:00Z"),
        (Expiry("months", 13), "2026-01-31T23:30:00Z", "Europe/Berlin", "2027-02-28T23:30:00Z"),
        (Expiry("end_of_month"), "2026-01-31T22:59:59Z", "Europe/Berlin", "2026-01-31T23:00:00Z"),
        (Expiry("end_of_month"), "2026-01-31T23:00:00Z", "Europe/Berlin", "2026-02-28T23:00:00Z"),
        (Expiry("end_of_month", 2), "2026-01-15T00:00:00Z", "UTC", "2026-04-01T00:00:00Z"),
        (Expiry("end_of_quarter"), "2026-03-31T12:00:00Z", "UTC", "2026-04-01T00:00:00Z"),
        (Expiry("end_of_quarter", 1), "2026-11-01T12:00:00Z", "UTC", "2027-04-01T00:00:00Z"),
        (Expiry("end_of_year"), "2026-12-31T12:00:00Z", "UTC", "2027-01-01T00:00:00Z"),
        (Expiry("end_of_year", 1), "2026-12-31T12:00:00Z", "UTC", "2028-01-01T00:00:00Z"),
        (Expiry("fixed_day", None, 3, 31), "2026-03-31T12:00:00Z", "UTC", "2026-04-01T00:00:00Z"),
        (Expiry("fixed_day", None, 3, 31), "2026-04-01T00:00:00Z", "UTC", "2027-04-01T00:00:00Z"),
        (Expiry("fixed_day", 1, 2, 29), "2026-01-01T00:00:00Z", "UTC", "2027-03-01T00:00:00Z"),
        (Expiry("fixed_day", 2, 2, 29), "2026-01-01T00:00:00Z", "UTC", "2028-03-01T00:00:00Z"),
        (Expiry("inactivity", 30), "2026-07-01T12:00:00Z", "UTC", "2026-08-01T00:00:00Z"),
        (
            Expiry("inactivity", 1),
            "2026-07-01T03:00:00Z",
            "America/New_York",
            "2026-07-02T04:00:00Z",
        ),
    ],
)
def test_when_points_expire(expiry: Expiry, since: str, zone: str, expected: str) -> None:
    then = datetime.fromisoformat(since)
    assert expires_at(expiry, then, zone) == datetime.fromisoformat(expected)


@given(expiries(), instants, zones)
def test_points_never_expire_before_they_can_be_spent(
    expiry: Expiry, since: datetime, zone: str
) -> None:
    until = expires_at(expiry, since, zone)
    assert (until is None) == (expiry == NEVER)
    assert until is None or (until > since and until.tzinfo is UTC)


@given(expiries(), instants, zones)
def test_what_can_be_spent_later_does_not_expire_earlier(
    expiry: Expiry, since: datetime, zone: str
) -> None:
    first, then = expires_at(expiry, since, zone), expires_at(expiry, since + DAY, zone)
    assert first is None or then is None or then >= first


@given(expiries(), instants, zones)
def test_what_ends_with_a_day_ends_at_midnight(expiry: Expiry, since: datetime, zone: str) -> None:
    until = expires_at(expiry, since, zone)
    if until is not None and expiry.kind not in {"days", "months"}:
        before = (until - timedelta(microseconds=1)).astimezone(ZoneInfo(zone))
        assert before.date() < until.astimezone(ZoneInfo(zone)).date()


@given(pendings, expiries(), instants, st.integers(0, 4000), zones)
def test_points_wait_from_the_purchase_and_live_from_when_they_can_be_spent(
    pending: Pending | None, expiry: Expiry, occurred_at: datetime, late: int, zone: str
) -> None:
    at = occurred_at + late * DAY
    life = validity(pending, expiry, occurred_at, at, zone)
    if pending is not None and pending.until:
        assert life == Validity(once_released=expiry)
        return
    assert life.once_released is None
    assert (life.idle_days is not None) == (expiry.kind == "inactivity")
    waits = pending.days if pending and pending.days else 0
    if life.activates_at is None:
        assert waits <= late + 1
    else:
        assert life.activates_at > at
        assert abs(life.activates_at - (occurred_at + waits * DAY)) < timedelta(hours=2)
    assert life.expires_at == expires_at(expiry, life.activates_at or at, zone)


@given(pendings, expiries())
def test_the_stored_form_is_read_back(pending: Pending | None, expiry: Expiry) -> None:
    assert expiry_from_json(life_to_json(expiry)) == expiry
    assert pending_from_json(life_to_json(pending) if pending else None) == pending


@pytest.mark.parametrize(
    ("stored", "pointer", "code"),
    [
        ({"kind": "days"}, "/expiry/n", "missing"),
        ({"kind": "months"}, "/expiry/n", "missing"),
        ({"kind": "inactivity"}, "/expiry/n", "missing"),
        ({"n": 3}, "/expiry/n", "not_taken"),
        ({"kind": "never", "n": 3}, "/expiry/n", "not_taken"),
        ({"kind": "days", "n": 0}, "/expiry/n", "out_of_range"),
        ({"kind": "days", "n": 36_501}, "/expiry/n", "out_of_range"),
        ({"kind": "end_of_year", "n": 101}, "/expiry/n", "out_of_range"),
        ({"kind": "days", "n": 1, "month": 2}, "/expiry/month", "not_taken"),
        ({"kind": "end_of_year", "day": 2}, "/expiry/day", "not_taken"),
        ({"kind": "fixed_day", "day": 2}, "/expiry/month", "missing"),
        ({"kind": "fixed_day", "month": 2}, "/expiry/day", "missing"),
        ({"kind": "fixed_day", "month": 2, "day": 30}, "/expiry/day", "no_such_day"),
    ],
)
def test_an_expiry_that_makes_no_sense_is_refused_by_name(
    stored: dict[str, object], pointer: str, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        expiry_from_json(stored)
    assert [(one.pointer, one.code) for one in refused.value.errors] == [(pointer, code)]


def test_points_wait_for_days_or_for_a_release_and_not_for_both() -> None:
    with pytest.raises(Invalid) as refused:
        pending_from_json({"days": 3, "until": "released"})
    assert [(one.pointer, one.code) for one in refused.value.errors] == [
        ("/pending", "days_or_until")
    ]
