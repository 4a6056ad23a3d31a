"""What one activity is worth to a member: points, the lots they become, why, and what limits that
uses up. Decides; moves and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from loyalty.catalogue.rules import Catalogue, unknown
from loyalty.conditions.facts import MemberFacts, Purchase
from loyalty.earning import bonus
from loyalty.earning.program_rules import ProgramRules
from loyalty.earning.rules import Setback, explanation, refusal
from loyalty.ledger.validity import Validity, validity
from loyalty.programs.life_of_points import Expiry, Pending
from loyalty.promotions.limits import Counters, Occasion
from loyalty.promotions.rule import Version
from loyalty.promotions.rules import Decision, evaluate, may_apply

Life = tuple[Pending | None, Expiry]  # as decided; a lot's validity is what it comes to


@dataclass(frozen=True, slots=True)
class Worth:
    """`lots` are the points by when they can be spent; `uses` what counts against limits."""

    points: int
    lots: tuple[tuple[Validity, int], ...]
    explanation: dict[str, Any]
    uses: tuple[tuple[Occasion, int], ...] = ()


def promised(row: Row[Any], member: MemberFacts, program: ProgramRules, at: datetime) -> Worth:
    """A bonus is worth what was promised, whatever the promotions say."""
    points = row.body["points"]
    told = explanation(Decision(()), None, member)
    lots = _lots([(_life(program), points)], row.occurred_at, at, program)
    return Worth(points, lots, {**told, bonus.KIND: row.body["why"]})


def worth(
    purchase: Purchase,
    member: MemberFacts,
    account_id: int,
    program: ProgramRules,
    versions: Sequence[Version],
    counters: Counters,
    at: datetime,
) -> Worth | Setback:
    """What the versions in force when it occurred give; `counters` as they stand before it."""
    in_force = [version for version in versions if version.in_force(purchase.occurred_at)]
    occasions = {
        version.promotion_id: Occasion(version, account_id, purchase.occurred_at, program.zone)
        for version in in_force
        if version.rule.limits
    }
    left = {one: counters.allowance(occasion) for one, occasion in occasions.items()}
    decision = evaluate(purchase, in_force, member, left)
    refused = refusal(decision.shares, purchase.currency)
    if refused:
        return refused
    asks = frozenset[Any]().union(*(version.rule.asks for version in in_force))
    by_id = {version.promotion_id: version for version in in_force}
    lives = [
        (_life(program, by_id[share.promotion_id]), share.points)
        for share in decision.shares
        if share.points
    ]
    return Worth(
        decision.points,
        _lots(lives, purchase.occurred_at, at, program),
        explanation(decision, purchase, member, asks),
        tuple(
            (occasions[share.promotion_id], share.points)
            for share in decision.shares
            if share.points and share.promotion_id in occasions
        ),
    )


def occasions_of(
    purchase: Purchase,
    member: MemberFacts,
    account_id: int,
    zone: ZoneInfo,
    versions: Iterable[Version],
) -> list[Occasion]:
    """What may be counted against limits when this is judged: to be read, and budgets locked."""
    return [
        Occasion(version, account_id, purchase.occurred_at, zone)
        for version in versions
        if version.rule.limits
        and version.in_force(purchase.occurred_at)
        and may_apply(purchase, version, member)
    ]


def unknown_goods(row: Any, program: ProgramRules, catalogue: Catalogue) -> Setback | None:
    """Why a purchase is refused that names what the catalogue does not know, if it is."""
    if not program.wants_catalogue:
        return None
    found = unknown(
        catalogue,
        row.retailer,
        [item.get("sku") for item in (row.body or {}).get("items") or ()],
        reject_retailer=program.unknown_retailer == "reject",
        reject_product=program.unknown_product == "reject",
    )
    return Setback("rejected", found.reason, found.detail) if found else None


def _life(program: ProgramRules, version: Version | None = None) -> Life:
    rule = version.rule if version else None
    return (
        rule.pending if rule and rule.pending else program.pending,
        rule.expiry if rule and rule.expiry else program.expiry,
    )


def _lots(
    lives: Iterable[tuple[Life, int]], occurred_at: datetime, at: datetime, program: ProgramRules
) -> tuple[tuple[Validity, int], ...]:
    """The points by what their lives come to: what can be spent first, and ends first, first."""
    total: dict[Life, int] = {}
    for life, points in lives:
        total[life] = total.get(life, 0) + points
    lots: dict[Validity, int] = {}
    for (pending, expiry), points in total.items():
        own = validity(pending, expiry, occurred_at, at, program.zone.key)
        lots[own] = lots.get(own, 0) + points
    if len(lots) == 1:
        return tuple(lots.items())
    return tuple(sorted(lots.items(), key=lambda lot: _order(lot[0])))


def _order(one: Validity) -> tuple[bool, float, bool, float]:
    return (
        one.once_released is not None,
        one.activates_at.timestamp() if one.activates_at else 0.0,
        one.expires_at is None,
        one.expires_at.timestamp() if one.expires_at else 0.0,
    )


def overlapping(
    versions: Mapping[int, Sequence[Version]], times: Sequence[datetime]
) -> list[Version]:
    """The versions that judge any of what occurred at `times`."""
    first, last = min(times), max(times)
    return [
        version
        for of_program in versions.values()
        for version in of_program
        if (version.starts_at is None or version.starts_at <= last)
        and (version.ends_at is None or first < version.ends_at)
    ]
