"""Points are spent at the till, and what was spent or set aside goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import orjson
import strawberry
from sqlalchemy.orm import Session
from strawberry import UNSET

from loyalty.audit.by import By
from loyalty.clock import now
from loyalty.errors import Invalid
from loyalty.idempotency.once import Answer
from loyalty.logs import request_id
from loyalty.people.redemptions import redemption
from loyalty.redemption.cancel import cancel
from loyalty.redemption.capture import capture
from loyalty.redemption.release import release
from loyalty.transaction import transaction
from loyalty.web.body import load
from loyalty.web.database_errors import again_after_deadlock
from loyalty.web.fields import Id, MemberId, Slug
from loyalty.web.graphql.asking import Asking, Info, formed
from loyalty.web.graphql.form import given, operation, told
from loyalty.web.graphql.pages import arguments, plain
from loyalty.web.graphql.scalars import Points
from loyalty.web.once import hash_of, under_key
from loyalty.web.redemption_schema import (
    CancelSchema,
    CaptureSchema,
    RedeemSchema,
    shown_spent,
)
from loyalty.web.resource import KEY_FORM
from loyalty.web.spend import spend

_REDEEM, _CAPTURE, _CANCEL = RedeemSchema(), CaptureSchema(), CancelSchema()
_CHANGE = "redemptions.change"
_FIRST_ERROR = 400


@strawberry.enum(description="HELD: set aside. LAPSED: nobody captured it in time.")
class RedemptionStatus(StrEnum):
    """What becomes of a redemption."""

    REDEEMED = "redeemed"
    HELD = "held"
    CAPTURED = "captured"
    RELEASED = "released"
    LAPSED = "lapsed"
    PARTLY_CANCELLED = "partly_cancelled"
    CANCELLED = "cancelled"


@given
class HoldInput:
    """How long points are set aside: at most 30 days."""

    expires_in_s: int


@given
class RedeemInput:
    """What is spent: `points`, an `amount` of the program's currency, or a `reward` by its key.

    With `hold` it is set aside, to be captured or released.
    """

    program: str
    member_id: str
    points: Points | None = UNSET
    amount: Decimal | None = UNSET
    reward: str | None = UNSET
    hold: HoldInput | None = UNSET


@told
class Voucher:
    """The code that is the member's; `expiresAt` null: it is good for ever."""

    code: str
    expires_at: datetime | None


@told
class BalanceAfter:
    """Where points stand after it; `owed` is a debt."""

    available: Points
    pending: Points
    held: Points
    owed: Points


@told
class Redeemed:
    """Points that were spent or set aside, worth `amount`; `money` is to be paid besides.

    `replayed`: this key came before, and this is what it was answered.
    """

    id: strawberry.ID
    replayed: bool
    program: str
    member_id: str
    status: RedemptionStatus
    points: Points
    amount: Decimal | None
    currency: str | None
    occurred_at: datetime
    hold_expires_at: datetime | None
    reward: str | None
    money: Decimal | None
    voucher: Voucher | None
    balance: BalanceAfter

    @classmethod
    def of(cls, shown: Mapping[str, Any], *, replayed: bool) -> Redeemed:
        """The stored answer, which is REST's, under GraphQL's names."""
        voucher, balance = shown.get("voucher"), shown["balance"]
        return cls(
            id=strawberry.ID(shown["id"]),
            replayed=replayed,
            program=shown["program"],
            member_id=shown["member_id"],
            status=RedemptionStatus(shown["status"]),
            points=Points(shown["points"]),
            amount=_money(shown["amount"]),
            currency=shown["currency"],
            occurred_at=datetime.fromisoformat(shown["occurred_at"]),
            hold_expires_at=_instant(shown.get("hold_expires_at")),
            reward=shown.get("reward"),
            money=_money(shown.get("money")),
            voucher=voucher
            and Voucher(code=voucher["code"], expires_at=_instant(voucher["expires_at"])),
            balance=BalanceAfter(**balance),
        )


@told
class Refused:
    """The state of the book forbids it: `code` says why (`insufficient_points`, `not_active` …)."""

    code: str
    title: str
    detail: str
    replayed: bool


RedeemAnswer = Annotated[
    Redeemed | Refused,
    strawberry.union("RedeemAnswer", description="What became of it. The key keeps the answer."),
]


@told
class RedeemMutations:
    """What is spent at the till. Each asks for a key that a repeat brings again."""

    @operation("redemptions.create", acts=True)
    def redeem(
        self,
        info: Info,
        input: RedeemInput,
        idempotency_key: str,
    ) -> RedeemAnswer:
        """Spends points, or sets them aside."""
        info.context.who.require_member(input.member_id)
        program = formed(Slug.form, input.program)
        member_id = formed(MemberId.form, input.member_id)
        values = plain(input)
        del values["program"], values["member_id"]
        return _shown(spend(program, member_id, load(_REDEEM, values), _key(idempotency_key)))

    @operation(_CHANGE, acts=True)
    def capture_redemption(
        self,
        info: Info,
        id: strawberry.ID,
        idempotency_key: str,
        points: Points | None = None,
    ) -> RedeemAnswer:
        """Spends what is held, or a part of it; the rest is released."""
        wanted = arguments(_CAPTURE, points=points)
        return _goes_on(
            info.context,
            id,
            idempotency_key,
            wanted,
            lambda session, one, by: capture(session, one, wanted.get("points"), by),
        )

    @operation(_CHANGE, acts=True)
    def release_redemption(
        self,
        info: Info,
        id: strawberry.ID,
        idempotency_key: str,
    ) -> RedeemAnswer:
        """Sets free what is held."""
        return _goes_on(info.context, id, idempotency_key, {}, release)

    @operation(_CHANGE, acts=True)
    def cancel_redemption(
        self,
        info: Info,
        id: strawberry.ID,
        idempotency_key: str,
        points: Points | None = None,
        reason: str | None = None,
    ) -> RedeemAnswer:
        """Gives back what was spent, or a part of it; a voucher becomes void."""
        wanted = arguments(_CANCEL, points=points, reason=reason)
        return _goes_on(
            info.context,
            id,
            idempotency_key,
            wanted,
            lambda session, one, by: cancel(
                session, one, wanted.get("points"), wanted["reason"], by
            ),
        )


@again_after_deadlock
def _goes_on(
    asking: Asking,
    name: str,
    key: str,
    wanted: Mapping[str, Any],
    act: Callable[[Session, UUID, By], None],
) -> Redeemed | Refused:
    redemption_id = UUID(formed(Id.form, name))
    with transaction(asking.who.tenant_id) as session:
        by = By(asking.who.actor, request_id.get(), now(session))

        def acted() -> dict[str, Any]:
            act(session, redemption_id, by)
            return shown_spent(*redemption(session, redemption_id, by.at))

        same = hash_of(wanted, {"redemption_id": redemption_id})
        answer = under_key(session, _CHANGE, _key(key), same, acted, at=by.at, status=200)
    return _shown(answer)


def _key(key: str) -> str:
    if KEY_FORM.fullmatch(key) is None:
        raise Invalid.field(
            "/idempotency_key", "malformed", "1 to 255 visible ASCII characters are expected."
        )
    return key


def _shown(answer: Answer) -> Redeemed | Refused:
    shown: dict[str, Any] = orjson.loads(answer.body)
    if answer.status < _FIRST_ERROR:
        return Redeemed.of(shown, replayed=answer.replayed)
    told = {name: shown[name] for name in ("code", "title", "detail")}
    return Refused(**told, replayed=answer.replayed)


def _money(amount: str | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


def _instant(instant: str | None) -> datetime | None:
    return None if instant is None else datetime.fromisoformat(instant)
