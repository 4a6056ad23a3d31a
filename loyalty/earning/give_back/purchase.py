"""A purchase as its returns see it: what was bought, what it earned, what came back before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.earning.give_back.rules import (
    Asked,
    Before,
    Bought,
    Earned,
    GivenBack,
    Line,
    Refused,
    give_back,
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a purchase. `status`: accepted, awarded, parked, rejected or failed; the
    rest is of its award, and of the last correction of it.

    `promotions` are (id, version) of each that gave something, `earned` what they gave; of points
    that no promotion gave, the id is None. `entries` are those that made its lots, by account.
    """

    status: str
    account_id: int | None = None
    entries: tuple[tuple[int, range], ...] = ()
    awarded_at: datetime | None = None
    promotions: tuple[tuple[int | None, int | None], ...] = ()
    earned: tuple[Earned, ...] = ()
    explanation: Mapping[str, Any] = field(default_factory=dict)
    returns: Mapping[str, Sequence[int]] = field(default_factory=dict)  # before the correction
    ended: int = 0  # points that had ended unspent when corrections took them

    @property
    def points(self) -> int:
        """What it earned."""
        return sum(one.points for one in self.earned)


@dataclass(frozen=True, slots=True)
class Returned:
    """A return that was settled: what was asked for, what it gave back, and `ended` of it, which
    was points of the purchase's lots that had ended unspent."""

    id: UUID
    asked: Asked
    gave: GivenBack
    ended: int


@dataclass(frozen=True, slots=True)
class History:
    """The returns of a purchase in their order, and together what they gave back."""

    returns: tuple[Returned, ...] = ()
    before: Before = field(default_factory=Before)

    @property
    def ids(self) -> tuple[UUID, ...]:
        """The returns' ids."""
        return tuple(one.id for one in self.returns)

    @property
    def ended(self) -> int:
        """Points that had ended unspent and were counted as given back."""
        return sum(one.ended for one in self.returns)


_JUDGED = text(
    "SELECT CASE WHEN w.activity_id IS NOT NULL THEN 'awarded'"
    "            ELSE coalesce(s.status, 'accepted') END AS status,"
    " w.account_id, w.account_version, w.entries, w.points, w.awarded_at, w.explanation,"
    " (SELECT json_agg(json_build_array(c.account_id, c.account_version, c.entries, c.points,"
    "                                   c.explanation) ORDER BY c.id) FROM correction c"
    "  WHERE c.tenant_id = w.tenant_id AND c.activity_id = w.activity_id) AS corrections"
    " FROM activity a"
    " LEFT JOIN award w ON w.tenant_id = a.tenant_id AND w.activity_id = a.id"
    " LEFT JOIN setback s ON s.tenant_id = a.tenant_id AND s.activity_id = a.id"
    " WHERE a.tenant_id = :tenant AND a.id = :activity"
)
_HISTORY = text(
    "SELECT v.give_back_id, v.worth, v.whole, v.explanation, g.lines, g.amount"
    " FROM give_back_verdict v"
    " JOIN give_back g ON g.tenant_id = v.tenant_id AND g.id = v.give_back_id"
    " WHERE v.tenant_id = :tenant AND v.activity_id = :activity AND v.status = 'settled'"
    " ORDER BY v.settled_at, v.give_back_id"
)


def bought(amount: Decimal | None, items: Iterable[Mapping[str, Any]] | None) -> Bought:
    """A stored purchase as the rules see it."""
    return Bought(
        amount or Decimal(0),
        tuple(
            Line(item["line_id"], Decimal(item["quantity"]), Decimal(item["amount"]))
            for item in items or ()
        ),
    )


def asked_for(lines: Sequence[tuple[str, str]] | None, amount: Decimal | None) -> Asked:
    """A stored return as the rules see it."""
    if lines is None:
        return Asked(amount=amount)
    return Asked({line_id: Decimal(quantity) for line_id, quantity in lines})


def judged(session: Session, activity_id: UUID) -> Judged:
    """What became of a stored purchase; who decides by it holds the lock of the account."""
    row = session.execute(
        _JUDGED, {"tenant": session.info["tenant_id"], "activity": activity_id}
    ).one()
    if row.status != "awarded":
        return Judged(row.status)
    entries = [_entries(row.account_id, row.account_version, row.entries)]
    points, explanation, returns, ended = row.points, row.explanation, {}, 0
    for account_id, version, count, corrected, why in row.corrections or ():
        entries.append(_entries(account_id, version, count))
        points, explanation, returns = corrected, why["award"], why["returns"]
        ended += why["from"].get("gone", 0)
    promotions, earned = shares_of(points, explanation)
    return Judged(
        row.status,
        row.account_id,
        tuple(one for one in entries if one[1]),
        row.awarded_at,
        promotions,
        earned,
        explanation,
        returns,
        ended,
    )


def _entries(account_id: int, decided_on: int, count: int) -> tuple[int, range]:
    return account_id, range(decided_on + 1, decided_on + 1 + count)


def shares_of(
    points: int, explanation: Mapping[str, Any]
) -> tuple[tuple[tuple[int | None, int | None], ...], tuple[Earned, ...]]:
    """Who gave something of so many points, and what."""
    shares = [share for share in explanation["given"] if share["points"]]
    promotions: list[tuple[int | None, int | None]] = [
        (share["promotion"], share["version"]) for share in shares
    ]
    earned = [Earned(share["points"], dict(share.get("lines") or ())) for share in shares]
    rest = points - sum(one.points for one in earned)
    if rest:  # a bonus: what the house gave, no promotion
        promotions.append((None, None))
        earned.append(Earned(rest))
    return tuple(promotions), tuple(earned)


def history(session: Session, activity_id: UUID, purchase: Judged) -> History:
    """What came back of a purchase, read under the lock of the account that gives back.

    Where it was corrected, returns before that are told as they would have been.
    """
    rows = session.execute(
        _HISTORY, {"tenant": session.info["tenant_id"], "activity": activity_id}
    ).all()
    returns = tuple(_returned(row, purchase.returns.get(str(row.give_back_id))) for row in rows)
    before = Before()
    for one in returns:
        before = before.with_(one.gave)
    return History(returns, before)


def _returned(row: Row[Any], corrected: Sequence[int] | None) -> Returned:
    told = row.explanation
    lines = {line_id: Decimal(quantity) for line_id, quantity in told["lines"].items()}
    points = [share["points"] for share in told["given_back"]] if corrected is None else corrected
    return Returned(
        row.give_back_id,
        asked_for(row.lines, row.amount),
        GivenBack(lines, row.worth, tuple(points), row.whole),
        told["from"].get("gone", 0),
    )


def returned_again(
    goods: Bought, earned: Sequence[Earned], returns: Sequence[Returned]
) -> tuple[GivenBack, ...]:
    """What the same returns would have given back of something else that was earned."""
    before, again = Before(), []
    for one in returns:
        found = give_back(goods, earned, before, one.asked)
        if isinstance(found, Refused):  # what comes back does not depend on what was earned
            raise ArithmeticError(f"return {one.id}: {found.detail}")
        again.append(found)
        before = before.with_(found)
    return tuple(again)
