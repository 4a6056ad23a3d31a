"""What one promotion gives for a purchase, while others still change it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loyalty.promotions.allowance import NONE_USED, Allowance, allowance
from loyalty.promotions.rule import Version
from loyalty.promotions.share import NOTHING, Share, WhyNot, remainder
from loyalty.promotions.worth import NO_REST


class Part:
    """A version at work on a purchase, and what it gave so far."""

    # Of the class until one of its own is set: a batch makes a thousand of these.
    why_not: WhyNot | None = None
    base = NOTHING
    points = 0
    rest = NO_REST
    would_be: int | None = None
    left_points: int | None = None
    left_limit: int | None = None

    def __init__(self, version: Version) -> None:
        self.version = version
        self.rule = version.rule

    def limit(self, allowances: Mapping[int, Allowance]) -> None:
        """No more than its limits leave; they leave what they have where it is not named."""
        limits = self.rule.limits
        if not limits or not self.points:
            return
        left = allowances.get(self.version.promotion_id)
        points, which = left or allowance(limits, [NONE_USED] * len(limits))
        if points is None:
            return
        self.left_points, self.left_limit = points, which
        if self.points > points:
            self.would_be = self.points
            self.cut(points)
            if not points:
                self.why_not = WhyNot.LIMIT

    def cut(self, points: int) -> None:
        """So many points and no more."""
        self.points = points

    def lose(self) -> None:
        """Another one of its exclusive group gives."""
        self.would_be = self.points
        self.cut(0)
        self.why_not = WhyNot.EXCLUSIVE

    def share(self, lines: tuple[tuple[str, int], ...]) -> Share:
        """What it came to; `lines`: how many of the points each earned."""
        version, rest = self.version, self.rest
        return Share(
            version.promotion_id,
            version.number,
            self.base,
            self.points,
            remainder(rest) if rest[0] else NOTHING,
            self.why_not,
            self.would_be,
            self.left_points,
            self.left_limit,
            None,
            lines,
        )


def keep_the_best(parts: Sequence[Part]) -> None:
    """Of each exclusive group only the best one gives."""
    competing = [part for part in parts if part.rule.exclusive is not None and part.points]
    if not competing:
        return
    best: dict[str, Part] = {}
    for part in competing:
        group = part.rule.exclusive or ""
        best[group] = max(best.get(group, part), part, key=_rank)
    for part in competing:
        if best[part.rule.exclusive or ""] is not part:
            part.lose()


def _rank(part: Part) -> tuple[int, int, int]:
    return part.points, part.rule.priority, -part.version.promotion_id


def turn(part: Part) -> tuple[int, int]:
    """Multipliers multiply in this order: the highest priority first."""
    return -part.rule.priority, part.version.promotion_id
