"""A draft is proven before it is published: what it names is there, its fixtures hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.catalogue.queries import facts_of
from loyalty.conditions.facts import MemberFacts, Purchase, days_from
from loyalty.earning.facts import Facts
from loyalty.errors import Conflict, FieldError
from loyalty.programs.queries import Program
from loyalty.promotions.desk import Promotion, every_promotion
from loyalty.promotions.fixture import Bought, Buyer, Fixture, read_fixtures
from loyalty.promotions.publish import Plan, plan, publish, versions_with
from loyalty.promotions.rule import Version
from loyalty.promotions.rules import evaluate
from loyalty.promotions.rules_form import read_rule
from loyalty.segments.hold_named import hold_named

_A_YEAR = timedelta(days=365)


class FixturesFailed(Conflict):
    """409: the rules do not give what the fixtures say; nothing was published."""

    code = "fixtures_failed"
    title = "A purchase would not earn what its fixture says"
    cure = "Correct the rule or the fixture; each error says what came instead."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a fixture's purchase gives: in all, and by the promotions (their keys) that gave."""

    expected: int
    points: int
    because: Mapping[str, int]
    wrong: tuple[FieldError, ...]

    @property
    def passed(self) -> bool:
        """Whether it gives what it says."""
        return not self.wrong


def publish_proven(session: Session, program: Program, promotion: Promotion, by: By) -> Promotion:
    """Publishes the draft of a promotion that was read with `lock`, if it is proven.

    Raises FixturesFailed, Invalid for a segment or tier that is not there, and what `publish`
    raises.
    """
    check = partial(_prove, session, program, promotion)
    return publish(session, program, promotion, check, by)


def check_draft(
    session: Session, program: Program, promotion: Promotion, at: datetime
) -> list[Outcome]:
    """What the draft's fixtures would give if it were published now. Raises Invalid, NoDraft."""
    planned = plan(promotion, at)
    _hold_named(session, program, planned)
    return _outcomes(session, program, promotion, planned)


def _prove(session: Session, program: Program, promotion: Promotion, planned: Plan) -> None:
    _hold_named(session, program, planned)
    outcomes = _outcomes(session, program, promotion, planned)
    wrong = [error for outcome in outcomes for error in outcome.wrong]
    if wrong:
        failed = sum(not outcome.passed for outcome in outcomes)
        raise FixturesFailed(f"{failed} of {len(outcomes)} fixtures failed.", errors=wrong)


def _hold_named(session: Session, program: Program, planned: Plan) -> None:
    hold_named(session, program, read_rule(planned.draft.rule).when, "/rule/when")


def _outcomes(
    session: Session, program: Program, promotion: Promotion, planned: Plan
) -> list[Outcome]:
    fixtures = read_fixtures(planned.draft.fixtures)
    if not fixtures:
        return []
    bought = [fixture.bought for fixture in fixtures]
    skus = [item.get("sku") for one in bought for item in one.body.get("items", ())]
    facts = Facts(catalogue=facts_of(session, [one.retailer for one in bought], skus))
    versions = versions_with(session, promotion, planned)
    keys = {one.id: one.key for one in every_promotion(session, program.id)}
    return [
        _outcome(fixture, f"/fixtures/{index}", program, facts, versions, keys, planned.starts_at)
        for index, fixture in enumerate(fixtures)
    ]


def _outcome(
    fixture: Fixture,
    place: str,
    program: Program,
    facts: Facts,
    versions: Sequence[Version],
    keys: Mapping[int, str],
    start: datetime,
) -> Outcome:
    zone = ZoneInfo(program.time_zone)
    purchase = facts.purchase(_row(fixture.bought, program, start), zone)
    decision = evaluate(purchase, versions, _member(fixture.buyer, purchase, program, zone))
    gave = {keys[share.promotion_id]: share.points for share in decision.shares if share.points}
    told = ", ".join(f"{key} {points}" for key, points in gave.items()) or "no promotion gave any"
    wrong = []
    if decision.points != fixture.points:
        came = f"{fixture.points} points were expected, {decision.points} came: {told}."
        wrong.append(FieldError(f"{place}/points", "wrong_points", came))
    for key, points in fixture.because.items():
        if gave.get(key, 0) != points:
            came = f"{points} points of {key} were expected, {gave.get(key, 0)} came: {told}."
            wrong.append(FieldError(f"{place}/because/{key}", "wrong_points", came))
    return Outcome(fixture.points, decision.points, gave, tuple(wrong))


@dataclass(frozen=True, slots=True)
class _Row:
    """A fixture's purchase as a stored activity is read."""

    kind: str
    occurred_at: datetime
    amount: object
    currency: str
    retailer: str | None
    body: Mapping[str, object]


def _row(bought: Bought, program: Program, start: datetime) -> _Row:
    return _Row(
        bought.kind,
        bought.occurred_at or start,
        bought.amount,
        bought.currency or program.currency,
        bought.retailer,
        bought.body,
    )


def _member(buyer: Buyer, purchase: Purchase, program: Program, zone: ZoneInfo) -> MemberFacts:
    day = purchase.occurred_at.astimezone(zone).date()
    joined_at = buyer.joined_at or purchase.occurred_at - _A_YEAR
    return MemberFacts(
        joined_at,
        buyer.tier or program.first_tier.key,
        buyer.tier_points,
        attributes=buyer.attributes or {},
        segments=buyer.segments,
        first_purchase=buyer.first_purchase,
        inactive_days=buyer.inactive_days,
        days_from_birthday=days_from(buyer.birthday, day) if buyer.birthday else None,
        days_from_joining=days_from(joined_at.astimezone(zone).date(), day),
    )
