"""Dry run: what a return would take back and from where, with nothing written."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.earning.give_back.accept import GiveBack, accept_return
from loyalty.earning.give_back.queries import Told, tell_one
from loyalty.earning.give_back.settle import settle_return


def try_return(
    session: Session, program_id: int, told: GiveBack, *, actor: str, at: datetime
) -> Told:
    """The return as it would be settled at `at`: it is settled, told, and undone.

    Raises TransactionMismatch when its id was taken by another.
    """
    savepoint = session.begin_nested()
    woken = {task: list(ids) for task, ids in session.info.get("woken", {}).items()}
    try:
        stored = accept_return(session, program_id, told, by=By(actor, None, at))
        if stored.fresh:
            settle_return(session, stored.id, at)
        return tell_one(session, stored.id)
    finally:
        savepoint.rollback()
        session.info["woken"] = woken
