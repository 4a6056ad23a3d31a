"""What a search asks for, as what Postgres can ask of a membership."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.errors import Invalid, NotFound
from loyalty.programs.queries import Program
from loyalty.segments.queries import segment_by_key
from loyalty.segments.tree import clause_of

Reader = Callable[["Where", Any], None]

#: After whatever begins with the same text, in the order of the "C" collation.
AFTER_ALL = "\U0010ffff"
#: Characters by which words and attributes are found: see migrations/sql/0003_jobs.sql.
LONGEST_WORD, LONGEST_ATTRIBUTE = 100, 200


_INSTANTS = ("joined_gte", "joined_lte", "last_activity_gte", "last_activity_lte")


@dataclass(frozen=True, slots=True)
class Filters:
    """Each that is given must hold; None asks for nothing. Points are available points.

    `q` is the beginning of a word of the name (each of its words), the beginning of a member id,
    also of one who was merged, or a whole identifier. `last_activity` is when a purchase or visit
    that was awarded occurred; who has none by `last_activity_lte` had joined by then. `attributes`
    are compared as text.
    """

    points_gte: int | None = None
    points_lte: int | None = None
    owed_gte: int | None = None
    tier: str | None = None
    status: str | None = None
    segment: str | None = None
    attributes: Mapping[str, str] | None = None
    q: str | None = None
    joined_gte: datetime | None = None
    joined_lte: datetime | None = None
    last_activity_gte: datetime | None = None
    last_activity_lte: datetime | None = None

    @property
    def asked(self) -> dict[str, object]:
        """The filters that are given, by name."""
        names = self.__dataclass_fields__
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def to_json(self) -> dict[str, object]:
        """The filters that are given, as JSON can hold them."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in self.asked.items()
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Filters:
        """The filters that `to_json` kept."""
        values: dict[str, Any] = {
            name: datetime.fromisoformat(value) if name in _INSTANTS else value
            for name, value in kept.items()
        }
        return cls(**values)


@dataclass(slots=True)
class Where:
    """The conditions on membership `ms`, whether they look at member `m`, account `a` and program
    `p`, and the values of their parameters."""

    session: Session
    program: Program
    told_at: str
    values: dict[str, object]
    conditions: list[str] = field(default_factory=list)
    tables: set[str] = field(default_factory=set)
    words: Sequence[str] = ()  # of `q`, as names are folded
    listed: int | None = None  # the segment, if it is a list

    def add(self, condition: str, *tables: str, **values: object) -> None:
        """One more condition."""
        self.conditions.append(condition)
        self.tables.update(tables)
        self.values |= values

    @property
    def sql(self) -> str:
        """All of them."""
        return " AND ".join(self.conditions)


_FROM = {
    "m": "JOIN member m ON m.tenant_id = ms.tenant_id AND m.id = ms.member_id",
    "a": "JOIN account a ON a.tenant_id = ms.tenant_id AND a.id = ms.account_id",
    "p": (
        "JOIN program p ON p.tenant_id = ms.tenant_id AND p.id = ms.program_id"
        " CROSS JOIN LATERAL"
        " (SELECT (CAST(:at AS timestamptz) AT TIME ZONE p.time_zone)::date AS day) t"
    ),
}


def source(tables: set[str]) -> str:
    """Membership `ms`, joined with what the conditions look at."""
    return " ".join(["FROM membership ms", *(_FROM[one] for one in _FROM if one in tables)])


def where(
    session: Session,
    program: Program,
    filters: Filters,
    at: datetime,
    *,
    told_at: str = "?",
) -> Where:
    """The conditions of a search in a program. Raises Invalid for an unknown segment; `told_at` is
    where the filters stood."""
    found = Where(
        session,
        program,
        told_at,
        {"tenant": session.info["tenant_id"], "program": program.id, "at": at},
        ["ms.tenant_id = :tenant AND ms.program_id = :program AND ms.status <> 'merged'"],
    )
    for name, value in filters.asked.items():
        _READERS[name](found, value)
    return found


def _simple(condition: str, *tables: str) -> Reader:
    """A condition on one value, whose parameter has the name that follows the colon."""
    name = condition.rpartition(":")[2]

    def read(found: Where, value: object) -> None:
        found.add(condition, *tables, **{name: value})

    return read


def _segment(found: Where, key: str) -> None:
    try:
        segment = segment_by_key(found.session, found.program.id, key)
    except NotFound as problem:
        raise Invalid.field(f"{found.told_at}segment", "unknown_segment", problem.detail) from None
    found.listed = segment.id if segment.condition is None else None
    clause = clause_of(segment.condition or {"list": [segment.key]}, "segment")
    found.add(
        f"ms.status IN ('active', 'suspended') AND {clause.sql}", "m", "a", "p", **clause.values
    )


def token(name: str, value: str) -> str:
    """How an attribute stands among the words."""
    return f"={name}={value}"[:LONGEST_ATTRIBUTE]


def has_attribute(index: int) -> str:
    """The condition of the attribute of that number."""
    return (
        "EXISTS (SELECT FROM member_word w WHERE w.tenant_id = ms.tenant_id"
        f" AND w.member_id = ms.member_id AND w.word = :attribute_{index})"
    )


def _attributes(found: Where, wanted: Mapping[str, str]) -> None:
    for index, (name, value) in enumerate(wanted.items()):
        found.add(has_attribute(index), **{f"attribute_{index}": token(name, value)})


_FOLDED = text("SELECT folded(:q)")
_NAMED = "' ' || m.name_folded LIKE ALL(:word_starts)"
_KNOWN = """m.member_id LIKE :beginning OR EXISTS (
      SELECT FROM identifier i
      WHERE i.tenant_id = m.tenant_id AND i.member_id = m.id AND i.value = :q)
    OR EXISTS (SELECT FROM member o WHERE o.tenant_id = m.tenant_id
               AND o.merged_into IS NOT NULL AND o.merged_into = m.id
               AND o.member_id LIKE :beginning)"""


def _text(found: Where, q: str) -> None:
    values: dict[str, object] = {"q": q}
    folded: str = found.session.execute(_FOLDED, values).scalar_one()
    found.words = folded.split()
    literal = q.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    starts = [f"% {word}%" for word in found.words]
    named = f"{_NAMED} OR " if starts else ""  # of no words, every name has all
    values |= {"beginning": f"{literal}%", "word_starts": starts}
    found.add(f"({named}{_KNOWN})", "m", **values)


def _active_since(found: Where, since: object) -> None:
    found.add(ACTIVE_SINCE, last_activity_gte=since)


def _inactive_since(found: Where, since: object) -> None:
    never = f"NOT {_active(':last_activity_lte', '>')}"
    found.add(f"ms.joined_at <= :last_activity_lte AND {never}", last_activity_lte=since)


def ids_since(instant: str) -> str:
    """The least id of a purchase that can have occurred after it: a till's clock may be ahead."""
    return (  # a query of its own, which is asked once and not of every member
        f"(SELECT least_id({instant} - interval '10 minutes' - t.clock_offset)"  # noqa: S608 - ^
        " FROM tenant t WHERE t.id = :tenant)"
    )


def _active(instant: str, sign: str) -> str:
    return (
        "EXISTS (SELECT FROM award w"
        " JOIN activity x ON x.tenant_id = w.tenant_id AND x.id = w.activity_id"
        " WHERE w.tenant_id = ms.tenant_id AND w.account_id = ms.account_id"
        f" AND w.activity_id >= {ids_since(instant)}"
        f" AND x.occurred_at {sign} {instant} AND x.kind <> 'bonus')"
    )


ACTIVE_SINCE = _active(":last_activity_gte", ">=")
_READERS: Mapping[str, Reader] = {
    "points_gte": _simple("a.available >= :points_gte", "a"),
    "points_lte": _simple("a.available <= :points_lte", "a"),
    "owed_gte": _simple("a.owed >= :owed_gte", "a"),
    "tier": _simple("ms.tier_key = :tier"),
    "status": _simple("ms.status = :status"),
    "segment": _segment,
    "attributes": _attributes,
    "q": _text,
    "joined_gte": _simple("ms.joined_at >= :joined_gte"),
    "joined_lte": _simple("ms.joined_at <= :joined_lte"),
    "last_activity_gte": _active_since,
    "last_activity_lte": _inactive_since,
}
