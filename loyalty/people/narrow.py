"""Few or many: how a search is answered quickly whichever it is.

A filter that few members meet is answered by an index that lists them. One that many meet is
answered by going through all in the order of the page: the page is soon full. Which of the two it
is, the index itself says: it is asked for some thousands, and has fewer, or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import text

from loyalty.people.filters import (
    ACTIVE_SINCE,
    AFTER_ALL,
    LONGEST_WORD,
    Filters,
    Where,
    has_attribute,
    ids_since,
)

#: How many are looked up one by one. Fewer than that, and going through all takes longer; measured
#: by bench/search.py. Who need not be asked again may be twice as many, and where to ask of all
#: takes a look at another index for each, three times.
FEW = 2000


@dataclass(frozen=True, slots=True)
class Few:
    """All who can meet a filter: ids, of the column that names them."""

    column: str
    ids: list[int]
    settles: str | None  # the condition that each of them meets, and nobody else


@dataclass(frozen=True, slots=True)
class _Question:
    """How those who can meet a filter are listed off an index, in its order."""

    column: str
    statement: str
    ordered_by: str
    values: Mapping[str, object] = field(default_factory=dict)
    settles: str | None = None
    most: int = FEW
    counted: str | None = None  # rows of one index, if to list them takes more than that


_ACCOUNTS = "SELECT id FROM account WHERE tenant_id = :tenant AND program_id = :program"
_MEMBERSHIPS = "SELECT id FROM membership WHERE tenant_id = :tenant AND program_id = :program"
_WORDS = "SELECT member_id FROM member_word WHERE tenant_id = :tenant"
_LISTED = "SELECT membership_id FROM segment_member WHERE tenant_id = :tenant"
_LATEST = "SELECT FROM award w WHERE w.tenant_id = :tenant"
_AWARDED = """
    SELECT w.account_id FROM award w
    JOIN activity x ON x.tenant_id = w.tenant_id AND x.id = w.activity_id
    WHERE w.tenant_id = :tenant AND x.occurred_at >= :last_activity_gte AND x.kind <> 'bonus'
"""
# Who is merged is found by their names too; the condition itself looks at who they are now.
_KNOWN_AS = """
    SELECT DISTINCT coalesce(o.merged_into, o.id) FROM (
      {by_word}
      (SELECT id FROM member WHERE tenant_id = :tenant AND member_id COLLATE "C" >= :q
         AND member_id COLLATE "C" < :q_end ORDER BY member_id COLLATE "C" LIMIT :most)
      UNION ALL
      (SELECT member_id FROM identifier WHERE tenant_id = :tenant AND value = :q LIMIT :most)
    ) one JOIN member o ON o.tenant_id = :tenant AND o.id = one.id
"""
_BY_WORD = """(SELECT member_id AS id FROM member_word WHERE tenant_id = :tenant
         AND word >= :longest AND word < :longest_end ORDER BY word LIMIT :most)
      UNION ALL"""


def few(filters: Filters, where: Where, sorted_by: str) -> Few | None:
    """The fewest who can meet one of the filters; None when each is met by many.

    What the order of the page has in its own index is not asked: that is gone through anyhow.
    """
    found: list[Few] = []
    for one in _questions(filters, where, sorted_by):
        statement = text(f"{one.statement} ORDER BY {one.ordered_by} LIMIT :most")
        values = {**where.values, **one.values, "most": one.most + 1}
        if one.counted is not None:
            rows = text(f"SELECT count(*) FROM ({one.counted} LIMIT :most) one")  # noqa: S608
            if where.session.execute(rows, values).scalar_one() > one.most:
                continue
        ids = list(where.session.execute(statement, values).scalars())
        if len(ids) <= one.most:
            found.append(Few(one.column, ids, one.settles))
    return min(found, key=lambda one: len(one.ids), default=None)


#: What stands in the indices of each order; several filters may stand in one.
_RANGES: Mapping[str, tuple[tuple[_Question, Mapping[str, str]], ...]] = {
    "points": (
        (
            _Question("ms.account_id", _ACCOUNTS, "available"),
            {"points_gte": "available >= :points_gte", "points_lte": "available <= :points_lte"},
        ),
    ),
    "joined": (
        (_Question("ms.id", _MEMBERSHIPS, "joined_at"), {"tier": "tier_key = :tier"}),
        (_Question("ms.id", _MEMBERSHIPS, "joined_at"), {"status": "status = :status"}),
        (
            _Question("ms.id", _MEMBERSHIPS, "joined_at"),
            {"joined_gte": "joined_at >= :joined_gte", "joined_lte": "joined_at <= :joined_lte"},
        ),
    ),
}


def _questions(filters: Filters, where: Where, sorted_by: str) -> Iterator[_Question]:
    asked = filters.asked
    for order, ranges in _RANGES.items():
        for question, conditions in ranges:
            parts = [condition for name, condition in conditions.items() if name in asked]
            if parts and order != sorted_by:
                statement = " AND ".join([question.statement, *parts])
                yield replace(question, statement=statement)
    if filters.owed_gte:
        yield _Question("ms.account_id", f"{_ACCOUNTS} AND owed > 0 AND owed >= :owed_gte", "owed")
    for index in range(len(filters.attributes or ())):
        statement = f"{_WORDS} AND word = :attribute_{index}"
        settles = has_attribute(index)
        yield _Question("ms.member_id", statement, "member_id", settles=settles, most=2 * FEW)
    if where.listed is not None:  # a condition is known only by asking everybody
        statement = f"{_LISTED} AND segment_id = :listed"
        yield _Question("ms.id", statement, "membership_id", {"listed": where.listed})
    if filters.q is not None:
        yield _known_as(filters.q, where)
    if filters.last_activity_gte is not None:
        since = ids_since(":last_activity_gte")
        later = f"w.activity_id >= {since}"
        newest = "w.activity_id DESC"
        yield _Question(
            "ms.account_id",
            f"{_AWARDED} AND {later} AND x.id >= {since}",  # whichever of the two is gone through
            newest,
            settles=ACTIVE_SINCE,
            most=3 * FEW,
            counted=f"{_LATEST} AND {later} ORDER BY {newest}",
        )


def _known_as(q: str, where: Where) -> _Question:
    values: dict[str, object] = {"q": q, "q_end": q + AFTER_ALL}
    by_word = ""
    if where.words:
        longest = max(where.words, key=len)[:LONGEST_WORD]
        values |= {"longest": longest, "longest_end": longest + AFTER_ALL}
        by_word = _BY_WORD
    return _Question("ms.member_id", _KNOWN_AS.format(by_word=by_word), "1", values)
