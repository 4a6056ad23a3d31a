"""`loyalty erase`: who a member was is forgotten for ever."""

from __future__ import annotations

from loyalty.care.erase import erase
from loyalty.cli.acting import acting
from loyalty.cli.console import say


def erase_member(tenant: str, member: str, reason: str) -> None:
    """Erases the member and says so. Raises NotFound, also the second time."""
    with acting(tenant) as (session, by):
        erased = erase(session, member, reason, by)
    names = "one name" if erased.names == 1 else f"{erased.names} names"
    say(f"Erased: {names}, in {erased.programs} programs. Nothing tells any more who it was.")
