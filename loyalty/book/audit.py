"""The audit: asks every question of checks.py, of the whole book or of one program."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.book.checks import OF_ACCOUNTS, OF_PROGRAMS

#: A transaction may commit this much later than the `recorded_at` it wrote (its time limits: a burn
#: waits for its turn, is tried with others, and then alone).
LATEST_COMMIT = timedelta(seconds=90)


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
            if row := first_broken(session, question, scope):
                verdict.broken.append(Broken(invariant, scope.tenant, scope.program, row))
                break
        verdict.took_s = time.monotonic() - started
        yield verdict
        if verdict.broken:
            return


def first_broken(session: Session, question: str, scope: Scope) -> str | None:
    """The first row of the scope that breaks an invariant, if there is one."""
    found: str | None = session.execute(
        text(question),
        {
            "tenant": scope.tenant_id,
            "program": scope.program_id,
            "accounts": None if scope.accounts is None else list(scope.accounts),
        },
    ).scalar_one_or_none()
    return found
