"""A draft is published only if its fixtures give what they say."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.earning.free_segment import SegmentInUse, remove_free_segment
from loyalty.earning.prove import FixturesFailed, check_draft, publish_proven
from loyalty.errors import Invalid
from loyalty.programs.queries import Program
from loyalty.promotions.desk import Promotion, promotion_by_key
from loyalty.promotions.draft import add_draft, add_promotion
from loyalty.promotions.end import end
from loyalty.segments.save import add_segment
from tests.catalogue.listed import list_products, list_retailers
from tests.opened import AT, opened

EVE = By("eve", None, AT)
BREAD = {"when": {"category": ["food/bread"]}, "multiplier": "2"}
RYE = {"items": [{"sku": "rye", "amount": "17"}, {"sku": "bag", "amount": "3"}]}


def _add(
    session: Session, program: Program, rule: dict[str, Any], *fixtures: dict[str, Any]
) -> None:
    values = {"key": "bread", "name": "Bread", "rule": rule, "fixtures": list(fixtures)}
    add_promotion(session, program, {**values, "starts_at": None, "ends_at": None}, EVE)


def _publish(session: Session, program: Program) -> Promotion:
    locked = promotion_by_key(session, program.id, "bread", lock=True)
    return publish_proven(session, program, locked, EVE)


def _errors(refused: pytest.ExceptionInfo[Any]) -> list[tuple[str, str]]:
    return [(one.pointer, one.code) for one in refused.value.errors]


def test_a_fixture_that_holds_lets_it_be_published(session: Session) -> None:
    program = opened(session)
    list_products(session, {"sku": "rye", "name": "Rye", "category": "food/bread/rye"})
    because = {"standing": 20, "bread": 17}
    _add(session, program, BREAD, {"purchase": RYE, "points": 37, "because": because})
    [outcome] = check_draft(session, program, _bread(session, program), AT)
    assert (outcome.passed, outcome.points, outcome.because) == (True, 37, because)
    assert _publish(session, program).status(AT) == "published"


def _bread(session: Session, program: Program) -> Promotion:
    return promotion_by_key(session, program.id, "bread")


def test_one_that_fails_blocks_it_and_says_what_came(session: Session) -> None:
    program = opened(session)
    fixtures = [
        {"purchase": RYE, "points": 20, "because": {"bread": 0, "standing": 20}},
        {"purchase": RYE, "points": 37, "because": {"bread": 17, "other": 0}},
    ]
    _add(session, program, BREAD, *fixtures)
    with pytest.raises(FixturesFailed) as refused:
        _publish(session, program)
    assert refused.value.detail == "1 of 2 fixtures failed."
    assert _errors(refused) == [
        ("/fixtures/1/points", "wrong_points"),
        ("/fixtures/1/because/bread", "wrong_points"),
    ]
    assert refused.value.errors[0].detail == "37 points were expected, 20 came: standing 20."
    assert _bread(session, program).status(AT) == "draft"


def test_a_segment_that_a_promotion_asks_for_stays(session: Session) -> None:
    program = opened(session)
    vip = {"key": "vip", "name": "VIP", "condition": None}
    add_segment(session, program, vip, By("eve", None, AT))
    _add(session, program, {"multiplier": "2", "when": {"not": {"segment": ["vip", "vip"]}}})

    def remove(at: datetime) -> None:
        remove_free_segment(session, program, "vip", By("eve", None, at))

    _publish(session, program)
    with pytest.raises(SegmentInUse):
        remove(AT)
    later = AT + timedelta(days=1)
    end(session, program, promotion_by_key(session, program.id, "bread", lock=True), later, EVE)
    with pytest.raises(SegmentInUse):
        remove(AT)
    remove(later)


@pytest.mark.parametrize(
    ("rule", "fixture"),
    [
        (
            {"fixed": 5, "when": {"region": ["north"]}},
            {"purchase": {"amount": "1", "retailer": "r-1"}, "points": 6},
        ),
        (
            {"fixed": 5, "when": {"first_purchase": True}},
            {"purchase": {"amount": "1"}, "member": {"first_purchase": True}, "points": 6},
        ),
        (
            {"fixed": 5, "when": {"first_purchase": True}},
            {"purchase": {"amount": "1"}, "points": 1},
        ),
        (
            {"fixed": 5, "when": {"birthday": {}}},
            {"purchase": {"amount": "1"}, "member": {"birthday": "1990-07-01"}, "points": 6},
        ),
        (
            {"fixed": 5, "when": {"inactive": {"days": 60}}},
            {"purchase": {"amount": "1"}, "member": {"inactive_days": 60}, "points": 6},
        ),
        (
            {"fixed": 5, "when": {"tier": ["gold"]}},
            {"purchase": {"amount": "1"}, "member": {"tier": "gold"}, "points": 6},
        ),
        (
            {"fixed": 5, "when": {"joining_day": {}}},
            {
                "purchase": {"amount": "1"},
                "member": {"joined_at": "2024-07-01T00:00:00Z"},
                "points": 6,
            },
        ),
        ({"per_visit": 5}, {"purchase": {"kind": "visit"}, "points": 5}),
        (
            {"rates": {"EUR": {"points": 3, "per": "1"}}},
            {"purchase": {"amount": "2", "currency": "EUR"}, "points": 6},
        ),
        (
            {"fixed": 5, "limits": [{"of": "member", "per": "month", "points": 4}]},
            {"purchase": {"amount": "1"}, "points": 5, "because": {"bread": 4}},
        ),
    ],
)
def test_what_a_purchase_and_a_member_are_told_to_be(
    session: Session, rule: dict[str, Any], fixture: dict[str, Any]
) -> None:
    program = opened(session)
    list_retailers(session, {"id": "r-1", "name": "R", "region": "north"})
    _add(session, program, rule, fixture)
    assert _publish(session, program).status(AT) == "published"


def test_a_purchase_occurs_when_the_version_starts_or_when_it_says(session: Session) -> None:
    program = opened(session)
    start = AT + timedelta(days=5)
    early = {"amount": "1", "occurred_at": (start - timedelta(seconds=1)).isoformat()}
    values = {
        "key": "bread",
        "name": "Bread",
        "rule": {"fixed": 5},
        "starts_at": start,
        "ends_at": None,
        "fixtures": [{"purchase": {"amount": "1"}, "points": 6}, {"purchase": early, "points": 1}],
    }
    add_promotion(session, program, values, EVE)
    assert [one.passed for one in check_draft(session, program, _bread(session, program), AT)] == [
        True,
        True,
    ]


def test_the_version_that_is_in_force_gives_way(session: Session) -> None:
    program = opened(session)
    _add(session, program, {"fixed": 5})
    _publish(session, program)
    values = {
        "rule": {"fixed": 7},
        "starts_at": None,
        "ends_at": None,
        "fixtures": [{"purchase": {"amount": "1"}, "points": 8, "because": {"bread": 7}}],
    }
    add_draft(
        session, program, promotion_by_key(session, program.id, "bread", lock=True), values, EVE
    )
    assert _publish(session, program).versions[-1].rule == {"fixed": 7}


def test_what_a_rule_names_must_be_there(session: Session) -> None:
    program = opened(session)
    when = {"any": [{"segment": ["vip"]}, {"not": {"tier": ["gold", "diamond"]}}]}
    _add(session, program, {"multiplier": "2", "when": when})
    with pytest.raises(Invalid) as refused:
        _publish(session, program)
    assert _errors(refused) == [("/rule/when", "unknown_segment"), ("/rule/when", "unknown_tier")]
    vip = {"key": "vip", "name": "VIP", "condition": None}
    add_segment(session, program, vip, By("eve", None, AT))
    with pytest.raises(Invalid) as refused:
        _publish(session, program)
    assert _errors(refused) == [("/rule/when", "unknown_tier")]
