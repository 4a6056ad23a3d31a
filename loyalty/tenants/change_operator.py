"""An operator is given another role or password, is disabled, or comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Conflict
from loyalty.tenants.add_operator import must_be_a_persons
from loyalty.tenants.models import Operator, Tenant
from loyalty.tenants.passwords import check_password, fits, hashed
from loyalty.tenants.queries import operator
from loyalty.tenants.roles import Role


class LastAdmin(Conflict):
    """409: nobody would be left who could let anybody in."""

    code = "last_admin"
    title = "The last admin stays"
    cure = "Add another operator with the role admin first."


class WrongPassword(Conflict):
    """409: it is not the present password."""

    code = "wrong_password"
    title = "This is not the present password"
    cure = "Give the present password, or ask an admin for a new one."


@dataclass(frozen=True, slots=True)
class Change:
    """What is to change; None leaves it as it is."""

    role: Role | None = None
    disabled: bool | None = None
    password: str | None = field(default=None, repr=False)


def change_operator(session: Session, operator_id: UUID, change: Change, by: By) -> Operator:
    """Changes a person of the session's tenant; every token they had is void within 10 s.

    Raises NotFound, Invalid, LastAdmin.
    """
    one = operator(session, operator_id)
    kept = None
    if change.password is not None:
        check_password(change.password, one.name)
        kept = hashed(change.password)  # takes its time, so before anything is locked
    _one_change_at_a_time(session)
    session.refresh(one)
    before, was_admin = _told(one), _lets_others_in(one)
    if change.role is not None:
        must_be_a_persons(change.role)
        one.role = change.role.value
    if change.disabled is not None:
        one.disabled_at = (one.disabled_at or by.at) if change.disabled else None
    if kept is not None:
        one.password_hash = kept
    after = _told(one) if kept is None else {**_told(one), "password": "changed"}
    if after == before:
        return one
    one.generation += 1
    session.flush()
    if was_admin and not _admins(session):
        raise LastAdmin(f"{one.name} is the last admin who can log in.")
    record(
        session,
        by,
        act="operator.change",
        subject=f"operator {one.name}",
        before=before,
        after=after,
    )
    return one


def change_own_password(
    session: Session, operator_id: UUID, present: str, password: str, by: By
) -> Operator:
    """A person's own change, who knows the present password. Raises WrongPassword, Invalid."""
    if not fits(operator(session, operator_id).password_hash, present):
        raise WrongPassword
    return change_operator(session, operator_id, Change(password=password), by)


def end_log_ins(session: Session, operator_id: UUID, by: By) -> None:
    """Voids every token that the operator has. Raises NotFound."""
    one = operator(session, operator_id)
    session.execute(
        update(Operator)
        .where(Operator.id == operator_id)
        .values(generation=Operator.generation + 1)
    )
    record(
        session,
        by,
        act="operator.log_out",
        subject=f"operator {one.name}",
    )


def _told(one: Operator) -> dict[str, Any]:
    return {"role": one.role, "disabled": one.disabled_at is not None}


def _lets_others_in(one: Operator) -> bool:
    return one.role == Role.ADMIN and one.disabled_at is None


def _admins(session: Session) -> int:
    """How many admins can log in."""
    return (
        session.scalar(
            select(func.count()).where(Operator.role == Role.ADMIN, Operator.disabled_at.is_(None))
        )
        or 0
    )


def _one_change_at_a_time(session: Session) -> None:
    """Of two admins who disable each other at once, one stays."""
    session.execute(
        select(Tenant.id)
        .where(Tenant.id == session.info["tenant_id"])
        .with_for_update(key_share=True)
    )
