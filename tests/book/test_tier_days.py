"""What is counted for tiers by the day is what the book says, whatever happened to the members."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.members.enrol import NewMember
from loyalty.members.queries import membership_of
from tests.book.conftest import act_as
from tests.book.test_checks import damage, verdicts
from tests.earning.give_back.given import earned, returned, settled
from tests.opened import AT, give, joined
from tests.tiers.given import DAY, buy, days, windowed


@pytest.mark.parametrize("on", ["points", "spend"])
def test_each_way_keeps_the_days_true(session: Session, on: str) -> None:
    program = windowed(session, window="rolling_12_months", on=on, fall="to_balance")
    for name in ("ann", "bob"):
        joined(session, program, name)
        buy(session, program, "120.50", AT - 3 * DAY, name, at=AT)
        buy(session, program, "30", AT, name)
        give(session, program, 7, name)
        give(session, program, -3, name)
        bought = earned(session, program, "10", member_id=name)
        for _ in range(3):
            settled(session, program, returned(bought, amount="3.33"))
    leave(session, program, "bob", by=By("bob", None, AT + DAY))
    join(session, program, NewMember("bob"), AT + 2 * DAY)
    buy(session, program, "9", AT + 2 * DAY, "bob")
    verdict = verdicts(session)[-1]
    act_as(session, "loyalty_app")
    assert verdict.broken == []
    assert days(session)["2026-06-28"] == (120, Decimal("120.5"))


def test_a_day_that_is_not_true_is_found(session: Session) -> None:
    program = windowed(session, window="calendar_year")
    joined(session, program)
    buy(session, program, "10", AT)
    account = membership_of(session, program.id, "ann").account_id
    damage(session, "UPDATE tier_progress SET points = points + 1")
    [broken] = verdicts(session)[-1].broken
    assert broken.row == f"account {account} on 2026-07-01"
