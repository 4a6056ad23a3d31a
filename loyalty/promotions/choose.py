"""Which lines of a purchase a promotion counts for, or why for none. Pure."""

from __future__ import annotations

from functools import lru_cache

from loyalty.conditions.facts import Line, MemberFacts, Purchase
from loyalty.conditions.tree import first_unmet
from loyalty.promotions.rule import Version
from loyalty.promotions.share import NOTHING, Share, WhyNot

_MOST_REMEMBERED = 4096
_PURCHASES_ALONE = frozenset({"purchase"})

Lines = tuple[Line, ...]


@lru_cache(_MOST_REMEMBERED)
def _out(promotion_id: int, number: int, why_not: WhyNot, unmet: str | None = None) -> Share:
    """Most promotions have nothing to do with most purchases."""
    return Share(promotion_id, number, NOTHING, 0, why_not=why_not, unmet=unmet)


def choose(
    version: Version, purchase: Purchase, lines: Lines, member: MemberFacts
) -> Lines | Share:
    """Those of `lines`, which are all of the purchase, that the version's conditions choose, or
    its share, which is nothing."""
    rule = version.rule
    if purchase.kind not in rule.kinds:
        only_purchases = rule.kinds == _PURCHASES_ALONE
        why_not = WhyNot.NOT_A_PURCHASE if only_purchases else WhyNot.OTHER_KIND
        return _out(version.promotion_id, version.number, why_not)
    if not rule.before_joining and purchase.occurred_at < member.joined_at:
        return _out(version.promotion_id, version.number, WhyNot.BEFORE_JOINING)
    when = rule.when
    if when is None:
        return lines
    if len(lines) == 1:
        if when.holds(purchase, lines[0], member):
            return lines
    else:
        met = tuple([line for line in lines if when.holds(purchase, line, member)])
        if met:
            return met
    unmet = first_unmet(when, purchase, lines, member).key
    return _out(version.promotion_id, version.number, WhyNot.CONDITION, unmet)
