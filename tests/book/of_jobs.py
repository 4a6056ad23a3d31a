"""A bulk act at its end, in the small book: it was refused, for finn has less."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.jobs.advance import advance
from loyalty.jobs.bulk_acts.act import BulkAct
from loyalty.jobs.bulk_acts.start import start_bulk_act
from loyalty.jobs.kinds import STEPS
from loyalty.people.filters import Filters
from loyalty.programs.queries import Program
from tests.opened import AT


def jobbed(session: Session, program: Program) -> UUID:
    """Its id."""
    act = BulkAct("adjust", Filters(q="finn"), "a test", points=-1_000_000)
    job = start_bulk_act(session, program, act, By("eve", None, AT), alone_up_to=None)
    while advance(session, job, STEPS, AT) == "running":
        pass
    return job
