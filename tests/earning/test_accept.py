"""Intake stores each purchase once, whoever tells it, however often and in whatever order."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta, timezone

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.earning.accept import AHEAD, Accepted, Earn, check_time
from loyalty.errors import Invalid
from loyalty.programs.queries import Program
from loyalty.transaction import transaction
from tests.earning.given import bought, count, open_ids, stored, told
from tests.opened import AT, opened
from tests.tenant import TestTenant


@pytest.fixture
def program(session: Session) -> Program:
    return opened(session)


def test_a_new_purchase_is_stored_and_open(session: Session, program: Program) -> None:
    [first] = told(session, program, bought("12.50", body={"store": "s1"}))
    assert (first.fresh, first.same) == (True, True)
    assert open_ids(session) == [first.id]
    row = session.execute(text("SELECT * FROM activity")).one()
    assert (row.id, row.program_id, str(row.amount), row.member_id, row.body) == (
        first.id,
        program.id,
        "12.5000",
        "ann",
        {"store": "s1"},
    )


def test_the_same_again_is_the_first(session: Session, program: Program) -> None:
    [first] = told(session, program, bought(key="k"))
    assert told(session, program, bought(key="k")) == [Accepted(first.id, False, True)]
    assert (count(session, "activity"), count(session, "unsettled")) == (1, 1)


def test_equal_values_are_the_same_purchase(session: Session, program: Program) -> None:
    [first] = told(session, program, bought("12.5", key="k"))
    east = AT.astimezone(timezone(timedelta(hours=5, minutes=45)))
    again = bought("12.50", key="k", occurred_at=east)
    assert told(session, program, again) == [Accepted(first.id, False, True)]


@pytest.mark.parametrize(
    "other",
    [
        bought("10.0001", key="k"),
        bought(member_id="bob", key="k"),
        bought(key="k", currency="EUR"),
        bought(key="k", occurred_at=AT + timedelta(microseconds=1)),
        bought(key="k", body={"store": "s1"}),
        bought(key="k", identifier=("card", "1")),
    ],
)
def test_other_content_under_the_same_key_is_told_and_changes_nothing(
    session: Session, program: Program, other: Earn
) -> None:
    [first] = told(session, program, bought(key="k"))
    assert told(session, program, other) == [Accepted(first.id, False, False)]
    assert (count(session, "activity"), count(session, "unsettled")) == (1, 1)
    assert session.scalar(text("SELECT amount FROM activity")) == 10


def test_another_source_or_program_has_keys_of_its_own(session: Session, program: Program) -> None:
    other_program = opened(session, "air")
    answers = [
        *told(session, program, bought(key="k"), bought(key="k", source="till-2")),
        *told(session, other_program, bought(key="k")),
    ]
    assert [one.fresh for one in answers] == [True] * 3
    assert len({one.id for one in answers}) == 3


def test_within_one_call_the_first_of_a_key_wins(session: Session, program: Program) -> None:
    answers = told(
        session, program, bought("2", key="b"), bought("1", key="a"), bought("3", key="b")
    )
    winner = answers[0].id
    assert [(one.fresh, one.same) for one in answers] == [
        (True, True),
        (True, True),
        (False, False),
    ]
    assert answers[2].id == winner
    assert [one.id for one in told(session, program, bought("2", key="b"))] == [winner]


def test_answers_stand_in_the_order_of_the_request(session: Session, program: Program) -> None:
    keys = [f"{number:03}" for number in range(40)]
    first = stored(session, program, *(bought(key=key) for key in keys))
    backwards = told(session, program, *(bought(key=key) for key in reversed(keys)))
    assert [one.id for one in backwards] == first[::-1]


def test_two_servers_with_the_same_keys_in_opposite_order_do_not_deadlock(
    tenant: TestTenant,
) -> None:
    with transaction(tenant.id) as session:
        program = opened(session)
    keys = [str(number) for number in range(50)]
    together = threading.Barrier(2)

    def server(backwards: bool) -> list[Accepted]:
        mine = keys[::-1] if backwards else keys
        answers = []
        for turn in range(20):
            together.wait(10)
            with transaction(tenant.id) as session:
                turns = [bought(key=f"{turn}-{key}") for key in mine]
                answers += sorted(
                    told(session, program, *turns), key=lambda one: (one.id, one.fresh)
                )
        return answers

    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(server, [False, True])
    assert [answer.id for answer in one] == [answer.id for answer in other]
    assert all(a.fresh != b.fresh and a.same and b.same for a, b in zip(one, other, strict=True))


def test_the_time_of_a_purchase_lies_within_its_window() -> None:
    for fine in (AT, AT + AHEAD, AT - timedelta(days=90)):
        check_time(fine, 90, AT)
    for wrong, code in (
        (AT + AHEAD + timedelta(seconds=1), "in_the_future"),
        (AT - timedelta(days=90, seconds=1), "too_old"),
    ):
        with pytest.raises(Invalid) as refused:
            check_time(wrong, 90, AT)
        assert [(one.pointer, one.code) for one in refused.value.errors] == [("/occurred_at", code)]
