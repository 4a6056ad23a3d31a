"""Programs as they were at most two seconds ago, for the paths that cannot pay for a read."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy.orm import Session

from loyalty.programs.queries import Program, program_by_slug

TTL_S = 2.0
_MOST_REMEMBERED = 10_000

_remembered: dict[tuple[int, str], tuple[float, Program]] = {}


def cached_program(
    tenant_id: int, slug: str, open_session: Callable[[int], AbstractContextManager[Session]]
) -> Program:
    """The program of a process that holds no session yet: `open_session` is `transaction`.

    Opens one only when the program is not remembered. Raises NotFound.
    """
    program = _recall(tenant_id, slug)
    if program is None:
        with open_session(tenant_id) as session:
            program = recent_program(session, slug)
    return program


def recent_program(session: Session, slug: str) -> Program:
    """The program, read through `session` only when it is not remembered. Raises NotFound."""
    tenant_id: int = session.info["tenant_id"]
    program = _recall(tenant_id, slug)
    if program is None:
        program = program_by_slug(session, slug)
        if len(_remembered) >= _MOST_REMEMBERED:
            _remembered.clear()
        _remembered[tenant_id, slug] = (time.monotonic() + TTL_S, program)
    return program


def _recall(tenant_id: int, slug: str) -> Program | None:
    until, program = _remembered.get((tenant_id, slug), (0.0, None))
    return program if time.monotonic() < until else None
