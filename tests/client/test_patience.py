"""How the client waits: bounded, growing, at least what it was asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty_client.patience import Patience, retry_after_s

_NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
_LUCK = st.floats(0, 1)


@given(tries=st.integers(1, 10_000), luck=_LUCK)
def test_a_pause_is_bounded(tries: int, luck: float) -> None:
    patience = Patience(first_pause_s=0.1, longest_pause_s=5)
    assert 0 <= patience.pause_s(tries, None, luck) <= 5


@given(tries=st.integers(1, 100), luck=_LUCK, asked_s=st.floats(0, 3600))
def test_a_pause_is_no_shorter_than_asked(tries: int, luck: float, asked_s: float) -> None:
    assert asked_s <= Patience().pause_s(tries, asked_s, luck) <= asked_s + 5


def test_pauses_double() -> None:
    patience = Patience(first_pause_s=0.1, longest_pause_s=5)
    pauses = [round(patience.pause_s(tries, None, 1), 3) for tries in range(1, 9)]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


@pytest.mark.parametrize("name", ["total_s", "attempt_s", "first_pause_s", "longest_pause_s"])
def test_no_time_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Patience(**{name: 0.0})


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("1", 1.0),
        (" 120 ", 120.0),
        ("soon", None),
        ("-1", None),
        ("²", None),
        (format_datetime(_NOW + timedelta(seconds=7), usegmt=True), 7.0),
        (format_datetime(_NOW - timedelta(seconds=7), usegmt=True), 0.0),
        ("Wed, 01 Jul 2026 12:00:05 -0000", 5.0),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, _NOW) == seconds
