"""A return, one that waits, a correction and a day's total, and how each could be broken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.re_evaluate.go_on import go_on
from loyalty.care.re_evaluate.queries import corrections
from loyalty.care.re_evaluate.start import Run, start
from loyalty.clock import wall_clock
from loyalty.earning.award import award_activities
from loyalty.earning.totals.compare import Named, tell_total
from loyalty.earning.totals.rules import Total
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program
from loyalty.promotions.draft import add_promotion
from tests.earning.give_back.given import returned, settled
from tests.earning.given import bought, stored
from tests.opened import AT, joined

_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CameBack:
    """Dora brought back 5 of 12, and another return of hers waits for its purchase. Joe earned 10,
    and 3 more when that was found to be wrong.

    Each has two entries.
    """

    dora: int
    bought: UUID
    settled: UUID
    waiting: UUID
    joe: int
    correction: UUID


def came_back(session: Session, program: Program) -> CameBack:
    """Writes it."""
    joined(session, program, "dora")
    [purchase] = stored(session, program, bought("12", "dora", key="t-dora"))
    award_activities(session, [purchase], AT, top_up=False)
    back = settled(session, program, returned("t-dora", amount="5"))
    waiting = settled(session, program, returned("t-unknown"))
    named = Named("till-1", AT.date(), "USD")
    tell_total(session, program, named, Total(1, Decimal(12)), None, actor="till", at=AT)
    return CameBack(
        membership_of(session, program.id, "dora").account_id,
        purchase,
        back.id,
        waiting.id,
        *_corrected(session, program),
    )


def _corrected(session: Session, program: Program) -> tuple[int, UUID]:
    """Joe's account, and what corrected his purchase: version 1 of a promotion gave nothing."""
    joined(session, program, "joe")
    at = wall_clock()
    [purchase] = stored(session, program, bought("10", "joe", occurred_at=at), at=at)
    award_activities(session, [purchase], at, top_up=False)
    by = By("test", None, at)
    limits = [{"of": of, "per": "month", "points": 9} for of in ("member", "everyone")]
    rule = {"fixed": 3, "limits": limits}
    values = {"key": "joe", "name": "Joe", "rule": rule, "fixtures": []}
    add_promotion(session, program, {**values, "starts_at": None, "ends_at": None}, by)
    order = Run("it was due to him", at - _A_DAY, at + _A_DAY, "joe", 1, "till-1")
    run = start(session, program, order, By("test", None, at + _A_DAY))
    while go_on(session, run, at + _A_DAY) == "running":
        pass
    [correction] = corrections(session, run, before=None, limit=9)
    return membership_of(session, program.id, "joe").account_id, correction.id


BREAKS = [
    (
        "a return is its entries",
        "UPDATE give_back_verdict SET taken = taken - 1 WHERE give_back_id = '{returns.settled}'",
        "return {returns.settled}",
    ),
    (
        "a return is its entries",
        "UPDATE give_back_verdict SET account_version = 0 WHERE give_back_id = '{returns.settled}'",
        "return {returns.settled}",
    ),
    (
        "reversals have a return",
        "DELETE FROM give_back_verdict WHERE give_back_id = '{returns.settled}'",
        "entry {returns.dora}-2",
    ),
    (
        "no more comes back than was earned",
        "UPDATE give_back_verdict SET points = 13 WHERE give_back_id = '{returns.settled}'",
        "returns of {returns.bought}",
    ),
    (
        "no more comes back than was earned",
        "UPDATE give_back_verdict SET whole = true WHERE give_back_id = '{returns.settled}'",
        "returns of {returns.bought}",
    ),
    (
        "a return is open or has its verdict",
        "DELETE FROM unsettled_give_back WHERE give_back_id = '{returns.waiting}'",
        "return {returns.waiting}",
    ),
    (
        "a correction is its adjustment",
        "UPDATE correction SET moved = 2 WHERE id = '{returns.correction}'",
        "correction {returns.correction}",
    ),
    (
        "a correction is its adjustment",
        "UPDATE entry SET points = 2 WHERE account_id = {returns.joe} AND kind = 'adjust'",
        "correction {returns.correction}",
    ),
]
