"""What a program lets its members post of themselves, with their own token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS = ("purchase", "visit", "event")


@dataclass(frozen=True, slots=True)
class MemberEarns:
    """Activities of these `kinds` (of none: members post nothing), so many `per_minute`; 0: any
    number."""

    kinds: tuple[str, ...] = ()
    per_minute: int = 5


NOTHING = MemberEarns()


def member_earns_from_json(stored: Mapping[str, Any]) -> MemberEarns:
    """What `stored` names; what it leaves out, or holds as None, is the default."""
    given = {name: value for name, value in stored.items() if value is not None}
    if "kinds" in given:
        given["kinds"] = tuple(sorted(set(given["kinds"])))
    return MemberEarns(**given)
