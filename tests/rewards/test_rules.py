"""Who may redeem a reward, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.conditions.facts import MemberFacts
from loyalty.errors import Invalid
from loyalty.rewards.rules import (
    PERIODS,
    Limit,
    Offer,
    Period,
    period_start,
    read_eligible,
    read_offer,
    why_not,
)

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
ANN = MemberFacts(joined_at=AT, tier="gold", tier_points=600)
ZONES = st.sampled_from(["UTC", "Europe/Paris", "Pacific/Auckland", "America/St_Johns"])
INSTANTS = st.timedeltas(timedelta(days=-9000), timedelta(days=9000)).map(AT.__add__)


def _reason(offer: Offer, uses: dict[Period, int] | None = None, at: datetime = AT) -> str | None:
    found = why_not(offer, ANN, uses or {}, at, UTC)
    return None if found is None else found.reason


def test_a_reward_is_offered_from_its_start_until_before_its_end() -> None:
    offer = Offer(starts_at=AT, ends_at=AT + timedelta(days=1))
    moment = timedelta(microseconds=1)
    assert _reason(offer) is None
    assert _reason(offer, at=AT - moment) == "not_yet"
    assert _reason(offer, at=AT + timedelta(days=1) - moment) is None
    assert _reason(offer, at=AT + timedelta(days=1)) == "over"


def test_a_reward_is_for_those_of_whom_its_conditions_are_true() -> None:
    gold = Offer(eligible=read_eligible({"all": [{"tier": ["gold"]}, {"tier": ["gold"]}]}, ""))
    assert _reason(gold) is None
    basic = Offer(
        eligible=read_eligible({"all": [{"tier": ["gold"]}, {"not": {"tier": ["gold"]}}]}, "")
    )
    found = why_not(basic, ANN, {}, AT, UTC)
    assert found is not None
    assert (found.reason, found.sentence) == (
        "not_for_you",
        "It is for members of whom this is true: it is not so that the tier is gold.",
    )


@pytest.mark.parametrize(("used", "reason"), [(0, None), (1, None), (2, "limit_reached")])
def test_a_member_redeems_it_so_often(used: int, reason: str | None) -> None:
    offer = Offer(limits=[Limit(5, "ever"), Limit(2, "month")])
    assert _reason(offer, {"ever": used, "month": used}) == reason


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        (Limit(1, "ever"), "A member redeems it at most once."),
        (Limit(3, "week"), "A member redeems it at most 3 times a week."),
    ],
)
def test_a_limit_says_itself(limit: Limit, says: str) -> None:
    found = why_not(Offer(limits=[limit]), ANN, {limit.per: limit.most}, AT, UTC)
    assert found is not None
    assert found.sentence == says


def test_the_hour_is_that_of_the_program() -> None:
    offer = Offer(eligible=read_eligible({"hours": {"from": "22:00", "to": "23:00"}}, ""))
    auckland = ZoneInfo("Pacific/Auckland")
    late = datetime(2026, 7, 1, 22, 30, tzinfo=auckland)
    assert why_not(offer, ANN, {}, late, auckland) is None
    assert why_not(offer, ANN, {}, late, UTC) is not None


@pytest.mark.parametrize("key", ["sku", "amount", "retailer", "first_purchase", "inactive"])
def test_conditions_on_purchases_do_not_fit(key: str) -> None:
    values = {
        "sku": ["A"],
        "amount": {"at_least": "1"},
        "retailer": ["r"],
        "first_purchase": True,
        "inactive": {"days": 1},
    }
    for tree, place in (
        ({key: values[key]}, f"/eligible/{key}"),
        ({"any": [{"not": {key: values[key]}}]}, f"/eligible/any/0/not/{key}"),
    ):
        with pytest.raises(Invalid) as refused:
            read_eligible(tree, "/eligible")
        [error] = refused.value.errors
        assert (error.pointer, error.code) == (place, "unknown_condition")


def test_an_offer_is_read_as_it_is_stored() -> None:
    read = read_offer(AT, None, {"tier": ["gold"]}, [{"most": 2, "per": "week"}])
    assert replace(read, eligible=None) == Offer(starts_at=AT, limits=(Limit(2, "week"),))
    assert read.eligible is not None
    assert read.eligible.says() == "the tier is gold"


@given(INSTANTS, st.sampled_from(PERIODS), ZONES)
def test_a_period_began_before_and_ends_after(at: datetime, per: Period, name: str) -> None:
    zone = ZoneInfo(name)
    start = period_start(per, at, zone)
    if start is None:
        assert per == "ever"
        return
    assert start <= at
    assert period_start(per, start, zone) == start
    assert (start.hour, start.minute, start.second, start.microsecond) == (0, 0, 0, 0)
    first = {"day": True, "week": start.weekday() == 0, "month": start.day == 1}
    assert first.get(per, (start.month, start.day) == (1, 1))
    longest = {"day": 2, "week": 8, "month": 32, "year": 367}
    assert at - start < timedelta(days=longest[per])
