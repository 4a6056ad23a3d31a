"""The step of a bulk act: whom it is about is settled; then fifty members after fifty."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from loyalty.jobs.bulk_acts.act import ACTS, BulkAct, Doing
from loyalty.jobs.bulk_acts.members import BATCH, Member, batch_of, settle, stand, whom
from loyalty.jobs.step import Batch, Job, Refused, attempt
from loyalty.programs.queries import program_by_id


def step(session: Session, job: Job, at: datetime) -> Batch:
    """One batch; each member in a savepoint, so that one who is refused holds up nobody."""
    act = BulkAct.from_json(job.input, job.reason or "")
    program = program_by_id(session, job.program_id or 0)
    if job.cursor is None:
        total = settle(session, job.id, whom(session, program, act, at))
        return Batch({"batch": 0} if total else None, total=total)
    batch: int = job.cursor["batch"]
    ids = batch_of(session, job.id, batch)
    members = stand(session, ids, lock=ACTS[act.act].locks)
    doing = Doing(job.id, act, program, job.by(at))
    told = do(session, doing, members, first=batch * BATCH + 1)
    return Batch(
        {"batch": batch + 1} if len(ids) == BATCH else None,
        done=len(told),
        changed=sum(one is True for one in told),
        refused=[one for one in told if isinstance(one, Refused)],
    )


def do(
    session: Session, doing: Doing, members: Sequence[Member], *, first: int
) -> list[bool | Refused]:
    """What became of each: whether they were changed, or why they could not be."""
    verb = ACTS[doing.act.act].do
    told: list[bool | Refused] = []
    for place, member in enumerate(members, first):
        if member.merged:
            detail = f"{member.member_id} was merged into another member."
            told.append(Refused(place, member.member_id, "merged", detail))
        else:
            act = partial(verb, session, doing, member.member_id)
            told.append(attempt(session, place, member.member_id, act))
    return told
