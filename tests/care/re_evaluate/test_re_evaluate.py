"""A rule was wrong: purchases are worked out again, and each is corrected once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.leave import leave
from loyalty.care.re_evaluate import go_on as batches
from loyalty.care.re_evaluate.go_on import go_on
from loyalty.care.re_evaluate.queries import ToldCorrection, ToldRun, corrections, run_by_id
from loyalty.care.re_evaluate.start import Run, start
from loyalty.care.re_evaluate.stop import NotRunning, stop
from loyalty.clock import wall_clock
from loyalty.earning.award import award_activities
from loyalty.earning.prove import publish_proven
from loyalty.errors import Invalid
from loyalty.ids import uuid7
from loyalty.ledger.rules import Balance
from loyalty.programs.queries import Program
from loyalty.programs.settings import settings_from_json
from loyalty.promotions.desk import promotion_by_key
from loyalty.promotions.draft import add_draft, add_promotion
from loyalty.redemption.redeem import Redeem
from tests.earning.give_back.given import given_back, returned, settled
from tests.earning.given import awarded, bought, stored
from tests.opened import balance, give, joined, opened, redeemed

AT = wall_clock()
LONG_AGO, LATER = AT - timedelta(days=30), AT + timedelta(hours=1)
EVE = By("eve", "r-1", AT)
RYE = {"items": [{"line_id": "1", "quantity": "1", "amount": "10", "sku": "rye"}]}


@pytest.fixture
def program(session: Session) -> Program:
    return made(session)


def made(session: Session, **settings: Any) -> Program:
    """A program in which rye earns 5 more, which should be 8."""
    program = opened(session, settings=settings_from_json(settings))
    joined(session, program)
    publish(session, program, fixed=5, when={"sku": ["rye"]})
    return program


def publish(session: Session, program: Program, **rule: Any) -> None:
    values = {"key": "rye", "name": "Rye", "rule": rule, "fixtures": []}
    add_promotion(session, program, {**values, "starts_at": None, "ends_at": None}, EVE)
    locked = promotion_by_key(session, program.id, "rye", lock=True)
    publish_proven(session, program, locked, EVE)


def mend(session: Session, program: Program, **rule: Any) -> None:
    """A second version, which stays a draft."""
    locked = promotion_by_key(session, program.id, "rye", lock=True)
    values: dict[str, Any] = {
        "rule": rule,
        "fixtures": [],
        "starts_at": None,
        "ends_at": None,
    }
    add_draft(session, program, locked, values, EVE)


def buy(session: Session, program: Program, *keys: str, member_id: str = "ann") -> list[UUID]:
    told = [bought("10", member_id, key=key, body=RYE, occurred_at=AT) for key in keys]
    ids = stored(session, program, *told, at=AT)
    award_activities(session, ids, AT, top_up=False)
    return ids


def run(session: Session, program: Program, *, ends: bool = True, **asked: Any) -> ToldRun:
    """A run to its end, with version 2 unless `asked` says otherwise."""
    values = {"promotion": "rye", "version": 2, **asked}
    order = Run("5 was a mistake", LONG_AGO, LATER, **values)
    found = start(session, program, order, By("eve", "r-1", LATER))
    while ends and go_on(session, found, LATER) == "running":
        pass
    return run_by_id(session, found)


def corrected(session: Session, told: ToldRun) -> list[ToldCorrection]:
    return corrections(session, told.id, before=None, limit=100)


def figures(told: ToldRun) -> tuple[str, int, int, int, int, int]:
    return told.status, told.looked, told.corrected, told.skipped, told.given, told.taken


def test_what_lacked_is_given_and_each_purchase_corrected_once(
    session: Session, program: Program
) -> None:
    ids = buy(session, program, "t-1", "t-2")
    assert balance(session, program) == Balance(available=30)
    mend(session, program, fixed=8, when={"sku": ["rye"]})
    told = run(session, program)
    assert figures(told) == ("done", 2, 2, 0, 6, 0)
    assert balance(session, program) == Balance(available=36)
    found = corrected(session, told)
    assert [(one.earn_id, one.points, one.difference, one.moved) for one in found] == [
        (ids[1], 18, 3, 3),
        (ids[0], 18, 3, 3),
    ]
    entry = session.execute(
        text(
            "SELECT e.kind, e.from_bucket, e.points, e.cause_id, j.reason, j.actor FROM entry e"
            " JOIN adjustment j ON j.id = e.cause_id ORDER BY e.version LIMIT 1"
        )
    ).one()
    assert tuple(entry) == ("adjust", "adjusted", 3, found[1].id, "5 was a mistake", "eve")
    again = run(session, program)
    assert figures(again) == ("done", 2, 0, 0, 0, 0)
    assert balance(session, program) == Balance(available=36)


def test_what_was_too_much_is_taken_as_a_return_would(session: Session, program: Program) -> None:
    buy(session, program, "t-1")
    redeemed(session, program, Redeem(points=14), at=AT)
    mend(session, program, fixed=1, when={"sku": ["rye"]})
    told = run(session, program)
    assert figures(told) == ("done", 1, 1, 0, 0, 4)
    assert balance(session, program) == Balance(owed=3)


def test_a_dry_run_counts_and_changes_nothing(session: Session, program: Program) -> None:
    buy(session, program, "t-1")
    mend(session, program, fixed=8, when={"sku": ["rye"]})
    told = run(session, program, dry_run=True)
    assert figures(told) == ("done", 1, 1, 0, 3, 0)
    assert corrected(session, told) == []
    assert balance(session, program) == Balance(available=15)


def test_a_run_without_a_version_takes_the_rules_as_they_stand(
    session: Session, program: Program
) -> None:
    buy(session, program, "t-1")
    told = run(session, program, promotion=None, version=None)
    assert figures(told) == ("done", 1, 0, 0, 0, 0)


def test_a_source_and_a_time_choose_the_purchases(session: Session, program: Program) -> None:
    buy(session, program, "t-1")
    mend(session, program, fixed=8, when={"sku": ["rye"]})
    assert figures(run(session, program, source="shop"))[1] == 0
    early = Run("x", LONG_AGO, AT, "rye", 2)
    found = start(session, program, early, By("eve", None, LATER))
    while go_on(session, found, LATER) == "running":
        pass
    assert run_by_id(session, found).looked == 0
    assert figures(run(session, program, source="till-1"))[1] == 1


def test_it_goes_on_batch_by_batch_where_it_was(
    session: Session, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_AT_ONCE", 2)
    buy(session, program, *(f"t-{number}" for number in range(5)))
    mend(session, program, fixed=8, when={"sku": ["rye"]})
    told = run(session, program, ends=False)
    steps = []
    while told.status == "running":
        go_on(session, told.id, LATER)
        told = run_by_id(session, told.id)
        steps.append((told.looked, told.given))
    assert steps == [(2, 6), (4, 12), (5, 15), (5, 15)]  # the last finds that there is no more
    assert go_on(session, told.id, LATER) is None
    assert balance(session, program) == Balance(available=90)


def test_a_run_can_be_stopped(
    session: Session, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_AT_ONCE", 1)
    buy(session, program, "t-1", "t-2")
    mend(session, program, fixed=8, when={"sku": ["rye"]})
    told = run(session, program, ends=False)
    go_on(session, told.id, LATER)
    stop(session, told.id, EVE)
    assert go_on(session, told.id, LATER) is None
    assert figures(run_by_id(session, told.id)) == ("stopped", 1, 1, 0, 3, 0)
    with pytest.raises(NotRunning):
        stop(session, told.id, EVE)


def test_what_came_back_before_is_reckoned_with(session: Session, program: Program) -> None:
    buy(session, program, "t-1")
    assert given_back(session, program, returned("t-1", amount="5"), AT) == 8  # of 15
    mend(session, program, fixed=25, when={"sku": ["rye"]})
    told = run(session, program)  # of 35 it would have been 18: 17 stay, not 7
    assert figures(told) == ("done", 1, 1, 0, 10, 0)
    assert balance(session, program) == Balance(available=17)
    back = settled(session, program, returned("t-1"), LATER)
    assert (back.points, back.whole) == (17, True)
    assert balance(session, program) == Balance()


def test_what_comes_back_later_takes_what_was_corrected(session: Session, program: Program) -> None:
    buy(session, program, "t-1")
    mend(session, program, fixed=1, when={"sku": ["rye"]})
    run(session, program)
    assert balance(session, program) == Balance(available=11)
    assert given_back(session, program, returned("t-1", amount="5"), LATER) == 6
    assert given_back(session, program, returned("t-1"), LATER) == 5
    assert balance(session, program) == Balance()
    mend_again = run(session, program)
    assert figures(mend_again) == ("done", 1, 0, 0, 0, 0)


def test_limits_hold_for_what_is_worked_out_again(session: Session) -> None:
    program = opened(session)
    joined(session, program)
    limits = [{"of": "member", "per": "month", "points": 12}]
    publish(session, program, fixed=5, when={"sku": ["rye"]}, limits=limits)
    ids = buy(session, program, "t-1", "t-2", "t-3")
    assert [awarded(session, one) for one in ids] == [15, 15, 12]
    mend(session, program, fixed=8, when={"sku": ["rye"]}, limits=limits)
    told = run(session, program)
    # The first can be 5: the others have used 7. So nothing changes but in their order.
    assert (told.given, told.taken) == (0, 0)
    assert balance(session, program) == Balance(available=42)
    higher = [{"of": "member", "per": "month", "points": 100}]
    locked = promotion_by_key(session, program.id, "rye", lock=True)
    publish_proven(session, program, locked, By("eve", None, LATER))
    mend(session, program, fixed=8, when={"sku": ["rye"]}, limits=higher)
    assert figures(run(session, program, version=3)) == ("done", 3, 3, 0, 12, 0)
    used = session.execute(text("SELECT points, uses FROM promotion_use")).one()
    assert tuple(used) == (24, 3)


def test_who_has_left_is_given_nothing_more(session: Session, program: Program) -> None:
    buy(session, program, "t-1")
    leave(session, program, "ann", by=By("ann", None, AT))
    mend(session, program, fixed=8, when={"sku": ["rye"]})
    assert figures(run(session, program)) == ("done", 1, 1, 1, 0, 0)
    assert balance(session, program) == Balance()


def test_what_is_given_raises_the_tier(session: Session, program: Program) -> None:
    give(session, program, 483)
    buy(session, program, "t-1")
    assert _tier(session) == "basic"
    mend(session, program, fixed=8, when={"sku": ["rye"]})
    run(session, program)
    assert _tier(session) == "gold"


def _tier(session: Session) -> str:
    key: str = session.execute(text("SELECT tier_key FROM membership")).scalar_one()
    return key


@pytest.mark.parametrize(
    ("changed", "where", "code"),
    [
        ({"occurred_until": LONG_AGO}, "/until", "before_from"),
        ({"version": None}, "/version", "one_of_two"),
        ({"version": 7}, "/version", "unknown_version"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(
    session: Session, program: Program, changed: dict[str, Any], where: str, code: str
) -> None:
    values: dict[str, Any] = {
        "reason": "x",
        "occurred_from": LONG_AGO,
        "occurred_until": LATER,
        "promotion": "rye",
        "version": 1,
        **changed,
    }
    with pytest.raises(Invalid) as refused:
        start(session, program, Run(**values), EVE)
    assert [(one.pointer, one.code) for one in refused.value.errors] == [(where, code)]


def test_one_record_says_who_and_why(session: Session, program: Program) -> None:
    told = run(session, program, version=1)
    rows = session.execute(
        text("SELECT actor, reason, after FROM audit_record WHERE act = 're_evaluation.start'")
    ).all()
    assert [(row.actor, row.reason, row.after["re_evaluation"]) for row in rows] == [
        ("eve", "5 was a mistake", str(told.id))
    ]
    assert go_on(session, uuid7(), datetime.now(AT.tzinfo)) is None
