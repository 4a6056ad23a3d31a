"""Promotions at work on one purchase beside each other: the steps that `rules` tells. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.promotions.allowance import Allowance
from loyalty.promotions.choose import choose
from loyalty.promotions.part import Part, keep_the_best, turn
from loyalty.promotions.rule import Gives, Version
from loyalty.promotions.share import NOTHING, Share, WhyNot
from loyalty.promotions.worth import (
    NO_REST,
    PLACES,
    Rate,
    Rest,
    eligible,
    eligible_on,
    points_for,
    rounded,
    split,
    weights,
)


class _Lines(Part):
    """A part that counts for several lines: which, and what each earned so far."""

    earned: Sequence[int] = ()  # by line

    def __init__(self, version: Version, lines: Sequence[Line]) -> None:
        super().__init__(version)
        self.lines = lines

    def leave_out(self, line_ids: Iterable[str], why_not: WhyNot) -> None:
        """It does not count for these lines."""
        out = set(line_ids)
        if out:
            self.lines = [line for line in self.lines if line.line_id not in out]
            if not self.lines:
                self.why_not = why_not

    def give(self, points: int, rest: Rest, weights: Sequence[int]) -> None:
        """So many points, spread over its lines."""
        self.points, self.rest, self.earned = points, rest, split(points, weights)

    def cut(self, points: int) -> None:
        """So many points and no more, of each line in proportion."""
        self.points, self.earned = points, split(points, self.earned) if points else ()

    def by_line(self) -> list[tuple[str, int]]:
        """What each line earned."""
        return [(line.line_id, n) for line, n in zip(self.lines, self.earned, strict=False)]

    def told(self) -> Share:
        """What it came to."""
        return self.share(tuple([pair for pair in self.by_line() if pair[1]]))


class Stack:
    """The promotions in force at work on one purchase."""

    def __init__(
        self, purchase: Purchase, member: MemberFacts, left: Mapping[int, Allowance]
    ) -> None:
        self._purchase = purchase
        self._member = member
        self._left = left
        self._lines = purchase.counted
        self._spent: dict[frozenset[str], Decimal] = {}

    def shares(self, in_force: Sequence[Version]) -> tuple[Share, ...]:
        """What each of the versions in force gives, in their order."""
        lines, member = self._lines, self._member
        chosen = [(version, choose(version, self._purchase, lines, member)) for version in in_force]
        shares = [
            one if isinstance(one, Share) else _Lines(version, one) for version, one in chosen
        ]
        self._stack([one for one in shares if isinstance(one, _Lines)])
        return tuple([one if isinstance(one, Share) else one.told() for one in shares])

    def _stack(self, parts: Sequence[_Lines]) -> None:
        """Lets each give what it gives beside the others, in the order that `rules` tells."""
        standing: list[_Lines] = []
        earning: list[_Lines] = []
        multipliers: list[_Lines] = []
        barred = self._barred(parts)
        for part in parts:
            gives = part.rule.gives
            if gives is Gives.NOTHING:
                continue
            if barred:
                part.leave_out(barred, WhyNot.BARRED)
                if part.why_not is not None:
                    continue
            if gives is Gives.MULTIPLIER:
                multipliers.append(part)
            elif part.version.standing:
                standing.append(part)
            else:
                earning.append(part)
                self._give(part)
        keep_the_best(earning)
        for part in standing:
            part.leave_out(_replaced(earning), WhyNot.REPLACED)
            if part.why_not is None:
                self._give(part)
        if multipliers:
            self._multiply(multipliers, standing, earning)

    def _barred(self, parts: Sequence[_Lines]) -> set[str]:
        """The lines that earn nothing anywhere."""
        barred: set[str] = set()
        for part in parts:
            if part.rule.gives is Gives.NOTHING:
                part.base = self._base(part)
                barred.update(line.line_id for line in part.lines)
        return barred

    def _give(self, part: _Lines) -> None:
        """What one promotion gives for its lines, whatever the others say."""
        rule, purchase, base = part.rule, self._purchase, self._base(part)
        part.base = base
        of_money = rule.gives is Gives.MONEY
        rate = rule.rates.get(purchase.currency) if of_money else rule.rate
        if of_money and rate is None:
            part.why_not = WhyNot.CURRENCY_NOT_ACCEPTED
        elif not base and purchase.kind == "purchase":
            part.why_not = WhyNot.NOTHING_PAID
        elif rate is None:
            part.base = NOTHING
            part.give(rule.points, NO_REST, weights(part.lines))
        else:
            counts = None
            if rule.gives is Gives.ITEM:
                counts = [line.quantity if line.amount > 0 else NOTHING for line in part.lines]
                part.base = sum(counts, NOTHING)
            _rate(part, rate, counts)
        part.limit(self._left)

    def _base(self, part: _Lines) -> Decimal:
        """The money that counts for its lines."""
        excludes = part.rule.excludes
        if len(part.lines) != len(self._lines):
            return eligible_on(self._purchase, excludes, part.lines)
        spent = self._spent.get(excludes)
        if spent is None:
            spent = self._spent[excludes] = eligible(self._purchase, excludes)
        return spent

    def _multiply(
        self, multipliers: Sequence[_Lines], standing: Sequence[_Lines], earning: Sequence[_Lines]
    ) -> None:
        """What multipliers add, the highest priority first: a compounding one counts what those
        before it have added."""
        of_standing = _sum(standing)
        of_all = _sum([*standing, *earning]) if earning else of_standing
        if any(part.rule.exclusive for part in multipliers):
            for part in multipliers:
                self._add(part, of_standing if part.rule.of_standing else of_all, {})
            keep_the_best(multipliers)
            multipliers = [part for part in multipliers if part.points or not part.rule.exclusive]
        added: dict[str, int] = {}
        for part in sorted(multipliers, key=turn):
            self._add(part, of_standing if part.rule.of_standing else of_all, added)
            for line_id, points in part.by_line():
                added[line_id] = added.get(line_id, 0) + points

    def _add(self, part: _Lines, of: Mapping[str, int], added: Mapping[str, int]) -> None:
        compounds = part.rule.compounds
        counted = [
            of.get(line.line_id, 0) + (added.get(line.line_id, 0) if compounds else 0)
            for line in part.lines
        ]
        total = sum(counted)
        part.why_not = None if total else WhyNot.NOTHING_TO_MULTIPLY
        part.base = Decimal(total)
        part.would_be = part.left_points = part.left_limit = None
        times = int(part.rule.factor * PLACES) - PLACES
        part.give(*rounded(total * times, PLACES, part.rule.rounding), counted)
        part.limit(self._left)


def _rate(part: _Lines, rate: Rate, counts: Sequence[Decimal] | None) -> None:
    """Points at a rate, rounded once or line by line; `counts` are the items of each line."""
    rule = part.rule
    if not rule.by_line:
        part.give(*points_for(part.base, rate, rule.step, rule.rounding), weights(part.lines))
        return
    if counts is None:
        money = split(int(part.base * PLACES), weights(part.lines))
        counts = [Decimal(one) / PLACES for one in money]
    earned = [points_for(count, rate, rule.step, rule.rounding) for count in counts]
    part.earned = [points for points, _ in earned]
    part.points = sum(part.earned)
    part.rest = sum((Fraction(*rest) for _, rest in earned), Fraction(0)).as_integer_ratio()


def _replaced(earning: Iterable[_Lines]) -> set[str]:
    """The lines for which another promotion gives instead of the earn rate."""
    return {
        line.line_id
        for part in earning
        if part.rule.instead and part.why_not in {None, WhyNot.LIMIT}
        for line in part.lines
    }


def _sum(parts: Iterable[_Lines]) -> dict[str, int]:
    """How many points each line earned of several."""
    total: dict[str, int] = {}
    for part in parts:
        for line_id, points in part.by_line():
            total[line_id] = total.get(line_id, 0) + points
    return total
