"""The audit: asks every question of checks.py, of the whole book or of what was touched lately."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.book.checks import OF_ACCOUNTS, OF_PROGRAMS

#: A transaction may commit this much later than the `recorded_at` it wrote (its time limits).
LATEST_COMMIT = timedelta(seconds=60)
MOST_TOUCHED = 5000


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant that does not hold: which one, in which tenant's program, and the row."""

    invariant: str
    tenant: str
    program: str
    row: str


@dataclass(slots=True)
class Verdict:
    """What an audit saw: counts, seconds, and the first row that breaks an invariant, if any."""

    programs: int = 0
    accounts: int = 0
    entries: int = 0
    activities: int = 0
    questions: int = 0
    took_s: float = 0.0
    broken: list[Broken] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scope:
    """One program of the book. `accounts` None: all of them."""

    tenant_id: int
    program_id: int
    tenant: str
    program: str
    accounts: Sequence[int] | None = None


_PROGRAMS = text(
    "SELECT p.tenant_id, p.id, t.slug AS tenant, p.slug AS program"
    " FROM program p JOIN tenant t ON t.id = p.tenant_id"
    " WHERE (CAST(:tenant AS text) IS NULL OR t.slug = :tenant)"
    "   AND (CAST(:program AS text) IS NULL OR p.slug = :program)"
    " ORDER BY p.tenant_id, p.id"
)
_COUNTS = text(
    "SELECT count(*) AS accounts, coalesce(sum(version), 0) AS entries,"
    " (SELECT count(*) FROM activity WHERE tenant_id = :tenant AND program_id = :program)"
    " AS activities FROM account WHERE tenant_id = :tenant AND program_id = :program"
)


def scopes(session: Session, tenant: str | None, program: str | None) -> list[Scope]:
    """The programs to audit: all, or those of a tenant's slug, or of a program's slug."""
    rows = session.execute(_PROGRAMS, {"tenant": tenant, "program": program})
    return [Scope(row.tenant_id, row.id, row.tenant, row.program) for row in rows]


# Every question reads whole tables: hash joins, whatever the statistics say of a young table.
_PLAN = text(
    "SELECT set_config('enable_nestloop', 'off', true), set_config('work_mem', '64MB', true)"
)


def audit(session: Session, over: Sequence[Scope]) -> Iterator[Verdict]:
    """Audits program after program in one snapshot; yields the verdict so far after each.

    `session` is of the system role and its transaction REPEATABLE READ, so that a book in use is
    seen at one instant. Stops at the first broken invariant.
    """
    verdict = Verdict()
    started = time.monotonic()
    session.execute(_PLAN)
    for scope in over:
        counts = session.execute(
            _COUNTS, {"tenant": scope.tenant_id, "program": scope.program_id}
        ).one()
        verdict.programs += 1
        verdict.accounts += counts.accounts
        verdict.entries += int(counts.entries)
        verdict.activities += counts.activities
        for invariant, question in (OF_ACCOUNTS | OF_PROGRAMS).items():
            verdict.questions += 1
            if row := _first_broken(session, question, scope):
                verdict.broken.append(Broken(invariant, scope.tenant, scope.program, row))
                break
        verdict.took_s = time.monotonic() - started
        yield verdict
        if verdict.broken:
            return


def _first_broken(session: Session, question: str, scope: Scope) -> str | None:
    found: str | None = session.execute(
        text(question),
        {
            "tenant": scope.tenant_id,
            "program": scope.program_id,
            "accounts": None if scope.accounts is None else list(scope.accounts),
        },
    ).scalar_one_or_none()
    return found


_TOUCHED = text(
    "SELECT a.tenant_id, a.program_id, t.slug AS tenant, p.slug AS program,"
    " array_agg(a.id ORDER BY a.id) AS accounts"
    " FROM (SELECT DISTINCT tenant_id, account_id FROM entry"
    "       WHERE recorded_at >= :since AND recorded_at < :until LIMIT :most) e"
    " JOIN account a ON a.tenant_id = e.tenant_id AND a.id = e.account_id"
    " JOIN program p ON p.tenant_id = a.tenant_id AND p.id = a.program_id"
    " JOIN tenant t ON t.id = a.tenant_id"
    " GROUP BY a.tenant_id, a.program_id, t.slug, p.slug"
)
_SINCE = text("SELECT audited_until FROM book_check FOR UPDATE SKIP LOCKED")
_DONE = text("UPDATE book_check SET audited_until = :until, broken = :broken, detail = :detail")


def audit_touched(session: Session, at: datetime) -> list[Broken] | None:
    """Audits the accounts touched since the last time (≤ 5000) and remembers what it found.

    What may still commit with an earlier `recorded_at` is left to the next time. None when
    another audit is at work.
    """
    row = session.execute(_SINCE).one_or_none()
    if row is None:
        return None
    until = at - LATEST_COMMIT
    touched = session.execute(
        _TOUCHED, {"since": row.audited_until, "until": until, "most": MOST_TOUCHED}
    ).all()
    broken = []
    for one in touched:
        scope = Scope(one.tenant_id, one.program_id, one.tenant, one.program, one.accounts)
        for invariant, question in OF_ACCOUNTS.items():
            if found := _first_broken(session, question, scope):
                broken.append(Broken(invariant, scope.tenant, scope.program, found))
    session.execute(
        _DONE,
        {
            "until": until,
            "broken": len(broken),
            "detail": "; ".join(f"{one.program}: {one.row}: {one.invariant}" for one in broken)
            or None,
        },
    )
    return broken
