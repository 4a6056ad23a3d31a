"""It is around the day of the year on which the member joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from loyalty.conditions.anniversary import Anniversary
from loyalty.conditions.facts import Fact, MemberFacts


@dataclass(frozen=True, slots=True)
class JoiningDay(Anniversary):
    """`{"joining_day": {"days_before": 0, "days_after": 6}}`

    In the program's time zone; the day of joining itself counts.
    """

    key: ClassVar[str] = "joining_day"
    noun: ClassVar[str] = "joining day"
    fact: ClassVar[Fact] = Fact.JOINING_DAY

    def days_from(self, member: MemberFacts) -> int | None:
        """Days from the joining day."""
        return member.days_from_joining
