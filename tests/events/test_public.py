"""What the outside is told: each entry and each event of ours has an outer form, and keeps it."""

from __future__ import annotations

import ast
from dataclasses import fields
from datetime import UTC, datetime

import pytest

from loyalty.events.cloudevent import cloudevent
from loyalty.events.feed import TYPES, Place, Told
from loyalty.events.happenings import HAPPENINGS, TierChanged, happening_of
from loyalty.events.points import POINTS, BalanceAfter, PointsEarned, event_of
from loyalty.ledger.rules import Bucket, Kind
from tests.architecture import sources


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_entry_is_an_event(kind: Kind) -> None:
    assert event_of(kind, Bucket.AVAILABLE, of_return=True) in POINTS


def test_what_an_entry_is_called_depends_on_where_it_led() -> None:
    assert event_of(Kind.AWARD, Bucket.PENDING, of_return=False).TYPE == "points.pending.v1"
    assert event_of(Kind.AWARD, Bucket.AVAILABLE, of_return=False).TYPE == "points.earned.v1"
    assert event_of(Kind.AWARD, Bucket.OWED, of_return=False).TYPE == "points.earned.v1"
    assert event_of(Kind.REVERSE, Bucket.REVERSED, of_return=True).TYPE == "points.returned.v1"
    assert event_of(Kind.REVERSE, Bucket.REVERSED, of_return=False).TYPE == "points.forfeited.v1"


def _emitted() -> set[str]:
    """The names of all events that the house emits, where they stand as text."""
    return {
        node.args[0].value
        for path in sources.python("loyalty")
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "Event"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


class _Anything(dict[str, object]):
    def __missing__(self, name: str) -> object:
        return name


@pytest.mark.parametrize("name", sorted(_emitted()))
def test_every_event_that_is_emitted_has_an_outer_form(name: str) -> None:
    told = happening_of(name, "member ann", _Anything())
    assert told is not None
    assert told.TYPE in TYPES


def test_the_names_are_versioned_and_each_means_one_form() -> None:
    forms = (*POINTS, *HAPPENINGS)
    names = [form.TYPE for form in forms]
    assert len(set(names)) == len(names) == len(TYPES)
    for form in forms:
        noun, what, version = form.TYPE.split(".")
        assert noun.isidentifier()
        assert what.isidentifier()
        assert version == "v1"
        assert vars(form.__mro__[-2])["__dataclass_params__"].frozen
        assert form.__doc__


def test_what_is_not_for_the_outside_is_not_told() -> None:
    assert happening_of("something.else", "member ann", {}) is None


_AT = datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_an_entry_is_written_as_a_cloudevent() -> None:
    earned = PointsEarned(
        entry="12-3",
        kind="award",
        member_id="ann",
        points=5,
        from_bucket="issued",
        to_bucket="available",
        cause_id="01a1",
        balance=BalanceAfter(0, 5, 0, 0),
    )
    told = Told("12-3", Place(1, 12, 3), "member ann", 7, "wine", _AT, earned)
    assert cloudevent(told, "acme") == {
        "specversion": "1.0",
        "id": "12-3",
        "source": "/tenants/acme",
        "type": "points.earned.v1",
        "subject": "member ann",
        "time": "2026-07-01T12:00:00Z",
        "datacontenttype": "application/json",
        "sequence": "0000000000000001000000000000000c0000000000000003",
        "partitionkey": "member ann",
        "program": "wine",
        "data": {
            "entry": "12-3",
            "kind": "award",
            "member_id": "ann",
            "points": 5,
            "from": "issued",
            "to": "available",
            "cause_id": "01a1",
            "balance": {"pending": 0, "available": 5, "held": 0, "owed": 0},
        },
    }


def test_words_that_python_keeps_are_written_as_they_are_said() -> None:
    changed = TierChanged("ann", "raised", "basic", "gold", None, "points")
    told = Told("x", Place(), "member ann", None, None, _AT, changed)
    shown = cloudevent(told, "acme")
    assert "program" not in shown
    assert shown["data"] == {
        "member_id": "ann",
        "direction": "raised",
        "from": "basic",
        "to": "gold",
        "until": None,
        "why": "points",
    }
    assert len(shown["data"]) == len(fields(changed))
