"""Several members' whole answers, in one statement: what people/answer.py tells of one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from loyalty.people.answer import MemberAnswer, answered, asked
from loyalty.programs.queries import Program

_DAYS = (
    "SELECT n.named, tier_days_of(%(tenant)s, %(program)s, n.named)"
    " FROM unnest(CAST(%(named)s AS text[])) AS n(named)"
)


def member_answers(
    session: Session, program: Program, member_ids: Collection[str], at: datetime
) -> dict[str, MemberAnswer]:
    """The members among `member_ids` that are, or were, enrolled; by the id that named them."""
    if not member_ids:
        return {}
    connection, tenant = session.connection(), session.info["tenant_id"]
    named = sorted(member_ids)
    statement, values = asked(tenant, [(program.id, one, at) for one in named])
    found = dict(zip(named, connection.exec_driver_sql(statement, values), strict=True))
    enrolled = [one for one, (told,) in found.items() if told is not None]
    days = {}
    if enrolled and program.settings.tier_policy.by_day:
        values = {"tenant": tenant, "program": program.id, "named": enrolled}
        days = {one: [told] for one, told in connection.exec_driver_sql(_DAYS, values)}
    return {one: answered(program, one, found[one], days.get(one), at) for one in enrolled}
