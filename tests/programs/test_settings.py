"""What a program decides about itself, and how that is changed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.errors import Invalid
from loyalty.programs.merge_patch import merged
from loyalty.programs.settings import (
    DEFAULT_TIERS,
    BurnRule,
    EarnRate,
    ProgramSettings,
    Rate,
    TierSetting,
    check_tiers,
    settings_from_json,
    settings_to_json,
)

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
        step=points,
        max_points=st.none() | st.integers(100, 1000),
        points=points,
        worth=money,
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
