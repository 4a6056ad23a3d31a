"""What happened is read in its order, and what is worth a mail is written down: each cause once.

A reading is one transaction: the new rows and how far it has read are committed together, so
whoever is killed has read nothing, and nobody reads the same twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.events.feed import MOST_READ, POINTS_TYPES, Place, Told, Wanted, latest, read
from loyalty.events.happenings import RedemptionChanged, TierChanged
from loyalty.events.points import PointsBroughtIn, PointsMoved
from loyalty.ledger.rules import Bucket
from loyalty.notifications.add import Cause, add
from loyalty.notifications.reader import go_on_from, lock_reader
from loyalty.notifications.rules import NEWS_FOR, Kind, milestone
from loyalty.programs.mail import Mail, mail_from_json

_PROGRAMS = text("SELECT id, settings->'mail' AS mail FROM program WHERE tenant_id = :tenant")
_BY_ACCOUNT = text("SELECT * FROM mail_memberships(:tenant, CAST(:accounts AS bigint[]))")
_BY_NAME = text("SELECT * FROM mail_memberships_named(:tenant, CAST(:named AS json))")
_FIRST_TIME = text("SELECT * FROM milestones_passed_first(:tenant, CAST(:steps AS json))")


@dataclass(frozen=True, slots=True)
class _Step:
    """An entry that went past a milestone, with the available points after it."""

    account: int
    version: int
    program_id: int
    milestone: int
    points: int


@dataclass(frozen=True, slots=True)
class _News:
    """What a member of a program is to be told, while it is not yet known who that is."""

    kind: Kind
    name: str
    program_id: int
    member_id: str
    data: Mapping[str, int | str | None]


def find_causes(session: Session, at: datetime, wall_clock: datetime) -> bool:
    """Reads on from where the last reading ended; True while there is more."""
    reader = lock_reader(session)
    if reader is None:
        return False
    if wall_clock > reader.read_at + NEWS_FOR:
        go_on_from(session, after=str(latest(session)), read_at=wall_clock)
        return False
    programs = _programs(session)
    page = read(session, Place.parse(reader.after), most=MOST_READ, wanted=_wanted(programs))
    happened, passed = (
        list(found(session, page.events, programs)) for found in (_happened, _passed)
    )
    add(session, [*happened, *passed], at)
    go_on_from(session, after=str(page.upto), read_at=wall_clock)
    return page.more


def _programs(session: Session) -> dict[int, Mail]:
    """The programs that write to their members, by id."""
    rows = session.execute(_PROGRAMS, {"tenant": session.info["tenant_id"]})
    settings = {row.id: mail_from_json(row.mail or {}) for row in rows}
    return {program_id: mail for program_id, mail in settings.items() if mail.wanted}


def _wanted(programs: Mapping[int, Mail]) -> Wanted:
    """The ledger is read only where points are counted."""
    types = {TierChanged.TYPE, RedemptionChanged.TYPE}
    if any(mail.counts for mail in programs.values()):
        types |= POINTS_TYPES
    return Wanted(types, frozenset(programs))


def _happened(
    session: Session, events: Sequence[Told], programs: Mapping[int, Mail]
) -> Iterator[Cause]:
    """Tiers that were reached and rewards that were redeemed."""
    news = [one for told in events if (one := _news(told, programs)) is not None]
    if not news:
        return
    named = [{"member_id": one.member_id, "program_id": one.program_id} for one in news]
    values = {"tenant": session.info["tenant_id"], "named": orjson.dumps(named).decode()}
    rows = session.execute(_BY_NAME, values)
    whose = {(row.member_id, row.program_id): row.membership_id for row in rows}
    for one in news:
        membership_id = whose.get((one.member_id, one.program_id))
        if membership_id is not None:
            yield Cause(one.kind, one.name, one.program_id, membership_id, one.data)


def _news(told: Told, programs: Mapping[int, Mail]) -> _News | None:
    """What of an event a member is written about, if their program does so."""
    mail = programs.get(told.program_id) if told.program_id is not None else None
    if mail is None or told.program_id is None:
        return None
    match told.data:
        case TierChanged(direction="raised") as tier if mail.tier_reached:
            data = {"tier": tier.after, "until": tier.until}
            name = f"tier {told.id}"
            return _News(Kind.TIER_REACHED, name, told.program_id, tier.member_id, data)
        case RedemptionChanged(became="redeemed" | "captured") as one if mail.reward_redeemed:
            if one.reward is None:  # points spent on an amount
                return None
            name = f"redemption {one.redemption}"
            data = {"redemption": one.redemption}
            return _News(Kind.REWARD_REDEEMED, name, told.program_id, one.member_id, data)
    return None


def _passed(
    session: Session, events: Sequence[Told], programs: Mapping[int, Mail]
) -> Iterator[Cause]:
    """Milestones that an account has passed for the first time in its life."""
    steps = {
        (one.account, one.version): one
        for told in events
        if (one := _step(told, programs)) is not None
    }
    if not steps:
        return
    values = {
        "tenant": session.info["tenant_id"],
        "steps": orjson.dumps(list(steps.values())).decode(),
    }
    first = [steps[row.account, row.version] for row in session.execute(_FIRST_TIME, values)]
    accounts = sorted({one.account for one in first})
    rows = session.execute(_BY_ACCOUNT, {**values, "accounts": accounts})
    whose = {row.account: row.membership_id for row in rows}
    for one in first:
        if (membership_id := whose.get(one.account)) is not None:
            name = f"milestone {membership_id} {one.milestone}"
            entry = {"account": one.account, "version": one.version}
            data = {"milestone": one.milestone, "points": one.points, **entry}
            yield Cause(Kind.MILESTONE, name, one.program_id, membership_id, data)


def _step(told: Told, programs: Mapping[int, Mail]) -> _Step | None:
    """The movement as a step past a milestone, for all that it alone can say.

    What a member brought from elsewhere passes milestones, and nobody is written about it.
    """
    moved = told.data
    mail = programs.get(told.program_id) if told.program_id is not None else None
    if mail is None or told.program_id is None:
        return None
    if not isinstance(moved, PointsMoved) or isinstance(moved, PointsBroughtIn):
        return None
    if moved.to_bucket != Bucket.AVAILABLE:
        return None
    after = moved.balance.available
    passed = milestone(after - moved.points, after, mail.milestone_every, mail.milestones)
    if passed is None:
        return None
    return _Step(told.place.account, told.place.number, told.program_id, passed, after)
