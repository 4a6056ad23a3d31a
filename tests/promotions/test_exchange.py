"""A program's whole rules go out as one document, and come in as drafts of what differs."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.earning.prove import publish_proven
from loyalty.errors import Invalid
from loyalty.programs.queries import Program, program_by_slug
from loyalty.promotions.desk import Promotion, every_promotion, promotion_by_key
from loyalty.promotions.draft import NotByHand
from loyalty.promotions.end import end
from loyalty.promotions.exchange import export_rules, tidied
from loyalty.promotions.import_rules import Imported, import_rules, put_earn_rate
from loyalty.promotions.rules_file import from_yaml, to_yaml
from loyalty.segments.queries import segment_by_key
from tests.opened import AT, opened

EVE = By("eve", None, AT)
LATER = datetime(2026, 9, 1, tzinfo=UTC)
RULES: dict[str, Any] = {
    "segments": {
        "vip": {"name": "Friends"},
        "rich": {"name": "Rich", "condition": {"points": {"at_least": 1000}}},
    },
    "promotions": {
        "bread": {
            "name": "Bread counts double",
            "rule": {"when": {"category": ["food/bread"]}, "multiplier": "2"},
            "fixtures": [
                {
                    "purchase": {"items": [{"category": "food/bread", "amount": "20"}]},
                    "points": 40,
                    "because": {"bread": 20},
                }
            ],
        },
        "autumn": {
            "name": "Autumn",
            "starts_at": "2026-09-01T00:00:00Z",
            "ends_at": "2026-12-01T00:00:00Z",
            "rule": {"when": {"segment": ["vip", "rich"]}, "fixed": 100},
        },
    },
}


def _import(
    session: Session, program: Program, document: dict[str, Any], at: datetime = AT
) -> Imported:
    return import_rules(session, program, document, By("eve", None, at))


def _publish(session: Session, program: Program, *keys: str) -> None:
    for key in keys:
        locked = promotion_by_key(session, program.id, key, lock=True)
        publish_proven(session, program, locked, EVE)


def _with(**changed: Any) -> dict[str, Any]:
    """The rules with a changed promotion "bread"."""
    document = deepcopy(RULES)
    document["promotions"]["bread"] |= changed
    return document


def _bread(session: Session, program: Program) -> Promotion:
    return promotion_by_key(session, program.id, "bread")


def test_a_document_makes_segments_and_drafts(session: Session) -> None:
    program = opened(session)
    assert _import(session, program, RULES) == Imported(("vip", "rich"), ("bread", "autumn"), None)
    assert segment_by_key(session, program.id, "rich").condition == {"points": {"at_least": 1000}}
    assert segment_by_key(session, program.id, "vip").condition is None
    found = {one.key: one for one in every_promotion(session, program.id)}
    assert [one.status(AT) for one in found.values()] == ["published", "draft", "draft"]
    autumn = found["autumn"].draft
    assert autumn is not None
    assert (autumn.starts_at, autumn.rule["fixed"]) == (LATER, 100)
    assert export_rules(session, program, AT)["promotions"] == {}
    again = _import(session, program, RULES)
    assert again == Imported((), ("bread", "autumn"), None)  # they are drafts still
    assert found["bread"].revision == _bread(session, program).revision


def test_what_goes_out_comes_in_elsewhere_as_the_same(session: Session) -> None:
    program, other = opened(session), opened(session, "air")
    _import(session, program, RULES)
    _publish(session, program, "bread", "autumn")
    told = export_rules(session, program, AT)
    assert list(told["promotions"]["bread"]["rule"]) == ["when", "multiplier"]
    assert told["promotions"]["bread"]["starts_at"] == "2026-07-01T12:00:00Z"
    document = from_yaml(to_yaml(told))
    assert document == told
    assert _import(session, other, document).drafts == ("bread", "autumn")
    _publish(session, other, "bread", "autumn")
    copied = export_rules(session, other, AT)
    assert {**copied, "program": "wine"} == told
    assert _import(session, program, document) == Imported((), (), None)


def test_only_what_differs_is_drafted(session: Session) -> None:
    program = opened(session)
    _import(session, program, RULES)
    _publish(session, program, "bread", "autumn")
    changed = _with(rule={"when": {"category": ["food/bread"]}, "multiplier": "2.0"})
    assert _import(session, program, changed).drafts == ("bread",)
    draft = _bread(session, program).draft
    assert draft is not None
    assert (draft.number, draft.rule["multiplier"]) == (2, "2.0")
    assert export_rules(session, program, AT)["promotions"]["bread"]["rule"]["multiplier"] == "2"
    drafts = export_rules(session, program, AT, drafts=True)["promotions"]
    assert drafts["bread"]["rule"]["multiplier"] == "2.0"
    thrice = _with(rule={"multiplier": "3"}, fixtures=[])
    assert _import(session, program, thrice).drafts == ("bread",)
    assert _bread(session, program).draft == _bread(session, program).versions[1]
    assert _import(session, program, _with(name="Bread")).drafts == ()
    assert _bread(session, program).name == "Bread"
    assert _bread(session, program).draft is not None


def test_what_is_left_out_stays_and_what_has_ended_is_gone(session: Session) -> None:
    program = opened(session)
    _import(session, program, RULES)
    _publish(session, program, "bread", "autumn")
    assert _import(session, program, {}) == Imported((), (), None)
    assert set(export_rules(session, program, AT)["promotions"]) == {"bread", "autumn"}
    end(session, program, promotion_by_key(session, program.id, "bread", lock=True), None, EVE)
    assert set(export_rules(session, program, AT)["promotions"]) == {"autumn"}
    assert _import(session, program, RULES).drafts == ("bread",)


def test_a_start_that_has_passed_means_at_once(session: Session) -> None:
    program = opened(session)
    _import(session, program, RULES, LATER + timedelta(days=1))
    autumn = promotion_by_key(session, program.id, "autumn").draft
    assert autumn is not None
    assert autumn.starts_at is None


def test_versions_that_are_to_come_go_along(session: Session) -> None:
    program, other = opened(session), opened(session, "air")
    later = {"starts_at": "2026-09-01T00:00:00Z", "rule": {"fixed": 7}}
    last = {**later, "starts_at": "2026-10-01T00:00:00Z", "ends_at": "2026-11-01T00:00:00Z"}
    document = {"promotions": {"b": {"name": "B", "rule": {"fixed": 5}, "later": [later, last]}}}
    for _ in range(3):
        assert _import(session, program, document).drafts == ("b",)
        _publish(session, program, "b")
    assert _import(session, program, document) == Imported((), (), None)
    told = export_rules(session, program, AT)["promotions"]["b"]
    start = {"starts_at": "2026-07-01T12:00:00Z"}
    assert told == {"name": "B", **start, "rule": {"fixed": 5}, "later": [later, last]}
    _import(session, other, {"promotions": {"b": told}}, LATER + timedelta(days=1))
    draft = promotion_by_key(session, other.id, "b").draft
    assert draft is not None
    assert (draft.rule, draft.starts_at) == ({"fixed": 7}, None)  # it has taken over since


def test_another_earn_rate_is_told_and_put_in_force(session: Session) -> None:
    program = opened(session)
    assert _import(session, program, export_rules(session, program, AT)).earn_rate is None
    wanted = {"points": 5, "per": "100"}
    assert _import(session, program, {"earn_rate": wanted}).earn_rate == wanted
    locked = program_by_slug(session, "wine", lock=True)
    put_earn_rate(session, locked, wanted, EVE)
    changed = program_by_slug(session, "wine")
    assert export_rules(session, changed, AT)["earn_rate"]["points"] == 5
    assert _import(session, changed, {"earn_rate": wanted}).earn_rate is None


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"colour": 1}, "/colour"),
        ({"promotions": [1]}, "/promotions"),
        ({"promotions": {"Bread": {"name": "B", "rule": {}}}}, "/promotions/Bread"),
        ({"promotions": {"b": {"name": "B"}}}, "/promotions/b/rule"),
        ({"promotions": {"b": {"name": "B", "rule": {}, "x": 1}}}, "/promotions/b/x"),
        ({"promotions": {"b": {"name": "B", "rule": {}}}}, "/promotions/b/rule"),
        (_with(fixtures=[{"points": 1}]), "/promotions/bread/fixtures/0/purchase"),
        (_with(starts_at="2026-09-01"), "/promotions/bread/starts_at"),
        (_with(later=[{"rule": {}}]), "/promotions/bread/later/0/starts_at"),
        (_with(later=[{"rule": {}, "starts_at": "x"}]), "/promotions/bread/later/0/starts_at"),
        (_with(later=5), "/promotions/bread/later"),
        ({"segments": {"s": {"name": "S", "condition": {"x": 1}}}}, "/segments/s/condition/x"),
        ({"segments": {"s": {"condition": {}}}}, "/segments/s/name"),
        ({"earn_rate": 5}, "/earn_rate"),
        ({"earn_rate": {"per": "x"}}, "/earn_rate/rates/USD/per"),
        ({"earn_rate": {"step": "half"}}, "/earn_rate/step"),
    ],
)
def test_what_makes_no_sense_is_named(
    session: Session, document: dict[str, Any], pointer: str
) -> None:
    program = opened(session)
    with pytest.raises(Invalid) as refused:
        _import(session, program, document)
    assert [one.pointer for one in refused.value.errors] == [pointer]


def test_the_standing_promotion_does_not_come_in(session: Session) -> None:
    program = opened(session)
    with pytest.raises(NotByHand):
        _import(session, program, {"promotions": {"standing": {"name": "S", "rule": {"fixed": 1}}}})


def test_a_document_is_tidied_to_compare_it() -> None:
    bread = {"rule": {"multiplier": "2", "when": {"sku": ["a"]}}, "name": "B", "ends_at": None}
    told = tidied({"promotions": {"bread": bread}, "program": "wine"})
    assert to_yaml(told) == to_yaml(
        {
            "program": "wine",
            "segments": {},
            "promotions": {
                "bread": {"name": "B", "rule": {"when": {"sku": ["a"]}, "multiplier": "2"}}
            },
        }
    )
