"""A return takes back what its purchase earned: once, exactly, and from where it hurts least."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.earning.accept import TransactionMismatch
from loyalty.earning.award import award_activities
from loyalty.earning.give_back.accept import accept_return
from loyalty.earning.give_back.queries import tell_one
from loyalty.earning.give_back.settle import Outcome, settle_return
from loyalty.ledger.rules import Balance
from loyalty.members.enrol import NewMember
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program
from loyalty.programs.settings import EarnRate, ProgramSettings
from loyalty.redemption.redeem import Redeem
from tests.earning.give_back.given import (
    accepted,
    earned,
    given_back,
    items,
    refusal,
    returned,
    settled,
)
from tests.earning.given import bought, stored
from tests.opened import AT, balance, give, joined, opened, redeemed

LATER = AT + timedelta(minutes=1)


@pytest.fixture
def program(session: Session) -> Program:
    """A program in which ann is enrolled and 1 USD is 1 point."""
    program = opened(session)
    joined(session, program)
    return program


def tier_points(session: Session, program: Program) -> int:
    account = membership_of(session, program.id, "ann").account_id
    found: int = session.execute(
        text("SELECT tier_points FROM account WHERE id = :id"), {"id": account}
    ).scalar_one()
    return found


def test_all_of_a_purchase_comes_back(session: Session, program: Program) -> None:
    bought_as = earned(session, program, "250.99")
    told = settled(session, program, returned(bought_as))
    assert (told.status, told.points, told.amount_back, told.whole) == (
        "settled",
        250,
        Decimal("250.99"),
        True,
    )
    assert balance(session, program) == Balance()
    assert tier_points(session, program) == 0
    [entry] = session.execute(
        text("SELECT from_bucket, to_bucket, points, cause_id FROM entry WHERE kind = 'reverse'")
    ).all()
    assert entry == ("available", "reversed", 250, told.id)
    assert told.explanation is not None
    assert told.explanation["from"] == {"own": 250}


def test_three_equal_items_that_earned_ten_give_back_ten_in_all(
    session: Session, program: Program
) -> None:
    bought_as = earned(session, program, "10", ("wine", "3", "10"))
    parts = [given_back(session, program, returned(bought_as, {"wine": "1"})) for _ in range(3)]
    assert parts == [4, 3, 3]
    assert balance(session, program) == Balance()


def test_more_than_was_bought_is_refused_with_what_is_left(
    session: Session, program: Program
) -> None:
    bought_as = earned(session, program, "30", ("wine", "3", "10"), ("cheese", "1", "20"))
    assert given_back(session, program, returned(bought_as, {"wine": "2"})) == 7
    assert refusal(session, program, returned(bought_as, {"wine": "2"})) == (
        "too_much_returned",
        "2 of line wine returned, 1 left.",
    )
    assert refusal(session, program, returned(bought_as, {"bread": "1"})) == (
        "unknown_line",
        "The purchase has no line bread.",
    )
    told = settled(session, program, returned(bought_as, amount="23.34"))
    assert (told.reason, told.detail) == (
        "too_much_returned",
        "23.34 returned, 23.33 of 30.00 left.",
    )
    assert told.explanation == {
        "left": {"lines": {"wine": "1", "cheese": "1"}, "amount": "23.3333"}
    }
    assert balance(session, program) == Balance(available=23)
    assert given_back(session, program, returned(bought_as)) == 23
    assert refusal(session, program, returned(bought_as)) == (
        "too_much_returned",
        "All of the purchase was returned before.",
    )
    assert balance(session, program) == Balance()


def test_the_same_return_again_is_the_same_return(session: Session, program: Program) -> None:
    told = returned(earned(session, program, "10"), amount="5", key="r-1")
    first = accept_return(session, program.id, told, by=By("till", None, AT))
    again = replace(told, amount=Decimal("5.00"))
    second = accept_return(session, program.id, again, by=By("till", None, LATER))
    assert (first.fresh, second.fresh, second.id) == (True, False, first.id)
    other = replace(told, amount=Decimal("5.01"))
    with pytest.raises(TransactionMismatch):
        accept_return(session, program.id, other, by=By("till", None, AT))
    assert settle_return(session, first.id, AT) == Outcome("settled")
    assert settle_return(session, first.id, AT) is None
    assert balance(session, program) == Balance(available=5)


def test_the_lots_it_made_come_first_then_others_and_the_rest_is_owed(
    session: Session, program: Program
) -> None:
    give(session, program, 20)
    bought_as = earned(session, program, "100")
    redeemed(session, program, Redeem(points=60))  # 20 of the older lot, 40 of the purchase's
    give(session, program, 25)
    told = settled(session, program, returned(bought_as))
    assert told.explanation is not None
    assert told.explanation["from"] == {"own": 60, "available": 25, "owed": 15}
    assert balance(session, program) == Balance(owed=15)
    earned(session, program, "40")
    assert balance(session, program) == Balance(available=25)


@pytest.mark.parametrize(
    ("policy", "left", "taken_from"),
    [
        ("owed", Balance(owed=40), {"own": 60, "owed": 40}),
        ("within_balance", Balance(), {"own": 60, "let_be": 40}),
        ("only_pending", Balance(available=60), {"let_be": 100}),
    ],
)
def test_how_far_it_reaches_is_the_program_s_decision(
    session: Session, policy: str, left: Balance, taken_from: dict[str, int]
) -> None:
    settings = ProgramSettings(give_back=policy)  # type: ignore[arg-type]
    program = opened(session, settings=settings)
    joined(session, program)
    bought_as = earned(session, program, "100")
    redeemed(session, program, Redeem(points=40))
    told = settled(session, program, returned(bought_as))
    assert told.explanation is not None
    assert (told.points, told.explanation["from"]) == (100, taken_from)
    assert balance(session, program) == left
    assert tier_points(session, program) == 0
    assert refusal(session, program, returned(bought_as))[0] == "too_much_returned"


def test_a_return_waits_for_its_purchase_and_is_settled_as_if_in_order(
    session: Session, program: Program
) -> None:
    waits = accepted(session, program, returned("t-1", amount="4"))
    assert settle_return(session, waits, AT) == Outcome("waiting")
    assert tell_one(session, waits).status == "waiting"
    session.info.pop("woken")
    [purchase] = stored(session, program, bought("10", key="t-1"))
    assert settle_return(session, waits, AT) == Outcome("accepted")
    award_activities(session, [purchase], AT)
    assert session.info["woken"]["returns.settle"] == [waits]
    assert settle_return(session, waits, AT) == Outcome("settled")
    assert balance(session, program) == Balance(available=6)


def test_a_return_of_a_parked_purchase_waits_with_it(session: Session, program: Program) -> None:
    bought_as = earned(session, program, "10", member_id="carl")
    waits = accepted(session, program, returned(bought_as))
    assert settle_return(session, waits, AT) == Outcome("waiting")
    joined(session, program, "carl")
    session.info.pop("woken")
    award_activities(session, [], AT)
    assert session.info["woken"]["returns.settle"] == [waits]
    assert settle_return(session, waits, AT) == Outcome("settled")
    assert balance(session, program, "carl") == Balance()


def test_of_a_rejected_purchase_nothing_is_taken_back(session: Session, program: Program) -> None:
    [purchase] = stored(session, program, bought("10", key="t-1", currency="EUR"))
    award_activities(session, [purchase], AT)
    told = settled(session, program, returned("t-1"))
    assert (told.status, told.points, told.whole) == ("settled", 0, True)
    assert balance(session, program) == Balance()


def test_a_return_whose_purchase_never_came_ends_with_the_late_window(
    session: Session, program: Program
) -> None:
    waits = accepted(session, program, returned("t-1"))
    days = timedelta(days=program.settings.late_window_days)
    assert settle_return(session, waits, AT + days - timedelta(seconds=1)) == Outcome("waiting")
    ended = Outcome("refused", "purchase_never_came")
    assert settle_return(session, waits, AT + days) == ended


def test_what_was_forfeited_on_leaving_is_not_taken_a_second_time(
    session: Session, program: Program
) -> None:
    bought_as = earned(session, program, "100")
    redeemed(session, program, Redeem(points=30))
    leave(session, program, "ann", by=By("ann", None, AT))
    join(session, program, NewMember("ann"), LATER)
    give(session, program, 50)
    told = settled(session, program, returned(bought_as), LATER)
    assert told.explanation is not None
    assert told.explanation["from"] == {"gone": 70, "available": 30}
    assert told.explanation["tier_points"] == 0
    assert (balance(session, program), tier_points(session, program)) == (
        Balance(available=20),
        50,
    )


def test_in_parts_what_had_ended_is_counted_once(session: Session, program: Program) -> None:
    bought_as = earned(session, program, "100")
    redeemed(session, program, Redeem(points=30))
    leave(session, program, "ann", by=By("ann", None, AT))
    join(session, program, NewMember("ann"), LATER)
    for _ in range(2):
        assert given_back(session, program, returned(bought_as, amount="50"), LATER) == 50
    assert balance(session, program) == Balance(owed=30)


def test_a_debt_survives_leaving_and_joining_again(session: Session, program: Program) -> None:
    bought_as = earned(session, program, "500")
    redeemed(session, program, Redeem(points=500))
    assert given_back(session, program, returned(bought_as)) == 500
    assert balance(session, program) == Balance(owed=500)
    leave(session, program, "ann", by=By("ann", None, AT))
    join(session, program, NewMember("ann"), LATER)
    earned(session, program, "100")
    assert balance(session, program) == Balance(owed=400)


def test_a_purchase_that_paid_a_debt_owes_it_again(session: Session, program: Program) -> None:
    first = earned(session, program, "40")
    redeemed(session, program, Redeem(points=40))
    given_back(session, program, returned(first))
    second = earned(session, program, "100")
    assert balance(session, program) == Balance(available=60)
    told = settled(session, program, returned(second))
    assert told.explanation is not None
    assert told.explanation["from"] == {"own": 60, "owed": 40}
    assert balance(session, program) == Balance(owed=40)


def test_a_paused_program_settles_no_returns(session: Session, program: Program) -> None:
    waits = accepted(session, program, returned(earned(session, program)))
    session.execute(text("UPDATE program SET paused_at = :at"), {"at": AT})
    assert settle_return(session, waits, AT) is None
    assert tell_one(session, waits).status == "accepted"


def test_points_that_rounding_gave_come_back_too(session: Session) -> None:
    program = opened(session, settings=ProgramSettings(earn_rate=EarnRate(rounding="up")))
    joined(session, program)
    bought_as = earned(session, program, "10.01", ("a", "1", "5.01"), ("b", "1", "5"))
    assert balance(session, program) == Balance(available=11)
    parts = [given_back(session, program, returned(bought_as, {line: "1"})) for line in "ba"]
    assert sum(parts) == 11
    assert balance(session, program) == Balance()


def test_discounts_and_shipping_come_back_with_the_last_line(
    session: Session, program: Program
) -> None:
    body = {**items(("a", "2", "60"), ("b", "1", "40"), ("coupon", "1", "-10")), "shipping": "5"}
    [purchase] = stored(session, program, bought("95", key="t-1", body=body))
    award_activities(session, [purchase], AT)
    assert balance(session, program) == Balance(available=95)
    parts = [
        settled(session, program, returned("t-1", lines))
        for lines in ({"a": "1"}, {"b": "1"}, {"a": "1"})
    ]
    assert [(one.points, one.amount_back, one.whole) for one in parts] == [
        (29, Decimal("28.5"), False),
        (38, Decimal("38"), False),
        (28, Decimal("28.5"), True),
    ]
    assert balance(session, program) == Balance()
