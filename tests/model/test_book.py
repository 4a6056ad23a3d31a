"""Whatever is done in whatever order, the real book agrees with a plain one after every step."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from loyalty.ledger.rules import MAX_POINTS
from loyalty.redemption.cancel import cancel
from loyalty.redemption.capture import capture
from loyalty.redemption.release import release
from tests.model.plain import (
    PlainBook,
    PlainLot,
    PlainMember,
    PlainPurchase,
    PlainSpending,
    instant,
)
from tests.model.real import RealBook, Standing

NAMES = st.sampled_from(["ann", "bob", "carl", "dora"])
POINTS = st.one_of(
    st.integers(1, 700), st.sampled_from([1, 499, 500, 999, 1000, MAX_POINTS - 1, MAX_POINTS])
)
#: Less than what is parked waits at most.
MOST_DAYS = 80
#: A purchase's amount in USD has at most 12 digits before the point.
PRICES = st.one_of(st.integers(1, 700), st.sampled_from([500, 1000, 999_999_999_999]))


class Book(RuleBasedStateMachine):
    """Every rule does the same to both books and compares what they answer."""

    purchases = Bundle("purchases")
    burns = Bundle("burns")
    spendings = Bundle("spendings")

    @initialize()
    def open_a_program(self) -> None:
        """Carl is a stranger, the others have joined."""
        self.real = RealBook()
        self.plain = PlainBook({name: PlainMember() for name in ("ann", "bob", "carl", "dora")})
        self.keys = 0
        for name in ("ann", "bob", "dora"):
            self.join(name)

    def key(self) -> str:
        self.keys += 1
        return f"k{self.keys:04}"

    def member(self, name: str) -> PlainMember:
        return self.plain.member(name)

    def settle(self, workers: int = 1) -> None:
        self.real.settle(workers=workers)
        self.plain.settles()

    @rule(target=purchases, name=NAMES, points=PRICES, at_once=st.integers(1, 3))
    def earn(self, name: str, points: int, at_once: int) -> object:
        key = self.key()
        [purchase] = self.real.earn_at_once(name, points, key, servers=at_once)
        self.plain.purchases[key] = PlainPurchase(name, points, self.plain.day)
        self.settle(workers=at_once)
        return key, purchase

    @rule(target=purchases, name=NAMES, points=PRICES)
    def earn_several_in_one_batch(self, name: str, points: int) -> object:
        stored = []
        for who in (name, "ann", name):
            key = self.key()
            stored.append((key, self.real.earn(who, points, key).id))
            self.plain.purchases[key] = PlainPurchase(who, points, self.plain.day)
        self.settle()
        return multiple(*stored)

    @rule(name=NAMES, visits=st.integers(1, 5))
    def visit(self, name: str, visits: int) -> None:
        for _ in range(visits):
            key = self.key()
            self.real.visit(name, key)
            self.plain.purchases[key] = PlainPurchase(name, 0, self.plain.day)
        self.settle()

    @rule(purchase=purchases)
    def repeat(self, purchase: tuple[str, object]) -> None:
        key, first = purchase
        known = self.plain.purchases[key]
        again = self.real.earn(known.member, known.points, key)
        assert (again.id, again.fresh, again.same) == (first, False, True)
        self.settle()

    @rule(purchase=purchases)
    def contradict(self, purchase: tuple[str, object]) -> None:
        key, first = purchase
        known = self.plain.purchases[key]
        other = self.real.earn(known.member, known.points + 1, key)
        assert (other.id, other.fresh, other.same) == (first, False, False)
        self.settle()

    @rule(target=burns, name=NAMES, points=POINTS)
    def burn(self, name: str, points: int) -> object:
        key = self.key()
        told = self.real.burn(name, points, key)
        outcome = self.member(name).spends(points, self.plain.day)
        left = f"redeemed, {self.member(name).available(self.plain.day)} left"
        assert told == (left if outcome == "redeemed" else outcome)
        stored = outcome in {"redeemed", "not_active", "insufficient_points"}
        return (name, points, key, told) if stored else multiple()

    @rule(burn=burns)
    def burn_again_under_the_same_key(self, burn: tuple[str, int, str, str]) -> None:
        name, points, key, told = burn
        assert self.real.burn(name, points, key) == told
        assert self.real.burn(name, points + 1, key) == "idempotency_mismatch"

    @rule(name=NAMES, points=st.integers(1, 400), servers=st.integers(2, 6))
    def burn_at_once(self, name: str, points: int, servers: int) -> None:
        told = self.real.burn_at_once(name, points, [self.key() for _ in range(servers)])
        day = self.plain.day
        expected = [self.member(name).spends(points, day) for _ in range(servers)]
        assert sorted(one.partition(",")[0] for one in told) == sorted(expected)

    @rule(names=st.lists(NAMES, min_size=2, max_size=5), points=st.integers(1, 400))
    def burn_together(self, names: list[str], points: int) -> None:
        told = self.real.burn_together(names, points, [self.key() for _ in names])
        day = self.plain.day
        for name, one in zip(names, told, strict=True):
            outcome = self.member(name).spends(points, day)
            left = f"redeemed, {self.member(name).available(day)} left"
            assert one == (left if outcome == "redeemed" else outcome)

    @rule(
        target=spendings,
        name=NAMES,
        points=st.integers(1, 700),
        hold_days=st.one_of(st.none(), st.integers(1, 12)),
    )
    def spend_or_hold(self, name: str, points: int, hold_days: int | None) -> object:
        member, day = self.member(name), self.plain.day
        told = self.real.spend(name, points, self.key(), hold_days)
        refusal = member.refuses(points, day)
        if refusal is not None:
            assert told == refusal
            return multiple()
        paid = member.loses(points, day)
        if hold_days is None:
            return told, PlainSpending(name, points, paid, instant(), spent=points)
        one = PlainSpending(name, points, paid, instant(), day + hold_days, "held")
        member.holds.append(one)
        return told, one

    @rule(one=spendings, points=st.one_of(st.none(), st.integers(1, 400)))
    def capture(self, one: tuple[UUID, PlainSpending], points: int | None) -> None:
        redemption, plain = one
        told = self.real.go_on(
            redemption, lambda session, by: capture(session, redemption, points, by)
        )
        assert told == self.plain.captures(plain, points)

    @rule(one=spendings)
    def set_free(self, one: tuple[UUID, PlainSpending]) -> None:
        redemption, plain = one
        told = self.real.go_on(redemption, lambda session, by: release(session, redemption, by))
        assert told == self.plain.sets_free(plain)

    @rule(one=spendings, points=st.one_of(st.none(), st.integers(1, 400)))
    def cancel(self, one: tuple[UUID, PlainSpending], points: int | None) -> None:
        redemption, plain = one
        told = self.real.go_on(
            redemption, lambda session, by: cancel(session, redemption, points, None, by)
        )
        assert told == self.plain.cancels(plain, points)

    @rule(name=NAMES, points=POINTS, sign=st.sampled_from([1, -1]))
    def adjust(self, name: str, points: int, sign: int) -> None:
        member, day = self.member(name), self.plain.day
        if member.status == "unknown":
            expected = "not_enrolled"
        elif member.status == "cancelled":
            expected = "not_active"
        elif sign > 0:
            before = member.lots
            member.forgets_expired(day)
            expected = "adjusted" if member.takes(PlainLot(points)) else "account_full"
            member.lots = member.lots if expected == "adjusted" else before
        elif points > member.available(day):
            expected = "insufficient_points"
        else:
            expected = "adjusted"
            member.loses(points, day)
        assert self.real.adjust(name, sign * points) == expected

    @precondition(lambda self: self.plain.day < MOST_DAYS)
    @rule(days=st.integers(1, 9), beat=st.booleans())
    def days_pass(self, days: int, beat: bool) -> None:
        self.real.days_pass(days)
        self.plain.day += days
        if beat:
            self.real.beat()
            for member in self.plain.members.values():
                member.forgets_expired(self.plain.day)
                member.lapses(self.plain.day)

    @rule(purchase=purchases)
    def release(self, purchase: tuple[str, UUID]) -> None:
        key, earn = purchase
        assert self.real.release(earn) == self.plain.releases(key)

    @rule(name=NAMES)
    def join(self, name: str) -> None:
        expected = "joined" if self.member(name).joins() else "already_enrolled"
        assert self.real.join(name) == expected
        if expected == "joined":
            self.plain.goes_on(name)
        self.settle()

    @rule(name=NAMES)
    def leave(self, name: str) -> None:
        expected = "not_enrolled" if self.member(name).status == "unknown" else "left"
        self.member(name).leaves()
        assert self.real.leave(name) == expected

    @rule(name=NAMES)
    def leave_and_come_back(self, name: str) -> None:
        self.leave(name)
        self.join(name)

    @rule(name=NAMES, active=st.booleans())
    def suspend_or_reinstate(self, name: str, active: bool) -> None:
        member = self.member(name)
        refusals = {"unknown": "not_enrolled", "cancelled": "not_active"}
        assert self.real.turn(name, active=active) == refusals.get(member.status, "turned")
        if member.status not in refusals:
            if active and member.status == "suspended":
                self.plain.goes_on(name)
            member.status = "active" if active else "suspended"
        self.settle()

    @rule(giver=NAMES, taker=NAMES, points=POINTS)
    def transfer(self, giver: str, taker: str, points: int) -> None:
        expected = self.member(giver).gives(self.member(taker), points, self.plain.day)
        assert self.real.transfer(giver, taker, points) == expected

    @rule(absorbed=st.sampled_from(["carl", "dora"]), survivor=NAMES)
    def merge(self, absorbed: str, survivor: str) -> None:
        if self.member(absorbed).visits:
            return  # what both have counted is tried in tests/care
        expected = self.plain.merges(absorbed, survivor)
        told, _ = self.real.merge(absorbed, survivor)
        assert told == expected
        self.settle()

    @rule(absorbed=NAMES, survivor=NAMES)
    def merge_and_take_it_back(self, absorbed: str, survivor: str) -> None:
        waits = self.plain.waits(absorbed) or self.plain.waits(survivor)
        if waits and self.member(absorbed).visits:
            return  # they stay one, and what both have counted is tried in tests/care
        expected = (self.plain.merges if waits else self.plain.would_merge)(absorbed, survivor)
        told, merge = self.real.merge(absorbed, survivor)
        assert told == expected
        if merge is not None:
            assert self.real.undo(merge) == ("merge_touched" if waits else "undone")
        self.settle()

    @rule(paused=st.booleans())
    def pause_or_resume(self, paused: bool) -> None:
        self.real.pause(paused=paused)
        self.plain.paused = paused
        self.settle()

    @invariant()
    def they_agree(self) -> None:
        assert self.real.standings() == {
            name: Standing(
                one.status,
                one.tier,
                one.lifetime,
                one.tier_points,
                one.pending(self.plain.day),
                one.available(self.plain.day),
                one.held,
            )
            for name, one in self.plain.members.items()
            if one.status != "unknown" and name not in self.plain.merged
        }
        assert self.real.statuses() == {
            key: purchase.status
            for key, purchase in self.plain.purchases.items()
            if purchase.posted
        }

    def teardown(self) -> None:
        """In the end the audit is clean."""
        if hasattr(self, "real"):
            self.real.beat()
            assert self.real.first_broken() is None


@pytest.mark.timeout(300)  # it takes half a minute, but a failure is made small first
@pytest.mark.usefixtures("alone")
def test_the_book_agrees_with_a_plain_one() -> None:
    run_state_machine_as_test(
        Book, settings=settings(max_examples=20, stateful_step_count=40, deadline=None)
    )
