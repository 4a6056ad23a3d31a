"""Purchases that are awarded and returns of them, for tests that call the verbs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.earning.award import award_activities
from loyalty.earning.give_back.accept import GiveBack, accept_return
from loyalty.earning.give_back.queries import Told, tell_one
from loyalty.earning.give_back.settle import settle_return
from loyalty.programs.queries import Program
from tests.earning.given import bought, stored
from tests.opened import AT


def items(*lines: tuple[str, str, str]) -> dict[str, Any]:
    """The body of a purchase of (line_id, quantity, amount)."""
    return {
        "items": [
            {"line_id": line_id, "quantity": quantity, "amount": amount}
            for line_id, quantity, amount in lines
        ]
    }


def earned(
    session: Session,
    program: Program,
    amount: str = "10",
    *lines: tuple[str, str, str],
    member_id: str = "ann",
    key: str | None = None,
) -> str:
    """The transaction id of a purchase that was awarded."""
    key = key or uuid4().hex
    body = items(*lines) if lines else None
    ids = stored(session, program, bought(amount, member_id, key=key, body=body))
    award_activities(session, ids, AT, top_up=False)
    return key


def returned(
    transaction_id: str,
    lines: Mapping[str, str] | None = None,
    amount: str | None = None,
    *,
    key: str | None = None,
    source: str = "till-1",
) -> GiveBack:
    """A return with an id of its own, unless `key` is one."""
    return GiveBack(
        source,
        transaction_id,
        key or uuid4().hex,
        None if lines is None else {name: Decimal(number) for name, number in lines.items()},
        None if amount is None else Decimal(amount),
    )


def accepted(session: Session, program: Program, told: GiveBack, at: datetime = AT) -> UUID:
    """The id of a stored return."""
    return accept_return(session, program.id, told, by=By("till", None, at)).id


def settled(session: Session, program: Program, told: GiveBack, at: datetime = AT) -> Told:
    """What became of a return."""
    give_back_id = accepted(session, program, told, at)
    assert settle_return(session, give_back_id, at) is not None
    return tell_one(session, give_back_id)


def given_back(session: Session, program: Program, told: GiveBack, at: datetime = AT) -> int:
    """The points of a return that was settled."""
    found = settled(session, program, told, at)
    assert (found.status, found.reason) == ("settled", None), found
    return found.points or 0


def refusal(session: Session, program: Program, told: GiveBack) -> tuple[str | None, str | None]:
    """Reason and detail of a return that was refused."""
    found = settled(session, program, told)
    assert found.status == "refused", found
    return found.reason, found.detail
