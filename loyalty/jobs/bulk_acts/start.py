"""A bulk act is started, or tried out: how many it would change, and how a few would stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.rules import needs_a_second
from loyalty.errors import Forbidden, Invalid
from loyalty.ids import uuid7
from loyalty.jobs.bulk_acts.act import ACTS, BulkAct, Doing
from loyalty.jobs.bulk_acts.members import Member, count, some, stand, whom
from loyalty.jobs.bulk_acts.step import do
from loyalty.jobs.start import Order, start
from loyalty.jobs.step import Refused
from loyalty.people.filters import Where
from loyalty.programs.queries import Program

BULK_ACT = "bulk_act"
MOST_SHOWN = 20


class AboveOwnLimit(Forbidden):
    """403: each of them would get or lose more than one person may decide alone."""

    code = "above_own_limit"
    title = "This takes a second person for each member"
    cure = "Adjust by less, member by member with a second person, or raise the program's limit."


@dataclass(frozen=True, slots=True)
class Sample:
    """How one member stands, and how they would stand; or why it could not be done."""

    member_id: str
    before: Member
    after: Member | None
    refused: Refused | None


@dataclass(frozen=True, slots=True)
class Preview:
    """How many members a bulk act would change, and how a few of them would stand."""

    matched: int
    sample: Sequence[Sample]


def start_bulk_act(
    session: Session, program: Program, act: BulkAct, by: By, *, alone_up_to: int | None
) -> UUID:
    """Queues the act; a worker goes on with it. Its id is that of its entry in the audit log.

    Raises Invalid for a tier, an end or a segment that makes no sense, AboveOwnLimit.
    """
    _check(session, program, act, by, alone_up_to)
    order = Order(BULK_ACT, act.to_json(), program, act.reason)
    return start(session, order, by)


def preview(
    session: Session, program: Program, act: BulkAct, by: By, *, alone_up_to: int | None
) -> Preview:
    """The act itself, for a few, and then undone: the caller's transaction must not be committed.

    Raises what `start_bulk_act` does.
    """
    asked = _check(session, program, act, by, alone_up_to)
    matched = count(session, asked)
    kind, ids = ACTS[act.act], some(session, asked, MOST_SHOWN)
    before = stand(session, ids, lock=kind.locks)
    told = do(session, Doing(uuid7(), act, program, by), before, first=1)
    after = stand(session, ids, lock=False)
    shown = [_sample(*one) for one in zip(before, told, after, strict=True)]
    return Preview(matched, shown[::-1])


def _sample(before: Member, told: bool | Refused, after: Member) -> Sample:
    if isinstance(told, Refused):
        return Sample(before.member_id, before, None, told)
    return Sample(before.member_id, before, after, None)


def _check(
    session: Session, program: Program, act: BulkAct, by: By, alone_up_to: int | None
) -> Where:
    if act.points is not None and needs_a_second(act.points, alone_up_to):
        raise AboveOwnLimit(f"You adjust by {alone_up_to} points at most without a second person.")
    if act.tier is not None and act.tier not in {one.key for one in program.tiers}:
        raise Invalid.field("/tier", "unknown_tier", f"The program has no tier {act.tier!r}.")
    if act.until is not None and act.until <= by.at:
        raise Invalid.field("/until", "in_the_past", "The promise has ended already.")
    return whom(session, program, act, by.at)
