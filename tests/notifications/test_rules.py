"""Milestones, addresses, languages, and when to try again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.notifications.rules import (
    address,
    again_after,
    day_ends,
    languages,
    last_day,
    milestone,
    one_line,
)

_POINTS = st.integers(0, 2**53 - 1)
_FEW = st.integers(0, 5000)


@pytest.mark.parametrize(
    ("before", "after", "every", "named", "told"),
    [
        (990, 1010, 1000, (), 1000),
        (990, 1000, 1000, (), 1000),
        (990, 999, 1000, (), None),
        (1000, 1010, 1000, (), None),
        (0, 3500, 1000, (), 3000),
        (0, 3500, None, (100, 500, 5000), 500),
        (0, 3500, 1000, (100, 3200), 3200),
        (0, 2**53 - 1, 2**53 - 1, (), 2**53 - 1),
        (5, 5, 1, (5,), None),
        (10, 5, 1, (7,), None),
        (0, 10, None, (), None),
    ],
)
def test_a_milestone_is_the_highest_that_was_passed(
    before: int, after: int, every: int | None, named: tuple[int, ...], told: int | None
) -> None:
    assert milestone(before, after, every, named) == told


@given(
    walk=st.lists(_FEW, min_size=1, max_size=30),
    every=st.none() | st.integers(1, 2000),
    named=st.lists(st.integers(1, 5000), max_size=5),
)
def test_in_whatever_steps_each_is_told_once_and_the_highest_always(
    walk: list[int], every: int | None, named: list[int]
) -> None:
    """The ledger says whether so many points were there before: here, the walk does."""
    told: list[int] = []
    for step, (before, after) in enumerate(zip([0, *walk], walk, strict=False)):
        passed = milestone(before, after, every, named)
        if passed is not None and max([0, *walk[:step]]) < passed:
            told.append(passed)
    assert told == sorted(set(told))
    assert max(told, default=None) == milestone(0, max(walk), every, named)


@given(_POINTS, _POINTS, st.integers(1, 2**53 - 1), st.lists(_POINTS, max_size=4))
def test_a_milestone_lies_in_the_step(
    before: int, after: int, every: int, named: list[int]
) -> None:
    told = milestone(before, after, every, named)
    assert told is None or (before < told <= after and (told % every == 0 or told in named))


def test_tries_end_after_two_days() -> None:
    waits: list[timedelta] = []
    while (wait := again_after(len(waits) + 1)) is not None:
        waits.append(wait)
    assert waits == sorted(waits)
    assert waits[0] == timedelta(minutes=1)
    assert timedelta(days=1) < sum(waits, timedelta()) < timedelta(days=2)


@pytest.mark.parametrize(
    ("told", "plain"),
    [
        ("ann@example.com", "ann@example.com"),
        (" ann@example.com ", "ann@example.com"),
        ("a.n+n's@mail.example.co.uk", "a.n+n's@mail.example.co.uk"),
        ("ann@münchen.example", "ann@xn--mnchen-3ya.example"),
        ("ann@example.com\r\nBcc: eve@example.com", None),
        ("ann@example.com, eve@example.com", None),
        ("ann@example.com;eve@example.com", None),
        ("<ann@example.com>", None),
        ("Ann <ann@example.com>", None),
        ("ann @example.com", None),
        ("ann@example", None),
        ("ann@@example.com", None),
        ('"a b"@example.com', None),
        (".ann@example.com", None),
        ("ann..x@example.com", None),
        ("ann@-example.com", None),
        ("ann@example..com", None),
        ("änn@example.com", None),
        ("@example.com", None),
        ("ann@", None),
        ("", None),
        ("a" * 65 + "@example.com", None),
        ("ann@" + ".".join(["a" * 63] * 4) + ".com", None),
        ("ann@example.com\n", None),
        ("ann\x00@example.com", None),
        (7, None),
        (None, None),
        (["ann@example.com"], None),
    ],
)
def test_an_address_carries_nothing_else(told: object, plain: str | None) -> None:
    assert address(told) == plain


@given(st.text(max_size=100))
def test_whatever_is_told_an_address_is_one_plain_word(told: str) -> None:
    plain = address(told)
    if plain is not None:
        assert plain.isascii()
        assert plain.count("@") == 1
        assert not set(plain) & set(' \t\r\n<>(),;:\\"[]\x00')


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
    assert one_line(one_line(text)) == one_line(text)


@pytest.mark.parametrize(
    ("wished", "order"),
    [
        (("de-AT", "fr", "en"), ["de-AT", "de", "fr", "en"]),
        (("de_at", "de"), ["de-AT", "de"]),
        (("DE",), ["de"]),
        ((None, 7, "", "x", "de-", "en"), ["en"]),
        (("deutsch",), []),
    ],
)
def test_languages_fall_back(wished: tuple[object, ...], order: list[str]) -> None:
    assert languages(*wished) == order


def test_what_ends_at_midnight_was_good_the_day_before() -> None:
    new_year = datetime(2026, 12, 31, 23, tzinfo=UTC)  # midnight in Paris
    assert last_day(new_year, "Europe/Paris") == date(2026, 12, 31)
    assert last_day(new_year + timedelta(seconds=1), "Europe/Paris") == date(2027, 1, 1)


@given(st.integers(0, 4_000_000_000))
def test_an_end_lies_in_its_last_day(seconds: int) -> None:
    until = datetime.fromtimestamp(seconds, UTC)
    for zone in ("UTC", "Pacific/Apia", "America/Sao_Paulo", "Europe/Paris"):
        begins, ends = day_ends(last_day(until, zone), zone)
        assert begins < until <= ends
