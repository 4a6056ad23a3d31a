"""Who may redeem a reward, and when: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Literal, get_args

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.form import refuse
from loyalty.conditions.tree import Condition, first_unmet, read_condition

Kind = Literal["points_off", "voucher", "goods"]
Period = Literal["day", "week", "month", "year", "ever"]
KINDS: tuple[str, ...] = get_args(Kind)
PERIODS: tuple[str, ...] = get_args(Period)
MOST_LIMITS = len(PERIODS)

#: Conditions that look at the member and the moment; a redemption has no purchase to look at.
_FIT = frozenset(
    {"all", "any", "not", "tier", "segment", "member_attribute"}
    | {"birthday", "joining_day", "dates", "hours", "weekday"}
)
_NO_LINE = Line("", Decimal(0))


@dataclass(frozen=True, slots=True)
class Limit:
    """A member redeems the reward at most so often in a period of the program's time zone."""

    most: int
    per: Period


@dataclass(frozen=True, slots=True)
class Offer:
    """When a reward is offered, and to whom; None is without limit."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    eligible: Condition | None = None
    limits: Sequence[Limit] = ()


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why a member can't have a reward: a reason code, and the sentence that says it."""

    reason: Literal["not_yet", "over", "not_for_you", "limit_reached"]
    sentence: str


def why_not(
    offer: Offer, member: MemberFacts, uses: Mapping[Period, int], at: datetime, zone: tzinfo
) -> WhyNot | None:
    """None for who may redeem it at `at`.

    `uses` are the member's redemptions of it that stand, in the present period of each limit.
    """
    if offer.starts_at is not None and at < offer.starts_at:
        return WhyNot("not_yet", f"It is offered from {offer.starts_at.isoformat()} on.")
    if offer.ends_at is not None and at >= offer.ends_at:
        return WhyNot("over", f"It was offered until {offer.ends_at.isoformat()}.")
    moment = Purchase("redemption", at, time_zone=zone)
    if offer.eligible is not None and not offer.eligible.holds(moment, _NO_LINE, member):
        unmet = first_unmet(offer.eligible, moment, [_NO_LINE], member)
        return WhyNot("not_for_you", f"It is for members of whom this is true: {unmet.says()}.")
    for limit in offer.limits:
        if uses.get(limit.per, 0) >= limit.most:
            often = "once" if limit.most == 1 else f"{limit.most} times"
            per = "" if limit.per == "ever" else f" a {limit.per}"
            return WhyNot("limit_reached", f"A member redeems it at most {often}{per}.")
    return None


def period_start(per: Period, at: datetime, zone: tzinfo) -> datetime | None:
    """When the period of `at` began, in the program's time zone; None: it has no beginning."""
    if per == "ever":
        return None
    day = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if per == "week":
        return day - timedelta(days=day.weekday())
    if per == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if per == "year" else day


def read_eligible(value: object, place: str) -> Condition:
    """The tree of conditions that says whom a reward is for. Raises Invalid."""
    tree = read_condition(value, place)
    _refuse_unfit(value, place)
    return tree


def _refuse_unfit(value: Any, place: str) -> None:
    [(key, inner)] = value.items()
    if key not in _FIT:
        known = ", ".join(sorted(_FIT))
        raise refuse(f"{place}/{key}", "unknown_condition", f"A reward knows {known}.")
    if key == "not":
        _refuse_unfit(inner, f"{place}/{key}")
    if key in {"all", "any"}:
        for index, one in enumerate(inner):
            _refuse_unfit(one, f"{place}/{key}/{index}")


def read_offer(
    starts_at: datetime | None,
    ends_at: datetime | None,
    eligible: Mapping[str, Any] | None,
    limits: Sequence[Mapping[str, Any]],
) -> Offer:
    """The offer as it is stored."""
    return Offer(
        starts_at,
        ends_at,
        None if eligible is None else read_eligible(eligible, "/eligible"),
        tuple(Limit(one["most"], one["per"]) for one in limits),
    )
