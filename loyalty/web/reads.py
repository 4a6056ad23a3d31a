"""Members that are asked for at the same time are read in one statement; see web.together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from loyalty.people.answer import asked
from loyalty.transaction import read_rows
from loyalty.web.together import Together

_MOST = 500  # members in one statement; a process has fewer threads
_TIMEOUT_S = 20.0  # Postgres ends a statement before that

Member = tuple[int, str, datetime]  # the program's id, the name, as at
Reads = Together[Member, Sequence[Any]]


def reads_of(at_once: int) -> Reads:
    """Reads of which so many statements are under way at most."""
    return Together(_read, _read_one, at_once=at_once, most=_MOST, timeout_s=_TIMEOUT_S)


def _read(tenant_id: int, members: Sequence[Member]) -> list[tuple[Any, ...]]:
    return read_rows(tenant_id, *asked(tenant_id, members))


def _read_one(tenant_id: int, member: Member) -> tuple[Any, ...]:
    [row] = _read(tenant_id, [member])
    return row


_READS = reads_of(at_once=2)


def member_row(tenant_id: int, program_id: int, member_id: str, at: datetime) -> Sequence[Any]:
    """The row that `loyalty.people.answer.answered` takes. Raises Unavailable."""
    return _READS.do(tenant_id, (program_id, member_id, at))
