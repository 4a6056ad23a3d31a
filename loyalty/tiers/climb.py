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

from loyalty.members.standing import Standing
from loyalty.tiers.change import Change, change_tiers
from loyalty.tiers.count_again import count_again
from loyalty.tiers.queries import days_of, held_by, needed_since, total
from loyalty.tiers.rules import Amount, Held, Ladder, Progress, Tier, raised, rise

_ADD = text("SELECT add_tier_days(:tenant, CAST(:gains AS json))")


@dataclass(slots=True)
class _Gain:
    points: int = 0
    spend: Decimal = Decimal(0)


@dataclass(slots=True)
class Climb:
    """The members of a batch on their ladders; accounts are locked. Made by `climb`."""

    ladders: Mapping[int, Ladder]
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
        tier_points: int,
        occurred_at: datetime,
        *,
        points: int,
        spend: Decimal = Decimal(0),
    ) -> Tier | None:
        """A member was given `points` and has spent `spend` of the program's currency.

        `tier_points` are the account's, these included. The tier that they have risen to, or None.
        """
        ladder = self.ladders[member.program_id]
        before = self.held[member.membership_id]
        if not ladder.policy.by_day and rise(ladder.tiers, before.key, tier_points) is None:
            return None
        progress = self._gained(ladder, member, tier_points, occurred_at, points, spend)
        after = raised(ladder, before, progress, occurred_at, self.at)
        if after is None:
            return None
        first = self._changes.get(member.membership_id)
        self.held[member.membership_id] = after
        self._changes[member.membership_id] = Change(
            member.membership_id,
            member.program_id,
            ladder,
            first.before if first else before,
            after,
            "earned",
        )
        return ladder.tier(after.key)

    def _gained(
        self,
        ladder: Ladder,
        member: Standing,
        tier_points: int,
        occurred_at: datetime,
        points: int,
        spend: Decimal,
    ) -> Progress:
        if not ladder.policy.by_day:
            return total(ladder, tier_points, member.joined_at)
        day = ladder.day(occurred_at)
        days = self.days[member.account_id]
        days[day] = days.get(day, 0) + (spend if ladder.policy.on == "spend" else points)
        gain = self._gains[member.account_id, day]
        gain.points += points
        gain.spend += spend
        return Progress(days, ladder.day(member.joined_at))

    def write(self, session: Session) -> None:
        """Writes what was gained and who has risen, and tells it."""
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
    earliest: datetime,
    at: datetime,
) -> Climb:
    """The members as they stand before anything is gained; nothing in it occurred before
    `earliest`. Reads nothing where no ladder needs days."""
    members = list(members)
    by_day = {
        one.account_id: (ladders[one.program_id], one)
        for one in members
        if ladders[one.program_id].policy.by_day
    }
    days: dict[int, dict[date, Amount]] = {}
    if by_day:
        count_again(
            session,
            [
                account
                for account, (ladder, one) in by_day.items()
                if one.tier_epoch != ladder.epoch
            ],
        )
        since = min(needed_since(ladder, min(earliest, at)) for ladder, _ in by_day.values())
        days = days_of(
            session, [(account, ladder) for account, (ladder, _) in by_day.items()], since
        )
    return Climb(ladders, at, {one.membership_id: held_by(one) for one in members}, days)
