"""What a purchase is worth: pure, exact, and the same for ever for the same inputs.

In this order, so that how promotions are listed changes nothing:
1. each chooses its lines by its conditions; lines that a promotion bars earn nothing anywhere;
2. each gives points for its lines, as many as its limits leave;
3. of an exclusive group the best one gives; of equals the higher priority, then the older one;
4. the earn rate (the standing promotion) gives for the lines for which none gives instead;
5. multipliers, of an exclusive group the best one, multiply what was given for their lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from loyalty.conditions.facts import MemberFacts, Purchase
from loyalty.conditions.tree import changes
from loyalty.promotions.allowance import Allowance
from loyalty.promotions.rule import Gives, Version
from loyalty.promotions.share import NOTHING, Decision, Share, WhyNot, remainder
from loyalty.promotions.stack import Part, Stack
from loyalty.promotions.worth import eligible, points_for

__all__ = ["Decision", "Share", "WhyNot", "decide", "evaluate", "may_apply"]


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
    in_force.sort(key=lambda version: (version.promotion_id, version.number))
    return decide(purchase, in_force, member, allowances or {})


def decide(
    purchase: Purchase,
    in_force: Sequence[Version],
    member: MemberFacts,
    allowances: Mapping[int, Allowance],
) -> Decision:
    """The same of versions that are known to be in force, in the order of their ids."""
    if len(in_force) == 1 and _is_plain(in_force[0], purchase):
        return Decision((_plain(in_force[0], purchase, member),))
    stack = Stack(purchase, member, allowances)
    chosen = [stack.choose(version) for version in in_force]
    stack.stack([one for one in chosen if isinstance(one, Part)])
    return Decision(tuple([one.share() if isinstance(one, Part) else one for one in chosen]))


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
    """As a stack of one says, in a third of its time."""
    rule, why_not = version.rule, None
    base, points, rest = NOTHING, 0, NOTHING
    if not rule.before_joining and purchase.occurred_at < member.joined_at:
        why_not = WhyNot.BEFORE_JOINING
    else:
        base = eligible(purchase, rule.excludes)
        rate = rule.rates.get(purchase.currency)
        if rate is None:
            why_not = WhyNot.CURRENCY_NOT_ACCEPTED
        elif not base:
            why_not = WhyNot.NOTHING_PAID
        else:
            points, taken = points_for(base, rate, rule.step, rule.rounding)
            rest = remainder(taken)
    lines = (("", points),) if points else ()
    return Share(version.promotion_id, version.number, base, points, rest, why_not, lines=lines)


def may_apply(purchase: Purchase, version: Version, member: MemberFacts) -> bool:
    """Whether a version may count for this purchase, now or after others of the same batch."""
    when = version.rule.when
    if when is not None and changes(when):
        return True
    return isinstance(Stack(purchase, member, {}).choose(version), Part)
