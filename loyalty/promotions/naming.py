"""What a rule names that must be there: segments and tiers. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from loyalty.conditions.one_of import OneOf
from loyalty.conditions.tree import Condition
from loyalty.promotions.rule import Rule


def named(rule: Rule, kind: type[OneOf]) -> frozenset[str]:
    """The values of every condition of this type in the rule."""
    if rule.when is None:
        return frozenset()
    found = [one.values for one in _every(rule.when) if isinstance(one, kind)]
    return frozenset[str]().union(*found)


def _every(tree: Condition) -> Iterator[Condition]:
    yield tree
    for part in tree.parts():
        yield from _every(part)
