"""Who rises in a batch: what counted before is read once, what was gained is written once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.ledger.account import Account
from loyalty.members.standing import Standing
from loyalty.tiers.change import Change, Why, change_tiers
from loyalty.tiers.count_again import count_again
from loyalty.tiers.queries import days_of, held_by, needed_since, total
from loyalty.tiers.rules import (
    INSTANT,
    Amount,
    Held,
    Ladder,
    Progress,
    Tier,
    raised,
    reviewed,
    rise,
)

_ADD = text("SELECT add_tier_days(:tenant, CAST(:gains AS json))")


@dataclass(slots=True)
class _Gain:
    points: int = 0
    spend: Decimal = Decimal(0)


@dataclass(slots=True)
class Climb:
    """The members of a batch on their ladders, their accounts locked. Made by `climb`."""

    ladders: Mapping[int, Ladder]
    accounts: Mapping[int, Account]
    at: datetime
    held: dict[int, Held]  # by membership
    days: dict[int, dict[date, Amount]]  # by account, where days are needed
    _changes: dict[int, Change] = field(default_factory=dict)
    _gains: defaultdict[tuple[int, date], _Gain] = field(default_factory=lambda: defaultdict(_Gain))

    def tier(self, member: Standing) -> str:
        """The key of the tier that a member stands on, with what was gained so far."""
        return self.held[member.membership_id].key

    def gain(
        self,
        member: Standing,
        occurred_at: datetime,
        *,
        points: int,
        spend: Decimal = Decimal(0),
        why: Why = "earned",
    ) -> Tier | None:
        """A member was given `points`, which their account has counted, and has spent `spend` of
        the program's currency. The tier that they have risen to, or None."""
        ladder = self.ladders[member.program_id]
        before = self.held[member.membership_id]
        if ladder.policy.by_day:
            self._count(ladder, member, ladder.day(occurred_at), points, spend)
        elif rise(ladder.tiers, before.key, self.accounts[member.account_id].tier_points) is None:
            return None
        after = raised(ladder, before, self._progress(ladder, member), occurred_at, self.at)
        if after is None:
            return None
        self._change(ladder, member, after, why)
        return ladder.tier(after.key)

    def end_period(self, member: Standing) -> None:
        """The member's period has ended and nobody has looked yet: what is judged now must not
        see a tier that is over."""
        ladder = self.ladders[member.program_id]
        before = self.held[member.membership_id]
        after = reviewed(ladder, before, self._progress(ladder, member), self.at)
        self._change(ladder, member, after, "period_ended")

    def _count(
        self, ladder: Ladder, member: Standing, day: date, points: int, spend: Decimal
    ) -> None:
        days = self.days[member.account_id]
        days[day] = days.get(day, 0) + (spend if ladder.policy.on == "spend" else points)
        gain = self._gains[member.account_id, day]
        gain.points += points
        gain.spend += spend

    def _progress(self, ladder: Ladder, member: Standing) -> Progress:
        if ladder.policy.by_day:
            return Progress(self.days[member.account_id], ladder.day(member.joined_at))
        return total(ladder, self.accounts[member.account_id].tier_points, member.joined_at)

    def _change(self, ladder: Ladder, member: Standing, after: Held, why: Why) -> None:
        one = member.membership_id
        first = self._changes[one].before if one in self._changes else self.held[one]
        self.held[one] = after
        self._changes[one] = Change(one, member.program_id, ladder, first, after, why)

    def write(self, session: Session) -> None:
        """Writes what was gained and who stands on another tier, and tells it."""
        if self._gains:
            gains = [
                {
                    "account_id": account_id,
                    "day": day,
                    "points": gain.points,
                    "spend": str(gain.spend),
                }
                for (account_id, day), gain in sorted(self._gains.items(), key=lambda one: one[0])
            ]
            session.execute(
                _ADD,
                {"tenant": session.info["tenant_id"], "gains": orjson.dumps(gains).decode()},
            )
        change_tiers(session, list(self._changes.values()), self.at)


def climb(
    session: Session,
    ladders: Mapping[int, Ladder],
    members: Iterable[Standing],
    accounts: Mapping[int, Account],
    earliest: datetime,
    at: datetime,
) -> Climb:
    """The members as they stand before anything is gained; those whose account is not among the
    locked `accounts` are left out. Nothing that is to come occurred before `earliest`.

    Reads nothing where no ladder needs days.
    """
    here = [one for one in members if one.account_id in accounts]
    due = {
        one.membership_id: one.tier_until
        for one in here
        if one.tier_until is not None and one.tier_until <= at and one.status != "cancelled"
    }
    earliest = min([earliest, at, *(ended - INSTANT for ended in due.values())])
    days = _days(session, ladders, here, earliest)
    climbing = Climb(ladders, accounts, at, {one.membership_id: held_by(one) for one in here}, days)
    for one in here:
        if one.membership_id in due:
            climbing.end_period(one)
    return climbing


def _days(
    session: Session,
    ladders: Mapping[int, Ladder],
    members: Iterable[Standing],
    earliest: datetime,
) -> dict[int, dict[date, Amount]]:
    by_day = [(one, ladder) for one in members if (ladder := ladders[one.program_id]).policy.by_day]
    if not by_day:
        return {}
    count_again(
        session, [one.account_id for one, ladder in by_day if one.tier_epoch != ladder.epoch]
    )
    since = min(needed_since(ladder, earliest) for _, ladder in by_day)
    return days_of(session, [(one.account_id, ladder) for one, ladder in by_day], since)
