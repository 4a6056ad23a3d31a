"""How a redemption goes on: what capture, release, lapse, cancel, ship and deliver have in common.

Each locks the redemption's account first, then stock and voucher; writes down its steps; and tells
the event `redemption.<what became of it>`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.audit.record import record
from loyalty.errors import Conflict, FieldError, Invalid
from loyalty.ledger.account import Account
from loyalty.ledger.due import settle_due
from loyalty.ledger.heirs import hand_on
from loyalty.ledger.post import post
from loyalty.outbox.emit import Event, emit
from loyalty.programs.queries import program_by_id
from loyalty.redemption import rules
from loyalty.redemption.give_back import Back, give_back
from loyalty.redemption.models import RedemptionRow, StepRow
from loyalty.redemption.queries import Owner, lock_redemption, owner_of
from loyalty.redemption.rules import State
from loyalty.rewards import vouchers
from loyalty.rewards.models import RewardRow
from loyalty.rewards.queries import reward_by_id
from loyalty.rewards.stock import give_one_back
from loyalty.tenants.principal import is_staff


class WrongState(Conflict):
    """409: what is asked for does not follow on the redemption's state."""

    code = "wrong_state"
    title = "The redemption's state does not allow this"
    cure = "Read the redemption and its status: GET /v1/redemptions/{id}."


class TooManyPoints(Invalid):
    """422: more points than the redemption holds, or than are left of it to cancel."""

    code = "too_many_points"
    title = "The redemption does not have that many points"
    cure = "Leave `points` out for all of them, or ask for no more than there are."


@contextmanager
def refusals() -> Iterator[None]:
    """What the rules refuse, as it is told to the caller."""
    try:
        yield
    except rules.WrongState as error:
        raise WrongState(str(error)) from None
    except rules.TooMany as error:
        problem = FieldError("/points", TooManyPoints.code, str(error))
        raise TooManyPoints(str(error), errors=[problem]) from None


@dataclass(slots=True)
class Going:
    """A locked redemption on its way: what is moved, and what is to be written of it."""

    session: Session
    row: RedemptionRow
    account: Account
    owner: Owner
    reward: RewardRow | None
    by: By
    heir: Account | None = None  # who has the account since it was merged
    steps: list[dict[str, Any]] = field(default_factory=list)
    before: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.before = _told(self.row)

    @property
    def state(self) -> State:
        """Where it stands, as the rules take it."""
        row = self.row
        return State(
            cast("rules.Status", row.status),
            row.points,
            row.released,
            row.cancelled,
            row.hold_expires_at,
            cast("rules.Fulfilment | None", row.fulfilment),
        )

    def note(self, kind: str, points: int | None = None, reason: str | None = None) -> None:
        """Another step; with `points`, of the entry that was made just now."""
        version = None if points is None else self.account.version
        self.steps.append(
            {"kind": kind, "points": points, "entry_version": version, "reason": reason}
        )

    def give_back(
        self, kind: Back, points: int, reason: str | None = None, *, at: datetime | None = None
    ) -> None:
        """Points return to their lots, now or `at` an earlier instant; see redemption.give_back."""
        program = program_by_id(self.session, self.row.program_id)
        version = give_back(
            self.session,
            self.account,
            self.row,
            kind,
            points,
            owner=self.owner,
            grace_days=program.settings.grace_days,
            at=at or self.by.at,
        )
        step = {"kind": kind, "points": points, "entry_version": version, "reason": reason}
        self.steps.append(step)

    def end_reward(self) -> None:
        """The redemption is over: what it had taken of the reward is there again, or void."""
        if self.reward is None:
            return
        if self.row.took_stock and rules.returns_to_stock(self.state.fulfilment):
            give_one_back(self.session, self.reward.id)
            self.row.took_stock = False
        if self.row.status == "held":
            vouchers.put_back(self.session, self.reward, self.row.id)
        else:
            vouchers.void(self.session, self.row.id)


def begin(session: Session, redemption_id: UUID, by: By) -> Going:
    """Locks a redemption, and settles what is due of its account. Raises NotFound."""
    row, account, heir = lock_redemption(session, redemption_id)
    settle_due(session, [account] if heir is None else [account, heir], by.at)
    one = going(session, row, account, by)
    if (
        heir is not None
    ):  # who has the points now has left, or not; the redemption is as old as ever
        one.heir = heir
        one.owner = replace(owner_of(session, heir.id), joined_at=one.owner.joined_at)
    return one


def going(session: Session, row: RedemptionRow, account: Account, by: By) -> Going:
    """A redemption of an account that is locked and settled."""
    reward = None if row.reward_id is None else reward_by_id(session, row.reward_id)
    return Going(session, row, account, owner_of(session, account.id), reward, by)


def finish(one: Going, became: str) -> None:
    """Writes what was moved, the row, its steps, and the event that tells what it became."""
    post(one.session, [one.account], one.by.at)
    if one.heir is not None:
        hand_on(one.session, one.account, one.heir, one.by.at)
    one.session.flush()
    _write_steps(one)
    data = {
        "redemption": str(one.row.id),
        "member_id": one.owner.member_id,
        "reward": None if one.reward is None else one.reward.key,
        "status": one.row.status,
        "points": one.row.points,
        "released": one.row.released,
        "cancelled": one.row.cancelled,
    }
    subject = f"member {one.owner.member_id}"
    event = Event(f"redemption.{became}", subject, data, one.row.program_id)
    emit(one.session, [event], one.by.at)
    if is_staff(one.by.actor):  # what servers and members do stands in its steps alone
        record(
            one.session,
            one.by,
            act=f"redemption.{became}",
            subject=f"redemption {one.row.id}",
            before=one.before,
            after=_told(one.row),
            reason=next((step["reason"] for step in one.steps if step["reason"]), None),
        )


def _told(row: RedemptionRow) -> dict[str, Any]:
    return {
        "status": row.status,
        "released": row.released,
        "cancelled": row.cancelled,
        "fulfilment": row.fulfilment,
    }


def _write_steps(one: Going) -> None:
    key = {"tenant_id": one.row.tenant_id, "redemption_id": one.row.id}
    last = one.session.scalar(select(func.max(StepRow.step)).filter_by(**key)) or 0
    by = {"actor": one.by.actor, "request_id": one.by.request_id, "at": one.by.at}
    one.session.execute(
        insert(StepRow),
        [
            {**key, **by, **step, "step": last + number}
            for number, step in enumerate(one.steps, start=1)
        ],
    )
