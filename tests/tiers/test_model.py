"""Whatever happens in whatever order, members stand on the tiers that a few lines reckon."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from loyalty.audit.by import By
from loyalty.book.audit import audit, scopes
from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.members.enrol import NewMember
from loyalty.people.answer import member_answer
from loyalty.tiers.assign import assign_tier
from loyalty.transaction import across_tenants, transaction
from tests.earning.give_back.given import earned, returned, settled
from tests.opened import AT, joined
from tests.servers import Own
from tests.tenant import fresh_tenant
from tests.tiers.given import DAY, buy, review, windowed

TIERS = [("basic", 0), ("gold", 500), ("platinum", 1000)]
POINTS = st.sampled_from([1, 100, 400, 499, 500, 600, 1000])


def _a_year_later(day: date) -> date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:  # the 29th of February
        return day.replace(year=day.year + 1, day=28)


@dataclass(slots=True)
class Plain:
    """One member by whole days: what was gained on which, and the tier with its year."""

    fall: str
    today: date
    gains: list[tuple[date, int]] = field(default_factory=list)
    tier: int = 0
    until: date | None = None
    promised: date | None = None

    def figure(self, day: date) -> int:
        """The last twelve months."""
        return sum(points for gained, points in self.gains if gained <= day < _a_year_later(gained))

    def reached(self, day: date) -> int:
        return max(n for n, (_, least) in enumerate(TIERS) if self.figure(day) >= least)

    def year_from(self, day: date, tier: int) -> date | None:
        if not tier:
            return None
        end = _a_year_later(day)
        return max(end, self.promised) if self.promised else end

    def goes_on(self) -> None:
        """Years that have ended are judged by their last day."""
        while self.until is not None and self.until <= self.today:
            reached = min(self.tier, self.reached(self.until))
            if self.fall == "one_down":
                reached = max(reached, self.tier - 1)
            self.promised = None
            self.tier, self.until = reached, self.year_from(self.until, reached)

    def gains_on(self, day: date, points: int) -> None:
        """Up at once, as of today and as of the day itself."""
        self.goes_on()
        self.gains.append((day, points))
        tier, until = self.tier, self.until
        for start in (self.today, day):
            other = Plain(
                self.fall, self.today, self.gains, self.reached(start), None, self.promised
            )
            other.until = other.year_from(start, other.tier)
            other.goes_on()
            if other.tier > tier:
                tier, until = other.tier, other.until
        if tier > self.tier:
            ends = [one for one in (until, self.until) if one is not None]
            self.tier, self.until = tier, max(ends)


class Ladder(RuleBasedStateMachine):
    """Ann on a ladder of the last twelve months; everything happens at noon."""

    bought = Bundle("bought")

    @initialize(fall=st.sampled_from(["one_down", "to_balance"]), warn_days=st.integers(0, 60))
    def open_a_program(self, fall: str, warn_days: int) -> None:
        with across_tenants() as session:
            self.tenant = fresh_tenant(session)
        self.plain = Plain(fall, AT.date())
        with transaction(self.tenant.id) as session:
            self.program = windowed(
                session, window="rolling_12_months", fall=fall, warn_days=warn_days
            )
            joined(session, self.program)

    @property
    def now(self) -> datetime:
        return AT + (self.plain.today - AT.date())

    @rule(points=POINTS, late=st.sampled_from([0, 0, 1, 100, 300, 364, 366]))
    def buy(self, points: int, late: int) -> None:
        with transaction(self.tenant.id) as session:
            buy(session, self.program, str(points), self.now - late * DAY, at=self.now)
        self.plain.gains_on(self.plain.today - timedelta(days=late), points)

    @precondition(lambda self: self.plain.today == AT.date())
    @rule(target=bought, points=POINTS)
    def buy_to_return(self, points: int) -> object:
        with transaction(self.tenant.id) as session:
            key = earned(session, self.program, str(points))
        self.plain.gains_on(self.plain.today, points)
        return key, points, AT.date()

    @rule(purchase=bought)
    def bring_back(self, purchase: tuple[str, int, date]) -> None:
        key, points, day = purchase
        with transaction(self.tenant.id) as session:
            told = settled(session, self.program, returned(key), self.now)
        if told.points and (day, points) in self.plain.gains:
            self.plain.gains.remove((day, points))

    @rule(days=st.sampled_from([1, 30, 100, 300, 365, 366, 800]))
    def days_pass(self, days: int) -> None:
        if self.plain.today.year < AT.year + 8:
            self.plain.today += timedelta(days=days)

    @rule()
    def beat(self) -> None:
        with transaction(self.tenant.id) as session:
            review(session, self.program, self.now)
        self.plain.goes_on()

    @rule(tier=st.integers(0, 2), promise=st.sampled_from([None, 10, 500]))
    def assign(self, tier: int, promise: int | None) -> None:
        plain = self.plain
        until = None if promise is None else self.now + promise * DAY
        with transaction(self.tenant.id) as session:
            assign_tier(
                session,
                self.program,
                "ann",
                TIERS[tier][0],
                until,
                reason="tea",
                by=By("sue", None, self.now),
            )
        plain.promised = None if promise is None else plain.today + timedelta(days=promise)
        plain.tier, plain.until = tier, plain.year_from(plain.today, tier)

    @rule()
    def leave_and_come_back(self) -> None:
        with transaction(self.tenant.id) as session:
            leave(session, self.program, "ann", by=By("ann", None, self.now))
        self.plain.today += timedelta(days=1)
        with transaction(self.tenant.id) as session:
            join(session, self.program, NewMember("ann"), self.now)
        self.plain.gains.clear()
        self.plain.tier, self.plain.until, self.plain.promised = 0, None, None

    @invariant()
    def they_agree(self) -> None:
        if not hasattr(self, "plain"):
            return
        with transaction(self.tenant.id) as session:
            answer = member_answer(session, self.program, "ann", self.now)
        told = replace(self.plain)
        told.goes_on()
        until = answer.tier_until and answer.tier_until.date()
        assert (answer.tier.key, until) == (TIERS[told.tier][0], told.until)
        above = TIERS[told.tier + 1][1] if told.tier < len(TIERS) - 1 else None
        missing = None if above is None else max(0, above - told.figure(told.today))
        assert (answer.next_tier and answer.next_tier[1]) == missing
        keeps = told.until and max(0, TIERS[told.tier][1] - told.figure(told.until))
        assert (answer.keep and answer.keep.missing) == keeps

    def teardown(self) -> None:
        """In the end the audit is clean."""
        if hasattr(self, "tenant"):
            with across_tenants(snapshot=True) as session:
                *_, verdict = audit(session, scopes(session, self.tenant.slug, None))
            assert verdict.broken == []


@pytest.mark.timeout(300)
def test_members_stand_where_a_few_lines_say(database: Own) -> None:
    del database
    run_state_machine_as_test(
        Ladder, settings=settings(max_examples=40, stateful_step_count=25, deadline=None)
    )
