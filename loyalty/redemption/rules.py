"""What a burn costs, and what may become of it: pure. Points by the program's burn rule, exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from loyalty.ledger.rules import Draw

_PLACES = 10_000  # money has four decimal places
_MOST_MONEY = 999_999_999_999_9999  # in ten-thousandths: the most that an amount can be


@dataclass(frozen=True, slots=True)
class Terms:
    """A program's burn rule: `points` of them are `worth` that much money, `worth` > 0.

    A burn is at least `min_points`, at most `max_points` (None: any), a multiple of `step`.
    """

    points: int
    worth: Decimal
    min_points: int = 1
    max_points: int | None = None
    step: int = 1


class NotOffered(ArithmeticError):
    """The terms forbid a burn of `points`; `limit` is the figure that it misses."""

    def __init__(
        self,
        why: Literal["below_minimum", "above_maximum", "not_a_step"],
        points: int,
        limit: int,
    ) -> None:
        super().__init__(f"{points} points: {why} ({limit})")
        self.why = why
        self.points = points
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Price:
    """What is taken, in points, and what it is worth, in the program's currency."""

    points: int
    amount: Decimal


def price_of_points(terms: Terms, points: int) -> Price:
    """The worth of `points`, rounded down to a ten-thousandth. Raises NotOffered."""
    _check(terms, points)
    worth = int(terms.worth * _PLACES)
    if points * worth // terms.points > _MOST_MONEY:
        raise NotOffered("above_maximum", points, _MOST_MONEY * terms.points // worth)
    return Price(points, Decimal(points * worth // terms.points) / _PLACES)


def price_of_amount(terms: Terms, amount: Decimal) -> Price:
    """The points that pay `amount` > 0 of money, rounded up to a whole point. Raises NotOffered."""
    points = -(-int(amount * _PLACES) * terms.points // int(terms.worth * _PLACES))
    _check(terms, points)
    return Price(points, amount)


def _check(terms: Terms, points: int) -> None:
    if points < terms.min_points:
        raise NotOffered("below_minimum", points, terms.min_points)
    if terms.max_points is not None and points > terms.max_points:
        raise NotOffered("above_maximum", points, terms.max_points)
    if points % terms.step:
        raise NotOffered("not_a_step", points, terms.step)


Status = Literal[
    "redeemed", "held", "captured", "released", "lapsed", "partly_cancelled", "cancelled"
]
Fulfilment = Literal["ordered", "shipped", "delivered"]
_SPENT = frozenset({"redeemed", "captured", "partly_cancelled"})


@dataclass(frozen=True, slots=True)
class State:
    """Where a redemption stands: of its `points`, `released` came back from the hold and
    `cancelled` of what was spent. `fulfilment` is that of goods."""

    status: Status
    points: int
    released: int = 0
    cancelled: int = 0
    hold_expires_at: datetime | None = None
    fulfilment: Fulfilment | None = None

    @property
    def spent(self) -> int:
        """The points that are spent for good, or may still be cancelled."""
        return self.points - self.released - self.cancelled if self.status in _SPENT else 0


class WrongState(ArithmeticError):
    """The redemption's state forbids it; the message is the sentence that says why."""


class TooMany(ArithmeticError):
    """More points than there are to take or to give back; `most` says how many there are."""

    def __init__(self, points: int, most: int) -> None:
        super().__init__(f"At most {most} points, not {points}.")
        self.most = most


def status_at(state: State, at: datetime) -> Status:
    """What it is at `at`: a hold whose time is over has lapsed, also before that is written."""
    if state.status == "held" and state.hold_expires_at is not None:
        return "lapsed" if state.hold_expires_at <= at else "held"
    return state.status


def captured(state: State, points: int | None, at: datetime) -> tuple[int, int]:
    """Of a hold, the points to capture (None: all) and those that are released with it.

    Raises WrongState, TooMany.
    """
    _need_held(state, at)
    taken = state.points if points is None else points
    if taken > state.points:
        raise TooMany(taken, state.points)
    return taken, state.points - taken


def released(state: State, at: datetime) -> int:
    """The points that a hold sets free. Raises WrongState."""
    _need_held(state, at)
    return state.points


def _need_held(state: State, at: datetime) -> None:
    status = status_at(state, at)
    if status != "held":
        raise WrongState(f"It is {status.replace('_', ' ')}, not held.")


def cancelled(state: State, points: int | None) -> tuple[int, Status]:
    """The points that a cancellation gives back (None: all), and the status after it.

    Raises WrongState, TooMany.
    """
    if state.status not in _SPENT:
        raise WrongState(f"It is {state.status}: there is nothing to cancel.")
    back = state.spent if points is None else points
    if back > state.spent:
        raise TooMany(back, state.spent)
    return back, "cancelled" if back == state.spent else "partly_cancelled"


def next_step(state: State, step: Literal["ship", "deliver"]) -> Fulfilment:
    """What the goods are after a step: ordered, shipped, delivered. Raises WrongState."""
    if state.status not in _SPENT or state.fulfilment is None:
        raise WrongState(f"It is {state.status}, and there is nothing to {step}.")
    wanted: Fulfilment = "ordered" if step == "ship" else "shipped"
    if state.fulfilment != wanted:
        raise WrongState(f"It is {state.fulfilment}, not {wanted}.")
    return "shipped" if step == "ship" else "delivered"


def returns_to_stock(fulfilment: Fulfilment | None) -> bool:
    """Whether what a redemption had taken is there again when it ends: not what was shipped."""
    return fulfilment in {None, "ordered"}


def last_drawn(draws: Sequence[Draw], points: int) -> list[Draw]:
    """Which of the draws (in burn order) `points` of them return to: the last drawn come first.

    So a burn of which a part returned has drawn what a smaller burn would have. Raises TooMany.
    """
    back: list[Draw] = []
    missing = points
    for one in reversed(draws):
        if missing:
            part = min(missing, one.points)
            back.append(Draw(one.lot_id, part))
            missing -= part
    if missing:
        raise TooMany(points, points - missing)
    return back[::-1]


def forfeits(status: str, joined_at: datetime, redeemed_at: datetime) -> bool:
    """Whether what returns is lost: who has left has lost it, also when they have joined again."""
    return status == "cancelled" or redeemed_at < joined_at
