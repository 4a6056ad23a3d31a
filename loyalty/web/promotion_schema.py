"""How promotions come in and are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from dataclasses import fields as dataclass_fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from loyalty.earning.prove import Outcome
from loyalty.earning.rehearse import MOST_SHOWN, Rehearsal
from loyalty.promotions.desk import DeskVersion, Promotion
from loyalty.promotions.fixture import MOST_FIXTURES
from loyalty.promotions.report import Report
from loyalty.web.fields import (
    Choice,
    Currency,
    Flag,
    Id,
    Instant,
    Integer,
    ListOf,
    Money,
    Part,
    Points,
    Schema,
    Slug,
    Text,
    instant_text,
)
from loyalty.web.fields.trees import Tree
from loyalty.web.problems import FieldErrorSchema

MOST_CURRENCIES = 200
_STATUSES = ("draft", "published", "ended")
_RULE = {
    "description": "What it gives, when, and within which limits: see the page on promotions.",
    "examples": [
        {"when": {"category": ["food/bread"]}, "multiplier": "2"},
        {"rates": {"USD": {"points": 5, "per": "100"}}},
    ],
}
_START = {"description": "null: when it is published. Never in the past."}
_END = {"description": "null: it has no end, until another version takes over."}


class _VersionSchema(Schema):
    """What a draft says."""

    rule = Tree(metadata=_RULE)
    fixtures = ListOf(Tree(), most=MOST_FIXTURES)
    starts_at = Instant(allow_none=True, metadata=_START)
    ends_at = Instant(allow_none=True, metadata=_END)


class NewPromotionSchema(Schema):
    """A promotion to be: its first version is a draft."""

    key = Slug(required=True)
    name = Text(most=200, required=True)
    rule = Tree(required=True, metadata=_RULE)
    fixtures = ListOf(Tree(), most=MOST_FIXTURES, load_default=list)
    starts_at = Instant(load_default=None, allow_none=True, metadata=_START)
    ends_at = Instant(load_default=None, allow_none=True, metadata=_END)


class PromotionChangeSchema(_VersionSchema):
    """Another name, or another draft; what is published never changes."""

    name = Text(most=200)


class NewVersionSchema(_VersionSchema):
    """The next version; rule and fixtures are those of the newest unless others are given."""

    starts_at = Instant(load_default=None, allow_none=True, metadata=_START)
    ends_at = Instant(load_default=None, allow_none=True, metadata=_END)


class EndSchema(Schema):
    """When it ends."""

    ends_at = Instant(load_default=None, allow_none=True, metadata={"description": "null: now."})
    reason = Text(most=500, load_default=None, allow_none=True)


class VersionSchema(Schema):
    """A version; it is in force from `starts_at` until before `ends_at`, null is open."""

    version = Integer(required=True)
    status = Choice(_STATUSES, required=True)
    starts_at = Instant(required=True, allow_none=True)
    ends_at = Instant(required=True, allow_none=True)
    rule = Tree(required=True)
    fixtures = ListOf(Tree(), most=MOST_FIXTURES, required=True)
    published_at = Instant(required=True, allow_none=True)


class PromotionSchema(Schema):
    """A promotion: `current` is in force, or comes next, or was the last; `draft` is to be
    published."""

    key = Slug(required=True)
    name = Text(required=True)
    standing = Flag(required=True, metadata={"description": "It is the program's earn rate."})
    status = Choice(_STATUSES, required=True)
    current = Part(VersionSchema, required=True, allow_none=True)
    draft = Part(VersionSchema, required=True, allow_none=True)
    revision = Integer(required=True)
    created_at = Instant(required=True)


class FixtureOutcomeSchema(Schema):
    """What a fixture's purchase would give, in all and by the promotions that gave."""

    passed = Flag(required=True)
    expected = Points(required=True)
    points = Points(required=True)
    because = Tree(required=True, metadata={"description": "Points by promotion."})
    errors = ListOf(Part(FieldErrorSchema), most=MOST_FIXTURES, required=True)


class CheckSchema(Schema):
    """Whether the draft could be published as it is."""

    passed = Flag(required=True)
    fixtures = ListOf(Part(FixtureOutcomeSchema), most=MOST_FIXTURES, required=True)


_SINCE = {"description": "null: 30 days before `until`."}


class ReportArgs(Schema):
    """Which time is told: what was recorded from `since` until before `until`."""

    since = Instant(metadata={"description": "30 days before `until`."})
    until = Instant(metadata={"description": "Now."})


class SalesSchema(Schema):
    """The amounts of purchases, in one currency."""

    currency = Currency(required=True)
    amount = Money(required=True)


class ReportSchema(Schema):
    """What a promotion has cost and brought; `cost` is at the program's burn rate.

    `…_returned` is the part of it that has come back since, by returns.
    """

    since = Instant(required=True)
    until = Instant(required=True)
    points = Points(required=True)
    cost = Money(required=True)
    currency = Currency(required=True, metadata={"description": "Of the cost."})
    awards = Points(required=True)
    members = Points(required=True)
    sales = ListOf(Part(SalesSchema), most=MOST_CURRENCIES, required=True)
    capped = Points(required=True, metadata={"description": "Awards that a limit cut."})
    cut = Points(required=True, metadata={"description": "Points that limits cut."})
    points_returned = Points(required=True, metadata={"description": "Of the points."})
    cost_returned = Money(required=True)
    sales_returned = ListOf(Part(SalesSchema), most=MOST_CURRENCIES, required=True)


class RehearseSchema(Schema):
    """Which real purchases a draft is tried on: the newest 10,000 that were recorded then."""

    since = Instant(load_default=None, allow_none=True, metadata=_SINCE)
    until = Instant(load_default=None, allow_none=True, metadata={"description": "null: now."})


class DifferenceSchema(Schema):
    """A purchase that would have earned `after` instead of `before`."""

    id = Id(required=True)
    source = Text(required=True)
    transaction_id = Text(required=True)
    occurred_at = Instant(required=True)
    before = Points(required=True)
    after = Points(required=True)
    because = Tree(required=True, metadata={"description": "Points by promotion, after."})


class RehearsalSchema(Schema):
    """What would have come out differently, had the draft been in force all the time."""

    since = Instant(required=True)
    until = Instant(required=True)
    complete = Flag(required=True, metadata={"description": "No purchase was left out."})
    purchases = Points(required=True)
    differ = Points(required=True)
    members = Points(required=True, metadata={"description": "Whose points would differ."})
    before = Points(required=True)
    after = Points(required=True)
    largest = ListOf(Part(DifferenceSchema), most=MOST_SHOWN, required=True)


_REPORT = ReportSchema()
_PROMOTION, _VERSION = PromotionSchema(), VersionSchema()


def shown_check(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The outcomes as CheckSchema says."""
    return {
        "passed": all(one.passed for one in outcomes),
        "fixtures": [
            {
                "passed": one.passed,
                "expected": one.expected,
                "points": one.points,
                "because": one.because,
                "errors": [asdict(error) for error in one.wrong],
            }
            for one in outcomes
        ],
    }


def shown_report(report: Report, currency: str) -> dict[str, Any]:
    """The report as ReportSchema says; `currency` is the program's."""
    shown: dict[str, Any] = _REPORT.dump(
        {
            **{one.name: getattr(report, one.name) for one in dataclass_fields(report)},
            "currency": currency,
            "sales": _sales(report.sales),
            "sales_returned": _sales(report.sales_returned),
        }
    )
    return shown


def _sales(amounts: Mapping[str, Decimal]) -> list[dict[str, Any]]:
    return [{"currency": code, "amount": amount} for code, amount in amounts.items()]


def shown_rehearsal(
    told: Rehearsal, keys: Mapping[int, str], since: datetime, until: datetime
) -> dict[str, Any]:
    """The rehearsal as RehearsalSchema says; `keys` are those of the promotions."""
    return {
        "since": instant_text(since),
        "until": instant_text(until),
        "complete": told.complete,
        "purchases": told.purchases,
        "differ": told.differ,
        "members": len(told.accounts),
        "before": told.before,
        "after": told.after,
        "largest": [
            {
                "id": one.activity_id,
                "source": one.source,
                "transaction_id": one.transaction_id,
                "occurred_at": instant_text(one.occurred_at),
                "before": one.before,
                "after": one.after,
                "because": {keys[promotion]: given for promotion, given in one.because.items()},
            }
            for one in told.shown
        ],
    }


def shown_version(version: DeskVersion, at: datetime) -> dict[str, Any]:
    """The version as VersionSchema says."""
    shown: dict[str, Any] = _VERSION.dump(
        {
            "version": version.number,
            "status": version.status(at),
            **{name: getattr(version, name) for name in ("starts_at", "ends_at", "published_at")},
            "rule": version.rule,
            "fixtures": version.fixtures,
        }
    )
    return shown


def shown_promotion(promotion: Promotion, at: datetime) -> dict[str, Any]:
    """The promotion as PromotionSchema says."""
    current, draft = promotion.current(at), promotion.draft
    shown: dict[str, Any] = _PROMOTION.dump(
        {
            **{name: getattr(promotion, name) for name in ("key", "name", "standing")},
            "status": promotion.status(at),
            "revision": promotion.revision,
            "created_at": promotion.created_at,
        }
    )
    return {
        **shown,
        "current": current and shown_version(current, at),
        "draft": draft and shown_version(draft, at),
    }
