"""Why a promotion gave what it gave, as a sentence: pure. Numbers and codes become words here."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from loyalty.conditions.tree import Condition
from loyalty.programs.unit import counted
from loyalty.promotions.rule import Gives, Limit, Period, Rule
from loyalty.promotions.worth import Rate, Step

_WHY_NOT = {
    "not_a_purchase": "it is no purchase, and this promotion pays for purchases",
    "other_kind": "it is no {kinds}, and this promotion pays for those",
    "currency_not_accepted": "it has no rate for {currency}",
    "before_joining": "the purchase is from before the member joined",
    "nothing_paid": "nothing was paid with money",
    "barred": "another promotion says that what was bought earns nothing",
    "replaced": "another promotion gives for all of it, instead of this one",
    "exclusive": "another promotion of the group {group} gave more{would_be}",
    "limit": "{limit} is used up{would_be}",
    "nothing_to_multiply": "no other promotion gave anything that it multiplies",
    "condition": "it applies only if {unmet}",
}
_PERIODS = {
    Period.DAY: " a day",
    Period.WEEK: " a week",
    Period.MONTH: " a month",
    Period.YEAR: " a year",
    Period.EVER: "",
}


def money(amount: Decimal) -> str:
    """An amount as people read it: at least two decimals unless it is whole."""
    if amount == int(amount):
        return f"{amount:.0f}"
    return f"{amount:.2f}" if amount == round(amount, 2) else f"{amount:.4f}".rstrip("0")


def sentence(share: Mapping[str, Any], rule: Rule, currency: str, unit: str) -> str:
    """Why a stored share gave its points, or none."""
    if "why_not" in share:
        return f"Nothing: {_why_not(share, rule, currency, unit)}."
    said = _worth(share, rule, currency, unit)
    if rule.gives is Gives.NOTHING:
        return f"{said}."
    said = f"{said}: {counted(share.get('would_be', share['points']), unit)}"
    if rule.gives is Gives.MULTIPLIER:
        said = f"{said} more"
    if "would_be" in share:
        limit = _limit(rule.limits[share["limit"]], unit)
        return f"{said}, of which {limit} left {counted(share['points'], unit)}."
    rest = Decimal(share.get("remainder", 0))
    if rest > 0:
        return f"{said} (a remainder of {rest.normalize():f} was rounded away)."
    return f"{said} (rounded up by {-rest.normalize():f})." if rest else f"{said}."


def _worth(share: Mapping[str, Any], rule: Rule, currency: str, unit: str) -> str:
    base = Decimal(share["base"])
    match rule.gives:
        case Gives.MONEY:
            rate = rule.rates[currency]
            each = _each(rule, rate, unit)
            return f"{money(base)} {currency} at {each}{money(rate.per)} {currency}"
        case Gives.ITEM:
            rate = rule.rate or Rate(0, Decimal(1))
            per = "item" if rate.per == 1 else _items(rate.per)
            return f"{_items(base)} at {_each(rule, rate, unit)}{per}"
        case Gives.MULTIPLIER:
            return f"{counted(int(base), unit)} times {_figure(rule.factor)}"
        case Gives.NOTHING:
            return f"{money(base)} {currency} of it earn nothing"
        case Gives.VISIT | Gives.FIXED:
            return f"For the {' or '.join(sorted(rule.kinds))}"


def _each(rule: Rule, rate: Rate, unit: str) -> str:
    step = "full " if rule.step is Step.WHOLE else ""
    return f"{counted(rate.points, unit)} per {step}"


def _items(number: Decimal) -> str:
    return f"{_figure(number)} item{'' if number == 1 else 's'}"


def _figure(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _why_not(share: Mapping[str, Any], rule: Rule, currency: str, unit: str) -> str:
    would_be = share.get("would_be")
    unmet = rule.when and _named(rule.when, share.get("unmet", ""))
    return _WHY_NOT[share["why_not"]].format(
        currency=currency,
        kinds=" and no ".join(sorted(rule.kinds)),
        group=rule.exclusive,
        limit=_limit(rule.limits[share["limit"]], unit) if share.get("limit") is not None else "",
        unmet=unmet.says() if unmet else "",
        would_be=f" (it would have given {counted(would_be, unit)})" if would_be else "",
    )


def _named(tree: Condition, key: str) -> Condition | None:
    """The first condition of this type within a tree, or the tree."""
    if tree.key == key:
        return tree
    for part in tree.parts():
        found = _named(part, key)
        if found:
            return found
    return None


def _limit(limit: Limit, unit: str) -> str:
    whose = "all members together" if limit.everyone else "each member"
    counts = [
        counted(limit.points, unit) if limit.points is not None else "",
        f"{limit.uses} uses" if limit.uses is not None else "",
    ]
    said = " and ".join(count for count in counts if count)
    return f"the limit of {said}{_PERIODS[limit.per]} for {whose}"
