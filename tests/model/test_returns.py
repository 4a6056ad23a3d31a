"""Whatever is bought, spent, brought back and left in whatever order, a few sums say the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from loyalty.audit.by import By
from loyalty.book.audit import audit, scopes
from loyalty.care.adjust import Adjust, adjust
from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.clock import now
from loyalty.earning.accept import TransactionMismatch
from loyalty.earning.give_back.accept import GiveBack, accept_return
from loyalty.earning.give_back.queries import find
from loyalty.ledger.account import InsufficientPoints
from loyalty.members.enrol import NewMember
from loyalty.members.queries import membership_of
from loyalty.redemption.redeem import Redeem
from loyalty.tasks.earning import judge
from loyalty.tasks.returns import settle_one
from loyalty.transaction import across_tenants, transaction
from tests.earning.give_back.given import items
from tests.earning.given import bought, open_ids, told
from tests.opened import balance, opened, redeemed
from tests.tenant import TestTenant, fresh_tenant

PARTS = st.lists(st.integers(1, 200), min_size=1, max_size=3)
POINTS = st.integers(1, 300)


@dataclass(slots=True)
class Bought:
    """A purchase of these parts, a line each, worth as many points. `left` of them can come back;
    `ended` were forfeited, `counted` of these were reckoned with."""

    parts: list[int]
    left: int
    back: set[int] = field(default_factory=set)
    posted: bool = False
    whole: bool = False
    ended: int = 0
    counted: int = 0
    joined: int = 0


@dataclass(slots=True)
class Back:
    """A return: of some lines, of an amount, or (neither) of all; None as long as it waits."""

    of: str
    lines: tuple[int, ...] | None
    amount: int | None
    outcome: tuple[str, int] | None = None


@dataclass(slots=True)
class Ann:
    """`lots` are [purchase or "", points], the oldest first."""

    lots: list[tuple[str, int]] = field(default_factory=list)
    owed: int = 0
    tier_points: int = 0
    joined: int = 0

    @property
    def available(self) -> int:
        return sum(points for _, points in self.lots)

    def gets(self, points: int, of: str = "") -> None:
        """What is owed is paid first."""
        paid = min(points, self.owed)
        self.owed -= paid
        self.tier_points += points
        if points > paid:
            self.lots.append((of, points - paid))

    def loses(self, points: int, of: str | None = None) -> int:
        """Points leave the lots, of one purchase or of any; returns how many there were."""
        missing, left = points, []
        for origin, there in self.lots:
            taken = min(missing, there) if of in {None, origin} else 0
            missing -= taken
            left.append((origin, there - taken))
        self.lots = [lot for lot in left if lot[1]]
        return points - missing


class Returns(RuleBasedStateMachine):
    """Every rule does the same to the book and to the sums."""

    purchases = Bundle("purchases")
    returns = Bundle("returns")

    @initialize()
    def open_a_program(self) -> None:
        with across_tenants() as session:
            self.tenant: TestTenant = fresh_tenant(session)
        self.ann = Ann()
        self.bought: dict[str, Bought] = {}
        self.back: dict[str, Back] = {}
        with transaction(self.tenant.id) as session:
            self.program = opened(session)
            join(session, self.program, NewMember("ann"), now(session))

    @rule(target=purchases, parts=PARTS, at_once=st.booleans())
    def buy(self, parts: list[int], at_once: bool) -> str:
        key = f"t-{len(self.bought)}"
        self.bought[key] = Bought(parts, sum(parts))
        if at_once:
            self.post(key)
        return key

    @rule(key=purchases)
    def post(self, key: str) -> None:
        one = self.bought[key]
        body = items(*((str(n), "1", str(part)) for n, part in enumerate(one.parts)))
        with transaction(self.tenant.id) as session:
            earn = bought(
                str(sum(one.parts)), key=key, body=body, occurred_at=self.program.created_at
            )
            told(session, self.program, earn, at=now(session))
        if not one.posted:
            one.posted, one.joined = True, self.ann.joined
            self.ann.gets(sum(one.parts), key)
        self.settle()

    @rule(target=returns, key=purchases, lines=st.none() | st.sets(st.integers(0, 2), min_size=1))
    def bring_lines_or_all_back(self, key: str, lines: set[int] | None) -> str:
        return self.bring_back(Back(key, None if lines is None else tuple(sorted(lines)), None))

    @rule(target=returns, key=purchases, amount=POINTS)
    def bring_an_amount_back(self, key: str, amount: int) -> str:
        return self.bring_back(Back(key, None, amount))

    def bring_back(self, one: Back) -> str:
        key = f"r-{len(self.back)}"
        self.back[key] = one
        self.send(key, one)
        self.settle()
        return key

    def send(self, key: str, one: Back, more: int = 0) -> None:
        lines = None if one.lines is None else {str(n): Decimal(1) for n in one.lines}
        amount = None if one.amount is None else Decimal(one.amount + more)
        order = GiveBack("till-1", one.of, key, lines, amount)
        with transaction(self.tenant.id) as session:
            accept_return(session, self.program.id, order, by=By("till", None, now(session)))

    @rule(key=returns)
    def send_a_return_again(self, key: str) -> None:
        one = self.back[key]
        self.send(key, one)
        if one.amount is not None:
            with pytest.raises(TransactionMismatch):
                self.send(key, one, more=1)
        self.settle()

    @rule(points=POINTS)
    def spend(self, points: int) -> None:
        with transaction(self.tenant.id) as session:
            if points > self.ann.available:
                with pytest.raises(InsufficientPoints):
                    redeemed(session, self.program, Redeem(points), at=now(session))
                return
            redeemed(session, self.program, Redeem(points), at=now(session))
        self.ann.loses(points)

    @rule(points=POINTS)
    def get(self, points: int) -> None:
        with transaction(self.tenant.id) as session:
            adjust(
                session,
                self.program,
                "ann",
                Adjust(points, "a gift"),
                by=By("test", None, now(session)),
            )
        self.ann.gets(points)

    @rule()
    def leave_and_come_back(self) -> None:
        with transaction(self.tenant.id) as session:
            at = now(session)
            leave(session, self.program, "ann", by=By("ann", None, at))
        with transaction(self.tenant.id) as session:
            join(session, self.program, NewMember("ann"), now(session))
        for origin, points in self.ann.lots:
            if origin:
                self.bought[origin].ended += points
        self.ann.lots, self.ann.tier_points = [], 0
        self.ann.joined += 1

    def settle(self) -> None:
        """The worker and the sums do what is open."""
        with transaction(self.tenant.id) as session:
            ids = open_ids(session)
        if ids:
            judge(self.tenant.id, ids)
        with transaction(self.tenant.id) as session:
            waiting = find(session, self.program.id, limit=200)
        for one in reversed(waiting):
            if not one.settled:
                settle_one(self.tenant.id, one.id)
        for back in self.back.values():
            if back.outcome is None and self.bought[back.of].posted:
                back.outcome = self.outcome(back, self.bought[back.of])

    def outcome(self, back: Back, one: Bought) -> tuple[str, int]:
        """What becomes of a return, and what it gives back."""
        refused = ("refused", 0)
        lines = set(back.lines or ())
        if one.whole or any(n >= len(one.parts) for n in lines) or lines & one.back:
            return refused
        if back.amount is not None:
            if back.amount > one.left:
                return refused
            points = back.amount
            one.whole = points == one.left
        else:
            one.back |= lines or set(range(len(one.parts)))
            one.whole = len(one.back) == len(one.parts)
            points = one.left if one.whole else sum(one.parts[n] for n in lines)
            points = min(points, one.left)
        one.left -= points
        self.take(back.of, one, points)
        return "settled", points

    def take(self, key: str, one: Bought, points: int) -> None:
        if one.joined == self.ann.joined:
            self.ann.tier_points -= min(points, self.ann.tier_points)
        points -= self.ann.loses(points, key)
        gone = min(points, one.ended - one.counted)
        one.counted += gone
        points -= gone
        self.ann.owed += points - self.ann.loses(points)

    @invariant()
    def they_agree(self) -> None:
        with transaction(self.tenant.id) as session:
            stands = balance(session, self.program)
            found = find(session, self.program.id, limit=200)
            membership_of(session, self.program.id, "ann")
        assert (stands.available, stands.owed) == (self.ann.available, self.ann.owed)
        assert {one.return_id: (one.status, one.points or 0) for one in found} == {
            key: one.outcome or ("waiting", 0) for key, one in self.back.items()
        }

    def teardown(self) -> None:
        """In the end the audit is clean, tier points and all."""
        if hasattr(self, "tenant"):
            with across_tenants(snapshot=True) as session:
                *_, verdict = audit(session, scopes(session, self.tenant.slug, None))
            assert verdict.broken == []


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("alone")
def test_returns_agree_with_a_few_sums() -> None:
    run_state_machine_as_test(
        Returns, settings=settings(max_examples=15, stateful_step_count=25, deadline=None)
    )
