"""The peer's worker: `celery -A bench.peer.tasks worker`."""

from __future__ import annotations

import os

from celery import Celery
from sqlalchemy import select

from bench.peer.models import LedgerEntry, Member, Program, Purchase, Session

celery = Celery("peer", broker=os.environ["REDIS_URL"])
celery.conf.task_ignore_result = True
celery.conf.broker_connection_retry_on_startup = True


@celery.task
def award(purchase_id: int) -> None:
    """Credits one purchase."""
    purchase = Session.get_one(Purchase, purchase_id)
    if purchase.status == "accepted":
        member = Session.scalars(
            select(Member).where(Member.member_id == purchase.member_id).with_for_update()
        ).one()
        program = Session.get_one(Program, purchase.program_id)
        points = int(purchase.amount * program.points_per_unit)
        member.balance += points
        purchase.points = points
        purchase.status = "awarded"
        Session.add(
            LedgerEntry(
                member_id=member.id,
                purchase_id=purchase.id,
                points=points,
                balance_after=member.balance,
            )
        )
        Session.commit()
    Session.remove()
