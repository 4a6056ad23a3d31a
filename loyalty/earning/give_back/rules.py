"""What a return takes back, and from where: pure, and exact however a purchase comes back in parts.

Whatever is left with the member after a return is rounded down, as an award is: so three equal
items that earned 10 give back 4, then 3, then 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

_PLACES = 10_000  # money and quantities have four decimal places


class Policy(StrEnum):
    """How far a return reaches: a program's setting `give_back`."""

    ONLY_PENDING = "only_pending"  # what can't be spent yet
    WITHIN_BALANCE = "within_balance"  # what is there, and no debt
    OWED = "owed"  # all: what is missing is owed, and later awards pay it first


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a purchase; `amount` is below zero for a discount."""

    line_id: str
    quantity: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Bought:
    """A purchase as far as its returns go. Money in the purchase's currency."""

    amount: Decimal = Decimal(0)
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Earned:
    """What one promotion gave for it: `points`, and how they stand on its lines where it knows."""

    points: int
    by_line: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """What comes back: lines by quantity, or an amount of money; neither is all that is left."""

    lines: Mapping[str, Decimal] | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What comes back now; `whole`: after it nothing of the purchase is left."""

    quantities: Mapping[str, Decimal]
    worth: Decimal
    points: tuple[int, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Before:
    """What came back earlier: by line, in money, and in points of each Earned in its order."""

    quantities: Mapping[str, Decimal] = field(default_factory=dict)
    worth: Decimal = Decimal(0)
    points: tuple[int, ...] = ()
    whole: bool = False

    def with_(self, more: GivenBack) -> Before:
        """Together with what came back next."""
        return Before(
            {
                line_id: self.quantities.get(line_id, Decimal(0))
                + more.quantities.get(line_id, Decimal(0))
                for line_id in {**self.quantities, **more.quantities}
            },
            self.worth + more.worth,
            tuple(map(sum, zip(self.points, more.points, strict=True)))
            if self.points
            else more.points,
            self.whole or more.whole,
        )


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing comes back, and what still could: by line, and in money."""

    reason: str
    detail: str
    quantities: Mapping[str, Decimal]
    worth: Decimal


def give_back(
    bought: Bought, earned: Sequence[Earned], before: Before, asked: Asked
) -> GivenBack | Refused:
    """What a return takes of each Earned, never more than is left of it.

    Lines come back by their quantity, money in proportion; when every line that was paid for is
    back, or all of the money, so is everything that was earned.
    """
    left = _left(bought, before)
    worth_left = bought.amount - before.worth
    points_left = [
        one.points - taken for one, taken in zip(earned, _taken(earned, before), strict=True)
    ]
    if wrong := _wrong(bought, before, asked, left, worth_left):
        return Refused(*wrong, left, worth_left)
    if asked.amount is not None:
        whole = asked.amount == worth_left
        kept = Fraction(worth_left - asked.amount) / Fraction(worth_left)
        points = tuple(one - int(one * kept) for one in points_left)
        return GivenBack({}, asked.amount, points, whole)
    quantities = left if asked.lines is None else asked.lines
    now = {
        line.line_id: before.quantities.get(line.line_id, Decimal(0))
        + quantities.get(line.line_id, Decimal(0))
        for line in bought.lines
    }
    paid = _weights(bought)
    if asked.lines is None or all(
        now[line.line_id] == line.quantity for line in bought.lines if paid[line.line_id]
    ):
        return GivenBack(dict(quantities), worth_left, tuple(points_left), whole=True)
    worth = _worth(bought, now) - _worth(bought, before.quantities)
    return GivenBack(
        dict(quantities),
        min(worth, worth_left),
        tuple(
            min(there, _of_lines(bought, one, now) - _of_lines(bought, one, before.quantities))
            for one, there in zip(earned, points_left, strict=True)
        ),
        whole=False,
    )


def _taken(earned: Sequence[Earned], before: Before) -> Iterable[int]:
    return before.points or (0 for _ in earned)


def _left(bought: Bought, before: Before) -> dict[str, Decimal]:
    left = {
        line.line_id: line.quantity - before.quantities.get(line.line_id, Decimal(0))
        for line in bought.lines
    }
    return {line_id: Decimal(0) if before.whole else quantity for line_id, quantity in left.items()}


def _wrong(
    bought: Bought,
    before: Before,
    asked: Asked,
    left: Mapping[str, Decimal],
    worth_left: Decimal,
) -> tuple[str, str] | None:
    """Reason and detail of a refusal."""
    too_much = "too_much_returned"
    if before.whole:
        return too_much, "All of the purchase was returned before."
    if asked.amount is not None and asked.amount > worth_left:
        return (
            too_much,
            f"{asked.amount:.2f} returned, {worth_left:.2f} of {bought.amount:.2f} left.",
        )
    for line_id, quantity in (asked.lines or {}).items():
        if line_id not in left:
            return "unknown_line", f"The purchase has no line {line_id}."
        if quantity > left[line_id]:
            return (
                too_much,
                f"{plain(quantity)} of line {line_id} returned, {plain(left[line_id])} left.",
            )
    return None


def plain(number: Decimal) -> str:
    """A quantity as people write it."""
    return f"{number.normalize():f}" if number else "0"


def _weights(bought: Bought) -> dict[str, int]:
    """What each line weighs: the money paid for it; all the same where none was."""
    paid = {line.line_id: max(0, int(line.amount * _PLACES)) for line in bought.lines}
    return paid if any(paid.values()) else dict.fromkeys(paid, 1)


def apportion(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """`total` in whole parts by `weights` ≥ 0, not all of them 0; the parts make the total."""
    whole, reached, given = sum(weights.values()), 0, 0
    parts = {}
    for name, weight in weights.items():
        reached += weight
        parts[name] = total * reached // whole - given
        given += parts[name]
    return parts


def _of_lines(bought: Bought, earned: Earned, returned: Mapping[str, Decimal]) -> int:
    """The points that stand on the returned quantities; what stays is rounded down by line."""
    known = {line.line_id: max(0, earned.by_line.get(line.line_id, 0)) for line in bought.lines}
    parts = apportion(earned.points, known if any(known.values()) else _weights(bought))
    return sum(
        parts[line.line_id] - int(parts[line.line_id] * _kept(line, returned))
        for line in bought.lines
    )


def _worth(bought: Bought, returned: Mapping[str, Decimal]) -> Decimal:
    """The part of the purchase's amount, tax and discounts in it, that the lines stand for."""
    total = int(bought.amount * _PLACES)
    parts = apportion(total, _weights(bought))
    back = sum(
        parts[line.line_id] - int(parts[line.line_id] * _kept(line, returned))
        for line in bought.lines
    )
    return Decimal(back) / _PLACES


def _kept(line: Line, returned: Mapping[str, Decimal]) -> Fraction:
    if not line.quantity:
        return Fraction(1)
    back = returned.get(line.line_id, Decimal(0))
    return 1 - Fraction(back) / Fraction(line.quantity)


@dataclass(frozen=True, slots=True)
class There:
    """Where the points may stand: `pending` and `own` in the lots that the purchase made, `gone`
    what of them expired or was forfeited already, `available` all that can be spent."""

    pending: int = 0
    own: int = 0
    gone: int = 0
    available: int = 0


@dataclass(frozen=True, slots=True)
class TakenFrom:
    """From where the points of a return are taken; `gone` and `let_be` move nothing."""

    pending: int = 0
    own: int = 0
    gone: int = 0
    available: int = 0
    owed: int = 0
    let_be: int = 0

    @property
    def moved(self) -> int:
        """The points that entries move."""
        return self.pending + self.own + self.available + self.owed

    def named(self) -> dict[str, int]:
        """The points by where they are taken from, without what took none."""
        return {name: points for name, points in asdict(self).items() if points}


def take(points: int, there: There, policy: Policy) -> TakenFrom:
    """Pending first, then the lots it made, then what of them is gone already (it is not taken a
    second time), then what else is available; the rest is owed, or let be by the policy."""
    pending = min(points, there.pending)
    rest = points - pending
    if policy is Policy.ONLY_PENDING:
        return TakenFrom(pending=pending, let_be=rest)
    own = min(rest, there.own)
    gone = min(rest - own, there.gone)
    available = min(rest - own - gone, there.available - own)
    rest -= own + gone + available
    if policy is Policy.WITHIN_BALANCE:
        return TakenFrom(pending, own, gone, available, let_be=rest)
    return TakenFrom(pending, own, gone, available, owed=rest)
