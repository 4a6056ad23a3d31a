"""All that a shop does with the client, against a bank that runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from loyalty_client import (
    AlreadyEnrolled,
    Conflict,
    Forbidden,
    Identifier,
    InsufficientPoints,
    Invalid,
    Item,
    Loyalty,
    NewMember,
    NotEnrolled,
    NotFound,
    Patience,
    Program,
    RateLimited,
    Return,
    ReturnLine,
    TransactionMismatch,
    Unauthenticated,
    WrongState,
)
from loyalty_client.members import Adjusted, AdjustmentRequest
from loyalty_client.redemptions import Redemption
from tests.client.given import bought
from tests.scenarios.door import Door


def test_a_purchase_is_waited_for_and_says_why(wine: Program, loyalty: Loyalty) -> None:
    told = wine.earn(bought("250.00"), wait_s=20)
    assert (told.judged, told.status, told.points) == (True, "awarded", 250)
    assert (told.amount, told.currency, told.member_id) == (Decimal("250.00"), "USD", "ada")
    assert told.explanation is not None
    assert told.explanation.sentence == "250 USD at 1 point per 1 USD: 250 points."
    [share] = told.explanation.given
    assert (share.promotion, share.version, share.points) == ("Earn rate", 1, 250)
    assert loyalty.purchase(told.id) == told


def test_a_purchase_is_posted_now_and_waited_for_later(wine: Program, loyalty: Loyalty) -> None:
    posted = wine.earn(bought("10"))
    assert posted.points is None
    assert loyalty.wait(posted.id, within_s=20).points == 10


def test_who_waits_for_a_paused_program_waits_no_longer_than_asked(
    wine: Program, door: Door
) -> None:
    assert door.call("POST", "/programs/wine/pause", {"reason": "a test"}).status_code == 200
    told = wine.earn(bought("10"), wait_s=1.2)
    assert (told.judged, told.status, told.points) == (False, "accepted", None)


def test_the_same_purchase_again_and_another_under_its_name(wine: Program) -> None:
    order = bought("10", transaction_id="R-1")
    first = wine.earn(order, wait_s=20)
    assert wine.earn(replace(order, amount=Decimal("10.00")), wait_s=20) == first
    with pytest.raises(TransactionMismatch):
        wine.earn(replace(order, amount=11))
    assert wine.member("ada").points.available == 10


def test_a_dry_run_writes_nothing(wine: Program) -> None:
    tried = wine.try_earn(bought("19.99"), now=datetime.now(UTC))
    assert (tried.status, tried.points) == ("awarded", 19)
    assert list(wine.purchases()) == []
    wine.adjust("ada", 100, "a gift")
    assert wine.try_redeem("ada", points=60).balance.available == 40
    assert wine.member("ada").points.available == 100


def test_a_batch_of_more_than_a_request_holds(wine: Program) -> None:
    orders = [bought("1", transaction_id=f"R-{number}") for number in range(1005)]
    orders[3] = replace(orders[3], currency="???")
    orders[1004] = orders[0]
    outcomes = wine.earn_batch(iter(orders))
    assert [one.index for one in outcomes] == list(range(1005))
    assert (outcomes[3].outcome, outcomes[3].errors[0].pointer) == ("invalid", "/currency")
    assert (outcomes[1004].outcome, outcomes[1004].id) == ("duplicate", outcomes[0].id)
    assert {one.outcome for one in outcomes} == {"accepted", "duplicate", "invalid"}
    assert len({one.id for one in wine.purchases(source="till-1")}) == 1003
    assert wine.earn_batch([]) == []


def test_a_value_that_makes_no_sense_is_named(wine: Program) -> None:
    with pytest.raises(Invalid) as refusal:
        wine.earn(replace(bought("10"), currency="???"))
    assert (refusal.value.code, refusal.value.errors[0].pointer) == ("invalid", "/currency")
    with pytest.raises(Invalid):
        wine.redeem("ada")


def test_lists_follow_pages(wine: Program) -> None:
    for points in range(1, 206):
        wine.adjust("ada", points, "a gift")
    entries = list(wine.statement("ada"))
    assert [one.change.available for one in entries] == list(range(205, 0, -1))
    assert entries[0].balance.available == sum(range(1, 206))
    assert entries[0].text.startswith("205 points given")
    assert isinstance(wine.statement("ada"), Iterator)
    assert next(wine.statement("ada")) == entries[0]


def test_who_members_are(wine: Program, loyalty: Loyalty) -> None:
    card = Identifier("card", "4711")
    ben = wine.enrol(
        NewMember("ben", (card,), "Ben", date(1990, 2, 28), "Europe/Berlin", {"vip": True})
    )
    assert (ben.status, ben.tier.key, ben.name) == ("active", "basic", "Ben")
    assert (ben.birthday, ben.attributes) == (date(1990, 2, 28), {"vip": True})
    assert ben.next_tier is not None
    assert ben.next_tier.missing.points == 500
    assert wine.member("ben") == ben
    with pytest.raises(AlreadyEnrolled):
        wine.enrol(NewMember("ben"))
    profile = loyalty.lookup(card)
    assert profile == loyalty.profile("ben")
    assert (profile.identifiers, [one.program for one in profile.programs]) == ((card,), ["wine"])
    wine.adjust("ben", 700, "a gift")
    assert [one.member_id for one in wine.members(points_gte=700, tier="gold")] == ["ben"]
    assert [one.member_id for one in wine.members("ad")] == ["ada"]
    assert [one.member_id for one in wine.members(sort="points", points_lte=700)] == ["ada", "ben"]
    assert list(wine.members(joined_gte=datetime.now(UTC) + timedelta(hours=1))) == []
    assert wine.leave("ben").status == "cancelled"
    with pytest.raises(NotEnrolled):
        wine.member("cleo")
    with pytest.raises(NotFound):
        loyalty.lookup(Identifier("card", "0815"))


def test_points_are_held_captured_released_and_cancelled(wine: Program, loyalty: Loyalty) -> None:
    wine.adjust("ada", 100, "a gift")
    spent = wine.redeem("ada", points=10)
    assert (spent.status, spent.amount, spent.balance and spent.balance.available) == (
        "redeemed",
        Decimal("0.10"),
        90,
    )
    held = wine.hold("ada", 3600, amount="0.20")
    assert (held.status, held.points, held.balance and held.balance.held) == ("held", 20, 20)
    captured = loyalty.capture(held.id, 15)
    assert (captured.status, captured.points, captured.released) == ("captured", 20, 5)
    with pytest.raises(WrongState):
        loyalty.release(held.id)
    assert loyalty.release(wine.hold("ada", 60, points=1).id).status == "released"
    assert loyalty.cancel(spent.id, reason="a mistake").cancelled == 10
    assert wine.member("ada").points.available == 85
    told = list(wine.redemptions("ada"))
    assert [one.status for one in told] == ["released", "captured", "cancelled"]
    assert loyalty.redemption(held.id) == replace(captured, balance=None)


def test_what_there_is_not_is_not_spent_under_a_key_for_ever(wine: Program) -> None:
    for _ in range(2):
        with pytest.raises(InsufficientPoints) as refusal:
            wine.redeem("ada", points=10, key="order-17")
        assert (refusal.value.status, refusal.value.key) == (409, "order-17")
        wine.adjust("ada", 10, "a gift", key="gift-17")
    assert wine.member("ada").points.available == 10
    assert isinstance(wine.redeem("ada", points=10, key="order-18"), Redemption)


def test_what_comes_back_takes_its_points_back(wine: Program, loyalty: Loyalty) -> None:
    order = replace(
        bought("30", transaction_id="R-1"), items=[Item("1", 10), Item("2", "20", quantity=2)]
    )
    wine.earn(order, wait_s=20)
    back = Return("till-1", "R-1", "B-1", lines=[ReturnLine("2", 1)])
    assert wine.try_give_back(back).points == 10
    told = wine.give_back(back, wait_s=20)
    assert (told.judged, told.status, told.points, told.amount_back) == (
        True,
        "settled",
        10,
        Decimal("10.00"),
    )
    assert wine.give_back(back, wait_s=20) == told == loyalty.returned(told.id)
    early = wine.give_back(Return("till-1", "R-2", "B-2"), wait_s=1)
    assert (early.judged, early.status) == (False, "waiting")
    assert [one.return_id for one in wine.returns(status="waiting")] == ["B-2"]
    assert wine.member("ada").points.available == 20


def test_an_empty_list_of_lines_is_not_the_whole_purchase(wine: Program) -> None:
    wine.earn(bought("30", transaction_id="R-1"), wait_s=20)
    with pytest.raises(Invalid):
        wine.give_back(Return("till-1", "R-1", "B-1", lines=[]))
    assert wine.member("ada").points.available == 30


def test_pending_points_are_let_go(loyalty: Loyalty, door: Door) -> None:
    door.open_program("later", pending={"days": 14})
    later = loyalty.program("later")
    later.enrol(NewMember("ada"))
    told = later.earn(bought("10"), wait_s=20)
    assert later.member("ada").points.pending == 10
    assert loyalty.activate(told.id).id == told.id
    assert later.member("ada").points.available == 10
    with pytest.raises(Conflict):
        loyalty.activate(told.id)


def test_the_balance_of_back_then(wine: Program) -> None:
    wine.adjust("ada", 100, "a gift")
    then = wine.balance("ada", as_of=datetime.now(UTC) - timedelta(hours=1))
    assert (then.available, wine.balance("ada").available) == (0, 100)


def test_an_adjustment_may_need_a_second_person(wine: Program, door: Door) -> None:
    made = wine.adjust("ada", 10, "a gift")
    assert isinstance(made, Adjusted)
    assert made.balance.available == 10
    with Loyalty(door.base_url, door.as_role("support").token) as support:
        asked = support.program("wine").adjust("ada", 50_000, "a large gift")
    assert isinstance(asked, AdjustmentRequest)
    assert (asked.status, wine.member("ada").points.available) == ("requested", 10)


def test_a_member_has_a_token_of_their_own(wine: Program, loyalty: Loyalty, door: Door) -> None:
    told = loyalty.member_token("ada", life_s=60)
    assert told.expires_at > datetime.now(UTC)
    with Loyalty(door.base_url, told.token) as app:
        assert app.program("wine").member("ada") == wine.member("ada")
        with pytest.raises(Forbidden):
            app.program("wine").adjust("ada", 10, "for me")


def test_who_is_in_a_hurry_is_told_when_to_come_again(
    wine: Program, loyalty: Loyalty, door: Door
) -> None:
    wine.adjust("ada", 100, "a gift")
    token = loyalty.member_token("ada").token
    with Loyalty(door.base_url, token, patience=Patience(total_s=1)) as app:
        for _ in range(5):
            app.program("wine").redeem("ada", points=1)
        with pytest.raises(RateLimited) as limited:
            app.program("wine").redeem("ada", points=1)
    assert 1 < (limited.value.problem.retry_after_s or 0) <= 60
    assert wine.member("ada").points.available == 95


def test_nobody_is_signed_in(door: Door) -> None:
    with Loyalty(door.base_url, "lk_nobody") as stranger, pytest.raises(Unauthenticated):
        stranger.program("wine").member("ada")
