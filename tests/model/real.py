"""The real book behind the same few verbs: each is a transaction, or several at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.book.audit import audit, scopes
from loyalty.care.adjust import Adjust, adjust
from loyalty.care.join import join
from loyalty.care.leave import leave
from loyalty.care.merge import Merge, merge
from loyalty.care.suspend import reinstate, suspend
from loyalty.care.transfer import Transfer, transfer
from loyalty.care.undo_merge import undo_merge
from loyalty.earning.accept import Accepted
from loyalty.errors import Problem
from loyalty.idempotency.once import Answer
from loyalty.lifecycle.activate import activate_earn
from loyalty.lifecycle.lapse import lapse_some
from loyalty.lifecycle.move_due import Place, move_due
from loyalty.members.enrol import NewMember
from loyalty.people.answer import member_answer
from loyalty.programs.life_of_points import Expiry, Pending
from loyalty.programs.pause import pause_program, resume_program
from loyalty.programs.settings import ProgramSettings
from loyalty.redemption.burn import Key
from loyalty.redemption.queries import redemption_of
from loyalty.redemption.redeem import Burn, Redeem, Redeemed, redeem_together
from loyalty.tasks.earning import judge
from loyalty.tenants.advance_clock import advance_clock
from loyalty.tenants.rules import Duration
from loyalty.transaction import across_tenants, brief, present, transaction
from loyalty.web.burns import spend_now
from tests.campaigns.given import running
from tests.earning.given import bought, open_ids, told
from tests.model.plain import BONUS, LIVES, ROUNDS, VISITS, WAITS
from tests.opened import opened
from tests.tenant import TestTenant, fresh_tenant

_STANDINGS = text(
    "SELECT m.member_id, ms.status, ms.tier_key, a.lifetime, a.tier_points"
    " FROM membership ms JOIN member m ON m.id = ms.member_id"
    " JOIN account a ON a.id = ms.account_id WHERE ms.status <> 'merged'"
)
_STATUSES = text(
    "SELECT a.transaction_id, CASE WHEN w.activity_id IS NOT NULL THEN 'awarded'"
    "  ELSE coalesce(s.status, 'accepted') END AS status"
    " FROM activity a LEFT JOIN award w ON w.activity_id = a.id"
    " LEFT JOIN setback s ON s.activity_id = a.id WHERE a.kind <> 'bonus'"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database says of a member."""

    status: str
    tier: str
    lifetime: int
    tier_points: int
    pending: int
    available: int
    held: int


class RealBook:
    """The program of a sandbox, whose clock goes forward by days."""

    def __init__(self) -> None:
        with across_tenants() as session:
            self.tenant: TestTenant = fresh_tenant(session, sandbox=True)
        settings = ProgramSettings(pending=Pending(days=WAITS), expiry=Expiry("days", LIVES))
        with transaction(self.tenant.id) as session:
            self.program = opened(session, settings=settings)
            rewards = [{"kind": "points", "points": BONUS}]
            visits = {"kind": "visit", "times": VISITS}
            running(session, self.program, visits, rewards=rewards, times=ROUNDS)
        self.bought_at: dict[str, datetime] = {}

    def now(self) -> datetime:
        """The sandbox's present instant."""
        return present(self.tenant.id)

    def days_pass(self, days: int) -> None:
        """The sandbox's clock goes forward."""
        by = Duration(0, timedelta(days=days))
        with transaction(self.tenant.id) as session:
            advance_clock(session, by, actor="-", request_id=None)

    def beat(self) -> None:
        """Ticks until nothing is due: lots move, and holds lapse."""
        while self._tick():
            pass

    def _tick(self) -> int:
        """One walk through what is due; returns how many lots it moved and holds it ended."""
        place: Place | None = Place()
        done = 0
        while place:
            with transaction(self.tenant.id) as session:
                moved = move_due(session, place, self.now(), most=3)
            place = moved.ended
            done += moved.activated + moved.expired
        with transaction(self.tenant.id) as session:
            return done + lapse_some(session, self.now(), most=2)

    def release(self, earn: UUID) -> str:
        """`released`, or the code of the refusal."""
        try:
            with transaction(self.tenant.id) as session:
                activate_earn(session, earn, by=By("-", None, self.now()))
        except Problem as problem:
            return problem.code
        return "released"

    def earn(self, name: str, points: int, key: str) -> Accepted:
        """As intake stores a purchase; posted again it is of the same instant."""
        at = self.now()
        earn = bought(str(points), name, key=key, occurred_at=self.bought_at.setdefault(key, at))
        with transaction(self.tenant.id) as session:
            [accepted] = told(session, self.program, earn, at=at)
        return accepted

    def visit(self, name: str, key: str) -> UUID:
        """As intake stores a visit."""
        at = self.now()
        one = replace(
            bought(member_id=name, key=key, occurred_at=at),
            kind="visit",
            amount=None,
            currency=None,
        )
        with transaction(self.tenant.id) as session:
            [accepted] = told(session, self.program, one, at=at)
        return accepted.id

    def settle(self, *, workers: int = 1) -> None:
        """Judges all that is open, and what was won by it, by several workers at once if asked."""
        before: list[UUID] = []
        while True:
            with transaction(self.tenant.id) as session:
                ids = open_ids(session)
            if ids == before:  # nothing, or what waits for a paused program
                return
            before = ids
            _at_once(workers, lambda ids=ids: judge(self.tenant.id, ids))  # type: ignore[misc]

    def burn(self, name: str, points: int, key: str) -> str:
        """`redeemed`, or the code of the refusal; then what is left or was missing."""
        try:
            return self._redeem(name, Redeem(points), key, _tell).body
        except Problem as problem:
            return problem.code

    def burn_together(self, names: list[str], points: int, keys: list[str]) -> list[str]:
        """Burns in one transaction, and then those that had to wait; what `burn` tells of each."""
        burns = [
            self._burn(name, Redeem(points), key, _tell)
            for name, key in zip(names, keys, strict=True)
        ]
        with brief(self.tenant.id) as statements:
            outcomes = redeem_together(statements, burns)
        told = []
        for burn, outcome in zip(burns, outcomes, strict=True):
            if isinstance(outcome, Answer):
                told.append(outcome.body)
            elif isinstance(outcome, Problem):
                told.append(outcome.code)
            else:
                told.append(self.burn(burn.member_id, points, burn.under.key))
        return told

    def _redeem(
        self, name: str, order: Redeem, key: str, tell: Callable[[Redeemed | Problem], Answer]
    ) -> Answer:
        return spend_now(self.tenant.id, self._burn(name, order, key, tell))

    def _burn(
        self, name: str, order: Redeem, key: str, tell: Callable[[Redeemed | Problem], Answer]
    ) -> Burn:
        by = By(name, None, self.now())
        under = Key("redemptions.create", key, f"{name} {order.points}".encode())
        return Burn(self.program, name, order, under, tell, by)

    def spend(self, name: str, points: int, key: str, hold_days: int | None) -> str | UUID:
        """The redemption's id, or the code of the refusal."""
        made: list[Redeemed | Problem] = []

        def tell(one: Redeemed | Problem) -> Answer:
            made.append(one)
            return Answer(201, "")

        hold_s = None if hold_days is None else hold_days * 86_400
        try:
            self._redeem(name, Redeem(points, hold_s=hold_s), key, tell)
        except Problem as problem:
            return problem.code
        [one] = made
        return one.code if isinstance(one, Problem) else one.id

    def go_on(self, redemption: UUID, act: Callable[[Session, By], None]) -> str:
        """The redemption's status after the act, or the code of the refusal."""
        by = By("shop", None, self.now())
        try:
            with transaction(self.tenant.id) as session:
                act(session, by)
                return redemption_of(session, redemption).status
        except Problem as problem:
            return problem.code

    def burn_at_once(self, name: str, points: int, keys: list[str]) -> list[str]:
        """Burns of one member by as many servers as there are keys."""
        with ThreadPoolExecutor(len(keys)) as servers:
            return list(servers.map(lambda key: self.burn(name, points, key), keys))

    def earn_at_once(self, name: str, points: int, key: str, servers: int) -> set[UUID]:
        """The same purchase from several servers; the ids they are told."""
        with ThreadPoolExecutor(servers) as shops:
            answers = list(shops.map(lambda _: self.earn(name, points, key), range(servers)))
        assert sum(one.fresh for one in answers) == 1
        return {one.id for one in answers}

    def adjust(self, name: str, points: int) -> str:
        """`adjusted`, or the code of the refusal."""
        with transaction(self.tenant.id) as session:
            order = Adjust(points, "a test")
            try:
                adjust(session, self.program, name, order, by=By("admin", None, self.now()))
            except Problem as problem:
                return problem.code
        return "adjusted"

    def join(self, name: str) -> str:
        """`joined`, or the code of the refusal."""
        try:
            with transaction(self.tenant.id) as session:
                join(session, self.program, NewMember(name), self.now())
        except Problem as problem:
            return problem.code
        return "joined"

    def leave(self, name: str) -> str:
        """`left`, or the code of the refusal."""
        try:
            with transaction(self.tenant.id) as session:
                leave(session, self.program, name, by=By(name, None, self.now()))
        except Problem as problem:
            return problem.code
        return "left"

    def turn(self, name: str, *, active: bool) -> str:
        """Suspends or reinstates: `turned`, or the code of the refusal."""
        act = reinstate if active else suspend
        try:
            with transaction(self.tenant.id) as session:
                act(
                    session,
                    self.program,
                    name,
                    reason="-",
                    by=By("-", None, self.now()),
                )
        except Problem as problem:
            return problem.code
        return "turned"

    def transfer(self, giver: str, taker: str, points: int) -> str:
        """`transferred`, or the code of the refusal."""
        order, at = Transfer(giver, taker, points, "a gift"), self.now()
        try:
            with transaction(self.tenant.id) as session:
                transfer(session, self.program, order, by=By("-", None, at))
        except Problem as problem:
            return problem.code
        return "transferred"

    def merge(self, absorbed: str, survivor: str) -> tuple[str, UUID | None]:
        """`merged` and the merge's id, or the code of the refusal."""
        order, at = Merge(absorbed, survivor), self.now()
        try:
            with transaction(self.tenant.id) as session:
                return "merged", merge(session, order, by=By("-", None, at))
        except Problem as problem:
            return problem.code, None

    def undo(self, merge_id: UUID) -> str:
        """`undone`, or the code of the refusal."""
        at = self.now()
        try:
            with transaction(self.tenant.id) as session:
                undo_merge(session, merge_id, reason="-", by=By("-", None, at))
        except Problem as problem:
            return problem.code
        return "undone"

    def pause(self, *, paused: bool) -> None:
        """Pauses or resumes the program."""
        act = pause_program if paused else resume_program
        with transaction(self.tenant.id) as session:
            act(session, "wine", reason="-", by=By("-", None, self.now()))

    def standings(self) -> dict[str, Standing]:
        """Every member, by name."""
        at, found = self.now(), {}
        with transaction(self.tenant.id) as session:
            for name, status, tier, lifetime, tier_points in session.execute(_STANDINGS):
                points = member_answer(session, self.program, name, at).points
                there = (points.pending, points.available, points.held)
                found[name] = Standing(status, tier, lifetime, tier_points, *there)
        return found

    def statuses(self) -> dict[str, str]:
        """Every purchase's status, by its key."""
        with transaction(self.tenant.id) as session:
            return {row.transaction_id: row.status for row in session.execute(_STATUSES)}

    def first_broken(self) -> object:
        """What the audit finds, or None."""
        with across_tenants(snapshot=True) as session:
            *_, verdict = audit(session, scopes(session, self.tenant.slug, None))
        return verdict.broken[0] if verdict.broken else None


def _tell(made: Redeemed | Problem) -> Answer:
    if isinstance(made, Problem):
        return Answer(made.status, made.code)
    return Answer(201, f"redeemed, {made.balance.available} left")


def _at_once(count: int, act: Callable[[], object]) -> None:
    with ThreadPoolExecutor(count) as threads:
        for one in [threads.submit(act) for _ in range(count)]:
            one.result()
