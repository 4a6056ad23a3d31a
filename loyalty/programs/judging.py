"""A program's rules change between two batches of awards, never during one.

Whoever judges purchases says so before reading the program's rules, and whoever puts a rule in
force waits until those are done; who comes meanwhile waits for the rule. So what occurs from the
instant on at which a rule is put in force is judged by it, and by no batch that had read the rules
a moment before.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.programs.queries import Program, program_by_slug

RULES: Final = 0x72756C65  #: the first half of the lock's key; the other is the program's id

_AT_REST = text(f"SELECT pg_advisory_xact_lock({RULES}, :program)")


def at_rest(session: Session, slug: str, *, lock: bool = False) -> Program:
    """The program, of which nothing is awarded until the transaction ends.

    Before any other lock, and before the instant is asked for from which a rule is in force. With
    `lock`, nobody else can change the program. Raises NotFound.
    """
    session.execute(_AT_REST, {"program": program_by_slug(session, slug).id})
    return program_by_slug(session, slug, lock=lock)
