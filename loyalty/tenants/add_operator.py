"""An operator comes into being: a person of the tenant who logs in by a password."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Conflict, Invalid
from loyalty.ids import uuid7
from loyalty.tenants.models import Operator
from loyalty.tenants.passwords import check_password, hashed
from loyalty.tenants.roles import STAFF, Role

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")


class OperatorExists(Conflict):
    """409: the name is taken."""

    code = "operator_exists"
    title = "There is an operator of this name already"
    cure = "Choose another name."


@dataclass(frozen=True, slots=True)
class NewOperator:
    """A person to be. `name` is what they type to log in, in any case; often a mail address."""

    name: str
    role: Role
    password: str = field(repr=False)


def add_operator(session: Session, new: NewOperator, by: By) -> Operator:
    """Adds a person to the session's tenant. Raises Invalid, OperatorExists."""
    if NAME.fullmatch(new.name) is None:
        raise Invalid.field("/name", "malformed", "1 to 100 of A-Z 0-9 . _ @ + - are expected.")
    must_be_a_persons(new.role)
    name = new.name.lower()
    check_password(new.password, name)
    added: Operator | None = session.scalar(
        insert(Operator)
        .values(
            tenant_id=session.info["tenant_id"],
            id=uuid7(),
            name=name,
            role=new.role.value,
            password_hash=hashed(new.password),
            created_at=by.at,
        )
        .on_conflict_do_nothing(index_elements=[Operator.tenant_id, Operator.name])
        .returning(Operator)
    )
    if added is None:
        raise OperatorExists(f"There is an operator {name!r} already.")
    record(
        session,
        by,
        act="operator.add",
        subject=f"operator {name}",
        after={"role": added.role, "disabled": False},
    )
    return added


def must_be_a_persons(role: Role) -> None:
    """Raises Invalid for a role that no person has: a server has keys, a member tokens."""
    if role not in STAFF:
        raise Invalid.field("/role", "not_for_people", f"{role} is no role of a person.")
