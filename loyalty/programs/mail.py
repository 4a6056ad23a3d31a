"""What a program writes to its members about: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_MILESTONES = 50
LONGEST_WARNING_DAYS = 366


@dataclass(frozen=True, slots=True)
class Mail:
    """Nothing, unless it is asked for.

    `milestone_every` is told at each multiple of so many available points, `milestones` at each
    of these; both may be set. `expiring_days` before points expire their member is told; 0:
    never. `language` is for members of whom none is known. `reply_to` is where answers go.
    """

    tier_reached: bool = False
    reward_redeemed: bool = False
    milestone_every: int | None = None
    milestones: tuple[int, ...] = ()
    expiring_days: int = 0
    language: str = "en"
    reply_to: str | None = None

    @property
    def counts(self) -> bool:
        """Whether points are counted for milestones."""
        return bool(self.milestone_every or self.milestones)

    @property
    def wanted(self) -> bool:
        """Whether members are written to at all."""
        return self.tier_reached or self.reward_redeemed or self.counts or self.expiring_days > 0


NO_MAIL = Mail()


def mail_from_json(stored: Mapping[str, Any]) -> Mail:
    """What a program stores as `mail`; what it leaves out, or holds as None, is the default."""
    given = {name: value for name, value in stored.items() if value is not None}
    if "milestones" in given:
        given["milestones"] = tuple(sorted(set(given["milestones"])))
    return Mail(**given)
