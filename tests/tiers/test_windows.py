"""Windows, periods and falls: what counts on which day, and what a period's end does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.programs.settings import TierPeriod, TierPolicy
from loyalty.tiers.rules import (
    INSTANT,
    Amount,
    Held,
    Ladder,
    Progress,
    Tier,
    figure,
    first_day,
    keep,
    period_end,
    raised,
    reviewed,
    settled,
)

TIERS = (Tier("basic", "Basic", 0), Tier("gold", "Gold", 500), Tier("platinum", "Platinum", 1000))
JOINED = date(2025, 3, 10)
START = datetime(2026, 1, 1, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")


def ladder(
    window: Literal["ever", "since_joining", "calendar_year", "rolling_12_months"] = "ever",
    fall: Literal["never", "one_down", "to_balance"] = "to_balance",
    period: TierPeriod = TierPeriod(),  # noqa: B008 - a constant
    warn_days: int = 30,
) -> Ladder:
    """A ladder of the default tiers."""
    policy = TierPolicy(window, "points", fall, period, warn_days)
    return Ladder(TIERS, policy, PARIS, "EUR", 0)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "today", "first"),
    [
        ("ever", "2026-11-21", "0001-01-01"),
        ("since_joining", "2026-11-21", "2025-03-10"),
        ("calendar_year", "2026-11-21", "2026-01-01"),
        ("rolling_12_months", "2026-11-21", "2025-11-22"),
        ("rolling_12_months", "2028-02-29", "2027-03-01"),
        ("rolling_12_months", "2029-02-27", "2028-02-28"),
        ("rolling_12_months", "2029-02-28", "2028-03-01"),
    ],
)
def test_the_first_day_that_counts(
    window: Literal["ever", "since_joining", "calendar_year", "rolling_12_months"],
    today: str,
    first: str,
) -> None:
    told = first_day(ladder(window), JOINED, date.fromisoformat(today))
    assert told == date.fromisoformat(first)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (TierPeriod(), "2026-03-10T08:00", "2027-03-10T08:00"),
        (TierPeriod("months", 1), "2026-01-31T12:00", "2026-02-28T12:00"),
        (TierPeriod("months", 3), "2026-03-01T12:00", "2026-06-01T11:00"),  # summer time in Paris
        (TierPeriod("end_of_year"), "2026-03-10T08:00", "2026-12-31T23:00"),
        (TierPeriod("end_of_year"), "2026-12-31T23:00", "2027-12-31T23:00"),  # new year in Paris
        (TierPeriod("end_of_next_year"), "2026-03-10T08:00", "2027-12-31T23:00"),
    ],
)
def test_when_a_period_ends(period: TierPeriod, start: str, end: str) -> None:
    assert period_end(ladder(period=period), _at(start)) == _at(end)


def test_what_occurs_on_the_last_evening_counts_for_that_year() -> None:
    year = ladder("calendar_year", period=TierPeriod("end_of_year"))
    progress = Progress({date(2026, 12, 31): 500}, JOINED)
    late = raised(year, Held("basic", START), progress, _at("2026-12-31T22:59"), _at("2027-01-01"))
    assert late is not None
    assert (late.key, late.until) == ("gold", _at("2027-12-31T23:00"))
    assert (
        raised(year, Held("basic", START), progress, _at("2027-01-01"), _at("2027-01-01")) is None
    )


@pytest.mark.parametrize(
    ("fall", "total", "keys"),
    [
        ("never", 0, ["platinum", "platinum"]),
        ("one_down", 0, ["gold", "basic"]),
        ("one_down", 500, ["gold", "gold"]),
        ("one_down", 1000, ["platinum", "platinum"]),
        ("to_balance", 0, ["basic", "basic"]),
        ("to_balance", 500, ["gold", "gold"]),
    ],
)
def test_what_a_periods_end_does(
    fall: Literal["never", "one_down", "to_balance"], total: int, keys: list[str]
) -> None:
    steps = ladder("ever", fall)
    held = settled(steps, Held("platinum", START), START)
    progress = Progress({JOINED: total}, JOINED)
    told = []
    for year in (1, 2):
        held = reviewed(steps, held, progress, START + timedelta(days=366 * year))
        told.append(held.key)
    assert told == keys


def test_what_one_day_raised_lasts_a_year_whichever_day_it_was() -> None:
    year = ladder("rolling_12_months")
    for number in range(4 * 366):  # 29 February 2028 among them
        bought = START + timedelta(days=number, hours=12)
        progress = Progress({bought.date(): 500}, JOINED)
        held = raised(year, Held("basic", START), progress, bought, bought)
        assert held is not None
        assert held.until is not None
        last = reviewed(year, held, progress, held.until - INSTANT)
        then = reviewed(year, held, progress, held.until)
        assert (last.key, then.key) == ("gold", "basic"), bought


def test_a_promise_outlasts_the_period() -> None:
    year = ladder(period=TierPeriod("months", 1))
    promised = settled(year, Held("gold", START, protected_until=_at("2026-06-15")), START)
    nothing = Progress({}, JOINED)
    assert promised.until == _at("2026-06-15")
    assert reviewed(year, promised, nothing, _at("2026-06-14T23:59")) == promised
    assert reviewed(year, promised, nothing, _at("2026-06-15")).key == "basic"


def test_to_warn_comes_first() -> None:
    held = settled(ladder(warn_days=30), Held("gold", START), START)
    assert held.until is not None
    assert held.review_at == held.until - timedelta(days=30)
    assert settled(ladder(warn_days=0), Held("gold", START), START).review_at == held.until
    monthly = settled(ladder(period=TierPeriod("months", 1), warn_days=60), held, START)
    assert monthly.review_at == held.until - timedelta(days=60)
    short = ladder(period=TierPeriod("months", 1), warn_days=60)
    assert settled(short, Held("gold", START), START).review_at == START


ladders = st.builds(
    ladder,
    st.sampled_from(("ever", "since_joining", "calendar_year", "rolling_12_months")),
    st.sampled_from(("never", "one_down", "to_balance")),
    st.builds(
        TierPeriod,
        st.sampled_from(("months", "end_of_year", "end_of_next_year")),
        st.integers(1, 24),
    ),
    st.integers(0, 90),
)
days = st.dictionaries(
    st.dates(date(2025, 1, 1), date(2029, 12, 31)), st.integers(0, 1200), max_size=12
)
progresses = st.builds(Progress, days, st.just(JOINED))
instants = st.integers(0, 4 * 365 * 24).map(lambda hours: START + timedelta(hours=hours))
keys = st.sampled_from(("basic", "gold", "platinum"))


@st.composite
def holdings(draw: st.DrawFn) -> tuple[Ladder, Held]:
    """A ladder, and a tier that somebody holds on it since some instant."""
    steps = draw(ladders)
    promised = draw(st.none() | instants)
    start = draw(instants)
    held = Held(draw(keys), start, protected_until=promised)
    return steps, settled(steps, held, start)


@given(holdings(), progresses, instants)
def test_a_tier_never_drops_before_its_period_ends(
    holding: tuple[Ladder, Held], progress: Progress, at: datetime
) -> None:
    steps, held = holding
    after = reviewed(steps, held, progress, at)
    if held.until is None or at < held.until:
        assert after == held
    else:
        assert after.until is None or after.until > at
        assert steps.threshold(after.key) <= steps.threshold(held.key)
    if held.protected_until is not None and at < held.protected_until:
        assert after.key == held.key


@given(holdings(), progresses, instants, instants)
def test_it_does_not_matter_how_often_or_how_late_it_is_looked_at(
    holding: tuple[Ladder, Held], progress: Progress, one: datetime, other: datetime
) -> None:
    steps, held = holding
    first, last = sorted((one, other))
    then = reviewed(steps, held, progress, first)
    assert reviewed(steps, then, progress, last) == reviewed(steps, held, progress, last)
    assert reviewed(steps, then, progress, first) == then


@given(holdings(), progresses, instants, st.dates(date(2025, 1, 1), date(2029, 12, 31)))
def test_who_gains_more_stands_no_lower(
    holding: tuple[Ladder, Held], progress: Progress, at: datetime, day: date
) -> None:
    steps, held = holding
    more = replace(progress, days={**progress.days, day: progress.days.get(day, 0) + 700})
    fewer_then = reviewed(steps, held, progress, at)
    more_then = reviewed(steps, held, more, at)
    assert steps.threshold(more_then.key) >= steps.threshold(fewer_then.key)


@given(holdings(), progresses, instants)
def test_one_down_is_one_down(
    holding: tuple[Ladder, Held], progress: Progress, at: datetime
) -> None:
    steps, held = holding
    order = [tier.key for tier in TIERS]
    steps = replace(steps, policy=replace(steps.policy, fall="one_down"))
    if held.until is not None and held.until <= at < period_end(steps, held.until):
        after = reviewed(steps, held, progress, at)
        assert order.index(held.key) - order.index(after.key) <= 1


@given(holdings(), progresses, instants, instants)
def test_a_rise_takes_nothing_away(
    holding: tuple[Ladder, Held], progress: Progress, occurred_at: datetime, at: datetime
) -> None:
    steps, held = holding
    risen = raised(steps, held, progress, occurred_at, at)
    total = figure(steps, progress, steps.day(at))
    if risen is None:
        assert total < 500 or steps.threshold(held.key) >= (1000 if total >= 1000 else 500)
        return
    assert steps.threshold(risen.key) > steps.threshold(held.key)
    assert risen.since == at
    if steps.policy.fall == "never":
        assert risen.until is None
    else:
        assert risen.until is not None
        assert risen.until > at
        assert held.until is None or risen.until >= held.until


@given(holdings(), progresses)
def test_who_gains_what_is_missing_keeps_the_tier(
    holding: tuple[Ladder, Held], progress: Progress
) -> None:
    steps, held = holding
    told = keep(steps, held, progress)
    if told is None:
        assert held.until is None
        return
    assert told.by == held.until
    last = steps.day(told.by - timedelta(microseconds=1))
    gained: dict[date, Amount] = {**progress.days}
    gained[last] = gained.get(last, 0) + told.missing
    assert reviewed(steps, held, replace(progress, days=gained), told.by).key == held.key
    if told.missing:
        gained[last] -= 1
        assert reviewed(steps, held, replace(progress, days=gained), told.by).key != held.key
