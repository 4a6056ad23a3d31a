"""Rules as YAML: what is written is what is read, and YAML's guesses do no harm."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.errors import Invalid
from loyalty.promotions.rules_file import MOST_CHARACTERS, from_yaml, to_yaml

_TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
_SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _TEXTS
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(document=st.dictionaries(_TEXTS, _VALUES, max_size=5))
def test_what_is_written_is_what_is_read(document: dict[str, Any]) -> None:
    assert from_yaml(to_yaml(document)) == document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: NO", "NO"),
        ("a: on", "on"),
        ("a: 17:00", "17:00"),
        ("a: 2026-06-01", "2026-06-01"),
        ("a: 2026-06-01T00:00:00Z", "2026-06-01T00:00:00Z"),
        ("a: 1.50", "1.50"),
        ("a: 0012", "0012"),
        ("a: 0x1f", "0x1f"),
        ("a: 1_000", "1_000"),
        ("a: -7", -7),
        ("a: 0", 0),
        ("a: true", True),
        ("a: ~", None),
        ("a:", None),
        ("a: [food/bread, '2']", ["food/bread", "2"]),
    ],
)
def test_three_guesses_are_left(text: str, value: object) -> None:
    assert from_yaml(text) == {"a": value}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: {c: 1, c: 2}", "'c' stands here twice, in line 2"),
        ("a: 1\n1: b", "1 is no name: put it in quotes, in line 2"),
        ("a: &x [1]\nb: *x", "Anchors are not read: write out what is meant"),
        ("a: [1\nb: 2", "in line"),
        ("a: !!python/object:os.system []", "could not determine a constructor"),
        ("- a", "holds no object"),
        ("a: " + "x" * MOST_CHARACTERS, "longer than"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        from_yaml(text)
    assert said in refused.value.detail


def test_small_things_stand_on_one_line() -> None:
    rule = {"when": {"category": ["food/bread"]}, "multiplier": "2"}
    assert to_yaml({"promotions": {"summer": {"name": "Summer", "rule": rule}}}) == (
        "promotions:\n"
        "  summer:\n"
        "    name: Summer\n"
        "    rule:\n"
        "      when:\n"
        "        category: [food/bread]\n"
        "      multiplier: '2'\n"
    )
