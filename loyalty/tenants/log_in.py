"""An operator logs in: a password becomes a token that lives for an hour."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.tenants.models import Operator
from loyalty.tenants.passwords import hashed, is_outdated
from loyalty.tenants.principal import Unauthenticated
from loyalty.tenants.queries import find_operator, signing_issuer
from loyalty.tenants.roles import Role
from loyalty.tenants.tokens import mint

LIFE = timedelta(hours=1)


class WrongCredentials(Unauthenticated):
    """401: no such tenant, operator or password; which of them is not told."""

    code = "wrong_credentials"
    title = "Tenant, name or password is wrong"
    cure = "Type them again; an admin of the tenant can give you a new password."


@dataclass(frozen=True, slots=True)
class Known:
    """What must be known of somebody before the password is looked at."""

    operator_id: UUID
    password_hash: str = field(repr=False)


def who_logs_in(session: Session, name: str) -> Known | None:
    """The operator of that name, if they may log in."""
    one = find_operator(session, name)
    if one is None or one.disabled_at is not None:
        return None
    return Known(one.id, one.password_hash)


def log_in(
    session: Session, known: Known, password: str, *, request_id: str | None, at: datetime
) -> tuple[Operator, str]:
    """The operator and their token, once `password` was found to fit.

    Raises WrongCredentials when they were changed meanwhile.
    """
    one: Operator | None = session.scalar(
        update(Operator)
        .where(
            Operator.id == known.operator_id,
            Operator.password_hash == known.password_hash,
            Operator.disabled_at.is_(None),
        )
        .values(
            last_log_in_at=at,
            password_hash=hashed(password)
            if is_outdated(known.password_hash)
            else known.password_hash,
        )
        .returning(Operator)
    )
    if one is None:
        raise WrongCredentials
    record(
        session,
        By(f"{one.role}:{one.name}", request_id, at),
        act="operator.log_in",
        subject=f"operator {one.name}",
    )
    token = mint(
        signing_issuer(session, one.tenant_id),
        role=Role(one.role),
        subject=one.name,
        life=LIFE,
        at=at,
        operator=(one.id, one.generation),
    )
    return one, token
