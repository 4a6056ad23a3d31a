"""Goals and rewards in JSON, as they are stored and as the API takes them.

A goal is one of

    {"kind": "buy", "when": {"category": ["food/bread"]}, "amount": "100", "currency": "USD",
     "at_once": true}
    {"kind": "buy", "when": {"sku": ["C-1"]}, "quantity": "10"}
    {"kind": "buy", "times": 3}                        # any purchase
    {"kind": "visit", "times": 5}
    {"kind": "activity", "attributes": {"type": "review"}, "times": 1}
    {"kind": "tier", "tier": "gold"}
    {"kind": "referral", "times": 3}

and a reward one of

    {"kind": "points", "points": 100}
    {"kind": "multiplier", "factor": "2", "days": 30}
    {"kind": "reward", "reward": "coffee"}

`when` is a tree of conditions (loyalty/conditions); money and pieces are decimal strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from loyalty.campaigns.rules import MOST_TIMES, Goal, GoalKind, Measure, Reward, RewardKind
from loyalty.conditions.form import (
    read_choice,
    read_decimal,
    read_integer,
    read_object,
    read_text,
    refuse,
)
from loyalty.conditions.tree import read_condition

MOST_DAYS = 3650
MOST_FACTOR = Decimal(100)
MOST_ATTRIBUTES = 10
_LEAST = Decimal("0.0001")
_MEASURES = tuple(Measure)
_KNOWN: Mapping[GoalKind, tuple[str, ...]] = MappingProxyType(
    {
        GoalKind.BUY: ("kind", "when", "amount", "currency", "quantity", "times", "at_once"),
        GoalKind.VISIT: ("kind", "when", "attributes", "times"),
        GoalKind.ACTIVITY: ("kind", "when", "attributes", "times"),
        GoalKind.TIER: ("kind", "tier"),
        GoalKind.REFERRAL: ("kind", "times"),
    }
)


def read_goal(value: Mapping[str, object], place: str = "") -> Goal:
    """A goal of its JSON form, which stands at the pointer `place`. Raises Invalid."""
    kind = GoalKind(read_choice(value.get("kind"), f"{place}/kind", tuple(GoalKind)))
    read_object(value, place, known=_KNOWN[kind])
    when = value.get("when")
    tree = None if when is None else read_condition(when, f"{place}/when")
    if kind is GoalKind.BUY:
        measure, target = _wanted(value, place)
        at_once = value.get("at_once") is True
        if at_once and measure is Measure.TIMES:
            raise refuse(f"{place}/at_once", "not_with_times", "An amount or a quantity is needed.")
        currency = value.get("currency")
        if (currency is None) is (measure is Measure.AMOUNT):
            raise refuse(f"{place}/currency", "with_amount", "An amount has a currency.")
        return Goal(kind, target, measure, at_once, tree, str(currency or ""))
    if kind is GoalKind.TIER:
        return Goal(kind, Decimal(1), tier=read_text(value.get("tier"), f"{place}/tier"))
    times = read_integer(value.get("times", 1), f"{place}/times", least=1, most=MOST_TIMES)
    attributes = _attributes(value.get("attributes") or {}, f"{place}/attributes")
    return Goal(kind, Decimal(times), when=tree, attributes=attributes)


def _wanted(value: Mapping[str, object], place: str) -> tuple[Measure, Decimal]:
    named = [measure for measure in _MEASURES if value.get(measure) is not None]
    if len(named) != 1:
        raise refuse(place, "one_of", "Exactly one of amount, quantity and times is needed.")
    [measure] = named
    wanted, where = value[measure], f"{place}/{measure}"
    if measure is Measure.TIMES:
        return measure, Decimal(read_integer(wanted, where, least=1, most=MOST_TIMES))
    return measure, read_decimal(wanted, where, least=_LEAST)


def _attributes(value: object, place: str) -> Mapping[str, object]:
    if not isinstance(value, dict) or len(value) > MOST_ATTRIBUTES:
        raise refuse(place, "not_attributes", f"At most {MOST_ATTRIBUTES} values are expected.")
    for name, one in value.items():
        if isinstance(one, (dict, list)):
            raise refuse(f"{place}/{name}", "not_a_value", "Text, a number or a flag is expected.")
    return value


def stored(value: object) -> object:
    """What was read, as JSON holds it: decimals are text."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, Mapping):
        return {name: stored(inner) for name, inner in value.items()}
    return [stored(inner) for inner in value] if isinstance(value, list) else value


def read_reward(value: Mapping[str, object], place: str = "") -> Reward:
    """A reward of its JSON form. Raises Invalid."""
    kind = RewardKind(read_choice(value.get("kind"), f"{place}/kind", tuple(RewardKind)))
    if kind is RewardKind.POINTS:
        read_object(value, place, known=("kind", "points"))
        return Reward(kind, points=read_integer(value.get("points"), f"{place}/points", least=1))
    if kind is RewardKind.MULTIPLIER:
        read_object(value, place, known=("kind", "factor", "days"))
        factor = read_decimal(value.get("factor"), f"{place}/factor", least=1 + _LEAST)
        if factor > MOST_FACTOR:
            raise refuse(f"{place}/factor", "too_large", f"At most {MOST_FACTOR} is allowed.")
        days = read_integer(value.get("days"), f"{place}/days", least=1, most=MOST_DAYS)
        return Reward(kind, factor=factor, days=days)
    read_object(value, place, known=("kind", "reward"))
    return Reward(kind, reward=read_text(value.get("reward"), f"{place}/reward"))
