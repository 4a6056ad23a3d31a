"""What a program decides about itself, and how that is changed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.errors import Invalid
from loyalty.ledger.rules import MAX_POINTS
from loyalty.programs.merge_patch import merged
from loyalty.programs.settings import (
    DEFAULT_TIERS,
    ApprovalRule,
    BurnRule,
    EarnRate,
    ProgramSettings,
    Rate,
    TierSetting,
    TransferRule,
    check_tiers,
    settings_from_json,
    settings_to_json,
)
from loyalty.redemption.rules import NotOffered, Terms, price_of_points
from tests.programs.lives import expiries, pendings

money = st.decimals("0.0001", "999999999999.9999", places=4)
points = st.integers(1, 2**53 - 1)
rates = st.builds(Rate, points=points, per=money)
settings = st.builds(
    ProgramSettings,
    earn_rate=st.builds(
        EarnRate,
        points=points,
        per=money,
        step=st.sampled_from(["proportional", "whole"]),
        rounding=st.sampled_from(["down", "half_up", "up"]),
        currencies=st.dictionaries(st.sampled_from(["EUR", "GBP", "JPY"]), rates),
        excludes=st.sampled_from([(), ("tax",), ("shipping", "tax")]),
    ),
    burn=st.builds(
        BurnRule,
        min_points=st.integers(1, 100),
        step=st.integers(1, 100),
        max_points=st.none() | st.integers(200, 1000),
        points=st.integers(1, 1000),
        worth=st.decimals("0.0001", "9999.9999", places=4),
    ),
    pending=pendings,
    expiry=expiries(),
    grace_days=st.integers(0, 3650),
    approval=st.builds(
        ApprovalRule, admin_adjusts_up_to=st.none() | points, expires_after_days=st.integers(1, 90)
    ),
    transfers=st.builds(
        TransferRule,
        max_points=st.none() | points,
        max_points_per_period=st.none() | points,
        period=st.sampled_from(["day", "week", "month", "year"]),
    ),
    late_window_days=st.integers(1, 3650),
    unknown_member=st.sampled_from(["park", "reject", "enrol"]),
)


@given(settings)
def test_settings_survive_their_json(given_settings: ProgramSettings) -> None:
    stored = json.loads(json.dumps(settings_to_json(given_settings)))
    assert settings_from_json(stored) == given_settings


def test_what_is_left_out_or_null_is_the_default() -> None:
    assert settings_from_json({}) == ProgramSettings()
    assert settings_from_json({"burn": None, "earn_rate": {"per": None}}) == ProgramSettings()


def test_the_same_money_is_stored_in_one_way() -> None:
    ways = {
        json.dumps(settings_to_json(settings_from_json({"earn_rate": {"per": Decimal(text)}})))
        for text in ("100", "100.0", "100.0000", "1E+2")
    }
    assert len(ways) == 1
    assert '"per": "100"' in ways.pop()


def test_a_maximum_below_the_minimum_is_refused_by_name() -> None:
    with pytest.raises(Invalid) as refused:
        settings_from_json({"burn": {"min_points": 10, "max_points": 9}})
    assert [error.pointer for error in refused.value.errors] == ["/burn/max_points"]


@given(
    min_points=points,
    step=points,
    max_points=st.none() | points,
    per=points,
    worth=money,
)
def test_a_burn_rule_is_taken_exactly_when_a_burn_can_meet_it(
    min_points: int, step: int, max_points: int | None, per: int, worth: Decimal
) -> None:
    least = -(-min_points // step) * step  # what costs the least is what can be met, if any
    try:
        price_of_points(Terms(per, worth, min_points, max_points, step), least)
        possible = least <= MAX_POINTS
    except NotOffered:
        possible = False
    try:
        BurnRule(min_points, step, max_points, per, worth)
        taken = True
    except Invalid:
        taken = False
    assert taken == possible


@pytest.mark.parametrize(
    ("rule", "pointer"),
    [
        ({"min_points": 1, "max_points": 9, "step": 10}, "/burn/step"),
        ({"min_points": 11, "max_points": 19, "step": 10}, "/burn/step"),
        ({"min_points": 2**53 - 1, "step": 2}, "/burn"),
        ({"min_points": 2, "points": 1, "worth": "999999999999.9999"}, "/burn"),
    ],
)
def test_a_burn_rule_that_no_burn_can_meet_is_refused_by_name(
    rule: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        settings_from_json({"burn": rule})
    assert [(one.pointer, one.code) for one in refused.value.errors] == [
        (pointer, "no_burn_possible")
    ]


@pytest.mark.parametrize("limit", ["max_points", "max_points_per_period"])
def test_transfers_that_no_transfer_can_meet_are_refused_by_name(limit: str) -> None:
    with pytest.raises(Invalid) as refused:
        settings_from_json({"transfers": {"min_points": 10, limit: 9}})
    assert [one.pointer for one in refused.value.errors] == [f"/transfers/{limit}"]


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # RFC 7396, appendix A, as far as it speaks of objects
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch(target: dict[str, Any], patch: dict[str, Any], result: object) -> None:
    before = json.dumps(target)
    assert merged(target, patch) == result
    assert json.dumps(target) == before


def test_the_default_tiers_are_valid() -> None:
    check_tiers(DEFAULT_TIERS)
    assert [(tier.name, tier.threshold) for tier in DEFAULT_TIERS] == [
        ("Basic", 0),
        ("Gold", 500),
        ("Platinum", 1000),
    ]


@pytest.mark.parametrize(
    ("tiers", "pointer"),
    [
        ([("a", 0), ("a", 1)], "/tiers/1/key"),
        ([("a", 0), ("b", 5), ("c", 5)], "/tiers/2/threshold"),
        ([("a", 1)], "/tiers"),
    ],
)
def test_tiers_that_make_no_sense_are_refused_by_name(
    tiers: list[tuple[str, int]], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        check_tiers([TierSetting(key, key.upper(), threshold) for key, threshold in tiers])
    assert [error.pointer for error in refused.value.errors] == [pointer]
