"""Points are spent, whichever door asks: one limit, one key, one stored answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from loyalty.db import InSession
from loyalty.errors import Problem
from loyalty.idempotency.once import Answer
from loyalty.ids import uuid7
from loyalty.programs.cache import cached_program
from loyalty.programs.queries import Program
from loyalty.redemption.burn import Key
from loyalty.redemption.redeem import Burn, HoldsLapse, Redeem, Redeemed, redeem
from loyalty.redemption.redeem_reward import RedeemReward, redeem_reward
from loyalty.redemption.release import lapse_due
from loyalty.transaction import present, transaction, undone
from loyalty.web.auth import acting, principal
from loyalty.web.burns import spend_now
from loyalty.web.database_errors import again_after_deadlock
from loyalty.web.limits import limit_burns
from loyalty.web.measure import timed_burn
from loyalty.web.once import hash_of, refused, told
from loyalty.web.redemption_schema import shown_made

OPERATION = "redemptions.create"

Tell = Callable[[Redeemed | Problem], Answer]


@again_after_deadlock
@timed_burn
def spend(program: str, member_id: str, wanted: dict[str, Any], key: str) -> Answer:
    """Spends points, an amount or for a reward, or holds them, once under the key.

    `wanted` is as RedeemSchema loads it. A business refusal is an answer too.
    Raises RateLimited, what `redeem` raises, and what idempotency raises.
    """
    who, book = principal(), _limited(program, member_id)
    under, at = _under(key, program, member_id, wanted), present(who.tenant_id)

    def tell(made: Redeemed | Problem) -> Answer:
        if isinstance(made, Problem):
            return refused(made)
        return told(201, shown_made(made, program, member_id))

    if "reward" in wanted:
        with transaction(who.tenant_id) as session:
            return _in_session(session, book, member_id, wanted, under, tell, at)
    burn = Burn(book, member_id, _order(wanted), under, tell, acting(at))
    return spend_now(who.tenant_id, burn)


@again_after_deadlock
def try_to_spend(
    program: str, member_id: str, wanted: dict[str, Any], at: datetime | None
) -> Redeemed:
    """The act itself, taken back: what it says is what it would do, now or at an instant.

    Raises what `spend` raises, and business refusals too.
    """
    outcome: list[Redeemed | Problem] = []

    def tell(made: Redeemed | Problem) -> Answer:
        outcome.append(made)
        return Answer(200, "")

    who, book = principal(), _limited(program, member_id)
    under = _under(str(uuid7()), program, member_id, wanted)
    with undone(who.tenant_id) as session:
        _in_session(session, book, member_id, wanted, under, tell, at or present(who.tenant_id))
    [made] = outcome
    if isinstance(made, Problem):
        raise made
    return made


def _limited(program: str, member_id: str) -> Program:
    """The program, if the member may try again already. Raises RateLimited, NotFound."""
    who = principal()
    book = cached_program(who.tenant_id, program, transaction)
    settings = book.settings
    limit_burns(
        who, book.id, member_id, settings.burns_per_minute, servers=settings.limit_burns_of_servers
    )
    return book


def _under(key: str, program: str, member_id: str, wanted: dict[str, Any]) -> Key:
    return Key(OPERATION, key, hash_of(wanted, {"program": program, "member_id": member_id}))


def _in_session(
    session: Session,
    book: Program,
    member_id: str,
    wanted: dict[str, Any],
    under: Key,
    tell: Tell,
    at: datetime,
) -> Answer:
    """Whatever is wanted; holds whose time is over lapse first."""
    by = acting(at)
    if "reward" in wanted:
        reward = RedeemReward(wanted["reward"], _hold_s(wanted))
        act = partial(
            redeem_reward, session, book, member_id, reward, under=under, tell=tell, by=by
        )
    else:
        burn = Burn(book, member_id, _order(wanted), under, tell, by)
        act = partial(redeem, InSession(session), burn)
    try:
        return act()
    except HoldsLapse as due:
        lapse_due(session, [due.account_id], at)
        return act()


def _order(wanted: dict[str, Any]) -> Redeem:
    return Redeem(wanted.get("points"), wanted.get("amount"), _hold_s(wanted))


def _hold_s(wanted: dict[str, Any]) -> int | None:
    return wanted["hold"]["expires_in_s"] if "hold" in wanted else None
