"""What a tree names that must be there: segments and tiers. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from loyalty.conditions.one_of import OneOf
from loyalty.conditions.tree import Condition


def named(tree: Condition | None, kind: type[OneOf]) -> frozenset[str]:
    """The values of every condition of this type in a tree."""
    if tree is None:
        return frozenset()
    found = [one.values for one in _every(tree) if isinstance(one, kind)]
    return frozenset[str]().union(*found)


def _every(tree: Condition) -> Iterator[Condition]:
    yield tree
    for part in tree.parts():
        yield from _every(part)
