"""A rule in JSON: what is stored in `promotion_version.rule`, and what the API takes.

    {
      "when": {"all": [{"category": ["food/bread"]}, {"tier": ["gold"]}]},   # absent: always

      # what it gives, exactly one of:
      "rates": {"USD": {"points": 5, "per": "100"}},   # per money, by currency
      "per_item": {"points": 5, "per": "1"},           # per quantity of the lines that match
      "per_visit": 10,                                 # for each visit
      "fixed": 100,                                    # for each purchase (see "kinds")
      "multiplier": "2",                               # of what the other promotions give
      "nothing": true,                                 # these lines earn nothing, anywhere

      "kinds": ["purchase"],            # of purchase, visit, event; per_visit: ["visit"]
      "step": "proportional",           # or "whole": only full steps of `per` count
      "rounding": "down",               # or "half_up", "up"
      "round_per": "transaction",       # or "line": each line is rounded of its own
      "excludes": ["tax", "shipping"],  # what earns nothing; [] is the default
      "before_joining": true,           # whether a purchase from before joining earns
      "instead": false,                 # true: the earn rate does not count for these lines
      "multiplies": "all",              # or "standing": the earn rate's points alone
      "stacking": {
        "mode": "add",                  # or "multiply": a multiplier on top of the others
        "priority": 0,                  # higher goes first, and wins where two give the same
        "exclusive": "summer"           # of the promotions of a group only the best gives
      },
      "limits": [                       # of each member or of everyone together (a budget)
        {"of": "member", "per": "month", "points": 50},
        {"of": "everyone", "per": "ever", "points": 1000000, "uses": 5000}
      ],
      "pending": …, "expiry": …         # as in a program's settings; absent: the program's
    }

A purchase without items is one line. Conditions on a line (sku, category, brand) choose the lines
that count; all others hold for a purchase as a whole. Money is a decimal string, points are
integers. The standing promotion's rule is of the same form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TypedDict, TypeVar

from loyalty.conditions.form import (
    is_currency,
    read_choice,
    read_decimal,
    read_integer,
    read_list,
    read_object,
    read_text,
    refuse,
)
from loyalty.conditions.tree import asked, read_condition
from loyalty.errors import Invalid
from loyalty.programs.life_of_points import (
    EXPIRY_KINDS,
    LONGEST_PENDING_DAYS,
    MOST_N,
    Expiry,
    Pending,
    expiry_from_json,
    pending_from_json,
)
from loyalty.promotions.rule import Gives, Limit, Period, Rule
from loyalty.promotions.worth import Rate, Rounding, Step

KINDS = ("purchase", "visit", "event")
MOST_POINTS = 10**12  # of one rate, so that no product of figures leaves what Postgres can hold
_EXCLUDES = ("tax", "shipping")
_MOST_FACTOR = Decimal(1000)
_MOST_LIMITS = 10
_MOST_RATES = 50
_MOST_PRIORITY = 1000
_LEAST = Decimal("0.0001")
FIELDS = (
    "when",
    *(one.value for one in Gives),
    "kinds",
    "step",
    "rounding",
    "round_per",
    "excludes",
    "before_joining",
    "instead",
    "multiplies",
    "stacking",
    "limits",
    "pending",
    "expiry",
)

Json = Mapping[str, object]


def read_rule(value: object, place: str = "/rule") -> Rule:
    """The rule that a JSON value holds; `place` is its JSON pointer. Raises Invalid."""
    given = read_object(value, place, known=FIELDS)
    gives = _gives(given, place)
    stacking = read_object(
        given.get("stacking") or {},
        f"{place}/stacking",
        known=("mode", "priority", "exclusive"),
    )
    when = given.get("when")
    tree = None if when is None else read_condition(when, f"{place}/when")
    return Rule(
        gives=gives,
        **_what(gives, given[gives], f"{place}/{gives}"),
        kinds=_kinds(gives, given, place),
        when=tree,
        asks=frozenset() if tree is None else asked(tree),
        step=Step(_choice(given, "step", Step, place)),
        rounding=Rounding(_choice(given, "rounding", Rounding, place)),
        by_line=_choice(given, "round_per", ("transaction", "line"), place) == "line",
        excludes=_choices(given, "excludes", _EXCLUDES, place),
        before_joining=_flag(given, "before_joining", place, default=True),
        instead=_flag(given, "instead", place),
        of_standing=_choice(given, "multiplies", ("all", "standing"), place) == "standing",
        compounds=_choice(stacking, "mode", ("add", "multiply"), f"{place}/stacking") == "multiply",
        priority=read_integer(
            stacking.get("priority", 0), f"{place}/stacking/priority", most=_MOST_PRIORITY
        ),
        exclusive=None
        if stacking.get("exclusive") is None
        else read_text(stacking["exclusive"], f"{place}/stacking/exclusive"),
        limits=_limits(given.get("limits") or (), f"{place}/limits"),
        pending=_pending(given.get("pending"), f"{place}/pending"),
        expiry=_expiry(given.get("expiry"), f"{place}/expiry"),
    )


def _gives(given: Json, place: str) -> Gives:
    named = [one for one in Gives if given.get(one) is not None]
    if len(named) != 1:
        choices = ", ".join(Gives)
        raise refuse(place, "one_of", f"Exactly one of {choices} is needed.")
    return named[0]


class _What(TypedDict, total=False):
    rates: Mapping[str, Rate]
    rate: Rate
    points: int
    factor: Decimal


def _what(gives: Gives, value: object, place: str) -> _What:
    match gives:
        case Gives.MONEY:
            return {"rates": _rates(value, place)}
        case Gives.ITEM:
            return {"rate": _rate(value, place)}
        case Gives.VISIT | Gives.FIXED:
            return {"points": read_integer(value, place, least=1, most=MOST_POINTS)}
        case Gives.MULTIPLIER:
            factor = read_decimal(value, place, least=Decimal(1), most=_MOST_FACTOR)
            return {"factor": factor}
        case Gives.NOTHING:
            if value is not True:
                raise refuse(place, "not_true", "true is expected.")
            return {}


def _rates(value: object, place: str) -> dict[str, Rate]:
    if not isinstance(value, dict) or not 1 <= len(value) <= _MOST_RATES:
        raise refuse(place, "not_rates", f"1 to {_MOST_RATES} rates by currency are expected.")
    for code in value:
        if not is_currency(code):
            raise refuse(f"{place}/{code}", "not_a_currency", "A code like USD is expected.")
    return {code: _rate(rate, f"{place}/{code}") for code, rate in value.items()}


def _rate(value: object, place: str) -> Rate:
    names = ("points", "per")
    given = read_object(value, place, known=names, required=names)
    return Rate(
        read_integer(given["points"], f"{place}/points", most=MOST_POINTS),
        read_decimal(given["per"], f"{place}/per", least=_LEAST),
    )


def _kinds(gives: Gives, given: Json, place: str) -> frozenset[str]:
    if given.get("kinds") is None:
        return frozenset({"visit" if gives is Gives.VISIT else "purchase"})
    return _choices(given, "kinds", KINDS, place)


def _choice(given: Json, name: str, choices: Iterable[str], place: str) -> str:
    """One of `choices`; the first where nothing is said."""
    named = tuple(str(one) for one in choices)
    return read_choice(given.get(name) or named[0], f"{place}/{name}", named)


def _choices(given: Json, name: str, choices: Sequence[str], place: str) -> frozenset[str]:
    if not given.get(name):
        return frozenset()
    values = read_list(given[name], f"{place}/{name}", most=len(choices))
    return frozenset(
        read_choice(one, f"{place}/{name}/{index}", choices) for index, one in enumerate(values)
    )


def _flag(given: Json, name: str, place: str, *, default: bool = False) -> bool:
    value = given.get(name, default)
    if not isinstance(value, bool):
        raise refuse(f"{place}/{name}", "not_a_boolean", "true or false is expected.")
    return value


def _limits(value: object, place: str) -> tuple[Limit, ...]:
    if not value:
        return ()
    rows = enumerate(read_list(value, place, most=_MOST_LIMITS))
    return tuple(_limit(row, f"{place}/{index}") for index, row in rows)


def _limit(value: object, place: str) -> Limit:
    given = read_object(value, place, known=("of", "per", "points", "uses"), required=("of", "per"))
    points, uses = (
        None if given.get(name) is None else read_integer(given[name], f"{place}/{name}", least=1)
        for name in ("points", "uses")
    )
    if points is None and uses is None:
        raise refuse(place, "required", "points or uses is needed.")
    of = read_choice(given["of"], f"{place}/of", ("member", "everyone"))
    per = Period(read_choice(given["per"], f"{place}/per", tuple(Period)))
    return Limit(per, of == "everyone", points, uses)


def _pending(value: object, place: str) -> Pending | None:
    if value is None:
        return None
    given = read_object(value, place, known=("days", "until"))
    days, until = given.get("days"), given.get("until")
    if days is not None:
        read_integer(days, f"{place}/days", most=LONGEST_PENDING_DAYS)
    if until is not None:
        read_choice(until, f"{place}/until", ("released",))
    return _within(place, lambda: pending_from_json(given))


def _expiry(value: object, place: str) -> Expiry | None:
    if value is None:
        return None
    given = read_object(value, place, known=("kind", "n", "month", "day"), required=("kind",))
    read_choice(given["kind"], f"{place}/kind", EXPIRY_KINDS)
    for name, least, most in (("n", 0, max(MOST_N.values())), ("month", 1, 12), ("day", 1, 31)):
        if given.get(name) is not None:
            read_integer(given[name], f"{place}/{name}", least=least, most=most)
    return _within(place, lambda: expiry_from_json(given))


_Life = TypeVar("_Life")


def _within(place: str, read: Callable[[], _Life]) -> _Life:
    """What `read` makes; where it refuses `/pending/…`, the place is told from the outside."""
    try:
        return read()
    except Invalid as refused:
        above = place.rpartition("/")[0]
        errors = [replace(error, pointer=above + error.pointer) for error in refused.errors]
        raise Invalid(refused.detail, errors=errors) from None
