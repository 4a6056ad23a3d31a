"""Two inputs are one when their values are."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.idempotency.rules import input_hash

_NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
_SAME_NOON = datetime(2026, 7, 1, 14, tzinfo=timezone(timedelta(hours=2)))
_ID = UUID("01a1fe22-2989-7000-9f3a-668cc166d1f1")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (Decimal("12.5"), Decimal("12.50")),
        (Decimal("100"), Decimal("1E+2")),
        (5, 5.0),
        (5, Decimal("5.0000")),
        (0, -0.0),
        (0.5, Decimal("0.50")),
        (_NOON, _SAME_NOON),
        ([1, 2], (1, 2)),
    ],
)
def test_same_values_are_the_same_input(one: object, other: object) -> None:
    assert input_hash(one) == input_hash(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"b": 1}),
        ({"a": None}, {}),
        (1, "1"),
        (1, True),
        (0, None),
        (Decimal("12.5"), "12.5"),
        (Decimal("12.5"), Decimal("12.51")),
        (Decimal("12.5"), {"decimal": "12.5"}),
        (_NOON, "2026-07-01T12:00:00+00:00"),
        (_NOON, _NOON + timedelta(microseconds=1)),
        (date(2026, 7, 1), "2026-07-01"),
        (_ID, str(_ID)),
        ([1, 2], [2, 1]),
        ([[1], 2], [1, [2]]),
        ("é", "e\u0301"),
    ],
)
def test_other_values_are_another_input(one: object, other: object) -> None:
    assert input_hash(one) != input_hash(other)


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="set has no canonical form"):
        input_hash({"a": {1, 2}})


_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(_VALUES)
def test_every_value_has_one_hash(value: object) -> None:
    assert input_hash(value) == input_hash(value)
    assert len(input_hash(value)) == 32
