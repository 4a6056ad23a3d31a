"""A segment's tree of conditions, as what Postgres can ask of a whole program at once.

The form is that of loyalty.conditions: an object with one member. What both know is written the
same and means the same (a test compares them); a segment knows members, and no purchase.

To add a type: a function of its value that returns the SQL, and its line in `_TYPES`. The SQL sees
membership `ms`, member `m`, account `a`, program `p`, the instant `:at` and, in the program's time
zone, its `day`. It is true or false, never null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import orjson

from loyalty.conditions.birthday import Birthday
from loyalty.conditions.form import (
    read_choice,
    read_integer,
    read_list,
    read_object,
    read_texts,
    refuse,
)
from loyalty.conditions.inactive import Inactive
from loyalty.conditions.joining_day import JoiningDay
from loyalty.conditions.member_attribute import MemberAttribute
from loyalty.conditions.tier import Tier

MOST_CONDITIONS = 50
MOST_DEEP = 8
_STATUSES = ("active", "suspended")


@dataclass(slots=True)
class Clause:
    """The SQL that finds a segment's members, with the values of its parameters.

    `prefix` keeps the parameters of several clauses in one statement apart.
    """

    prefix: str
    sql: str = "true"
    values: dict[str, object] = field(default_factory=dict)
    count: int = 0

    def bind(self, value: object) -> str:
        """The parameter that stands for `value`."""
        name = f"{self.prefix}_{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def clause_of(condition: Mapping[str, object], prefix: str = "c") -> Clause:
    """The clause of a tree. Raises Invalid, naming what is wrong in `/condition`."""
    clause = Clause(prefix)
    clause.sql = _read(condition, "/condition", clause, 1)
    return clause


Reader = Callable[[object, str, Clause, int], str]


def _read(value: object, place: str, clause: Clause, level: int) -> str:
    if not isinstance(value, dict) or len(value) != 1:
        raise refuse(place, "not_a_condition", 'A condition is an object like {"tier": ["gold"]}.')
    [(key, inner)] = value.items()
    if key not in _TYPES:
        known = ", ".join(sorted(_TYPES))
        raise refuse(f"{place}/{key}", "unknown_condition", f"A segment knows {known}.")
    clause.count += 1
    if clause.count > MOST_CONDITIONS:
        raise refuse(place, "too_many", f"At most {MOST_CONDITIONS} conditions are allowed.")
    if level > MOST_DEEP:
        raise refuse(place, "too_deep", f"At most {MOST_DEEP} levels are allowed.")
    return _TYPES[key](inner, f"{place}/{key}", clause, level)


def _several(word: str) -> Reader:
    def read(value: object, place: str, clause: Clause, level: int) -> str:
        parts = read_list(value, place, most=MOST_CONDITIONS)
        read_parts = [
            _read(one, f"{place}/{index}", clause, level + 1) for index, one in enumerate(parts)
        ]
        return "(" + f" {word} ".join(read_parts) + ")"

    return read


def _not(value: object, place: str, clause: Clause, level: int) -> str:
    return f"NOT ({_read(value, place, clause, level + 1)})"


def _status(value: object, place: str, clause: Clause, _: int) -> str:
    words = [
        read_choice(one, f"{place}/{index}", _STATUSES)
        for index, one in enumerate(read_list(value, place))
    ]
    return f"ms.status = ANY({clause.bind(words)})"


def _tier(value: object, place: str, clause: Clause, _: int) -> str:
    return f"ms.tier_key = ANY({clause.bind(sorted(Tier.read(value, place).values))})"


def _birthday(value: object, place: str, clause: Clause, _: int) -> str:
    zone = "coalesce(m.time_zone, p.time_zone)"
    today = f"(CAST(:at AS timestamptz) AT TIME ZONE {zone})::date"
    return _around("m.birthday", today, Birthday.read(value, place), clause)


def _joining_day(value: object, place: str, clause: Clause, _: int) -> str:
    joined = "(ms.joined_at AT TIME ZONE p.time_zone)::date"
    return _around(joined, "day", JoiningDay.read(value, place), clause)


def _around(date: str, today: str, window: Birthday | JoiningDay, clause: Clause) -> str:
    # A year added to the 29 February is the 28th, as conditions.facts.days_from says.
    return (
        f"EXISTS (SELECT FROM generate_series(-1, 1) y WHERE {today}"  # noqa: S608 - see bind
        f" - ({date} + make_interval(years => y +"
        f" (extract(year FROM {today}) - extract(year FROM {date}))::int))::date"
        f" BETWEEN {clause.bind(-window.days_before)} AND {clause.bind(window.days_after)})"
    )


def _inactive(value: object, place: str, clause: Clause, _: int) -> str:
    # What was recorded before then cannot have occurred after it, but for a till's clock that is
    # ahead: the ids, which sort by time, spare reading older awards. A sandbox's are older still.
    since = (
        "(CAST(:at AS timestamptz) - make_interval("
        f"days => {clause.bind(Inactive.read(value, place).days)}))"
    )
    return (
        f"(ms.joined_at <= {since} AND NOT EXISTS ("  # noqa: S608 - see bind
        "SELECT FROM award w JOIN activity x ON x.tenant_id = w.tenant_id AND x.id = w.activity_id"
        " WHERE w.tenant_id = ms.tenant_id AND w.account_id = ms.account_id"
        f" AND w.activity_id >= (SELECT least_id({since} - t.clock_offset - interval '10 minutes')"
        f" FROM tenant t WHERE t.id = :tenant) AND x.occurred_at > {since}"
        " AND x.kind <> 'bonus'))"
    )


def _attribute(value: object, place: str, clause: Clause, _: int) -> str:
    test = MemberAttribute.read(value, place).test
    found = f"(m.attributes -> {clause.bind(test.name)})"
    if test.values:
        values = clause.bind(orjson.dumps(test.values).decode())
        meets = f"one IN (SELECT jsonb_array_elements(CAST({values} AS jsonb)))"
    else:
        bounds = ((">=", test.between.at_least), ("<=", test.between.at_most))
        meets = " AND ".join(
            f"CASE jsonb_typeof(one) WHEN 'number' THEN one::numeric {sign} {clause.bind(bound)}"
            " ELSE false END"
            for sign, bound in bounds
            if bound is not None
        )
    several = f"CASE jsonb_typeof({found}) WHEN 'array' THEN {found}"
    return (
        f"EXISTS (SELECT FROM jsonb_array_elements({several} ELSE jsonb_build_array({found}) END)"
        f" one WHERE {meets})"
    )


def _between(figure: str) -> Reader:
    def read(value: object, place: str, clause: Clause, _: int) -> str:
        limits = read_object(value, place, known=("at_least", "at_most"))
        if not limits:
            raise refuse(place, "required", "at_least or at_most is needed.")
        signs = {"at_least": ">=", "at_most": "<="}
        parts = [
            f"{figure} {signs[name]} {clause.bind(read_integer(limit, f'{place}/{name}'))}"
            for name, limit in limits.items()
        ]
        return "(" + " AND ".join(parts) + ")"

    return read


def _list(value: object, place: str, clause: Clause, _: int) -> str:
    keys = clause.bind(sorted(read_texts(value, place)))
    return (
        "EXISTS (SELECT FROM segment_member sm JOIN segment s ON s.tenant_id = sm.tenant_id"
        " AND s.id = sm.segment_id WHERE sm.tenant_id = ms.tenant_id"
        f" AND sm.membership_id = ms.id AND s.program_id = ms.program_id AND s.key = ANY({keys}))"
    )


_TYPES: Mapping[str, Reader] = {
    "all": _several("AND"),
    "any": _several("OR"),
    "not": _not,
    "status": _status,
    "tier": _tier,
    "points": _between("a.available"),
    "lifetime": _between("a.lifetime"),
    "tier_points": _between("a.tier_points"),
    "member_for_days": _between("(day - (ms.joined_at AT TIME ZONE p.time_zone)::date)"),
    "inactive": _inactive,
    "birthday": _birthday,
    "joining_day": _joining_day,
    "member_attribute": _attribute,
    "list": _list,
}
