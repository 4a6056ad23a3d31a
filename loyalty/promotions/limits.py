"""What of the promotions' limits is used: read under the locks, counted in memory, written once.

A member's counters are guarded by the account's lock. Those of everyone together (budgets) are
rows of their own. While plenty is left of one, it is only read: what was given is added last of
all, and refused when others have taken too much meanwhile (`BudgetOverdrawn`). One that is nearly
used up is locked before anything is decided, the last of all locks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import NamedTuple

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.promotions.allowance import NONE_USED, Allowance, Use, allowance, period_of
from loyalty.promotions.queries import versions_of
from loyalty.promotions.rule import Limit, Version

EVERYONE = 0  #: stands where an account's id does, for a budget
Key = tuple[int, int, str]  #: promotion, account, period

_READ = text("SELECT * FROM promotion_uses(:tenant, CAST(:wanted AS json), :lock)")
_COUNT = text(
    "SELECT * FROM count_promotion_uses(:tenant, CAST(:members AS json), CAST(:everyone AS json))"
)
_PLENTY = 10  # a budget of which less than a tenth is left is locked before anything is decided
_GIVE_BACK = text(
    "WITH own AS (UPDATE promotion_use SET points = greatest(points - :points, 0),"
    "   uses = greatest(uses - :uses, 0)"
    "   WHERE tenant_id = :tenant AND account_id = :account AND promotion_id = :promotion"
    "     AND period = ANY(:own))"
    " UPDATE promotion_budget SET points = greatest(points - :points, 0),"
    "   uses = greatest(uses - :uses, 0)"
    " WHERE tenant_id = :tenant AND promotion_id = :promotion AND period = ANY(:of_everyone)"
)


class Occasion(NamedTuple):
    """A version with limits that may give something to an account on a day.

    `keys` is what counts for each of its limits, `budgets` those that are of everyone together.
    """

    version: Version
    keys: tuple[Key, ...]
    budgets: tuple[Key, ...]

    @classmethod
    def on(cls, version: Version, account_id: int, day: date) -> Occasion:
        """What counts when an account is given something; `day` is the program's."""
        limits, promotion = version.rule.limits, version.promotion_id
        keys = tuple(
            [
                (promotion, EVERYONE if one.everyone else account_id, period_of(one.per, day))
                for one in limits
            ]
        )
        if len(keys) == 1:
            return cls(version, keys, keys if limits[0].everyone else ())
        return cls(version, keys, tuple([key for key in keys if is_budget(key)]))

    def counted(self) -> Collection[Key]:
        """What counts for any of its limits."""
        return self.keys if len(self.keys) == 1 else set(self.keys)


class BudgetOverdrawn(Exception):
    """Others have taken so much of a budget meanwhile that what was decided does not hold.

    Nothing of the transaction may stay; done again with budgets locked, it can't come to this.
    """


@dataclass(slots=True)
class Counters:
    """What is used, with what was added since it was read; budgets that are `locked` can't have
    changed meanwhile."""

    used: dict[Key, Use] = field(default_factory=dict)
    added: dict[Key, Use] = field(default_factory=dict)
    locked: set[Key] = field(default_factory=set)
    #: The limits of the budgets that were added to, which must hold when they are written, and
    #: the versions and budgets whose limits are there.
    _limits: dict[Key, set[Limit]] = field(default_factory=dict)
    _watched: set[tuple[int, int, tuple[Key, ...]]] = field(default_factory=set)
    _scarce: dict[tuple[int, int, tuple[Key, ...]], set[Key]] = field(default_factory=dict)

    def allowance(self, occasion: Occasion) -> Allowance:
        """What the limits leave on this occasion."""
        used = self.used
        return allowance(
            occasion.version.rule.limits, [used.get(key, NONE_USED) for key in occasion.keys]
        )

    def count(self, occasion: Occasion, points: int) -> None:
        """One more use, which gave `points`."""
        self.add(occasion, points, 1)
        if occasion.budgets:
            self._watch(occasion)

    def add(self, occasion: Occasion, points: int, uses: int) -> None:
        """So much more of it is used."""
        for key in occasion.counted():
            for counted in (self.used, self.added):
                before = counted.get(key, NONE_USED)
                counted[key] = Use(before.points + points, before.uses + uses)

    def _watch(self, occasion: Occasion) -> None:
        version = occasion.version
        which = version.promotion_id, version.number, occasion.budgets
        if which in self._watched:
            return
        self._watched.add(which)
        for limit, key in zip(version.rule.limits, occasion.keys, strict=True):
            if is_budget(key) and key not in self.locked:
                self._limits.setdefault(key, set()).add(limit)

    def scarce(self, occasion: Occasion) -> set[Key]:
        """The budgets of which so little is left that they must be locked to decide."""
        which = occasion.version.promotion_id, occasion.version.number, occasion.budgets
        found = self._scarce.get(which)
        if found is None:
            limits = zip(occasion.version.rule.limits, occasion.keys, strict=True)
            found = {key for limit, key in limits if is_budget(key) and self._is_scarce(limit, key)}
            self._scarce[which] = found
        return found

    def _is_scarce(self, limit: Limit, key: Key) -> bool:
        used = self.used.get(key, NONE_USED)
        return any(
            most is not None and (most - so_far) * _PLENTY <= most
            for most, so_far in ((limit.points, used.points), (limit.uses, used.uses))
        )

    def lock(self, session: Session, keys: Collection[Key]) -> None:
        """Locks budgets and reads them again."""
        found = read_counters(session, keys, lock=True)
        self.used |= found.used
        self.locked |= found.locked

    def must_hold(self, key: Key, used: Use) -> None:
        """Raises BudgetOverdrawn where a budget that was not locked stands above its limits."""
        for limit in self._limits.get(key, ()):
            if (limit.points is not None and used.points > limit.points) or (
                limit.uses is not None and used.uses > limit.uses
            ):
                raise BudgetOverdrawn(f"promotion {key[0]}, {key[2]}")


def open_counters(
    session: Session, occasions: Iterable[Occasion], *, lock: bool = True
) -> Counters:
    """Reads what is used of all that counts on these occasions; see `read_counters`."""
    keys = {key for occasion in occasions for key in occasion.keys}
    return read_counters(session, keys, lock=lock)


def is_budget(key: Key) -> bool:
    """Whether it is of everyone together."""
    return key[1] == EVERYONE


def read_counters(session: Session, keys: Collection[Key], *, lock: bool) -> Counters:
    """Reads what is used, in one statement; the accounts are locked, and budgets are from now on.

    No keys cost nothing. Without `lock` nothing is written: for who only looks.
    """
    wanted = [
        {"promotion_id": promotion, "account_id": account, "period": period}
        for promotion, account, period in (sorted(keys) if lock else keys)
    ]
    if not wanted:
        return Counters()
    rows = session.execute(
        _READ,
        {
            "tenant": session.info["tenant_id"],
            "wanted": orjson.dumps(wanted).decode(),
            "lock": lock,
        },
    )
    used = {(one, account, per): Use(points, uses) for one, account, per, points, uses in rows}
    return Counters(used, locked={key for key in keys if is_budget(key)} if lock else set())


def write_counters(session: Session, counters: Counters) -> None:
    """Writes what was added, in one statement; nothing costs nothing. The last of all locks.

    Raises BudgetOverdrawn; see there.
    """
    if not counters.added:
        return
    members, everyone = list[dict[str, object]](), list[dict[str, object]]()
    for (promotion, account, period), use in counters.added.items():
        told = {"promotion_id": promotion, "period": period, "points": use.points, "uses": use.uses}
        if account == EVERYONE:
            everyone.append(told)
        else:
            members.append({**told, "account_id": account})
    budgets = session.execute(
        _COUNT,
        {
            "tenant": session.info["tenant_id"],
            "members": orjson.dumps(members).decode(),
            "everyone": orjson.dumps(everyone).decode(),
        },
    )
    for promotion_id, period, points, uses in budgets:
        counters.must_hold((promotion_id, EVERYONE, period), Use(points, uses))


def give_back_use(
    session: Session,
    promotion_id: int,
    version: int,
    account_id: int,
    occurred_at: datetime,
    zone: tzinfo,
    points: int,
    uses: int,
) -> None:
    """What an award of `version` used of its promotion's limits can be used again.

    The account is locked; budgets are locked here, so call it last. `occurred_at` is that of the
    purchase, `zone` the program's.
    """
    _, own = versions_of(session, [promotion_id])[promotion_id, version]
    occasion = Occasion.on(own, account_id, occurred_at.astimezone(zone).date())
    keys = occasion.counted()
    if keys:
        session.execute(
            _GIVE_BACK,
            {
                "tenant": session.info["tenant_id"],
                "account": account_id,
                "promotion": promotion_id,
                "points": points,
                "uses": uses,
                "own": [period for _, account, period in keys if account != EVERYONE],
                "of_everyone": [period for _, account, period in keys if account == EVERYONE],
            },
        )
