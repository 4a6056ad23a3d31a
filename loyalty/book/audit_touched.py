"""The beat's audit: the accounts that were touched since it last looked, some at a time.

Those of one stretch of time are audited in the order of their ids, so many a tick that workers
hardly notice; the next stretch begins when all are, and is the longer the more is going on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.book.audit import LATEST_COMMIT, Broken, Scope, first_broken
from loyalty.book.checks import IN_SCOPE, OF_ACCOUNTS

#: What one tick audits, in about half a second; measured by `python -m bench.audit`.
MOST_ACCOUNTS, MOST_ENTRIES = 1000, 50_000

# Of accounts that are named Postgres knows how few they are, and looks them up; `scope` it reads
# whole tables for.
_QUESTIONS = {
    invariant: question.replace(IN_SCOPE, "= ANY(CAST(:accounts AS bigint[]))")
    for invariant, question in OF_ACCOUNTS.items()
}

_AT = text(
    "SELECT audited_until, auditing_until, after_account FROM book_check FOR UPDATE SKIP LOCKED"
)
# A sandbox's stretch is as long, and as far ahead as its clock is. What it wrote in the minute
# before the clock was moved may be left out until it is touched again.
_OF_TIME = """
    SELECT DISTINCT tenant_id, account_id FROM entry
    WHERE recorded_at >= :since {ahead} AND recorded_at < :until {ahead}
      AND account_id > :after {of}
    ORDER BY account_id LIMIT :most
"""
_TOUCHED = text(f"""
    SELECT a.tenant_id, a.program_id, t.slug AS tenant, p.slug AS program, a.id,
           sum(a.version) OVER (ORDER BY a.id) - a.version AS entries_before
    FROM (
      SELECT * FROM ({_OF_TIME.format(ahead="", of="")}) of_the_world
      UNION
      SELECT own.* FROM tenant s CROSS JOIN LATERAL (
        {_OF_TIME.format(ahead="+ s.clock_offset", of="AND tenant_id = s.id")}
      ) own WHERE s.clock_offset > '0'
      ORDER BY account_id LIMIT :most
    ) e
    JOIN account a ON a.tenant_id = e.tenant_id AND a.id = e.account_id
    JOIN program p ON p.tenant_id = a.tenant_id AND p.id = a.program_id
    JOIN tenant t ON t.id = a.tenant_id
    ORDER BY a.id
""")  # noqa: S608 - constants of this file
_GO_ON = text("UPDATE book_check SET auditing_until = :until, after_account = :after")
_ALL_DONE = text(
    "UPDATE book_check SET audited_until = :until, auditing_until = NULL, after_account = 0"
)
_BROKEN = text("UPDATE book_check SET broken = :broken, detail = :detail, broken_at = :at")
_WHOLE = text(
    "UPDATE book_check SET broken = 0, detail = NULL, broken_at = NULL WHERE broken_at < :began"
)


def audit_touched(session: Session, at: datetime) -> list[Broken] | None:
    """Audits accounts that were touched, goes on where it ended, and remembers what it found.

    What may still commit with an earlier `recorded_at` is left to the next stretch. None when
    another audit is at work.
    """
    place = session.execute(_AT).one_or_none()
    if place is None:
        return None
    until = place.auditing_until or at - LATEST_COMMIT
    values = {"since": place.audited_until, "until": until, "after": place.after_account}
    found = session.execute(_TOUCHED, {**values, "most": MOST_ACCOUNTS + 1}).all()
    now = [one for one in found[:MOST_ACCOUNTS] if one.entries_before < MOST_ENTRIES]
    broken = list(_broken(session, now))
    if broken:
        detail = "; ".join(f"{one.program}: {one.row}: {one.invariant}" for one in broken)
        session.execute(_BROKEN, {"broken": len(broken), "detail": detail, "at": at})
    if len(now) < len(found):
        session.execute(_GO_ON, {"until": until, "after": now[-1].id})
    else:
        session.execute(_ALL_DONE, {"until": until})
    return broken


def _broken(session: Session, accounts: Sequence[Row[tuple[object, ...]]]) -> Iterator[Broken]:
    def program_of(one: Row[tuple[object, ...]]) -> tuple[int, int, str, str]:
        return one.tenant_id, one.program_id, one.tenant, one.program

    for program, own in groupby(sorted(accounts, key=program_of), key=program_of):
        scope = Scope(*program, [one.id for one in own])
        for invariant, question in _QUESTIONS.items():
            if row := first_broken(session, question, scope):
                yield Broken(invariant, scope.tenant, scope.program, row)


def found_whole(session: Session, began: datetime) -> None:
    """What the beat found broken is mended: the whole book was audited since, from `began` on."""
    session.execute(_WHOLE, {"began": began})
