"""What a purchase that is worked out again comes to, less what came back of it: pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loyalty.earning.give_back.rules import GivenBack


@dataclass(frozen=True, slots=True)
class Net:
    """Points that a purchase earned, and of them what its returns gave back."""

    earned: int
    returned: int

    @property
    def kept(self) -> int:
        """What is left of them."""
        return self.earned - self.returned


def net(points: int, returns: Iterable[GivenBack]) -> Net:
    """What is left of `points` after the returns."""
    return Net(points, sum(sum(one.points) for one in returns))


def spread(points: int, lots: Sequence[int]) -> list[int]:
    """`points` over lots of these sizes, the first ones first; never more than a lot holds.

    What a correction gives lives as the first lots of a fresh award would.
    """
    parts = []
    for size in lots:
        parts.append(min(points, size))
        points -= parts[-1]
    return parts
