"""What comes later for who was merged finds the survivor: purchases, holds, returns, releases."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.suspend import reinstate, suspend
from loyalty.earning.award import award_activities
from loyalty.ledger.rules import Balance
from loyalty.lifecycle.activate import NothingPending, activate_earn
from loyalty.programs.life_of_points import Pending
from loyalty.programs.queries import Program
from loyalty.programs.settings import ProgramSettings
from loyalty.redemption.cancel import cancel
from loyalty.redemption.capture import capture
from loyalty.redemption.redeem import Redeem
from loyalty.redemption.release import release
from tests.campaigns.given import running
from tests.care.given import (
    account_of,
    lot,
    open_lots_of,
    open_lots_on,
)
from tests.care.test_merge import merged
from tests.earning.give_back.given import returned, settled
from tests.earning.given import bought, stored
from tests.opened import AT, balance, joined, opened, redeemed


@pytest.fixture
def program(session: Session) -> Program:
    """Ann and Bob are in it."""
    program = opened(session)
    joined(session, program, "ann")
    joined(session, program, "bob")
    return program


def test_purchases_that_arrive_later_or_were_parked_go_to_the_survivor(session: Session) -> None:
    program = opened(session)
    joined(session, program, "ann")
    joined(session, opened(session, "air"), "bob")
    [parked] = stored(session, program, bought("7", "bob"))
    award_activities(session, [parked], AT)
    assert balance(session, program, "ann") == Balance()
    merged(session)
    late = stored(session, program, bought("5", "bob"))
    award_activities(session, late, AT)  # and what was parked goes along: it is open again
    assert balance(session, program, "ann") == Balance(available=12)


def test_what_is_parked_for_a_name_of_a_suspended_survivor_goes_on_with_them(
    session: Session, program: Program
) -> None:
    merged(session)
    suspend(session, program, "bob", reason="-", by=By("-", None, AT))
    [parked] = stored(session, program, bought("7", "bob"))
    award_activities(session, [parked], AT)
    assert balance(session, program, "ann") == Balance()
    reinstate(session, program, "ann", reason="-", by=By("-", None, AT))
    award_activities(session, [parked], AT)
    assert balance(session, program, "ann") == Balance(available=7)


@pytest.mark.parametrize("captured", [True, False])
def test_holds_go_along_and_end_as_any(session: Session, program: Program, captured: bool) -> None:
    lot(session, program, 20, "ann", expires_in=5)
    lot(session, program, 20, "ann")
    hold = redeemed(session, program, Redeem(30, hold_s=999)).id
    merged(session, "ann", "bob")
    assert balance(session, program, "bob") == Balance(available=10, held=30)
    by = By("shop", None, AT)
    if captured:
        capture(session, hold, None, by)
    else:
        release(session, hold, by)
    left = 10 if captured else 40
    assert balance(session, program, "bob") == Balance(available=left)
    lots = {(10, True, None)} if captured else {(20, True, 5), (20, True, None)}
    assert set(open_lots_of(session, program, "bob")) == lots


def test_what_was_spent_before_is_cancelled_to_the_survivor(
    session: Session, program: Program
) -> None:
    lot(session, program, 50, "ann", expires_in=5)
    spent = redeemed(session, program, Redeem(30)).id
    absorbed = account_of(session, program, "ann")
    merged(session, "ann", "bob")
    cancel(session, spent, None, "broken", By("shop", None, AT))
    assert balance(session, program, "bob") == Balance(available=50)
    assert open_lots_of(session, program, "bob") == [(20, True, 5), (30, True, 5)]
    assert open_lots_on(session, absorbed) == []


def test_what_was_bought_before_is_returned_by_the_survivor(
    session: Session, program: Program
) -> None:
    award_activities(session, stored(session, program, bought("30", "bob", key="t-1")), AT)
    merged(session)
    settled(session, program, returned("t-1", amount="10"))
    assert balance(session, program, "ann") == Balance(available=20)
    redeemed(session, program, Redeem(15))
    settled(session, program, returned("t-1"))
    assert balance(session, program, "ann") == Balance(owed=15)


def test_what_was_bought_before_and_is_returned_counts_for_no_goal(
    session: Session, program: Program
) -> None:
    running(session, program, {"kind": "buy", "amount": "100"})
    for name, key in (("ann", "t-1"), ("bob", "t-2")):
        award_activities(session, stored(session, program, bought("30", name, key=key)), AT)
    merged(session)
    settled(session, program, returned("t-2", amount="10"))
    assert _counted(session, program) == 50
    settled(session, program, returned("t-2"))
    assert _counted(session, program) == 30


def _counted(session: Session, program: Program) -> int:
    """How much of the campaign's goal the survivor has."""
    values = {"account": account_of(session, program, "ann")}
    found = text("SELECT counted[1] FROM campaign_progress WHERE account_id = :account")
    return int(session.execute(found, values).scalar_one())


def test_what_waits_is_taken_back_first_or_released_also_after_a_merge(session: Session) -> None:
    program = opened(session, settings=ProgramSettings(pending=Pending(until="released")))
    joined(session, program, "ann", points=50)
    joined(session, program, "bob")
    ids = stored(session, program, bought("30", "bob", key="t-1"), bought("7", "bob"))
    award_activities(session, ids, AT)
    merged(session)
    joined(session, program, "cid")
    merged(session, "ann", "cid")
    settled(session, program, returned("t-1", amount="10"))
    assert balance(session, program, "bob") == Balance(pending=27, available=50)
    for earn, left in ((ids[0], 7), (ids[1], 0)):
        activate_earn(session, earn, by=By("-", None, AT))
        assert balance(session, program, "bob") == Balance(pending=left, available=77 - left)
    with pytest.raises(NothingPending):
        activate_earn(session, ids[0], by=By("-", None, AT))
