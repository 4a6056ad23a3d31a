"""Burns that come at the same time are one transaction; see web.together."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.exc import TimeoutError

from loyalty.errors import Unavailable
from loyalty.idempotency.once import Answer
from loyalty.redemption.burn import InOtherHands
from loyalty.redemption.redeem import Burn, HoldsLapse, redeem, redeem_together
from loyalty.redemption.release import lapse_due
from loyalty.transaction import brief, transaction
from loyalty.web.together import Apart, Together

_MOST = 50  # their accounts are locked while all of them are decided
#: As long as one waits for a lock: a member whose account is locked holds no more threads than
#: they would hold connections, and what is decided is not of long ago.
_TIMEOUT_S = 5.0
_MOST_LAPSES = 3

Burns = Together[Burn, Answer]


def burns_of(at_once: int) -> Burns:
    """Burns of which so many transactions are under way at most.

    None of them waits for a lock of somebody else: who meets one waits for it by themselves.
    """
    return Together(_burn_together, _burn, at_once=at_once, most=_MOST, timeout_s=_TIMEOUT_S)


def _burn_together(tenant_id: int, burns: Sequence[Burn]) -> list[Answer | Exception]:
    try:
        with brief(tenant_id) as statements:
            outcomes = redeem_together(statements, burns)
    except TimeoutError as error:  # nothing was sent: each by itself would wait for the same pool
        raise Unavailable("Every connection to the database is at work.") from error
    return [Apart() if isinstance(one, InOtherHands) else one for one in outcomes]


def _burn(tenant_id: int, burn: Burn) -> Answer:
    with brief(tenant_id) as statements:
        return redeem(statements, burn)


_BURNS = burns_of(at_once=2)


def spend_now(tenant_id: int, burn: Burn) -> Answer:
    """Points or an amount, once under the burn's key; holds whose time is over lapse first.

    Raises what `redeem` raises but HoldsLapse, and Unavailable.
    """
    # One of a member at a time: they would wait for each other, each with a connection.
    subject = burn.program.id, burn.member_id
    for _ in range(_MOST_LAPSES):
        try:
            return _BURNS.do(tenant_id, burn, subject)
        except HoldsLapse as due:
            with transaction(tenant_id) as session:
                lapse_due(session, [due.account_id], burn.by.at)
    raise Unavailable("Holds of the member lapse faster than points are spent.")
