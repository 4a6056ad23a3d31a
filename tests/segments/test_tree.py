"""A segment finds the members that its tree says, and means what conditions of that name mean."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.conditions.facts import MemberFacts, Purchase, days_from
from loyalty.conditions.tree import read_condition
from loyalty.earning.award import award_activities
from loyalty.errors import Invalid
from loyalty.members.enrol import NewMember
from loyalty.programs.queries import Program
from loyalty.segments.queries import count
from loyalty.segments.tree import clause_of
from tests.earning.given import bought, stored
from tests.opened import AT, give, opened

_ZONE = "Pacific/Auckland"


def _found(session: Session, program: Program, condition: dict[str, Any], at: datetime = AT) -> int:
    return count(session, program.id, clause_of(condition), at)


def _join(session: Session, program: Program, name: str, **told: Any) -> None:
    join(session, program, NewMember(name, **told), AT)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"points": {"at_least": 500}}, 1),
        ({"points": {"at_most": 499}}, 2),
        ({"points": {"at_least": 100, "at_most": 499}}, 1),
        ({"lifetime": {"at_least": 1}}, 2),
        ({"tier_points": {"at_least": 500}}, 1),
        ({"tier": ["gold", "platinum"]}, 1),
        ({"status": ["active"]}, 3),
        ({"status": ["suspended"]}, 0),
        ({"all": [{"tier": ["basic"]}, {"points": {"at_least": 1}}]}, 1),
        ({"any": [{"tier": ["gold"]}, {"points": {"at_most": 0}}]}, 2),
        ({"not": {"tier": ["gold"]}}, 2),
        ({"not": {"birthday": {}}}, 3),
        ({"member_for_days": {"at_most": 0}}, 3),
        ({"member_for_days": {"at_least": 1}}, 0),
        ({"inactive": {"days": 1}}, 0),
        ({"member_attribute": {"name": "city", "in": ["Oslo", "Rome"]}}, 1),
    ],
)
def test_a_tree_finds_members(session: Session, condition: dict[str, Any], found: int) -> None:
    program = opened(session)
    _join(session, program, "ann", attributes={"city": "Rome"})
    _join(session, program, "bob")
    _join(session, program, "cid")
    _join(session, program, "eve")
    give(session, program, 500, "ann")
    give(session, program, 100, "bob")
    leave(session, program, "eve", by=By("test", None, AT))
    assert _found(session, program, condition) == found


def test_a_program_s_members_alone_are_found(session: Session) -> None:
    wine, air = opened(session), opened(session, "air")
    _join(session, wine, "ann")
    assert _found(session, wine, {"status": ["active"]}) == 1
    assert _found(session, air, {"status": ["active"]}) == 0


def test_inactive_counts_from_the_last_award_that_occurred(session: Session) -> None:
    program = opened(session)
    _join(session, program, "ann")
    later = AT + timedelta(days=40)
    late = bought(occurred_at=AT + timedelta(days=5))  # told on the 40th day
    ids = stored(session, program, late, at=later)
    award_activities(session, ids, later)
    inactive = {"inactive": {"days": 30}}
    assert _found(session, program, inactive, AT + timedelta(days=35, seconds=-1)) == 0
    assert _found(session, program, inactive, AT + timedelta(days=35)) == 1


_VALUES = st.sampled_from(["a", "b", 1, 2, 1.5, True, False])
_CONDITIONS = st.one_of(
    st.fixed_dictionaries(
        {"birthday": st.fixed_dictionaries({n: st.integers(0, 180) for n in ("days_before",)})}
    ),
    st.fixed_dictionaries(
        {"joining_day": st.fixed_dictionaries({n: st.integers(0, 180) for n in ("days_after",)})}
    ),
    st.fixed_dictionaries(
        {"tier": st.lists(st.sampled_from(["basic", "gold"]), min_size=1, max_size=2)}
    ),
    st.fixed_dictionaries(
        {
            "member_attribute": st.fixed_dictionaries(
                {"name": st.just("x"), "in": st.lists(_VALUES, min_size=1, max_size=3)}
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "member_attribute": st.fixed_dictionaries(
                {"name": st.just("x"), "at_least": st.integers(0, 3).map(str)}
            )
        }
    ),
)
_TREES = st.recursive(
    _CONDITIONS,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
    ),
    max_leaves=5,
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    tree=_TREES,
    birthday=st.none()
    | st.dates(date(1900, 1, 1), date(2025, 12, 31))
    | st.just(date(2000, 2, 29)),
    zone=st.sampled_from([None, "UTC", _ZONE, "America/Los_Angeles"]),
    attribute=st.none() | _VALUES | st.lists(_VALUES, max_size=3),
    at=st.integers(0, 3000 * 24).map(lambda hours: AT + timedelta(hours=hours)),
)
def test_it_means_what_conditions_mean(
    session: Session,
    tree: dict[str, Any],
    birthday: date | None,
    zone: str | None,
    attribute: object,
    at: datetime,
) -> None:
    with session.begin_nested() as undone:
        program = opened(session)
        session.execute(text("UPDATE program SET time_zone = :zone"), {"zone": _ZONE})
        attributes = {} if attribute is None else {"x": attribute}
        _join(session, program, "ann", birthday=birthday, time_zone=zone, attributes=attributes)
        found = _found(session, program, tree, at)
        undone.rollback()
    own, theirs = ZoneInfo(zone or _ZONE), ZoneInfo(_ZONE)
    facts = MemberFacts(
        AT,
        "basic",
        0,
        attributes=attributes,
        days_from_birthday=days_from(birthday, at.astimezone(own).date()) if birthday else None,
        days_from_joining=days_from(AT.astimezone(theirs).date(), at.astimezone(theirs).date()),
    )
    holds = read_condition(tree, "").holds(Purchase("visit", at), None, facts)
    assert found == int(holds)


@pytest.mark.parametrize(
    ("condition", "pointer", "code"),
    [
        ({}, "/condition", "not_a_condition"),
        ({"tier": ["a"], "status": ["b"]}, "/condition", "not_a_condition"),
        ({"sku": ["W-1"]}, "/condition/sku", "unknown_condition"),
        ({"all": []}, "/condition/all", "wrong_length"),
        ({"all": [{"tier": "gold"}]}, "/condition/all/0/tier", "not_a_list"),
        ({"status": ["cancelled"]}, "/condition/status/0", "not_a_choice"),
        ({"points": {}}, "/condition/points", "required"),
        ({"points": {"at_least": -1}}, "/condition/points/at_least", "out_of_range"),
        ({"not": {"inactive": {"days": 0}}}, "/condition/not/inactive/days", "out_of_range"),
        ({"any": [{"tier": ["x"]}] * 51}, "/condition/any", "wrong_length"),
        ({"any": [{"tier": ["x"]}] * 50}, "/condition/any/49", "too_many"),
    ],
)
def test_what_makes_no_sense_is_named(condition: dict[str, Any], pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        clause_of(condition)
    assert [(one.pointer, one.code) for one in refused.value.errors] == [(pointer, code)]


def test_a_tree_is_not_endlessly_deep() -> None:
    tree: dict[str, Any] = {"tier": ["gold"]}
    for _ in range(8):
        tree = {"not": tree}
    with pytest.raises(Invalid) as refused:
        clause_of(tree)
    assert refused.value.errors[0].code == "too_deep"
