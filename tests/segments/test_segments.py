"""Segments are saved, counted and filled, and a batch of members is told which they are in."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.queries import records
from loyalty.care.join import join
from loyalty.members.enrol import NewMember
from loyalty.members.queries import membership_of
from loyalty.programs.queries import Program
from loyalty.segments.models import SegmentRow
from loyalty.segments.queries import segment_by_key, segments_of
from loyalty.segments.save import (
    NotATree,
    SegmentExists,
    add_segment,
    change_segment,
    recount,
    remove_segment,
)
from loyalty.segments.upload import Uploaded, upload
from loyalty.transaction import transaction
from tests.opened import AT, give, joined, opened
from tests.tenant import TestTenant

RICH = {"points": {"at_least": 100}}


def _add(
    session: Session, program: Program, key: str, condition: dict[str, Any] | None = None
) -> SegmentRow:
    values = {"key": key, "name": key.title(), "condition": condition}
    return add_segment(session, program, values, By("eve", "r1", AT))


def _upload(
    session: Session, program: Program, key: str, add: tuple[str, ...], remove: tuple[str, ...] = ()
) -> Uploaded:
    segment = segment_by_key(session, program.id, key, lock=True)
    return upload(session, program, segment, add=add, remove=remove, by=By("eve", None, AT))


def test_a_segment_is_counted_when_it_is_saved(session: Session) -> None:
    program = opened(session)
    joined(session, program, "ann", points=100)
    joined(session, program, "bob")
    rich = _add(session, program, "rich", RICH)
    assert (rich.size, rich.counted_at, rich.version) == (1, AT, 1)
    give(session, program, 100, "bob")
    assert recount(session, rich, AT).size == 2
    changed = change_segment(
        session,
        program,
        rich,
        {"condition": {"points": {"at_least": 200}}},
        By("eve", None, AT),
    )
    assert (changed.size, changed.name, changed.version) == (0, "Rich", 2)
    acts = [one.act for one in records(session, None, 10) if one.act.startswith("segment")]
    assert acts == ["segment.change", "segment.add"]


def test_a_key_is_taken_once_in_a_program(session: Session) -> None:
    program, other = opened(session), opened(session, "air")
    _add(session, program, "rich", RICH)
    _add(session, other, "rich", RICH)
    with pytest.raises(SegmentExists):
        _add(session, program, "rich")


def test_members_are_put_on_a_list_once(session: Session) -> None:
    program = opened(session)
    for name in ("ann", "bob", "cid"):
        joined(session, program, name)
    _add(session, program, "vip")
    assert _upload(session, program, "vip", ("ann", "bob", "ann", "zoe")) == Uploaded(
        2, 0, ("zoe",), 2
    )
    assert _upload(session, program, "vip", ("ann", "cid"), ("bob", "zoe")) == Uploaded(1, 1, (), 2)
    _add(session, program, "rich", RICH)
    with pytest.raises(NotATree):
        _upload(session, program, "rich", ("ann",))
    vip = segment_by_key(session, program.id, "vip")
    with pytest.raises(NotATree):
        change_segment(session, program, vip, {"condition": RICH}, By("eve", None, AT))


def test_a_batch_is_told_its_segments_in_two_statements(session: Session) -> None:
    program, other = opened(session), opened(session, "air")
    joined(session, program, "ann", points=100)
    joined(session, program, "bob")
    join(session, other, NewMember("bob"), AT)
    _add(session, program, "rich", RICH)
    _add(session, program, "vip")
    _add(session, other, "vip")
    _upload(session, program, "vip", ("ann", "bob"))
    ann, bob = (membership_of(session, program.id, name).id for name in ("ann", "bob"))
    flown = membership_of(session, other.id, "bob").id
    statements: list[str] = []
    event.listen(
        session.connection(), "before_cursor_execute", lambda *args: statements.append(args[2])
    )
    assert segments_of(session, [bob, ann, flown], AT) == {
        ann: frozenset({"rich", "vip"}),
        bob: frozenset({"vip"}),
    }
    assert len(statements) == 2
    assert segments_of(session, [ann], AT, keys={"rich"}) == {ann: frozenset({"rich"})}
    statements.clear()
    assert segments_of(session, [ann], AT, keys={"none"}) == {}
    assert segments_of(session, [ann], AT, keys=()) == {}
    assert len(statements) == 1


def test_a_segment_that_is_gone_has_nobody(session: Session) -> None:
    program = opened(session)
    joined(session, program)
    _add(session, program, "vip")
    _upload(session, program, "vip", ("ann",))
    remove_segment(session, program, "vip", By("eve", None, AT))
    ann = membership_of(session, program.id, "ann").id
    assert segments_of(session, [ann], AT) == {}


def test_uploads_at_once_leave_an_exact_size(tenant: TestTenant) -> None:
    names = [f"m-{number}" for number in range(40)]
    with transaction(tenant.id) as session:
        program = opened(session)
        for name in names:
            joined(session, program, name)
        _add(session, program, "vip")
    start = threading.Barrier(4)

    def put(mine: list[str]) -> None:
        start.wait()
        with transaction(tenant.id) as session:
            _upload(session, program, "vip", tuple(mine))

    threads = [
        threading.Thread(target=put, args=(names[first : first + 25],)) for first in (0, 5, 10, 15)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with transaction(tenant.id) as session:
        assert segment_by_key(session, program.id, "vip").size == 40
