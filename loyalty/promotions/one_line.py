"""Promotions at work on a purchase of one line, as most are: what `stack` says, in half its time.

With one line nothing is shared out: a promotion counts for it or does not, and what it gives is
one number. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.promotions.allowance import Allowance
from loyalty.promotions.choose import choose
from loyalty.promotions.part import Part, keep_the_best, turn
from loyalty.promotions.rule import Gives, Version
from loyalty.promotions.share import NOTHING, Share, WhyNot
from loyalty.promotions.worth import PLACES, eligible, points_for, rounded

_Allowances = Mapping[int, Allowance]


def shares_of_one_line(
    purchase: Purchase,
    in_force: Sequence[Version],
    member: MemberFacts,
    allowances: _Allowances,
) -> tuple[Share, ...]:
    """What each of the versions in force gives, in their order."""
    lines = purchase.counted
    parts: list[Part] = []
    shares: list[Part | Share] = []
    for version in in_force:
        chosen = choose(version, purchase, lines, member)
        if isinstance(chosen, Share):
            shares.append(chosen)
        else:
            part = Part(version)
            parts.append(part)
            shares.append(part)
    if parts:
        _stack(parts, purchase, lines[0], allowances)
    line_id = lines[0].line_id
    return tuple(
        [
            one
            if isinstance(one, Share)
            else one.share(((line_id, one.points),) if one.points else ())
            for one in shares
        ]
    )


def _stack(parts: Sequence[Part], purchase: Purchase, line: Line, allowances: _Allowances) -> None:
    """Lets each give what it gives beside the others, in the order that `rules` tells."""
    if _is_barred(parts, purchase):
        return
    spent: dict[frozenset[str], Decimal] = {}
    standing: list[Part] = []
    earning: list[Part] = []
    multipliers: list[Part] = []
    for part in parts:
        if part.rule.gives is Gives.MULTIPLIER:
            multipliers.append(part)
        elif part.version.standing:
            standing.append(part)
        else:
            earning.append(part)
            _give(part, purchase, line, spent, allowances)
    if len(earning) > 1:
        keep_the_best(earning)
    replaced = any(
        part.rule.instead and (part.why_not is None or part.why_not is WhyNot.LIMIT)
        for part in earning
    )
    for part in standing:
        if replaced:
            part.why_not = WhyNot.REPLACED
        else:
            _give(part, purchase, line, spent, allowances)
    if multipliers:
        of_standing = sum([part.points for part in standing])
        of_all = of_standing + sum([part.points for part in earning])
        _multiply(multipliers, of_standing, of_all, allowances)


def _is_barred(parts: Sequence[Part], purchase: Purchase) -> bool:
    """Whether one says that the line earns nothing anywhere."""
    barring = [part for part in parts if part.rule.gives is Gives.NOTHING]
    if not barring:
        return False
    for part in parts:
        part.why_not = WhyNot.BARRED
    for part in barring:
        part.base, part.why_not = eligible(purchase, part.rule.excludes), None
    return True


def _give(
    part: Part,
    purchase: Purchase,
    line: Line,
    spent: dict[frozenset[str], Decimal],
    allowances: _Allowances,
) -> None:
    """What one promotion gives, whatever the others say."""
    rule = part.rule
    base = spent.get(rule.excludes)
    if base is None:
        base = spent[rule.excludes] = eligible(purchase, rule.excludes)
    of_money = rule.gives is Gives.MONEY
    rate = rule.rates.get(purchase.currency) if of_money else rule.rate
    if of_money and rate is None:
        part.base, part.why_not = base, WhyNot.CURRENCY_NOT_ACCEPTED
    elif not base and purchase.kind == "purchase":
        part.base, part.why_not = base, WhyNot.NOTHING_PAID
    elif rate is None:
        part.points = rule.points
    else:
        if rule.gives is Gives.ITEM:
            base = line.quantity if line.amount > 0 else NOTHING
        part.base = base
        part.points, part.rest = points_for(base, rate, rule.step, rule.rounding)
    if rule.limits:
        part.limit(allowances)


def _multiply(
    multipliers: Sequence[Part], of_standing: int, of_all: int, allowances: _Allowances
) -> None:
    """What multipliers add, the highest priority first: a compounding one counts what those
    before it have added."""
    if any(part.rule.exclusive for part in multipliers):
        for part in multipliers:
            _add(part, of_standing if part.rule.of_standing else of_all, allowances)
        keep_the_best(multipliers)
        multipliers = [part for part in multipliers if part.points or not part.rule.exclusive]
    added = 0
    for part in sorted(multipliers, key=turn) if len(multipliers) > 1 else multipliers:
        of = of_standing if part.rule.of_standing else of_all
        _add(part, of + added if part.rule.compounds else of, allowances)
        added += part.points


def _add(part: Part, total: int, allowances: _Allowances) -> None:
    rule = part.rule
    part.base = Decimal(total)
    part.why_not = None if total else WhyNot.NOTHING_TO_MULTIPLY
    part.would_be = part.left_points = part.left_limit = None
    part.points, part.rest = rounded(
        total * (int(rule.factor * PLACES) - PLACES), PLACES, rule.rounding
    )
    if rule.limits:
        part.limit(allowances)
