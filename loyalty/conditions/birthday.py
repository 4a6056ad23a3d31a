"""It is around the member's birthday."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from loyalty.conditions.anniversary import Anniversary
from loyalty.conditions.facts import Fact, MemberFacts


@dataclass(frozen=True, slots=True)
class Birthday(Anniversary):
    """`{"birthday": {"days_before": 3, "days_after": 3}}`; `{"birthday": {}}` is the very day.

    In the member's time zone, else the program's. Who has told no birthday has none.
    """

    key: ClassVar[str] = "birthday"
    noun: ClassVar[str] = "birthday"
    fact: ClassVar[Fact] = Fact.BIRTHDAY

    def days_from(self, member: MemberFacts) -> int | None:
        """Days from the birthday."""
        return member.days_from_birthday
