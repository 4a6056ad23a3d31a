"""Promotions at work on one purchase beside each other: the steps that `rules` tells. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.tree import first_unmet
from loyalty.promotions.allowance import NONE_USED, Allowance, allowance
from loyalty.promotions.rule import Gives, Version
from loyalty.promotions.share import NOTHING, Share, WhyNot, remainder
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

_NO_LIMIT = Allowance(None, None)
_MOST_REMEMBERED = 4096


class Part:
    """A version at work on one purchase: the lines it counts for, and what each earned so far."""

    # Of the class until one of its own is set: a batch makes a thousand of these.
    why_not: WhyNot | None = None
    base = NOTHING
    points = 0
    rest = NO_REST
    earned: Sequence[int] = ()  # by line
    would_be: int | None = None
    left: Allowance | None = None

    def __init__(self, version: Version, lines: Sequence[Line]) -> None:
        self.version = version
        self.rule = version.rule
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
        self.points, self.rest = points, rest
        self.earned = split(points, weights) if len(weights) > 1 else (points,)

    def cut(self, left: Allowance) -> None:
        """No more than its limits leave."""
        if left.points is None or not self.points:
            return
        self.left = left
        if self.points > left.points:
            self.would_be = self.points
            self.earned = split(left.points, self.earned)
            self.points = left.points
            if not self.points:
                self.why_not = WhyNot.LIMIT

    def lose(self) -> None:
        """Another one of its exclusive group gives."""
        self.would_be, self.points, self.earned = self.points, 0, ()
        self.why_not = WhyNot.EXCLUSIVE

    def by_line(self) -> list[tuple[str, int]]:
        """What each line earned."""
        if len(self.lines) == 1 and self.earned:
            return [(self.lines[0].line_id, self.earned[0])]
        return [(line.line_id, n) for line, n in zip(self.lines, self.earned, strict=False)]

    def share(self) -> Share:
        """What it came to."""
        version, points, left = self.version, self.points, self.left or _NO_LIMIT
        lines: tuple[tuple[str, int], ...] = ()
        if points:
            if len(self.lines) == 1:
                lines = ((self.lines[0].line_id, points),)
            else:
                lines = tuple([pair for pair in self.by_line() if pair[1]])
        return Share(
            version.promotion_id,
            version.number,
            self.base,
            points,
            remainder(self.rest),
            self.why_not,
            self.would_be,
            left.points,
            left.limit,
            None,
            lines,
        )


@lru_cache(_MOST_REMEMBERED)
def _out(promotion_id: int, number: int, why_not: WhyNot, unmet: str | None = None) -> Share:
    """Most promotions have nothing to do with most purchases."""
    return Share(promotion_id, number, NOTHING, 0, why_not=why_not, unmet=unmet)


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

    def choose(self, version: Version) -> Part | Share:
        """The version with the lines that its conditions choose, or why it does not count."""
        rule, purchase, member, met = version.rule, self._purchase, self._member, self._lines
        if purchase.kind not in rule.kinds:
            only_purchases = rule.kinds == {"purchase"}
            why_not = WhyNot.NOT_A_PURCHASE if only_purchases else WhyNot.OTHER_KIND
            return _out(version.promotion_id, version.number, why_not)
        if not rule.before_joining and purchase.occurred_at < member.joined_at:
            return _out(version.promotion_id, version.number, WhyNot.BEFORE_JOINING)
        when = rule.when
        if when is not None:
            if len(met) == 1:
                met = met if when.holds(purchase, met[0], member) else ()
            else:
                met = tuple([line for line in met if when.holds(purchase, line, member)])
            if not met:
                unmet = first_unmet(when, purchase, self._lines, member).key
                return _out(version.promotion_id, version.number, WhyNot.CONDITION, unmet)
        return Part(version, met)

    def stack(self, parts: Sequence[Part]) -> None:
        """Lets each give what it gives beside the others, in the order that this file tells."""
        standing: list[Part] = []
        earning: list[Part] = []
        multipliers: list[Part] = []
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
        _keep_the_best(earning)
        for part in standing:
            part.leave_out(_replaced(earning), WhyNot.REPLACED)
            if part.why_not is None:
                self._give(part)
        if multipliers:
            self._multiply(multipliers, standing, earning)

    def _barred(self, parts: Sequence[Part]) -> set[str]:
        """The lines that earn nothing anywhere."""
        barred: set[str] = set()
        for part in parts:
            if part.rule.gives is Gives.NOTHING:
                part.base = self._base(part)
                barred.update(line.line_id for line in part.lines)
        return barred

    def _give(self, part: Part) -> None:
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
            part.give(rule.points, NO_REST, weights(part.lines) if len(part.lines) > 1 else (1,))
        else:
            counts = None
            if rule.gives is Gives.ITEM:
                counts = [line.quantity if line.amount > 0 else NOTHING for line in part.lines]
                part.base = sum(counts, NOTHING)
            _rate(part, rate, counts)
        if rule.limits:
            self._cut(part)

    def _base(self, part: Part) -> Decimal:
        """The money that counts for its lines."""
        excludes = part.rule.excludes
        if len(part.lines) != len(self._lines):
            return eligible_on(self._purchase, excludes, part.lines)
        spent = self._spent.get(excludes)
        if spent is None:
            spent = self._spent[excludes] = eligible(self._purchase, excludes)
        return spent

    def _cut(self, part: Part) -> None:
        limits = part.rule.limits
        if limits and part.points:
            left = self._left.get(part.version.promotion_id)
            part.cut(left or allowance(limits, [NONE_USED] * len(limits)))

    def _multiply(
        self, multipliers: Sequence[Part], standing: Sequence[Part], earning: Sequence[Part]
    ) -> None:
        """What multipliers add, the highest priority first: a compounding one counts what those
        before it have added."""
        of_standing = _sum(standing)
        of_all = _sum([*standing, *earning]) if earning else of_standing
        if any(part.rule.exclusive for part in multipliers):
            for part in multipliers:
                self._add(part, of_standing if part.rule.of_standing else of_all, {})
            _keep_the_best(multipliers)
            multipliers = [part for part in multipliers if part.points or not part.rule.exclusive]
        added: dict[str, int] = {}
        for part in sorted(multipliers, key=_turn):
            self._add(part, of_standing if part.rule.of_standing else of_all, added)
            for line_id, points in part.by_line():
                added[line_id] = added.get(line_id, 0) + points

    def _add(self, part: Part, of: Mapping[str, int], added: Mapping[str, int]) -> None:
        compounds = part.rule.compounds
        counted = [
            of.get(line.line_id, 0) + (added.get(line.line_id, 0) if compounds else 0)
            for line in part.lines
        ]
        total = sum(counted)
        part.why_not = None if total else WhyNot.NOTHING_TO_MULTIPLY
        part.base = Decimal(total)
        part.left = part.would_be = None
        times = int(part.rule.factor * PLACES) - PLACES
        part.give(*rounded(total * times, PLACES, part.rule.rounding), counted)
        self._cut(part)


def _rate(part: Part, rate: Rate, counts: Sequence[Decimal] | None) -> None:
    """Points at a rate, rounded once or line by line; `counts` are the items of each line."""
    rule = part.rule
    if not rule.by_line or len(part.lines) == 1:
        part.give(
            *points_for(part.base, rate, rule.step, rule.rounding),
            weights(part.lines) if len(part.lines) > 1 else (1,),
        )
        return
    if counts is None:
        money = split(int(part.base * PLACES), weights(part.lines))
        counts = [Decimal(one) / PLACES for one in money]
    earned = [points_for(count, rate, rule.step, rule.rounding) for count in counts]
    part.earned = [points for points, _ in earned]
    part.points = sum(part.earned)
    part.rest = sum((Fraction(*rest) for _, rest in earned), Fraction(0)).as_integer_ratio()


def _keep_the_best(parts: Sequence[Part]) -> None:
    """Of each exclusive group only the best one gives."""
    best: dict[str, Part] = {}
    competing = [part for part in parts if part.rule.exclusive is not None and part.points]
    if not competing:
        return
    for part in competing:
        group = part.rule.exclusive or ""
        best[group] = max(best.get(group, part), part, key=_rank)
    for part in competing:
        if best[part.rule.exclusive or ""] is not part:
            part.lose()


def _rank(part: Part) -> tuple[int, int, int]:
    return part.points, part.rule.priority, -part.version.promotion_id


def _turn(part: Part) -> tuple[int, int]:
    return -part.rule.priority, part.version.promotion_id


def _replaced(earning: Iterable[Part]) -> set[str]:
    """The lines for which another promotion gives instead of the earn rate."""
    return {
        line.line_id
        for part in earning
        if part.rule.instead and part.why_not in {None, WhyNot.LIMIT}
        for line in part.lines
    }


def _sum(parts: Iterable[Part]) -> dict[str, int]:
    """How many points each line earned of several."""
    total: dict[str, int] = {}
    for part in parts:
        for line_id, points in part.by_line():
            total[line_id] = total.get(line_id, 0) + points
    return total
