"""What one activity is worth to a member: points, the lots they become, why, and what limits that
uses up. Decides; moves and writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from loyalty.catalogue.rules import Catalogue, unknown
from loyalty.conditions.facts import MemberFacts, Purchase
from loyalty.earning import bonus
from loyalty.earning.program_rules import ProgramRules
from loyalty.earning.rules import Setback, explanation, refusal
from loyalty.ledger.validity import Validity, validity
from loyalty.programs.life_of_points import NEVER, Expiry, Pending
from loyalty.promotions.limits import Counters, Occasion
from loyalty.promotions.rulebook import InForce
from loyalty.promotions.rules import Decision, decide

_AT_ONCE_FOR_EVER = Validity()

Life = tuple[Pending | None, Expiry]  # as decided; a lot's validity is what it comes to
Lots = tuple[tuple[Validity, int], ...]
Occasions = Mapping[int, Occasion]  # by promotion
NO_OCCASIONS: Occasions = MappingProxyType({})


class Worth(NamedTuple):
    """`lots` are the points by when they can be spent; `uses` what counts against limits."""

    points: int
    lots: Lots
    explanation: dict[str, Any]
    uses: Sequence[tuple[Occasion, int]] = ()


def promised(row: Row[Any], member: MemberFacts, program: ProgramRules, at: datetime) -> Worth:
    """A bonus is worth what was promised, whatever the promotions say."""
    points = row.body["points"]
    told = explanation(Decision(()), None, member)
    lots = _lots((), points, row.occurred_at, at, program)
    return Worth(points, lots, {**told, bonus.KIND: row.body["why"]})


def worth(
    purchase: Purchase,
    member: MemberFacts,
    in_force: InForce,
    occasions: Occasions,
    program: ProgramRules,
    counters: Counters,
    at: datetime,
) -> Worth | Setback:
    """What the versions in force when it occurred give; `occasions` are those of the ones with
    limits, and `counters` as they stand before it."""
    left = {one: counters.allowance(occasion) for one, occasion in occasions.items()}
    decision = decide(purchase, in_force.versions, member, left)
    refused = refusal(decision.shares, purchase.currency)
    if refused:
        return refused
    points = 0
    by_life: list[tuple[Life, int]] = []
    uses: list[tuple[Occasion, int]] = []
    for share in decision.shares:
        if share.points:
            points += share.points
            own = in_force.living.get(share.promotion_id)
            if own:
                life = own.rule.pending or program.pending, own.rule.expiry or program.expiry
                by_life.append((life, share.points))
            if share.promotion_id in occasions:
                uses.append((occasions[share.promotion_id], share.points))
    return Worth(
        points,
        _lots(by_life, points, purchase.occurred_at, at, program),
        explanation(decision, purchase, member, in_force.asks),
        uses,
    )


def occasions_of(
    in_force: InForce, account_id: int, occurred_at: datetime, zone: ZoneInfo
) -> Occasions:
    """What counts against limits when this is judged."""
    if not in_force.limited:
        return NO_OCCASIONS
    day = occurred_at.astimezone(zone).date()
    return {one.promotion_id: Occasion.on(one, account_id, day) for one in in_force.limited}


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


def _lots(
    by_life: Sequence[tuple[Life, int]],
    points: int,
    occurred_at: datetime,
    at: datetime,
    program: ProgramRules,
) -> Lots:
    """The points by what their lives come to: what can be spent first, and ends first, first.

    `by_life` are those of promotions that have decided it themselves; the rest of `points` live
    as the program has it.
    """
    rest = points - sum(some for _, some in by_life)
    lots: dict[Validity, int] = {}
    if rest:
        own = _validity((program.pending, program.expiry), occurred_at, at, program)
        if not by_life:
            return ((own, rest),)
        lots[own] = rest
    for life, some in by_life:
        one = _validity(life, occurred_at, at, program)
        lots[one] = lots.get(one, 0) + some
    return tuple(sorted(lots.items(), key=_order))


def _validity(life: Life, occurred_at: datetime, at: datetime, program: ProgramRules) -> Validity:
    pending, expiry = life
    if pending is None and expiry is NEVER:
        return _AT_ONCE_FOR_EVER
    return validity(pending, expiry, occurred_at, at, program.zone.key)


def _order(lot: tuple[Validity, int]) -> tuple[bool, float, bool, float]:
    one = lot[0]
    return (
        one.once_released is not None,
        one.activates_at.timestamp() if one.activates_at else 0.0,
        one.expires_at is None,
        one.expires_at.timestamp() if one.expires_at else 0.0,
    )
