"""Several members' whole answers, in one statement: what people/answer.py tells of one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from loyalty.people.answer import COLUMNS, MemberAnswer, answered
from loyalty.programs.queries import Program

_OF_EACH = " FROM unnest(CAST(%(named)s AS text[])) AS n(named)"
_ANSWERS = (
    f"SELECT n.named, {', '.join(f'a.{column}' for column in COLUMNS)}{_OF_EACH}"
    " CROSS JOIN LATERAL member_answer(%(tenant)s, %(program)s, n.named, %(at)s) a"
)
_DAYS = f"SELECT n.named, tier_days_of(%(tenant)s, %(program)s, n.named){_OF_EACH}"


def member_answers(
    session: Session, program: Program, member_ids: Collection[str], at: datetime
) -> dict[str, MemberAnswer]:
    """The members among `member_ids` that are, or were, enrolled; by the id that named them."""
    connection = session.connection()
    asked = {
        "tenant": session.info["tenant_id"],
        "program": program.id,
        "named": sorted(member_ids),
        "at": at,
    }
    rows = connection.exec_driver_sql(_ANSWERS, asked).all()
    days = {}
    if rows and program.settings.tier_policy.by_day:
        days = {named: [told] for named, told in connection.exec_driver_sql(_DAYS, asked)}
    return {named: answered(program, named, row, days.get(named), at) for named, *row in rows}
