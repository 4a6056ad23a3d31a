"""Burns that come at the same time are one transaction; see web.together."""

from __future__ import annotations

from collections.abc import Sequence

from loyalty.idempotency.once import Answer
from loyalty.redemption.burn import InOtherHands
from loyalty.redemption.redeem import Burn, HoldsLapse, redeem, redeem_together
from loyalty.redemption.release import lapse_due
from loyalty.transaction import brief, transaction
from loyalty.web.together import Apart, Together

_MOST = 50  # their accounts are locked while all of them are decided

Burns = Together[Burn, Answer]


def burns_of(at_once: int) -> Burns:
    """Burns of which so many transactions are under way at most.

    None of them waits for a lock of somebody else: who meets one waits for it by themselves.
    """
    return Together(_burn_together, _burn, at_once=at_once, most=_MOST)


def _burn_together(tenant_id: int, burns: Sequence[Burn]) -> list[Answer | Exception]:
    with brief(tenant_id) as statements:
        outcomes = redeem_together(statements, burns)
    return [Apart() if isinstance(one, InOtherHands) else one for one in outcomes]


def _burn(tenant_id: int, burn: Burn) -> Answer:
    with brief(tenant_id) as statements:
        return redeem(statements, burn)


_BURNS = burns_of(at_once=2)


def spend_now(tenant_id: int, burn: Burn) -> Answer:
    """Points or an amount, once under the burn's key; holds whose time is over lapse first.

    Raises what `redeem` raises but HoldsLapse, and Unavailable.
    """
    try:
        # One of a member at a time: they would wait for each other, each with a connection.
        return _BURNS.do(tenant_id, burn, (burn.program.id, burn.member_id))
    except HoldsLapse as due:
        with transaction(tenant_id) as session:
            lapse_due(session, [due.account_id], burn.by.at)
        return _burn(tenant_id, burn)
