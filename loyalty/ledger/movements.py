"""Movements as they were written, and what takes them back: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loyalty.ledger.rules import Bucket, Draw


@dataclass(frozen=True, slots=True)
class Movement:
    """An entry as it was written. `draws` left or reached lots; `made`: its points are a lot of
    their own, whose id is `version`."""

    version: int
    from_bucket: Bucket
    to_bucket: Bucket
    points: int
    draws: tuple[Draw, ...] = ()
    made: bool = False

    def undone(self) -> Movement:
        """The movement that takes it back: the lot that it made is emptied, draws are returned."""
        draws = (Draw(self.version, self.points),) if self.made else self.draws
        return Movement(self.version, self.to_bucket, self.from_bucket, self.points, draws)


def undone(movements: Sequence[Movement]) -> list[Movement]:
    """What takes all of them back: the last first."""
    return [one.undone() for one in reversed(movements)]
