"""The category tree, and what a program does with what it does not know."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.catalogue.rules import Catalogue, Product, Retailer, Unknown, lineage, unknown

_KNOWN = Catalogue({"r": Retailer("r", "R")}, {"s": Product("s", "S")})
_STEP = st.text("abc", min_size=1, max_size=3)


@pytest.mark.parametrize(
    ("category", "found"),
    [
        (None, ()),
        ("", ()),
        ("food", ("food",)),
        ("food/bread/rye", ("food/bread/rye", "food/bread", "food")),
    ],
)
def test_a_category_and_all_above_it(category: str | None, found: tuple[str, ...]) -> None:
    assert lineage(category) == found


@given(st.lists(_STEP, min_size=1, max_size=10))
def test_each_is_directly_below_the_next(steps: list[str]) -> None:
    found = lineage("/".join(steps))
    assert len(found) == len(steps)
    assert found[-1] == steps[0]
    for below, above in pairwise(found):
        assert below.rpartition("/")[0] == above


@pytest.mark.parametrize(
    ("retailer", "skus", "reject", "reason"),
    [
        ("r", ["s"], (True, True), None),
        (None, [], (True, True), None),
        (None, [None], (True, True), None),
        ("x", ["y"], (False, False), None),
        ("x", ["s"], (True, False), "unknown_retailer"),
        ("x", ["s"], (False, True), None),
        ("r", ["s", None, "y"], (False, True), "unknown_product"),
        ("r", ["y"], (True, False), None),
        ("x", ["y"], (True, True), "unknown_retailer"),
    ],
)
def test_what_is_not_known_is_refused_where_the_program_says_so(
    retailer: str | None, skus: list[str | None], reject: tuple[bool, bool], reason: str | None
) -> None:
    refused = unknown(_KNOWN, retailer, skus, reject_retailer=reject[0], reject_product=reject[1])
    assert (refused and refused.reason) == reason


def test_a_refusal_names_what_is_missing() -> None:
    refused = unknown(_KNOWN, "r", ["s", "y"], reject_retailer=True, reject_product=True)
    assert refused == Unknown("unknown_product", "The catalogue has no product 'y'.")
