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
from loyalty.promotions.choose import choose
from loyalty.promotions.one_line import shares_of_one_line
from loyalty.promotions.rule import Version
from loyalty.promotions.share import Decision, Share, WhyNot
from loyalty.promotions.stack import Stack

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
    if len(purchase.lines) > 1:
        return Decision(Stack(purchase, member, allowances).shares(in_force))
    return Decision(shares_of_one_line(purchase, in_force, member, allowances))


def may_apply(purchase: Purchase, version: Version, member: MemberFacts) -> bool:
    """Whether a version may count for this purchase, now or after others of the same batch."""
    when = version.rule.when
    if when is not None and changes(when):
        return True
    return not isinstance(choose(version, purchase, purchase.counted, member), Share)
