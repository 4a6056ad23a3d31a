"""A bulk act does to each member what the verb does, once, and is written down once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.care.leave import leave
from loyalty.care.merge import Merge, merge
from loyalty.care.suspend import suspend
from loyalty.earning.award import fail
from loyalty.errors import Invalid
from loyalty.jobs.advance import advance
from loyalty.jobs.bulk_acts import members as chosen
from loyalty.jobs.bulk_acts.act import BulkAct
from loyalty.jobs.bulk_acts.start import (
    BULK_ACT,
    AboveOwnLimit,
    preview,
    start_bulk_act,
)
from loyalty.jobs.kinds import STEPS
from loyalty.jobs.queries import ToldJob, job_by_id, refusals
from loyalty.ledger.rules import Balance
from loyalty.members.queries import membership_of
from loyalty.people.filters import Filters
from loyalty.programs.queries import Program
from tests.earning.given import bought, open_ids, stored
from tests.opened import AT, balance, give, joined, opened

NAMES = ("ann", "bob", "cid", "dan", "eve")
BY = By("admin:boss", "r1", AT)
DAY = timedelta(days=1)


@pytest.fixture
def program(session: Session) -> Program:
    """Five members with 0, 100 … 400 points."""
    program = opened(session)
    for index, name in enumerate(NAMES):
        joined(session, program, name, points=100 * index)
    return program


@pytest.fixture(params=[2, 50], autouse=True)
def batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches of two, and in one."""
    for place in ("members", "step"):
        monkeypatch.setattr(f"loyalty.jobs.bulk_acts.{place}.BATCH", request.param)


def begun(session: Session, program: Program, act: BulkAct) -> UUID:
    """A bulk act whose members are settled; nothing was done to them yet."""
    job = start_bulk_act(session, program, act, BY, alone_up_to=None)
    advance(session, job, STEPS, AT)
    return job


def done(session: Session, program: Program, act: BulkAct) -> ToldJob:
    """A bulk act at its end."""
    return ended(session, begun(session, program, act))


def ended(session: Session, job: UUID) -> ToldJob:
    """The same, of one that has begun."""
    while advance(session, job, STEPS, AT) == "running":
        pass
    return job_by_id(session, BULK_ACT, job)


def told(job: ToldJob) -> tuple[str, int | None, int, int, int]:
    """What came of it."""
    return job.status, job.total, job.done, job.changed, job.refused


def available(session: Session, program: Program) -> list[int]:
    """What each has."""
    return [balance(session, program, name).available for name in NAMES]


def statuses(session: Session, program: Program) -> list[str]:
    """How each stands."""
    return [membership_of(session, program.id, name).status for name in NAMES]


def test_points_are_given_to_all_whom_the_query_finds(session: Session, program: Program) -> None:
    act = BulkAct("adjust", Filters(points_gte=100), "sorry", points=50)
    assert told(done(session, program, act)) == ("done", 4, 4, 4, 0)
    assert available(session, program) == [0, 150, 250, 350, 450]
    rows = session.execute(text("SELECT reason, actor FROM adjustment WHERE reason = 'sorry'"))
    assert [tuple(row) for row in rows] == [("sorry", "admin:boss")] * 4


def test_who_has_too_little_is_refused_and_named(session: Session, program: Program) -> None:
    job = done(session, program, BulkAct("adjust", Filters(status="active"), "oops", points=-150))
    assert told(job) == ("done", 5, 5, 3, 2)
    assert available(session, program) == [0, 100, 50, 150, 250]
    found = refusals(session, job.id, after=None, limit=9)
    assert [(one.place, one.subject, one.code) for one in found] == [
        (1, "ann", "insufficient_points"),
        (2, "bob", "insufficient_points"),
    ]


def test_it_is_about_those_who_were_meant_when_it_began(session: Session, program: Program) -> None:
    act = BulkAct("adjust", Filters(points_gte=200), "thanks", points=1)
    job = begun(session, program, act)
    give(session, program, 1000, "ann")
    give(session, program, -300, "dan")
    assert told(ended(session, job)) == ("done", 3, 3, 3, 0)
    assert available(session, program) == [1000, 100, 201, 1, 401]


def test_one_who_left_meanwhile_is_refused(session: Session, program: Program) -> None:
    job = begun(session, program, BulkAct("adjust", Filters(points_gte=300), "x", points=1))
    leave(session, program, "eve", by=By("eve", None, AT))
    assert told(ended(session, job)) == ("done", 2, 2, 1, 1)
    [one] = refusals(session, job, after=None, limit=9)
    assert (one.subject, one.code) == ("eve", "not_active")


def test_one_who_was_merged_meanwhile_is_not_done_twice(session: Session, program: Program) -> None:
    job = begun(session, program, BulkAct("adjust", Filters(points_gte=300), "x", points=1))
    merge(session, Merge("eve", "dan", "one"), by=By("test", None, AT))
    assert told(ended(session, job)) == ("done", 2, 2, 1, 1)
    assert balance(session, program, "dan") == Balance(available=701)
    [one] = refusals(session, job, after=None, limit=9)
    assert (one.subject, one.code) == ("eve", "merged")


def test_tiers_are_given_and_promised(session: Session, program: Program) -> None:
    act = BulkAct("re_tier", Filters(points_lte=100), "a gift", tier="gold")
    assert told(done(session, program, act)) == ("done", 2, 2, 2, 0)
    again = done(session, program, act)
    assert told(again) == ("done", 0, 0, 0, 0)
    promised = BulkAct("re_tier", Filters(points_lte=100), "x", tier="gold", until=AT + DAY)
    assert told(done(session, program, promised)) == ("done", 2, 2, 2, 0)
    tiers = [membership_of(session, program.id, name).tier_key for name in NAMES]
    assert tiers == ["gold", "gold", "basic", "basic", "basic"]


def test_members_are_suspended_and_reinstated(session: Session, program: Program) -> None:
    suspend(session, program, "ann", reason="x", by=By("x", None, AT))
    some = Filters(points_lte=200)
    assert told(done(session, program, BulkAct("suspend", some, "x"))) == ("done", 2, 2, 2, 0)
    assert statuses(session, program) == ["suspended"] * 3 + ["active"] * 2
    assert told(done(session, program, BulkAct("reinstate", some, "x"))) == ("done", 3, 3, 3, 0)
    assert statuses(session, program) == ["active"] * 5


def test_memberships_are_closed_and_the_act_is_their_cause(
    session: Session, program: Program
) -> None:
    job = done(session, program, BulkAct("close", Filters(points_gte=300), "x"))
    assert statuses(session, program) == ["active"] * 3 + ["cancelled"] * 2
    causes = session.execute(text("SELECT cause_id, points FROM entry WHERE kind = 'forfeit'"))
    assert sorted(tuple(row) for row in causes) == [(job.id, 300), (job.id, 400)]


def test_failed_purchases_are_tried_again(session: Session, program: Program) -> None:
    joined(session, program, "fay")
    leave(session, program, "fay", by=By("fay", None, AT))
    ids = stored(session, program, *(bought("1", name) for name in ("ann", "ann", "bob", "fay")))
    for one in ids[:2]:
        assert fail(session, one, "bug", "a bug", AT)
    assert fail(session, ids[3], "bug", "a bug", AT)
    act = BulkAct("re_award", Filters(status="active"), "mended")
    assert told(done(session, program, act)) == ("done", 1, 1, 1, 0)
    assert sorted(open_ids(session)) == sorted(ids[:3])


def test_there_is_one_entry_in_the_audit_log(session: Session, program: Program) -> None:
    before = session.execute(text("SELECT count(*) FROM audit_record")).scalar_one()
    job = done(session, program, BulkAct("suspend", Filters(points_gte=100), "fraud"))
    row = session.execute(text("SELECT * FROM audit_record ORDER BY id DESC LIMIT 1")).one()
    assert session.execute(text("SELECT count(*) FROM audit_record")).scalar_one() == before + 1
    assert (row.id, row.act, row.subject) == (job.id, "bulk_act.start", "program wine")
    assert (row.actor, row.reason, row.request_id) == ("admin:boss", "fraud", "r1")
    assert row.after == {
        "bulk_act": str(job.id),
        "act": "suspend",
        "query": {"points_gte": 100},
    }


def test_nobody_is_found(session: Session, program: Program) -> None:
    job = start_bulk_act(
        session, program, BulkAct("suspend", Filters(q="zoe"), "x"), BY, alone_up_to=None
    )
    assert advance(session, job, STEPS, AT) == "done"
    assert told(job_by_id(session, BULK_ACT, job)) == ("done", 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("act", "more", "wrong"),
    [
        ("re_tier", {"tier": "tin"}, Invalid),
        ("re_tier", {"tier": "gold", "until": AT}, Invalid),
        ("adjust", {"points": 501}, AboveOwnLimit),
        ("adjust", {"points": -501}, AboveOwnLimit),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(
    session: Session, program: Program, act: Any, more: dict[str, Any], wrong: type[Exception]
) -> None:
    order = BulkAct(act, Filters(status="active"), "x", **more)
    for verb in (start_bulk_act, preview):
        with pytest.raises(wrong):
            verb(session, program, order, BY, alone_up_to=500)


def test_a_preview_tells_how_they_would_stand(session: Session, program: Program) -> None:
    act = BulkAct("adjust", Filters(points_gte=100), "x", points=-150)
    told = preview(session, program, act, BY, alone_up_to=None)
    assert told.matched == 4
    assert [
        (one.member_id, one.before.available, one.after and one.after.available)
        for one in told.sample
    ] == [("eve", 400, 250), ("dan", 300, 150), ("cid", 200, 50), ("bob", 100, None)]
    refused = [one.refused and one.refused.code for one in told.sample]
    assert refused == [None, None, None, "insufficient_points"]


def test_batches_are_of_the_size_that_they_say(session: Session, program: Program) -> None:
    job = begun(session, program, BulkAct("suspend", Filters(status="active"), "x"))
    sizes = [len(chosen.batch_of(session, job, number)) for number in range(3)]
    assert sizes in ([2, 2, 1], [5, 0, 0])
    assert chosen.batch_of(session, uuid4(), 0) == []
