"""The tree of conditions: read from JSON with errors that name the field, and bounded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import ClassVar, Self

from loyalty.conditions.facts import Ask, Line, MemberFacts, Purchase
from loyalty.conditions.form import refuse

MOST_DEEP = 20  # objects and lists within each other
MOST_CONDITIONS = 100


_types: dict[str, type[Condition]] = {}


class Condition(ABC):
    """One type of condition; a subclass is a frozen dataclass in a file of its own."""

    key: ClassVar[str]  #: its name in JSON
    by_the_last: ClassVar[bool] = False  #: whether the purchase before this one may change it

    def __init_subclass__(cls) -> None:
        """A class with a name of its own is a type."""
        super().__init_subclass__()
        if "key" in cls.__dict__:
            _types[cls.key] = cls

    @classmethod
    @abstractmethod
    def read(cls, value: object, place: str) -> Self:
        """Of its JSON value, which stands at the pointer `place`. Raises Invalid."""

    @abstractmethod
    def holds(self, purchase: Purchase, line: Line | None, member: MemberFacts) -> bool:
        """Whether it holds for this line; `line` is None for what has no lines."""

    @abstractmethod
    def says(self) -> str:
        """What must hold, to follow "if": `the tier is gold or platinum`."""

    def asks(self) -> frozenset[Ask]:
        """Which facts it reads that cost a read."""
        return frozenset()

    def parts(self) -> Sequence[Condition]:
        """The conditions within it."""
        return ()


@cache
def types() -> dict[str, type[Condition]]:
    """Every type by its name: each file of this room that defines one."""
    package = __name__.rpartition(".")[0]
    for found in iter_modules(import_module(package).__path__):
        import_module(f"{package}.{found.name}")
    return _types


def read_condition(value: object, place: str) -> Condition:
    """The tree that `value` holds: `{"all": [{"sku": […]}, {"tier": […]}]}`.

    `place` is the JSON pointer of `value`, for the errors. Raises Invalid, also for a tree of
    more than 100 conditions, or 20 levels of JSON.
    """
    if _depth(value) > MOST_DEEP:  # before anything recurses into it
        raise refuse(place, "too_deep", f"At most {MOST_DEEP} levels are allowed.")
    tree = read_part(value, place)
    if size(tree) > MOST_CONDITIONS:
        raise refuse(place, "too_many", f"At most {MOST_CONDITIONS} conditions are allowed.")
    return tree


def read_part(value: object, place: str) -> Condition:
    """One condition within a tree. Raises Invalid."""
    if not isinstance(value, dict) or len(value) != 1:
        raise refuse(place, "not_a_condition", 'A condition is an object like {"sku": ["W-1"]}.')
    [(key, inner)] = value.items()
    known = types()
    if key not in known:
        raise refuse(
            f"{place}/{key}", "unknown_condition", f"Known are {', '.join(sorted(known))}."
        )
    return known[key].read(inner, f"{place}/{key}")


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level and depth <= MOST_DEEP:
        depth += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth


def size(tree: Condition) -> int:
    """How many conditions a tree has."""
    return 1 + sum(size(part) for part in tree.parts())


def asked(tree: Condition) -> frozenset[Ask]:
    """Every fact that a tree reads."""
    return tree.asks().union(*(asked(part) for part in tree.parts()))


def changes(tree: Condition) -> bool:
    """Whether it may hold for a purchase because of the one before."""
    return tree.by_the_last or any(changes(part) for part in tree.parts())


def first_unmet(
    tree: Condition, purchase: Purchase, lines: Sequence[Line], member: MemberFacts
) -> Condition:
    """The condition to name when `tree` holds for no line: within an `all`, the first that none
    of the lines meets for which those before it hold."""
    if tree.key == "all":
        for part in tree.parts():
            met = [line for line in lines if part.holds(purchase, line, member)]
            if not met:
                return first_unmet(part, purchase, lines, member)
            lines = met
    return tree
