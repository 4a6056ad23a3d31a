"""What a purchase is worth: pure, exact, and the same for ever for the same inputs.

In this order, so that how promotions are listed changes nothing:
1. each chooses its lines by its conditions; lines that a promotion bars earn nothing anywhere;
2. each gives points for its lines, as many as its limits leave;
3. of an exclusive group the best one gives; of equals the higher priority, then the older one;
4. the earn rate (the standing promotion) gives for the lines for which none gives instead;
5. multipliers, of an exclusive group the best one, multiply what was given for their lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.tree import changes, first_unmet
from loyalty.promotions.allowance import NONE_USED, Allowance, allowance
from loyalty.promotions.rule import Gives, Rule, Version
from loyalty.promotions.worth import (
    PLACES,
    eligible,
    eligible_on,
    points_for,
    rounded,
    split,
    weights,
)

NOTHING = Decimal(0)
_FOUR_PLACES = Decimal("0.0001")


class WhyNot(StrEnum):
    """Why a promotion gave nothing."""

    NOT_A_PURCHASE = "not_a_purchase"
    OTHER_KIND = "other_kind"
    CURRENCY_NOT_ACCEPTED = "currency_not_accepted"
    BEFORE_JOINING = "before_joining"
    NOTHING_PAID = "nothing_paid"
    BARRED = "barred"  # another promotion says that these lines earn nothing
    CONDITION = "condition"  # `unmet` names it
    REPLACED = "replaced"  # another promotion gives instead, for every line
    EXCLUSIVE = "exclusive"  # another promotion of its group gave more
    LIMIT = "limit"  # `limit` is the one that is used up
    NOTHING_TO_MULTIPLY = "nothing_to_multiply"


@dataclass(frozen=True, slots=True)
class Share:
    """What one promotion version gave: `points`, or why not.

    `base` is the money that counted (items, or points, for a rule that counts those).
    `remainder` is the fraction of a point that rounding took (below zero: that it added).
    `would_be`: the points before a limit cut them, None where none did; `left`: what the limits
    left, by the limit of index `limit`; None where the rule has none. `unmet`: the type of the
    condition that did not hold. `lines`: how many of the points each line earned.
    """

    promotion_id: int
    version: int
    base: Decimal
    points: int
    remainder: Decimal = NOTHING
    why_not: WhyNot | None = None
    would_be: int | None = None
    left: int | None = None
    limit: int | None = None
    unmet: str | None = None
    lines: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a purchase earns: the shares in the order of their promotions' ids."""

    shares: tuple[Share, ...]

    @property
    def points(self) -> int:
        """The award."""
        return sum(share.points for share in self.shares)

    @property
    def lines(self) -> dict[str, int]:
        """How many of the points each line earned; lines that earned none are left out."""
        return _total_by_line(self.shares)


def evaluate(
    purchase: Purchase,
    versions: Iterable[Version],
    member: MemberFacts,
    allowances: Mapping[int, Allowance] | None = None,
) -> Decision:
    """What each promotion in force gives, in the order of their ids, however they are listed.

    `allowances` by promotion: what the limits of those that have any leave; where one is not
    named, nothing of its limits is used yet.
    """
    in_force = [version for version in versions if version.in_force(purchase.occurred_at)]
    if len(in_force) == 1 and _is_plain(in_force[0], purchase):
        return Decision((_plain(in_force[0], purchase, member),))
    in_force.sort(key=lambda version: (version.promotion_id, version.number))
    left = allowances or {}
    chosen = [_choose(purchase, version, member) for version in in_force]
    shares = {one.promotion_id: one for one in chosen if isinstance(one, Share)}
    open_to = [one for one in chosen if isinstance(one, _Chosen)]
    shares |= _stacked(purchase, open_to, left)
    return Decision(tuple(shares[version.promotion_id] for version in in_force))


def _is_plain(version: Version, purchase: Purchase) -> bool:
    """Whether it is an earn rate alone, of a purchase without lines: most purchases are that."""
    rule = version.rule
    return (
        version.standing
        and rule.gives is Gives.MONEY
        and rule.when is None
        and not rule.limits
        and not purchase.lines
        and purchase.kind in rule.kinds
    )


def _plain(version: Version, purchase: Purchase, member: MemberFacts) -> Share:
    """As `_choose` and `_give` say, in a third of their time."""
    rule = version.rule
    if not rule.before_joining and purchase.occurred_at < member.joined_at:
        return _none(version, WhyNot.BEFORE_JOINING)
    base = eligible(purchase, rule.excludes)
    rate = rule.rates.get(purchase.currency)
    if rate is None:
        return _none(version, WhyNot.CURRENCY_NOT_ACCEPTED, base)
    if not base:
        return _none(version, WhyNot.NOTHING_PAID, base)
    points, fraction = points_for(base, rate, rule.step, rule.rounding)
    lines = (("", points),) if points else ()
    return Share(
        version.promotion_id, version.number, base, points, _remainder(fraction), lines=lines
    )


def may_apply(purchase: Purchase, version: Version, member: MemberFacts) -> bool:
    """Whether a version may count for this purchase, now or after others of the same batch."""
    when = version.rule.when
    if when is not None and changes(when):
        return True
    return isinstance(_choose(purchase, version, member), _Chosen)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A version that applies, and the lines it applies to."""

    version: Version
    lines: Sequence[Line]

    @property
    def id(self) -> int:
        return self.version.promotion_id

    @property
    def rule(self) -> Rule:
        return self.version.rule

    def without(self, line_ids: Set[str]) -> _Chosen:
        lines = [line for line in self.lines if line.line_id not in line_ids]
        return self if len(lines) == len(self.lines) else _Chosen(self.version, lines)


_Shares = dict[int, Share]


def _choose(purchase: Purchase, version: Version, member: MemberFacts) -> _Chosen | Share:
    rule, lines = version.rule, purchase.counted
    if purchase.kind not in rule.kinds:
        only_purchases = rule.kinds == {"purchase"}
        return _none(version, WhyNot.NOT_A_PURCHASE if only_purchases else WhyNot.OTHER_KIND)
    if not rule.before_joining and purchase.occurred_at < member.joined_at:
        return _none(version, WhyNot.BEFORE_JOINING)
    if rule.when is not None:
        holds = rule.when.holds
        chosen = tuple(line for line in lines if holds(purchase, line, member))
        if not chosen:
            unmet = first_unmet(rule.when, purchase, lines, member)
            return _none(version, WhyNot.CONDITION, unmet=unmet.key)
        return _Chosen(version, chosen)
    return _Chosen(version, lines)


def _none(
    version: Version, why_not: WhyNot, base: Decimal = NOTHING, *, unmet: str | None = None
) -> Share:
    return Share(version.promotion_id, version.number, base, 0, why_not=why_not, unmet=unmet)


def _stacked(
    purchase: Purchase, chosen: Sequence[_Chosen], left: Mapping[int, Allowance]
) -> _Shares:
    """The shares of several promotions, in the order that this file tells."""
    barring = [one for one in chosen if one.rule.gives is Gives.NOTHING]
    barred = {line.line_id for one in barring for line in one.lines}
    shares = {one.id: _bar(purchase, one) for one in barring}
    others = [one.without(barred) for one in chosen if one.rule.gives is not Gives.NOTHING]
    shares |= {one.id: _none(one.version, WhyNot.BARRED) for one in others if not one.lines}
    others = [one for one in others if one.lines]
    multipliers = [one for one in others if one.rule.gives is Gives.MULTIPLIER]
    adding = [one for one in others if one.rule.gives is not Gives.MULTIPLIER]
    standing = [one for one in adding if one.version.standing]
    earning = [one for one in adding if not one.version.standing]

    given = _best(earning, _given(purchase, earning, left))
    replaced = {
        line.line_id
        for one in earning
        if one.rule.instead and given[one.id].why_not in {None, WhyNot.LIMIT}
        for line in one.lines
    }
    standing = [one.without(replaced) for one in standing]
    shares |= {one.id: _none(one.version, WhyNot.REPLACED) for one in standing if not one.lines}
    own = _given(purchase, [one for one in standing if one.lines], left)
    return shares | given | own | _multiplied(multipliers, given, own, left)


def _bar(purchase: Purchase, one: _Chosen) -> Share:
    base = eligible_on(purchase, one.rule.excludes, one.lines)
    return Share(one.id, one.version.number, base, 0)


def _given(purchase: Purchase, chosen: Sequence[_Chosen], left: Mapping[int, Allowance]) -> _Shares:
    return {one.id: _within(_give(purchase, one), one.rule, left.get(one.id)) for one in chosen}


def _give(purchase: Purchase, one: _Chosen) -> Share:
    """What one promotion gives for its lines, whatever the others and its limits say."""
    rule, version = one.rule, one.version
    base = eligible_on(purchase, rule.excludes, one.lines)
    rate = rule.rates.get(purchase.currency) if rule.gives is Gives.MONEY else rule.rate
    if rule.gives is Gives.MONEY and rate is None:
        return _none(version, WhyNot.CURRENCY_NOT_ACCEPTED, base)
    if purchase.kind == "purchase" and not base:
        return _none(version, WhyNot.NOTHING_PAID, base)
    if rate is None:
        return _whole(one, Decimal(0), rule.points, Fraction(0))
    if rule.gives is Gives.ITEM:
        quantities = [line.quantity if line.amount > 0 else NOTHING for line in one.lines]
        base = sum(quantities, NOTHING)
    if not rule.by_line:
        return _whole(one, base, *points_for(base, rate, rule.step, rule.rounding))
    if rule.gives is Gives.MONEY:
        parts = split(int(base * PLACES), weights(one.lines))
        quantities = [Decimal(part) / PLACES for part in parts]
    earned = [points_for(part, rate, rule.step, rule.rounding) for part in quantities]
    points = sum(count for count, _ in earned)
    fraction = sum((rest for _, rest in earned), Fraction(0))
    return replace(
        _whole(one, base, points, fraction),
        lines=_by_line(one.lines, [count for count, _ in earned]),
    )


def _whole(one: _Chosen, base: Decimal, points: int, fraction: Fraction) -> Share:
    lines = _by_line(one.lines, split(points, weights(one.lines))) if points else ()
    return Share(one.id, one.version.number, base, points, _remainder(fraction), lines=lines)


def _remainder(fraction: Fraction) -> Decimal:
    if not fraction:
        return NOTHING
    return (Decimal(fraction.numerator) / fraction.denominator).quantize(_FOUR_PLACES)


def _by_line(lines: Iterable[Line], points: Iterable[int]) -> tuple[tuple[str, int], ...]:
    pairs = zip(lines, points, strict=True)
    return tuple((line.line_id, count) for line, count in pairs if count)


def _within(share: Share, rule: Rule, left: Allowance | None) -> Share:
    """The share, cut to what the limits leave."""
    if not rule.limits or not share.points:
        return share
    left = left or allowance(rule.limits, [NONE_USED] * len(rule.limits))
    if left.points is None:
        return share
    share = replace(share, left=left.points, limit=left.limit)
    if share.points <= left.points:
        return share
    ids, earned = zip(*share.lines, strict=True)
    kept = zip(ids, split(left.points, earned), strict=True)
    return replace(
        share,
        points=left.points,
        would_be=share.points,
        why_not=None if left.points else WhyNot.LIMIT,
        lines=tuple(pair for pair in kept if pair[1]),
    )


def _best(chosen: Sequence[_Chosen], shares: _Shares) -> _Shares:
    """The shares, where of each exclusive group only the best one gives."""
    best: dict[str, _Chosen] = {}
    for one in chosen:
        group = one.rule.exclusive
        if group is not None and shares[one.id].points:
            best[group] = max(best.get(group, one), one, key=lambda each: _rank(each, shares))
    return {
        one.id: _lost(shares[one.id])
        if one.rule.exclusive is not None
        and shares[one.id].points
        and best[one.rule.exclusive].id != one.id
        else shares[one.id]
        for one in chosen
    }


def _rank(one: _Chosen, shares: _Shares) -> tuple[int, int, int]:
    return shares[one.id].points, one.rule.priority, -one.id


def _lost(share: Share) -> Share:
    return replace(share, points=0, would_be=share.points, why_not=WhyNot.EXCLUSIVE, lines=())


def _multiplied(
    multipliers: Sequence[_Chosen], given: _Shares, own: _Shares, left: Mapping[int, Allowance]
) -> _Shares:
    """What the multipliers add to the shares `given`, and to the earn rate's `own`."""
    standing = _total_by_line(own.values())
    everything = _total_by_line([*given.values(), *own.values()])

    def multiply(one: _Chosen, added: Mapping[str, int]) -> Share:
        of = standing if one.rule.of_standing else everything
        if one.rule.compounds:
            of = {line: of.get(line, 0) + added.get(line, 0) for line in of.keys() | added.keys()}
        return _within(_multiply(one, of), one.rule, left.get(one.id))

    alone = _best(multipliers, {one.id: multiply(one, {}) for one in multipliers})
    shares, added = dict(alone), dict[str, int]()
    for one in sorted(multipliers, key=lambda each: (-each.rule.priority, each.id)):
        if alone[one.id].why_not is not WhyNot.EXCLUSIVE:
            shares[one.id] = multiply(one, added)
            added = _sum([added, dict(shares[one.id].lines)])
    return shares


def _multiply(one: _Chosen, of: Mapping[str, int]) -> Share:
    lines = [line for line in one.lines if of.get(line.line_id)]
    base = [of[line.line_id] for line in lines]
    if not base:
        return _none(one.version, WhyNot.NOTHING_TO_MULTIPLY)
    times = int(one.rule.factor * PLACES) - PLACES
    points, fraction = rounded(sum(base) * times, PLACES, one.rule.rounding)
    share = _whole(one, Decimal(sum(base)), points, fraction)
    return replace(share, lines=_by_line(lines, split(points, base)))


def _total_by_line(shares: Iterable[Share]) -> dict[str, int]:
    return _sum([dict(share.lines) for share in shares])


def _sum(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for line_id, points in part.items():
            total[line_id] = total.get(line_id, 0) + points
    return total
